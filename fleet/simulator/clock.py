"""The clock of a simulated handset, right or wrong in the ways in which real ones are."""

import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum

from fleet.simulator.settings import DAY_S


class ClockError(StrEnum):
    """What is wrong with a clock.

    UNSYNCED: it has drifted since it was last set. BEGINS_IN_1970: it has no battery, and nobody sets it.
    STEPS: likewise, and later somebody does.
    """

    NONE = "none"
    UNSYNCED = "unsynced"
    BEGINS_IN_1970 = "begins_in_1970"
    STEPS = "steps"


class SimulatedClock:
    """Tells the time as a handset believes it."""

    def __init__(self, error: ClockError, rng: random.Random, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self.is_synced = error is ClockError.NONE
        match error:
            case ClockError.NONE:
                self._off_s = 0.0
            case ClockError.UNSYNCED:
                self._off_s = rng.uniform(-DAY_S, DAY_S)
            case _:
                self._off_s = -wall() + rng.uniform(0.0, DAY_S)
        self.steps_later = error is ClockError.STEPS

    def true_s(self) -> float:
        """Return seconds since the epoch, whatever the handset believes."""
        return self._wall()

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        return self._wall() + self._off_s

    def today(self) -> date | None:
        """Return which day it is, None where that is not known."""
        return datetime.fromtimestamp(self.now_s(), UTC).date() if self.is_synced else None

    def set_right(self) -> None:
        """Step to the right time."""
        self._off_s = 0.0
        self.is_synced = True
        self.steps_later = False
