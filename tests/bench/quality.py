"""How phones sound on lines that lose and delay: two judges and the delay, for phones that call each other.

    python -m tests.bench.quality                         # the chosen cells, 20 calls each, some 80 minutes
    python -m tests.bench.quality --calls 3 --only opus   # a quick look at some

In a call one phone says the same in two voices, and the other's ear is recorded. All phones meet the same fate of
packets: the nth call of each cell has the seed n. What build/bench-quality.json has already, made by these very files,
is not measured again, call by call. The whole grid is a part of the soak.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from tests import soak
from tests.bench.cells import CHOSEN, Cell, Result, batches
from tests.bench.offline import offline
from tests.bench.pairs import Rig, opinion

CALLS: Final = 20
_BUILD: Final = Path(__file__).parents[2] / "build"
FILE: Final = _BUILD / "bench-quality.json"
# So often the same call is tried, each time with phones that were just started.
_TRIES: Final = 3
_COLUMNS: Final = ("who to whom, codec, line", "calls", "PESQ-WB", "PLCMOS", "median, ms", "p95, ms", "CPU, %")

console = Console(stderr=True)


def measure(cells: Sequence[Cell], folder: Path, file: Path = FILE, calls: int = CALLS) -> list[Result]:
    """Return the results of these cells, of which those calls are made that the file does not have yet.

    Args:
        cells: in any order.
        folder: for the phones' files; emptied first.
        file: what is known already, and where each call is kept at once.
        calls: how many each cell has at least.
    """
    files, known = soak.files(), load(file)
    results = {cell: Result(cell, files) for cell in cells}
    results |= {cell: known[cell.words] for cell in cells if cell.words in known and known[cell.words].files == files}
    for batch in batches([cell for cell in cells if len(results[cell].calls) < calls]):
        _finish([results[cell] for cell in batch], folder, file, calls)
        for cell in batch:
            console.print(f"[dim]bench:[/] {cell.words}: {results[cell].row()}")
    return list(results.values())


def _finish(batch: Sequence[Result], folder: Path, file: Path, calls: int) -> None:
    """Make what is left of a batch's calls, and start all phones anew where one call has not come about."""
    failed, tries = -1, 0
    while (done := _done(batch)) < calls:
        try:
            _make_calls(batch, folder, file, calls)
        except (TimeoutError, ConnectionError, RuntimeError) as error:
            tries = tries + 1 if failed == _done(batch) else 1
            failed = _done(batch)
            if tries == _TRIES:
                raise
            console.print(f"[dim]bench:[/] starting all phones anew after {failed - done} calls: {error}")


def _done(batch: Sequence[Result]) -> int:
    return min(len(result.calls) for result in batch)


def _make_calls(batch: Sequence[Result], folder: Path, file: Path, calls: int) -> None:
    """Make calls, each in all cells of a batch at once, and keep each."""
    with Rig(folder, [result.cell for result in batch]) as rig:
        while (done := _done(batch)) < calls:
            made = rig.measure(replace(batch[0].cell.line, seed=done + 1))
            for result, call in zip(batch, made, strict=True):
                # One that went further before has this call already.
                if len(result.calls) == done:
                    result.calls.append(call)
            save(file, batch)


def load(file: Path) -> dict[str, Result]:
    """Return the results of a file, by the words of their cells; none where there is no file."""
    rows = json.loads(file.read_text()) if file.exists() else []
    return {result.cell.words: result for result in map(Result.of, rows)}


def save(file: Path, results: Sequence[Result]) -> None:
    """Put results into a file, in the place of older ones of the same cells; whole or not at all."""
    kept = load(file) | {result.cell.words: result for result in results}
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps([result.kept() for result in kept.values()], indent=1) + "\n")
    new.replace(file)


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return a row for each cell, and one for what each of their codecs makes of the speech without phone and line."""
    alone = offline(opinion, {result.cell.codec for result in results})
    return [
        *({"words": result.cell.words, **result.row()} for result in results),
        *({"words": f"{codec} offline", "calls": 1, **row} for codec, row in alone.items()),
    ]


def table(shown: Sequence[Mapping[str, Any]]) -> Table:
    """Return the rows for a terminal."""
    title = "How phones sound: means of the calls ± half of the 95 % interval; mouth to ear; CPU of one phone"
    result = Table(title=title)
    for number, name in enumerate(_COLUMNS):
        result.add_column(name, justify="right" if number else "left")
    for row in shown:
        result.add_row(*_words(row))
    return result


def markdown(shown: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows for a document."""
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *map(_words, shown)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _words(row: Mapping[str, Any]) -> list[str]:
    words = [row["words"], str(row["calls"])]
    for judge in ("pesq", "plcmos"):
        within = row.get(f"{judge}_within")
        words.append(f"{row[judge]:.2f}{f' ± {within:.2f}' if within else ''}" if judge in row else "-")
    delays = ("delay_median_ms", "delay_p95_ms")
    words += [f"{row[delay]:.0f}" if delay in row else "-" for delay in delays]
    return [*words, f"{row['cpu_percent']:.1f}" if "cpu_percent" in row else "-"]


def draw(shown: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw each row's PESQ-WB with its interval, and its delay beside it.

    Args:
        shown: from above to below.
        path: an SVG or a PNG.
    """
    # Installed for the benchmark alone.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Words stay words, and no name is drawn by lot: the same figures make the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "wecall"}):
        told = shown[::-1]
        figure = Figure(figsize=(10, 1 + 0.3 * len(told)), layout="constrained")
        sound, delay = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
        places = range(len(told))
        means = [row["pesq"] for row in told]
        sound.barh(places, means, xerr=[row.get("pesq_within") or 0 for row in told], color="#4477aa", capsize=2)
        sound.set_yticks(places, [row["words"] for row in told], fontsize=8)
        sound.set_xlim(1, 4.64)
        sound.set_title("PESQ-WB, mean and 95 % interval", fontsize=9)
        medians = [row.get("delay_median_ms", 0) for row in told]
        late = [row.get("delay_p95_ms", 0) - median for row, median in zip(told, medians, strict=True)]
        delay.barh(places, medians, color="#ccbb44")
        delay.barh(places, late, left=medians, color="#ccbb44", alpha=0.4)
        delay.set_title("mouth to ear, ms: median, p95", fontsize=9)
        for axes, values, form in ((sound, means, "{:.2f}"), (delay, medians, "{:.0f}")):
            axes.grid(alpha=0.3, axis="x")
            left = axes.get_xlim()[0]
            for place, value in ((place, value) for place, value in zip(places, values, strict=True) if value):
                axes.annotate(form.format(value), (left, place), (3, 0), textcoords="offset points", fontsize=7,
                              va="center", color="white" if axes is sound else "black")  # fmt: skip
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


@click.command()
@click.option("--calls", default=CALLS, show_default=True, help="For each cell.")
@click.option("--only", default="", help="Cells in whose words this is.")
def main(calls: int, only: str) -> None:
    """Measure the chosen cells, print them and write build/bench-quality.json."""
    cells = [cell for cell in CHOSEN if only in cell.words]
    Console(width=120).print(table(rows(measure(cells, _BUILD / "bench" / "quality", calls=calls))))


if __name__ == "__main__":
    main()
