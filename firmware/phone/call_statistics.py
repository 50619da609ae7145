"""How much was called and how it sounded: figures for the holder's own eyes, of which none leaves the device."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallCounts:
    """The calls of a time.

    Attributes:
        dialled, received, missed: as the call log's lists of the same names have them.
        talked_s: whole seconds that were talked in all calls that are over.
        mos: the mean of their mean opinion scores, None where no call was measured.
    """

    dialled: int
    received: int
    missed: int
    talked_s: int
    mos: float | None

    @property
    def calls(self) -> int:
        """How many calls these are."""
        return self.dialled + self.received + self.missed


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """The calls of today, of this month and of the whole log.

    Attributes:
        today, month: None while the clock is not set, since nobody knows then which day it is.
        ever: all calls.
        undated: how many of them began while the clock was not set; they belong to no day.
    """

    today: CallCounts | None
    month: CallCounts | None
    ever: CallCounts
    undated: int
