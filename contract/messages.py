"""Every message that may leave the handset. What has no field here does not leave.

The models are closed (an unknown field is an error), frozen, and every string is bounded by a pattern: there is no
field into which text of a person's choosing fits.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta

from contract.calls import CallDirection, DisconnectReason
from contract.closed import Closed
from contract.consent import Purpose, RequestKind, RequestState
from contract.results import OutcomeCode

MAX_NUMBER_LENGTH: Final = 128

MAX_RECORDS: Final = 100
"""Call detail records in one message at most."""

MAX_RANGES: Final = 50
"""Ranges of records in one erasure notice at most; more of them make more notices."""

MAX_REQUESTS: Final = 20
"""Open requests in one state of consent at most: those that are due first."""

NAME_PATTERN: Final = "[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?"
"""Of a handset's name; expressions are matched as a whole."""

DIGEST_PATTERN: Final = "[0-9a-f]{64}"

_HOST: Final = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?)(?::[0-9]{1,5})?"
_USER: Final = r"[A-Za-z0-9_.!~*'()&=+$%#-]{1,64}"
NUMBER_PATTERN: Final = rf"(?:{_USER}|sips?:(?:{_USER}@)?{_HOST})"
_PSEUDONYM: Final = "p:[0-9a-f]{32}"

HandsetName = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^{NAME_PATTERN}\Z")]
"""A device or a fleet: lower-case letters, digits and hyphens, so one level of a topic and never a wildcard."""

Timestamp = Annotated[
    str,
    Meta(
        min_length=24,
        max_length=24,
        pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z\Z",
    ),
]
"""RFC 3339, UTC, milliseconds."""

Number = Annotated[str, Meta(min_length=1, max_length=MAX_NUMBER_LENGTH, pattern=rf"^{NUMBER_PATTERN}\Z")]
"""An E.164 number, an extension, or a URI without password, parameters and headers; no spaces, no controls."""

Pseudonym = Annotated[str, Meta(min_length=34, max_length=34, pattern=rf"^{_PSEUDONYM}\Z")]
"""What stands for a number beyond the border; no number looks like it."""

Party = Annotated[
    str, Meta(min_length=1, max_length=MAX_NUMBER_LENGTH, pattern=rf"^(?:{NUMBER_PATTERN}|{_PSEUDONYM})\Z")
]
"""The one or the other."""

Day = Annotated[str, Meta(min_length=10, max_length=10, pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]\Z")]
"""RFC 3339 full-date."""

Digest = Annotated[str, Meta(min_length=64, max_length=64, pattern=rf"^{DIGEST_PATTERN}\Z")]
"""SHA-256 in hexadecimal."""

SafeInteger = Annotated[int, Meta(ge=1, lt=2**53)]
"""A whole number that survives every JSON reader: beyond 2^53 JavaScript rounds (RFC 8259 section 6)."""


class Topic(StrEnum):
    """The last level of each topic that the handset publishes to."""

    STATUS = "status"
    CDR = "cdr"
    CONSENT = "consent"
    ERASURE = "erasure"
    OUTCOME = "outcome"


class ErasureReason(StrEnum):
    """Why recipients must delete what they have."""

    DELETED = "deleted"
    ERASED = "erased"
    WITHDRAWN = "withdrawn"
    RETENTION_ENDED = "retention_ended"
    CANCELLED = "cancelled"
    RESET = "reset"


class Message(Closed):
    """What all outgoing messages have in common: nothing can be added to them."""

    @classmethod
    def read(cls, text: bytes | bytearray | str) -> Self:
        """Read one from JSON.

        Raises:
            ValueError: it is none; the error's words may quote it.
        """
        return msgspec.json.decode(text, type=cls)

    def written(self) -> bytes:
        """Write it as JSON."""
        return msgspec.json.encode(self)

    def plain(self) -> dict[str, Any]:
        """Return what is in it, as JSON has it."""
        plain: dict[str, Any] = msgspec.json.decode(self.written())
        return plain


class ClockQuality(Message):
    """How far a record's times can be trusted.

    Attributes:
        synced: the clock had been set from the network when the call started.
        boot_id: names the run of the kernel; records of one run are at least in step with each other.
    """

    synced: bool
    boot_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\Z")]


class CallDetailRecord(Message):
    """One call that is over.

    Attributes:
        id: names the call.
        device: names the handset.
        account: an opaque id of the line that was used; not derived from its name by anything that others know.
        number: the other end, or what stands for it beyond the border; None where it was withheld or cannot be told.
        answered_at: None where nobody answered.
        ended_at: None where the handset was cut off and did not see the end (`result` is `interrupted`).
        result: how it ended.
        sip_code: the status code that ended it, 0 where there was none.
        epoch, seq: with `device` they name the record: two records that share them are one record, sent twice.
    """

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    device: HandsetName
    account: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    direction: CallDirection
    number: Party | None
    started_at: Timestamp
    answered_at: Timestamp | None
    ended_at: Timestamp | None
    result: DisconnectReason
    sip_code: Annotated[int, Meta(ge=0, le=699)]
    clock_quality: ClockQuality
    epoch: SafeInteger
    seq: SafeInteger

    def __post_init__(self) -> None:
        if self.ended_at is None and self.result is not DisconnectReason.INTERRUPTED:
            raise ValueError("a call whose end was seen has an end")
        times = [time for time in (self.started_at, self.answered_at, self.ended_at) if time is not None]
        if times != sorted(times):
            raise ValueError("a call starts, is answered and ends in this order")


class CdrMessage(Message):
    """What goes to the topic `cdr`: one record as a rule, many after an outage."""

    records: Annotated[tuple[CallDetailRecord, ...], Meta(min_length=1, max_length=MAX_RECORDS)]


class StatusMessage(Message):
    """What goes to the topic `status`, retained; offline is also the last will.

    Attributes:
        state: online: connected, and an account at least can call; no_line: connected, and none can. It says nothing of
            which account, why, or since when.
    """

    state: Literal["online", "no_line", "offline"]


class PurposeState(Message):
    """The answer that stands for one purpose; `since` is None where the holder was never asked."""

    purpose: Purpose
    granted: bool
    since: Timestamp | None


class RequestStatement(Message, kw_only=True):
    """One request of the holder's that the operator must answer by a day.

    Attributes:
        epoch: the run of the handset in which it was filed, which a signed answer names beside the number; None with
            firmware that takes no answers.
        due: None until the handset's clock was right once: the day is counted back from then.
        objected: the holder objects to the answer that was given, so that it waits for another one.
    """

    number: SafeInteger
    epoch: SafeInteger | None = None
    kind: RequestKind
    due: Day | None
    state: Annotated[RequestState, Meta(extra_json_schema={"enum": [RequestState.OPEN, RequestState.OVERDUE]})]
    objected: bool = False

    def __post_init__(self) -> None:
        if self.state not in {RequestState.OPEN, RequestState.OVERDUE}:
            raise ValueError("what is settled waits for no answer")


class ConsentMessage(Message, kw_only=True):
    """What goes to the topic `consent`, retained: the newest says it all.

    Attributes:
        ledger_entries, ledger_head: how long the ledger is and its newest hash, by which a copy can be checked.
        ledger_intact: False where the ledger does not verify; nothing is granted then.
        requests: what waits for the operator's answer.
    """

    device: HandsetName
    purposes: Annotated[tuple[PurposeState, ...], Meta(min_length=1, max_length=len(Purpose))]
    policy_version: Annotated[str, Meta(max_length=32, pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]*\Z")]
    ledger_entries: Annotated[int, Meta(ge=0, lt=2**53)]
    ledger_head: Digest
    ledger_intact: bool
    requests: Annotated[tuple[RequestStatement, ...], Meta(max_length=MAX_REQUESTS)] = ()
    epoch: SafeInteger
    seq: SafeInteger


class RecordRange(Message):
    """The call detail records of an epoch from one number to another, both included; other messages do not count."""

    epoch: SafeInteger
    first: SafeInteger
    last: SafeInteger

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError("a range begins with its lowest number")


class ErasureMessage(Message):
    """What goes to the topic `erasure`: recipients delete what it names, also where that comes after it.

    Attributes:
        cancelled: the holder has gone: everything that this device ever sent is to be deleted, the retained state of
            consent included, whether `records` names it or not.
        records: call detail records; of a holder who has gone also the newest epochs (runs of the handset) as wholes,
            for what of them is still on its way to whoever is to delete it. With the reason RESET the handset was reset
            by or for its next holder: of the epochs that are named everything is deleted, consent included, and of no
            other one anything.
    """

    device: HandsetName
    reason: ErasureReason
    cancelled: bool
    records: Annotated[tuple[RecordRange, ...], Meta(max_length=MAX_RANGES)]
    epoch: SafeInteger
    seq: SafeInteger

    def __post_init__(self) -> None:
        if self.cancelled is not (self.reason is ErasureReason.CANCELLED):
            raise ValueError("a cancellation has its own reason, and that reason no other notice")
        if not (self.cancelled or self.records):
            raise ValueError("a notice names what is to be deleted")


class OutcomeMessage(Message):
    """What goes to the topic `outcome`: what became of one message of the operator's.

    Attributes:
        message: SHA-256 of that message as it arrived, so that nothing in it is ever sent back.
    """

    device: HandsetName
    message: Digest
    code: OutcomeCode
    epoch: SafeInteger
    seq: SafeInteger


QueuedMessage = CallDetailRecord | ConsentMessage | ErasureMessage | OutcomeMessage
"""What waits in the outbox; records are joined to a CdrMessage on their way."""

MODELS: Final[dict[Topic, type[QueuedMessage]]] = {
    Topic.CDR: CallDetailRecord,
    Topic.CONSENT: ConsentMessage,
    Topic.ERASURE: ErasureMessage,
    Topic.OUTCOME: OutcomeMessage,
}
"""What waits for each topic; the status is never queued."""

RETAINED: Final = frozenset({Topic.CONSENT})
"""The topics whose newest message the broker keeps, the status aside."""


def topic_name(fleet: str, device: str, topic: StrEnum) -> str:
    """Return the full MQTT topic of a level of ours, Topic or DownTopic.

    Raises:
        ValueError: a name is not one level of a topic.
    """
    return f"wecall/v1/{handset_name(fleet)}/{handset_name(device)}/{topic.value}"


def handset_name(name: str) -> str:
    """Return the name of a device or a fleet where it is one.

    Raises:
        ValueError: it is not one level of a topic.
    """
    return msgspec.convert(name, HandsetName)


def timestamp(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, UTC, milliseconds."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
