"""What becomes of the errands of `activation_errands`."""

from dataclasses import dataclass, field
from enum import StrEnum


class NumberProof(StrEnum):
    """How far the proof of the line's number has come.

    OPEN: no code is on its way. SENT: one is. WRONG: another one was typed, and the right one may be typed now.
    EXPIRED: the code is too old, or was mistyped too often. WAIT: so often that no new one may be asked for yet.
    NO_ANSWER: the operator says nothing. PROVED: the right one was typed.
    """

    OPEN = "open"
    SENT = "sent"
    WRONG = "wrong"
    EXPIRED = "expired"
    WAIT = "wait"
    NO_ANSWER = "no_answer"
    PROVED = "proved"


@dataclass(frozen=True, slots=True)
class NumberProofRead:
    """How far it has come.

    Attributes:
        proof: that.
        wait_s: so many seconds until a code may be asked for.
        tries_left: so many codes may still be typed.
    """

    proof: NumberProof
    wait_s: int = 0
    tries_left: int = 0


@dataclass(frozen=True, slots=True)
class CodeArrived:
    """The operator's message with the code has come to this phone."""

    text: str = field(repr=False)


ActivationAnswer = NumberProofRead | CodeArrived
