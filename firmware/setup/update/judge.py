"""Whether a version that runs on trial works: what stood before the restart has to stand again, for two minutes."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from provisioning.section import Section

STEADY_S: Final = 120.0
"""So long all has to be well in a row."""

PATIENCE_S: Final = 480.0
"""Counted from the machine's start; two minutes later root goes back by itself."""


class StoreCondition(StrEnum):
    """How the store is.

    PROVED: it stays shut, since its form would change, and that was done on a copy and held. WAITS: for the holder's
    PIN. NONE: there is no configuration, and so no store.
    """

    OPEN = "open"
    PROVED = "proved"
    WAITS = "waits"
    SHUT = "shut"
    NONE = "none"


class Facts(Section):
    """How a handset is, as far as an update may change that.

    Attributes:
        lines: how many are registered.
        store: how it is.
        takes_pin: it opens by the holder's PIN alone.
        display: it has taken its last frame.
        threads: all of them make progress.
    """

    lines: Annotated[int, Field(ge=0)]
    store: StoreCondition
    takes_pin: bool = False
    display: bool = True
    threads: bool = True


USUAL: Final = Facts(lines=1, store=StoreCondition.OPEN)
"""What is asked for where nobody wrote down how it was before."""


class Fault(StrEnum):
    """What keeps a version from being good."""

    LINE = "line"
    STORE = "store"
    DISPLAY = "display"
    THREADS = "threads"


class Verdict(StrEnum):
    """What is to be said to root."""

    PENDING = "pending"
    WORKS = "works"
    FAILS = "fails"


def faults(before: Facts, now: Facts) -> frozenset[Fault]:
    """Return what worked before the restart and does not now; a thread that stands still is a fault in any case."""
    store_holds = (
        now.store in {StoreCondition.OPEN, StoreCondition.PROVED}
        or (now.store is StoreCondition.WAITS and before.takes_pin)
        or (now.store is before.store and before.store is not StoreCondition.WAITS)
    )
    found = {
        Fault.LINE: now.lines < before.lines,
        Fault.STORE: not store_holds,
        Fault.DISPLAY: before.display and not now.display,
        Fault.THREADS: not now.threads,
    }
    return frozenset(fault for fault, is_there in found.items() if is_there)


@dataclass(frozen=True, slots=True)
class Course:
    """How a trial has gone so far.

    Attributes:
        well_since_s: since when nothing was amiss, in seconds since the machine's start; None where something is.
    """

    well_since_s: float | None = None

    def then(self, at_s: float, found: frozenset[Fault]) -> "Course":
        """Go on with what is found at a moment."""
        if found:
            return Course()
        return self if self.well_since_s is not None else replace(self, well_since_s=at_s)

    def verdict(self, at_s: float) -> Verdict:
        """Judge at that moment."""
        if self.well_since_s is not None and at_s - self.well_since_s >= STEADY_S:
            return Verdict.WORKS
        return Verdict.FAILS if at_s >= PATIENCE_S else Verdict.PENDING
