"""Draws how a fleet's figures grow with the number of its handsets, from what the other sections wrote.

python -m tests.bench.fleet_growth docs/fleet-growth.svg     # from build/bench.json
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

_FROM: Final = Path(__file__).parents[2] / "build" / "bench.json"

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


def draw(sections: Mapping[str, Rows], path: Path) -> None:
    """Write the pictures for which there are figures, beside each other.

    Args:
        sections: the rows of each section, as in build/bench.json.
        path: an SVG or a PNG.
    """
    # Installed for the benchmark alone.
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawn = [(title, lines) for title, lines in _PICTURES if any(line[1] in sections for line in lines)]
    figure = Figure(figsize=(4 * len(drawn), 3.2), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        for label, section, grows_with, what in lines:
            rows = sections.get(section, ())
            axes.plot([row[grows_with] for row in rows], [row[what] for row in rows], marker="o", label=label)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("handsets")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend(fontsize=8)
    # No date: the same figures make the same file.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
def main(path: Path) -> None:
    """Draw what build/bench.json has to PATH."""
    draw(json.loads(_FROM.read_text()), path)


if __name__ == "__main__":
    main()
