"""What the encrypted store keeps for the phone; everybody awaits it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallQuality, Decision, TextMessage, Verification
from firmware.phone.call_statistics import CallStatistics
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.kept_text import Utterance
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.requests.calls import CallKind
from firmware.phone.requests.people import PeopleFound


@dataclass(frozen=True, slots=True)
class CallLogEntry:
    """One line of the call log; times are seconds since the epoch, UTC; `contact_id` is 0 where nobody is known."""

    call_id: CallId
    direction: CallDirection
    number: str
    name: str
    started_at: float
    answered_at: float | None
    ended_at: float | None
    reason: DisconnectReason | None
    sip_code: int
    decision: Decision | None = None
    quality: CallQuality | None = None
    contact_id: int = 0
    verification: Verification | None = None


class CallLog(Protocol):
    """The call log and, behind it, the outbox: one transaction closes a call and queues its record."""

    async def open_record(self, begun: OpenCallRecord) -> None: ...
    async def mark_answered(self, call_id: CallId, answered_ago_s: float = 0.0) -> None: ...
    async def close_record(self, ended: CloseCallRecord) -> None: ...
    async def keep_quality(self, call_id: CallId, quality: CallQuality) -> None: ...
    async def keep_text(self, call_id: CallId, letters: str, *, ours: bool) -> None: ...
    async def text_of(self, call_id: CallId) -> Sequence[Utterance]: ...
    async def last_dialled(self) -> str: ...
    async def count_unseen_missed(self) -> int: ...
    async def account_id(self) -> str:
        """Return the default account's opaque id, as call records have it."""
        ...

    async def mark_missed_seen(self) -> None: ...
    async def recent(self, limit: int) -> Sequence[CallLogEntry]: ...
    async def listed(self, kind: CallKind, first: int, limit: int) -> tuple[int, Sequence[CallLogEntry]]:
        """Return how many calls of a kind there are, and a stretch of them, newest first."""
        ...

    async def statistics(self) -> CallStatistics: ...
    async def people(self, numbers: Sequence[str]) -> PeopleFound:
        """Return whose numbers these are, and who was called most."""
        ...

    async def delete(self, call_id: CallId) -> None: ...
    async def clear(self, kind: CallKind = CallKind.ALL) -> None: ...


@dataclass(frozen=True, slots=True)
class CallerContact:
    """What the address book has on a caller.

    Attributes:
        ring: one of the ring patterns, empty where none was chosen.
        blocked: the holder wants no call of theirs to ring.
        picture: names the contact's picture, empty where it has none.
        contact_id: names the contact in the store.
    """

    name: str
    ring: str = ""
    blocked: bool = False
    picture: str = ""
    contact_id: int = 0


class Contacts(Protocol):
    """The address book."""

    async def contact_of(self, number: str) -> CallerContact | None:
        """Return the contact that has a number, however either is written; None where nobody has it."""
        ...

    async def blocked_numbers(self) -> Sequence[str]:
        """Return the numbers of all contacts that never ring."""
        ...


class Messages(Protocol):
    """The text messages that are kept."""

    async def keep(self, message: TextMessage) -> None:
        """Keep a message, or replace what was kept under its id."""
        ...

    async def newest(self, limit: int) -> Sequence[TextMessage]: ...
    async def mark_read(self) -> None: ...
    async def delete(self, message_id: str) -> None: ...


class Pin(Protocol):
    """The holder's PIN."""

    async def is_set(self) -> bool: ...


class PreferenceStore(Protocol):
    """What the holder has set on the phone itself."""

    async def load(self) -> Preferences | None:
        """Return what was saved last, None where nothing ever was."""
        ...

    async def save(self, preferences: Preferences) -> None: ...


class SetUpStore(Protocol):
    """How the phone came to be set up by whoever holds it."""

    async def load(self) -> SetUp: ...
    async def save(self, set_up: SetUp) -> None: ...
