"""Puts the handset beside its peers and writes build/bench.json.

python -m tests.bench                   # every table, some two hours
python -m tests.bench phones recovery   # some of them
python -m tests.bench promises --samples 10
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from tests.bench import (
    cells,
    checking,
    contacts,
    echo,
    fleet_dashboard,
    fleet_drain,
    fleet_growth,
    fleet_intake,
    fleet_reconnect,
    pixels,
    promises,
    promises_phone,
    promises_signalling,
    quality,
    recording,
    recovery,
    side_by_side,
    site,
    sticks,
    sync,
)
from tests.lab.stage import empty

_BUILD: Final = Path(__file__).parents[2] / "build"
# How each section that is made of rows of one kind is measured in a folder of its own, and how they are shown.
_OF_ROWS: Final[Mapping[str, tuple[Callable[[Path], list[Any]], Callable[[list[Any]], Table]]]] = {
    "recovery": (recovery.measure, recovery.table),
    "echo": (lambda _: echo.compare({**echo.PATHS, **echo.ROOMS}), echo.table),
    "pixels": (lambda folder: pixels.measure(empty(folder)), pixels.table),
    "recording": (lambda _: [recording.measure()], lambda rows: recording.table(rows[0])),
    "checking": (lambda _: checking.measure(), checking.table),
    "site": (lambda folder: site.measure(empty(folder)), site.table),
    "sticks": (lambda folder: [sticks.measure(empty(folder))], lambda rows: sticks.table(rows[0])),
    "sync": (lambda folder: sync.measure(empty(folder)), sync.table),
    "drain": (lambda folder: fleet_drain.measure(empty(folder)), fleet_drain.table),
    "intake": (lambda folder: fleet_intake.measure(empty(folder)), fleet_intake.table),
    "fleet": (lambda folder: fleet_reconnect.measure(empty(folder)), fleet_reconnect.table),
    "dashboard": (lambda folder: fleet_dashboard.measure(empty(folder)), fleet_dashboard.table),
}
_SECTIONS: Final = ("promises", "phones", "quality", "contacts", *_OF_ROWS)
SOURCES: Final[tuple[promises.Source, ...]] = (promises_phone.measure, promises_signalling.measure)
"""What measures promised times."""


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(_SECTIONS))
@click.option("--samples", default=promises.SAMPLES, show_default=True, help="How often each promised time is taken.")
def main(sections: tuple[str, ...], samples: int) -> None:
    """Measure SECTIONS, or all of them; the figures are for people to judge, but that a promise is kept."""
    shown, rows = Console(width=160), {}
    for section in sections or _SECTIONS:
        rows[section] = _measure(section, shown, samples)
        _BUILD.mkdir(exist_ok=True)
        _BUILD.joinpath("bench.json").write_text(json.dumps(rows, indent=2) + "\n")
    if fleet_growth.has_something(rows):
        fleet_growth.draw(rows, _BUILD / "fleet-growth.svg")
    broken = [row["promise"] for row in rows.get("promises", ()) if not row["holds"]]
    if broken:
        raise click.ClickException(f"These take longer than was promised: {', '.join(broken)}.")


def _measure(section: str, shown: Console, samples: int) -> list[Any]:
    folder = _BUILD / "bench" / section
    match section:
        case "promises":
            kept = promises.measure(empty(folder), SOURCES, samples)
            shown.print(promises.table(kept))
            return [asdict(row) for row in kept]
        case "phones":
            phones = side_by_side.measure(folder)
            shown.print(side_by_side.table(phones))
            return phones
        case "quality":
            told = quality.rows(quality.measure(cells.CHOSEN, folder))
            shown.print(quality.table(told))
            return told
        case "contacts":
            searches, imports = contacts.measure()
            shown.print(*contacts.table((searches, imports)))
            return [*map(asdict, searches), *map(asdict, imports)]
        case _:
            measure, table = _OF_ROWS[section]
            rows = measure(folder)
            shown.print(table(rows))
            return [asdict(row) for row in rows]


if __name__ == "__main__":
    main()
