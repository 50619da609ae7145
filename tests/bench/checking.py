"""How long it takes to find what is wrong with a configuration: a table of 500 handsets is looked at row by row."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from firmware.configuration.inspection import inspect_configuration
from provisioning.reference import tables
from provisioning.remarks import KeyPath
from provisioning.template import template

ROUNDS: Final = 200
GOAL_MS: Final = 10
_FILLED: Final[dict[KeyPath, Any]] = {
    ("device", "id"): "desk-1",
    ("device", "country"): "AT",
    ("accounts", 0, "username"): "1001",
    ("accounts", 0, "domain"): "sip.example",
}


@dataclass(frozen=True, slots=True)
class Checking:
    """How long one configuration took."""

    configuration: str
    mistakes: int
    median_ms: float
    worst_ms: float


def measure() -> list[Checking]:
    """Look at one that is right, at one with a mistake in every table, and at one with a broken line besides."""
    right = template(_FILLED)
    wrong = right
    for each in tables():
        wrong = wrong.replace(f"\n{each.header}\n", f"\n{each.header}\nwhat_is_this = 1\n")
    broken = wrong.replace('"sip.example"', "sip.example")
    kinds = {"right": right, "a mistake in every table": wrong, "and one that is no TOML": broken}
    return [_of(kind, text) for kind, text in kinds.items()]


def _of(kind: str, text: str) -> Checking:
    mistakes = len(inspect_configuration(text).mistakes)
    times_ms = [_timed_ms(lambda: inspect_configuration(text)) for _ in range(ROUNDS)]
    return Checking(kind, mistakes, statistics.median(times_ms), max(times_ms))


def _timed_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def table(rows: Sequence[Checking]) -> Table:
    """Return them as people read them."""
    result = Table(
        "configuration", "mistakes", "median, ms", "worst, ms", f"median within {GOAL_MS} ms",
        title="Checking a configuration",
    )  # fmt: skip
    for row in rows:
        holds = "yes" if row.median_ms <= GOAL_MS else "no"
        result.add_row(row.configuration, str(row.mistakes), f"{row.median_ms:.1f}", f"{row.worst_ms:.1f}", holds)
    return result
