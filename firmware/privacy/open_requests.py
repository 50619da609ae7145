"""What the holder has asked of the operator, as far as the operator is told: no words of the holder's are in it."""

from dataclasses import dataclass
from typing import Literal

from firmware.phone.rights import RequestKind, RequestState


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
