"""Draws how a fleet's figures grow with the number of its handsets, from what the other sections wrote.

python -m tests.bench.fleet_growth          # docs/fleet-growth.svg from the figures that are kept beside it
python -m tests.bench.fleet_growth --take   # keep those of build/bench.json first
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

_ROOT: Final = Path(__file__).parents[2]
_MEASURED: Final = _ROOT / "build" / "bench.json"
KEPT: Final = _ROOT / "docs" / "fleet-growth.json"
PICTURE: Final = KEPT.with_suffix(".svg")

_BESIDE: Final = 2

Rows = Sequence[Mapping[str, Any]]
# Of each picture: its title, and of each line its name, which section has it, what it grows with and what it is.
_PICTURES: Final[tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]] = (
    (
        "seconds until all are online",
        (("at first", "fleet", "devices", "first_s"), ("after a killed broker", "fleet", "devices", "back_s")),
    ),
    ("handsets that come back in the best second", (("", "fleet", "devices", "peak"),)),
    (
        "memory, MB",
        (("broker", "fleet", "devices", "broker_mb"), ("all handsets", "fleet", "devices", "simulator_mb")),
    ),
    (
        "from a handset's word to the pixel, ms",
        (("median", "dashboard", "handsets", "median_ms"), ("p95", "dashboard", "handsets", "p95_ms")),
    ),
)


def has_something(sections: Mapping[str, Rows]) -> bool:
    """Say whether there is anything to draw."""
    return any(section in sections for _, lines in _PICTURES for _, section, _, _ in lines)


def points(sections: Mapping[str, Rows]) -> list[tuple[str, list[tuple[str, list[tuple[int, float]]]]]]:
    """Return each picture's title and its lines, by name, as how many handsets there were and what that made."""
    pictures = []
    for title, lines in _PICTURES:
        drawn = [
            (name, [(row[grows_with], row[what]) for row in sections.get(section, ()) if what in row])
            for name, section, grows_with, what in lines
        ]
        if any(line for _, line in drawn):
            pictures.append((title, [(name, line) for name, line in drawn if line]))
    return pictures


def draw(sections: Mapping[str, Rows], path: Path) -> None:
    """Write the pictures for which there are figures, two and two.

    Args:
        sections: the rows of each section, as in build/bench.json.
        path: an SVG or a PNG.
    """
    # Installed for the benchmark alone.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    pictures = points(sections)
    # Words stay words, and no name is drawn by lot: the same figures make the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "wecall"}):
        rows = math.ceil(len(pictures) / _BESIDE)
        figure = Figure(figsize=(4 * _BESIDE, 3.2 * rows), layout="constrained")
        for number, (title, lines) in enumerate(pictures, 1):
            axes = figure.add_subplot(rows, _BESIDE, number)
            for above, (name, line) in zip((-14, 6)[-len(lines) :], lines, strict=True):
                axes.plot(*zip(*line, strict=True), marker="o", label=name)
                for handsets, value in line:
                    axes.annotate(
                        f"{value:,.0f}",
                        (handsets, value),
                        (0, above),
                        textcoords="offset points",
                        fontsize=8,
                        ha="center",
                    )
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("handsets")
            axes.set_xlim(left=0)
            axes.set_ylim(0, 1.15 * max(value for _, line in lines for _, value in line))
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.grid(alpha=0.3)
            if len(lines) > 1 or lines[0][0]:
                axes.legend(fontsize=8, loc="lower right")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


@click.command()
@click.option("--take", is_flag=True, help="Keep the figures of build/bench.json first.")
def main(*, take: bool) -> None:
    """Draw docs/fleet-growth.svg."""
    if take:
        measured: dict[str, Rows] = json.loads(_MEASURED.read_text())
        of_fleets = {section for _, lines in _PICTURES for _, section, _, _ in lines}
        kept = json.loads(KEPT.read_text()) | {name: rows for name, rows in measured.items() if name in of_fleets}
        KEPT.write_text(json.dumps(kept, indent=2) + "\n")
    draw(json.loads(KEPT.read_text()), PICTURE)


if __name__ == "__main__":
    main()
