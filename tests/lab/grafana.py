"""The queries of our dashboards for Grafana, with its macros and variables replaced as its documentation says."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).parents[2] / "fleet" / "grafana"

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel.

    Attributes:
        name: of the dashboard and the panel.
        kind: the panel's.
        text: SQL or PromQL, as it stands in the dashboard.
        is_sql: which of them.
        shape: `table` or `time_series`; empty for PromQL.
        options: the panel's.
    """

    name: str
    kind: str
    text: str
    is_sql: bool
    shape: str
    options: dict[str, Any]


def dashboards() -> dict[str, dict[str, Any]]:
    """Return what ships, by the name of its file."""
    return {path.name: json.loads(path.read_text()) for path in sorted((SHIPPED / "dashboards").glob("*.json"))}


def queries() -> Iterator[Query]:
    """Return every query of every panel."""
    for file, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                is_sql = "rawSql" in target
                yield Query(
                    f"{file}: {panel['title']} {target['refId']}",
                    panel["type"],
                    target["rawSql"] if is_sql else target["expr"],
                    is_sql,
                    target.get("format", ""),
                    panel["options"],
                )


def expanded_sql(text: str, start: datetime, end: datetime, fleets: list[str]) -> str:
    """Replace the macros of the PostgreSQL data source, and the variable `fleet`.

    https://grafana.com/docs/grafana/latest/datasources/postgres/ has them under "Macros".
    """
    since, until = (f"'{moment.isoformat().replace('+00:00', 'Z')}'" for moment in (start, end))

    def grouped(match: re.Match[str]) -> str:
        seconds = int(match[2]) * _SECONDS[match[3]]
        return f'floor(extract(epoch from {match[1]})/{seconds})*{seconds} AS "time"'

    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {since} AND {until}", text)
    text = re.sub(r"\$__timeGroupAlias\((\w+), ?'(\d+)([smhd])'\)", grouped, text)
    text = text.replace("${fleet:sqlstring}", ",".join(f"'{fleet}'" for fleet in fleets))
    assert "$" not in text, f"something is left to replace: {text}"
    return text


def expanded_promql(text: str, rate_interval: str, fleets: list[str]) -> str:
    """Replace the interval of the Prometheus data source, and the variable `fleet`."""
    text = text.replace("$__rate_interval", rate_interval).replace("${fleet:regex}", f"({'|'.join(fleets)})")
    assert "$" not in text, f"something is left to replace: {text}"
    return text
