"""How long the handset takes for what it promises, where only a clock on the wall can tell, beside a trivial task.

    python -m tests.bench promises
    python -m tests.bench promises --samples 10

What is measured is a `Series`; each of `SOURCES` in `tests.bench.__main__` yields some. A sample of the reference is
taken beside each of the promise's: where both are late, it is the computer that was.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.lab.audio import Recorder, first_heard_at
from tests.lab.patience import wait_until

SAMPLES: Final = 200
_SHARE: Final = 0.95
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Series:
    """What was measured of one promise.

    Attributes:
        promise: in a few words.
        unit: of all values.
        bar: what 95 of 100 must not exceed.
        values: what the handset took.
        reference: a trivial task of the same kind, in a few words.
        reference_values: what that took in the same run.
    """

    promise: str
    unit: str
    bar: float
    values: Sequence[float]
    reference: str
    reference_values: Sequence[float]


Pair = tuple[float, float]
"""What the handset took, and what the reference did at that moment."""


def seconds(promise: str, bar_s: float, reference: str, pairs: Iterable[Pair]) -> Series:
    """Return the series of a promise whose samples, and the reference's, are times."""
    values, references = zip(*pairs, strict=True)
    return Series(promise, "s", bar_s, values, reference, references)


def wait_until_heard_at(recorder: Recorder, frequencies_hz: Sequence[float]) -> float:
    """Wait until a recorder hears a tone, and return when that began, by the monotonic clock."""
    wait_until(lambda: first_heard_at(recorder.sound, frequencies_hz) is not None, "the tone sounds")
    heard_at_s = first_heard_at(recorder.sound, frequencies_hz)
    assert heard_at_s is not None
    return heard_at_s


Source = Callable[[Path, int], Iterator[Series]]
"""Measures promises, each by so many samples, or as many as are sensible, in a folder of its own that is not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one promise.

    Attributes:
        p95_low, p95_high: where the 95th percentile is, with a confidence of 95 %; infinite where the samples are too
            few to say so.
        holds: the 95th percentile does not exceed the bar.
        reference_median, reference_p95: the same of the reference.
    """

    promise: str
    unit: str
    samples: int
    median: float
    p95: float
    p95_low: float
    p95_high: float
    bar: float
    holds: bool
    reference: str
    reference_median: float
    reference_p95: float


def measure(folder: Path, sources: Iterable[Source], samples: int = SAMPLES) -> list[Row]:
    """Measure what each source promises."""
    return [_row(series) for number, source in enumerate(sources) for series in source(folder / str(number), samples)]


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile, which is at least as high as 95 of 100 values."""
    return sorted(values)[math.ceil(_SHARE * len(values)) - 1]


def p95_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return where the 95th percentile is with a confidence of 95 %, by order statistics, whatever the distribution.

    How many of n values lie below the percentile is binomial: at most half of what confidence leaves may lie on
    either side.
    """
    count, tail, below = len(values), (1 - _CONFIDENCE) / 2, 0.0
    cumulated = []
    for number in range(count + 1):
        below += math.comb(count, number) * _SHARE**number * (1 - _SHARE) ** (count - number)
        cumulated.append(below)
    ordered = [-math.inf, *sorted(values), math.inf]
    low = sum(share <= tail for share in cumulated)
    high = 1 + sum(share < 1 - tail for share in cumulated)
    return ordered[low], ordered[high]


def _row(series: Series) -> Row:
    low, high = p95_interval(series.values)
    return Row(
        series.promise,
        series.unit,
        len(series.values),
        statistics.median(series.values),
        p95(series.values),
        low,
        high,
        series.bar,
        p95(series.values) <= series.bar,
        series.reference,
        statistics.median(series.reference_values),
        p95(series.reference_values),
    )


def table(rows: Sequence[Row]) -> Table:
    """Put the rows into words."""
    shown = Table(title="Promised times")
    for heading in ("promise", "samples", "median", "p95 (95 %)", "bar", "holds", "reference", "median", "p95"):
        shown.add_column(heading)
    for row in rows:
        shown.add_row(
            row.promise,
            str(row.samples),
            f"{row.median:.3g} {row.unit}",
            f"{row.p95:.3g} ({row.p95_low:.3g} to {row.p95_high:.3g})",
            f"{row.bar:g}",
            "yes" if row.holds else "no",
            row.reference,
            f"{row.reference_median:.3g}",
            f"{row.reference_p95:.3g}",
        )
    return shown
