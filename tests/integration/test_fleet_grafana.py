"""The dashboards for Grafana, without Grafana: their form by its own types, their queries by real databases."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from fleet.collector.database import open_database
from fleet.collector.settings import Storage
from fleet.tables import calls, metadata
from tests.lab.grafana import SHIPPED, Query, dashboards, expanded_sql, queries
from tests.lab.postgres import Postgres
from tests.lab.seeded_fleet import FLEETS, SeededFleet

NOW = datetime.now(UTC).replace(microsecond=0)
FLEET = SeededFleet(now=NOW)
SQL = [query for query in queries() if query.is_sql]


@dataclass
class Rows:
    """What a query gave."""

    names: list[str]
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]


@pytest.fixture(scope="module")
def reader() -> Iterator[Engine]:
    """The database as Grafana sees it: by the role that ships."""
    with Postgres() as server:
        owner = open_database(Storage(url=server.url))
        FLEET.fill(owner)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.connection.cursor().execute((SHIPPED / "role.sql").read_text())
        yield create_engine(server.url.replace("wecall@", "wecall_dashboard@"))


def ask(reader: Engine, query: str, fleets: tuple[str, ...] = FLEETS) -> Rows:
    with reader.connect() as connection:
        sql = expanded_sql(query, NOW - timedelta(days=7), NOW, list(fleets))
        got = connection.exec_driver_sql(sql)
        return Rows(list(got.keys()), [tuple(row) for row in got])


def the_query(panel: str) -> str:
    [query] = [query.text for query in SQL if f": {panel} " in query.name]
    return query


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


@pytest.mark.feature("Grafana")
@pytest.mark.parametrize("query", SQL, ids=lambda query: query.name)
def test_every_query_gives_what_its_panel_draws(reader: Engine, query: Query) -> None:
    got = ask(reader, query.text)
    assert got.rows != []
    columns = {name: {type(value) for value in got.column(name)} - {type(None)} for name in got.names}
    assert all(columns.values()), "a column that is always empty"
    if query.kind == "stat":
        [[value]] = got.rows
        assert is_number(value)
    elif query.kind == "barchart":
        label, *values = got.names
        assert label == query.options["xField"]
        assert columns[label] == {str}
        assert all(is_number(value) for name in values for value in got.column(name))
    elif query.shape == "time_series":
        times = [float(time) for time in got.column("time")]
        assert times == sorted(times)
        assert (NOW - timedelta(days=7, hours=1)).timestamp() < min(times) <= max(times) <= NOW.timestamp()
        assert all(is_number(value) for name in got.names if name != "metric" for value in got.column(name))
    else:
        assert query.kind == "table"
        kinds = {str, int, float, datetime}
        assert {name for name, found in columns.items() if len(found) != 1 or not found <= kinds} == set()
        named = {override["matcher"]["options"] for override in overrides_of(query)}
        assert named <= set(got.names)


def overrides_of(query: Query) -> list[dict[str, Any]]:
    file, _, rest = query.name.partition(": ")
    panels = dashboards()[file]["panels"]
    [panel] = [panel for panel in panels if rest == f"{panel['title']} A"]
    overrides: list[dict[str, Any]] = panel["fieldConfig"]["overrides"]
    return overrides


@pytest.mark.parametrize("query", SQL, ids=lambda query: query.name)
def test_every_query_keeps_to_the_fleets_that_are_chosen(reader: Engine, query: Query) -> None:
    one, none = ask(reader, query.text, ("north",)), ask(reader, query.text, ("elsewhere",))
    if "fleet" in one.names:
        assert set(one.column("fleet")) <= {"north"}
    assert {value for row in none.rows for value in row} <= {0, None}


def test_hours_and_results_count_every_call_of_the_time_that_is_shown(reader: Engine) -> None:
    told = FLEET.rows_of(calls)
    hours = ask(reader, the_query("Calls by the hour"))
    assert sum(hours.column("calls")) == len(told)
    assert sum(hours.column("answered")) == sum(row["answered_at"] is not None for row in told)
    assert {float(time) % 3600 for time in hours.column("time")} == {0.0}
    assert sum(ask(reader, the_query("How calls ended")).column("calls")) == len(told)
    assert sum(ask(reader, the_query("How calls ended, by the hour")).column("calls")) == len(told)


def test_handsets_requests_and_words_are_those_of_the_fleet(reader: Engine) -> None:
    assert ask(reader, the_query("Online")).rows == [(30,)]
    assert ask(reader, the_query("No line")).rows == [(1,)]
    assert ask(reader, the_query("Offline")).rows == [(8,)]
    away = ask(reader, the_query("Longest not online"))
    assert (away.column("device")[:2], away.column("state")[:2]) == (
        ["handset-0035", "handset-0033"],
        ["offline", "no_line"],
    )
    late, still_open = ask(reader, the_query("Requests that are late")), ask(reader, the_query("Open requests"))
    listed = ask(reader, the_query("Requests by day"))
    assert late.rows == [(sum(days < 0 for days in listed.column("days")),)]
    assert still_open.rows == [(sum(days >= 0 for days in listed.column("days")),)]
    assert len(listed.rows) == 9
    assert ask(reader, the_query("Erasures outstanding")).rows == [(2,)]
    assert ask(reader, the_query("Ledgers broken")).rows == [(1,)]
    words = ask(reader, the_query("Policies, notices and bundles"))
    assert {(row[3], row[4], row[5]) for row in words.rows} >= {("42", "applied", 15), ("42", "reverted_lines", 5)}
    consent = ask(reader, the_query("Consent by purpose"))
    assert {granted + refused + not_asked for _, granted, refused, not_asked in consent.rows} == {39}


@pytest.mark.feature("Grafana")
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT number FROM calls",
        "SELECT account FROM calls",
        "SELECT * FROM calls",
        "SELECT ledger_head FROM consents",
        "SELECT * FROM erased_ranges",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_role_reads_no_number_and_nothing_that_it_is_not_for(reader: Engine, statement: str) -> None:
    with reader.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_the_role_changes_nothing(reader: Engine, table: str) -> None:
    with reader.connect() as connection:
        # Whoever has the role can switch its default off.
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        connection.commit()
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.rollback()
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("CREATE TABLE mine (number text)"))


def lost(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], f"{place}/{key}")
            else:
                yield f"{place}/{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{place}/{index}")
    elif ours != theirs:
        yield f"{place}: {ours!r} became {theirs!r}"


@pytest.mark.parametrize("file", sorted(dashboards()))
def test_grafanas_own_types_know_every_field_of_a_dashboard(file: str) -> None:
    register_default_plugins()
    ours = dashboards()[file]
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
    assert list(lost(ours, theirs)) == []


def test_a_field_that_grafana_does_not_know_would_be_found() -> None:
    register_default_plugins()
    ours = dashboards()["fleet.json"]
    ours["panels"][0]["options"]["graphmode"] = "none"
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
    assert list(lost(ours, theirs)) == ["/panels/0/options/graphmode"]


def test_panels_lie_beside_each_other_and_have_names_of_their_own() -> None:
    for file, dashboard in dashboards().items():
        places: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            grid = panel["gridPos"]
            assert grid["x"] + grid["w"] <= 24
            mine = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
            assert not places & mine, (file, panel["title"])
            places |= mine
        titles = [panel["title"] for panel in dashboard["panels"]]
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(titles)) == len(titles) == len(set(ids))


def test_panels_ask_the_databases_that_are_provisioned_and_read_no_secret_from_a_file_of_ours() -> None:
    sources = yaml.safe_load((SHIPPED / "provisioning/datasources/wecall.yml").read_text())["datasources"]
    known = {(source["type"], source["uid"]) for source in sources}
    asked = {
        (target["datasource"]["type"], target["datasource"]["uid"])
        for dashboard in dashboards().values()
        for panel in dashboard["panels"]
        for target in (*panel["targets"], panel, dashboard["templating"]["list"][0])
    }
    assert asked == known
    secrets = [value for source in sources for value in source.get("secureJsonData", {}).values()]
    assert secrets == ["$__file{/etc/grafana/wecall/database-password}"]


def test_the_dashboards_are_where_the_provider_looks() -> None:
    [provider] = yaml.safe_load((SHIPPED / "provisioning/dashboards/wecall.yml").read_text())["providers"]
    readme = (SHIPPED / "README.md").read_text()
    assert provider["options"]["path"] in readme
    assert {Path(file).stem for file in dashboards()} == {"fleet", "rights", "collector"}
