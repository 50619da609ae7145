"""Keeps what a test measures with the run, so that margins can be listed."""

import time
from collections.abc import Callable

RecordProperty = Callable[[str, object], None]
"""What pytest's fixture `record_property` is."""


def assert_within(record_property: RecordProperty, name: str, took_s: float, bound_s: float) -> None:
    """Keep a time and its bound, and see that it is within it."""
    record_property(f"{name}_s", took_s)
    record_property(f"{name}_bound_s", bound_s)
    assert took_s <= bound_s, f"{name} took {took_s:.3g} s, not {bound_s:g} s at most"


def processor_s(pid: int) -> float:
    """Return what a process has computed so far, all its threads together.

    The clock's number is made as Linux makes it (include/linux/posix-timers.h, CPUCLOCK_SCHED of a process).
    """
    return time.clock_gettime((~pid << 3) | 2)
