"""Puts the handset beside its peers and writes build/bench.json.

python -m tests.bench                   # every table, some half an hour
python -m tests.bench phones recovery   # some of them
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from tests.bench import checking, contacts, echo, pixels, quality, recording, recovery, side_by_side, site, sticks
from tests.bench.speaker import Codec
from tests.lab.stage import empty

_BUILD: Final = Path(__file__).parents[2] / "build"
_SECTIONS: Final = (
    "phones",
    "quality",
    "recovery",
    "echo",
    "contacts",
    "pixels",
    "recording",
    "checking",
    "site",
    "sticks",
)


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(_SECTIONS))
def main(sections: tuple[str, ...]) -> None:
    """Measure SECTIONS, or all of them; the figures are for people to judge, whatever they are."""
    shown, rows = Console(width=160), {}
    for section in sections or _SECTIONS:
        rows[section] = _measure(section, shown)
        _BUILD.mkdir(exist_ok=True)
        _BUILD.joinpath("bench.json").write_text(json.dumps(rows, indent=2) + "\n")


def _measure(section: str, shown: Console) -> list[Any]:
    folder = _BUILD / "bench" / section
    match section:
        case "phones":
            rows = side_by_side.measure(folder)
            shown.print(side_by_side.table(rows))
            return rows
        case "quality":
            report = quality.measure_quality(folder, Codec.G722)
            shown.print(report.table())
            return report.rows()
        case "recovery":
            recoveries = recovery.measure(folder)
            shown.print(recovery.table(recoveries))
            return [asdict(row) for row in recoveries]
        case "contacts":
            searches, imports = contacts.measure()
            shown.print(*contacts.table((searches, imports)))
            return [asdict(each) for each in (*searches, *imports)]
        case "pixels":
            keys = pixels.measure(empty(folder))
            shown.print(pixels.table(keys))
            return [asdict(each) for each in keys]
        case "recording":
            cost = recording.measure()
            shown.print(recording.table(cost))
            return [asdict(cost)]
        case "checking":
            checks = checking.measure()
            shown.print(checking.table(checks))
            return [asdict(each) for each in checks]
        case "site":
            times = site.measure(empty(folder))
            shown.print(site.table(times))
            return [asdict(each) for each in times]
        case "sticks":
            visits = sticks.measure(empty(folder))
            shown.print(sticks.table(visits))
            return [asdict(visits)]
        case _:
            echoes = echo.compare()
            shown.print(echo.table(echoes))
            return [asdict(figures) for figures in echoes]


if __name__ == "__main__":
    main()
