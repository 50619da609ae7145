"""The rules of the holder's requests: when an answer is due, how often may be asked, and what goes to the operator."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from firmware.phone.rights import RequestKind, RequestState
from firmware.privacy.open_requests import OpenRequest

WORKING_DAYS: Final = 5
"""So long the operator has for an answer."""

MOST_A_DAY: Final = 5
"""So many requests are taken in a day; whoever asks more often has nothing to gain but noise."""

COPIES_A_DAY: Final = 3
"""So many copies are made in a day."""

_FRIDAY: Final = 4
DAY_S: Final = 86_400


def due_day(filed: date) -> date:
    """Return the day by which an answer is due: the fifth day after it from Monday to Friday.

    Public holidays differ by region and year and are not known here: the operator may count them as well.
    """
    day = filed
    left = WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() <= _FRIDAY
    return day


@dataclass(frozen=True, slots=True)
class Request:
    """One of the holder's requests.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        kind: what is asked for.
        filed_at: when, in seconds since the epoch.
        clock_synced: a time service kept the clock right then.
        due: the day by which it is to be answered.
        closed: how it came to its end, None while it waits.
        closed_at: when that was.
    """

    number: int
    kind: RequestKind
    filed_at: float
    clock_synced: bool
    due: date
    closed: RequestState | None = None
    closed_at: float | None = None

    def state(self, today: date | None) -> RequestState:
        """Say how far it is on a day; None where it is not known which day it is."""
        if self.closed is not None:
            return self.closed
        return RequestState.OVERDUE if self._is_late(today) else RequestState.OPEN

    def told(self, today: date | None) -> OpenRequest:
        """Return what the operator is told of it while it waits."""
        state: Literal[RequestState.OPEN, RequestState.OVERDUE] = (
            RequestState.OVERDUE if self._is_late(today) else RequestState.OPEN
        )
        return OpenRequest(self.number, self.kind, self.due.isoformat(), state)

    def _is_late(self, today: date | None) -> bool:
        return today is not None and today > self.due
