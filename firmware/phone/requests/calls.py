"""The call log: what is asked of it, and a call as it is shown."""

from dataclasses import dataclass
from enum import StrEnum

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallQuality, Decision, Verification
from firmware.phone.call_statistics import CallStatistics
from firmware.phone.kept_text import Utterance
from firmware.phone.request import Request, Stretch


class CallKind(StrEnum):
    """Which calls of the log."""

    ALL = "all"
    MISSED = "missed"
    RECEIVED = "received"
    DIALLED = "dialled"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One line of the call log as a menu shows it.

    Attributes:
        name: the contact's, or what the caller called itself.
        at: when it began, as "25 Nov 14:03" in local time and in the display's language.
        duration_s: whole seconds that were talked.
        answered: somebody answered.
        contact_id: whose number it is, 0 where the address book has nobody.
        verification: what the server said of the caller's number; None where nothing.
    """

    call_id: CallId
    direction: CallDirection
    number: str
    name: str
    at: str
    duration_s: int
    answered: bool
    reason: DisconnectReason | None
    decision: Decision | None = None
    quality: CallQuality | None = None
    attribution: str = ""
    contact_id: int = 0
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class ListCalls(Request[Stretch[LoggedCall]]):
    """Read a stretch of the call log, newest first."""

    kind: CallKind
    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class ReadCallText(Request[tuple[Utterance, ...]]):
    """Read what is kept of the text of a call."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class DeleteCall(Request[None]):
    """Forget one call."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class ClearCalls(Request[None]):
    """Forget all calls of a kind."""

    kind: CallKind


@dataclass(frozen=True, slots=True)
class CallsDeleted:
    """Calls of the log are forgotten: pages that show some read them again."""


@dataclass(frozen=True, slots=True)
class CountCalls(Request[CallStatistics]):
    """Count the calls of today, of this month and of the whole log."""
