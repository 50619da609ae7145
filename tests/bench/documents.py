"""Writes what a run of the benchmark has measured into the documents: phones into README.md, their sound into docs/.

python -m tests.bench.documents   # after `make bench`, which writes build/bench.json
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from tests.bench import quality

_ROOT: Final = Path(__file__).parents[2]
_SOUND: Final = _ROOT / "docs" / "sound.md"
_BEGIN, _END = "<!-- python -m tests.bench.documents writes this -->", "<!-- until here -->"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of the section `phones` in Markdown, with a column for each phone."""
    peers = list(rows[0]["peers"])
    lines = [
        f"| figure | ours | {' | '.join(peers)} | ratio to the best | goal | holds |",
        f"| --- |{' --- |' * (len(peers) + 4)}",
    ]
    for row in rows:
        measured = [_number(row["ours"]), *(_number(row["peers"].get(peer)) for peer in peers)]
        holds = {True: "yes", False: "no", None: ""}[row["holds"]]
        name = f"{row['figure']}, {row['unit']}" if row["unit"] else row["figure"]
        lines.append(f"| {' | '.join([name, *measured, _number(row['ratio_to_best']), row['goal'], holds])} |")
    return "\n".join(lines)


def written_into(text: str, made: str) -> str:
    """Return a text with this in the place of what stands between the two comments.

    Raises:
        click.ClickException: the comments are missing.
    """
    changed, count = re.subn(
        f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: f"{_BEGIN}\n{made}\n{_END}", text, flags=re.DOTALL
    )
    if not count:
        raise click.ClickException(f"There is no place for the table: put {_BEGIN} and {_END} where it belongs.")
    return changed


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:g}"


def _write(document: Path, made: str) -> None:
    document.write_text(written_into(document.read_text(), made))


@click.command()
def main() -> None:
    """Write the tables and the picture of what build/bench.json has."""
    measured = json.loads((_ROOT / "build" / "bench.json").read_text())
    if phones := measured.get("phones"):
        _write(_ROOT / "README.md", table(phones))
    if sound := measured.get("quality"):
        _write(_SOUND, quality.markdown(sound))
        quality.draw(sound, _SOUND.with_suffix(".svg"))


if __name__ == "__main__":
    main()
