"""What the holder has asked of the operator, as far as the operator is told: no words of the holder's are in it."""

from dataclasses import dataclass
from typing import Literal

from firmware.phone.rights import RequestKind, RequestState


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that waits for the operator's answer.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        kind: what is asked for.
        due: the day by which it is to be answered, as "2026-11-25".
        state: how far it is.
    """

    number: int
    kind: RequestKind
    due: str
    state: Literal[RequestState.OPEN, RequestState.OVERDUE] = RequestState.OPEN
