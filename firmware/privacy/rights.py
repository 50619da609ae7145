"""The rules of the holder's requests: when an answer is due, how often may be asked, and what goes to the operator."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from contract.consent import RequestKind, RequestState

WORKING_DAYS: Final = 5
"""So many working days the operator has for an answer, after the day on which it was asked."""

MOST_A_DAY: Final = 5
"""So many requests are taken in a day; whoever asks more often has nothing to gain but noise."""

COPIES_A_DAY: Final = 3
"""So many copies are made in a day."""

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that waits for the operator's answer.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        epoch: the run of the handset in which it was filed; the number may come again after a reset, both never do.
        kind: what is asked for.
        due: the day by which it is to be answered, as "2026-11-25"; None until the handset's clock was right once.
        state: how far it is.
        objected: the holder objects to the answer that it was given, so that it waits for another one.
    """

    number: int
    epoch: int
    kind: RequestKind
    due: str | None
    state: Literal[RequestState.OPEN, RequestState.OVERDUE] = RequestState.OPEN
    objected: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One of the holder's requests.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        epoch: the run of the handset in which it was filed; with the number it names this request and never another,
            of whichever holder.
        kind: what is asked for.
        filed_at: when, in seconds since the epoch; None until the clock has been proved right.
        due: the day by which it is to be answered; None likewise.
        objected: it was answered, and waits again because the holder objects to that.
        closed: how it came to its end, None while it waits.
        closed_at: when that was, None where it waits or the clock was not known to be right.
    """

    number: int
    epoch: int
    kind: RequestKind
    filed_at: float | None
    due: date | None
    objected: bool = False
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
        due = None if self.due is None else self.due.isoformat()
        return OpenRequest(self.number, self.epoch, self.kind, due, state, objected=self.objected)

    def _is_late(self, today: date | None) -> bool:
        return today is not None and self.due is not None and today > self.due
