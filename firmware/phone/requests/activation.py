"""The proof that the line's number is its holder's: how far it has come, and the code that proves it."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware.phone.request import Request


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
class ReadNumberProof(Request[NumberProofRead]):
    """Read whether the line's number is proved."""


@dataclass(frozen=True, slots=True)
class RequestCode(Request[NumberProofRead]):
    """Have the operator send a code to the line's number; CodeArrived follows if it comes here."""


@dataclass(frozen=True, slots=True)
class CodeArrived:
    """The operator's message with the code has come to this phone."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckCode(Request[NumberProofRead]):
    """Have the operator compare the code that was typed."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeaveNumberUnproved(Request[None]):
    """Write down that the number is not proved, because this operator offers no proof."""
