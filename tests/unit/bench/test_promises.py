import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.promises import Series, measure, p95, p95_interval


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # By SciPy: quantile_test(range(1, count + 1), p=0.95).confidence_interval(0.95).
    [(12, 10, math.inf), (73, 65, 73), (100, 90, 100), (200, 184, 197)],
)
def test_the_interval_of_the_95th_percentile_goes_by_the_order_of_the_samples(
    count: int, low: float, high: float
) -> None:
    values = [float(number) for number in range(1, count + 1)]
    random.Random(1).shuffle(values)
    assert p95_interval(values) == (low, high)


@pytest.mark.parametrize(("late", "holds"), [(1, True), (2, False)])
def test_a_promise_holds_where_at_most_one_of_twenty_is_late(tmp_path: Path, late: int, *, holds: bool) -> None:
    values = [0.9] * (20 - late) + [1.1] * late

    def source(_folder: Path, samples: int) -> Iterator[Series]:
        yield Series("voice is back", "s", 1.0, values[:samples], "a process starts", [0.1] * samples)

    (row,) = measure(tmp_path, [source], 20)
    assert (row.samples, row.median, row.p95, row.holds) == (20, 0.9, p95(values), holds)
    assert (row.p95_low, row.p95_high, row.reference_p95) == (0.9, math.inf, 0.1)
