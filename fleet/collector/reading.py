"""From bytes of a topic to what they say, or to why they are not taken. Nothing here knows the broker or a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from contract.messages import (
    MAX_RECORDS,
    CallDetailRecord,
    CdrMessage,
    ConsentMessage,
    ErasureMessage,
    OutcomeMessage,
    StatusMessage,
    Topic,
)
from fleet.collector.quarantine import OTHER_TOPIC, Reason, Rejection, Sender
from fleet.names import is_name
from fleet.publications import Publication

MAX_BYTES: Final = 128 * 1024
"""The longest message: a hundred records have some fifty thousand."""

EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""There was no such handset before; a clock that was never set says 1970."""

LATEST_AHEAD: Final = timedelta(days=1)

_TOPICS: Final[Mapping[str, Topic]] = {topic.value: topic for topic in Topic}
_PUBLICATION: Final = "publication"
_KNOWN_TOPICS: Final = 1 << 16


class Call(NamedTuple):
    """One call detail record as it stands in the table, but for when it was received."""

    fleet: str
    device: str
    epoch: int
    seq: int
    id: str
    account: str
    direction: str
    number: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    result: str
    sip_code: int
    clock_synced: bool
    boot_id: str


@dataclass(frozen=True, slots=True)
class Calls:
    """What of a message to `cdr` can be taken."""

    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Cleared:
    """The broker keeps nothing for a topic any more: the handset has been given back, or reset."""

    topic: Topic


Contents = Calls | ErasureMessage | OutcomeMessage | ConsentMessage | StatusMessage | Cleared | Publication


@dataclass(frozen=True, slots=True)
class Reading:
    """What one message says; `contents` is None where nothing of it is taken."""

    sender: Sender
    topic: str
    contents: Contents | None = None
    rejections: Sequence[Rejection] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads messages.

    Attributes:
        devices: by fleet the handsets that are known; None: all are.
    """

    devices: Mapping[str, frozenset[str]] | None = field(default=None)

    def read(self, topic: str, payload: bytes, now: datetime) -> Reading:
        """Read one message; whatever it is, this raises nothing."""
        address = _address(topic)
        if address is not None:
            return self._of_device(*address, payload, now)
        match topic.split("/"):
            case ["wecall-fleet", "v1", fleet, level, message] if level == _PUBLICATION and is_name(fleet):
                return _publication(fleet, message, payload)
        return _rejected(Sender("", ""), OTHER_TOPIC, Reason.WRONG_TOPIC)

    def _of_device(self, sender: Sender, topic: Topic, payload: bytes, now: datetime) -> Reading:
        if self.devices is not None and sender.device not in self.devices.get(sender.fleet, ()):
            return _rejected(sender, topic.value, Reason.UNKNOWN_DEVICE)
        if len(payload) > MAX_BYTES:
            return _rejected(sender, topic.value, Reason.TOO_LARGE)
        if not payload and topic in {Topic.STATUS, Topic.CONSENT}:
            return Reading(sender, topic.value, Cleared(topic))
        try:
            if topic is Topic.CDR:
                return _records(sender, payload, now)
            contents = _MODELS[topic].read(payload)
        except ValueError:
            return _rejected(sender, topic.value, _reason(payload))
        if not isinstance(contents, StatusMessage) and contents.device != sender.device:
            return _rejected(sender, topic.value, Reason.OTHER_DEVICE)
        if isinstance(contents, ConsentMessage) and not _has_real_days(contents):
            return _rejected(sender, topic.value, Reason.SCHEMA)
        return Reading(sender, topic.value, contents)


_MODELS: Final[
    Mapping[Topic, type[StatusMessage | ConsentMessage | ErasureMessage | OutcomeMessage]]
] = {
    Topic.STATUS: StatusMessage,
    Topic.CONSENT: ConsentMessage,
    Topic.ERASURE: ErasureMessage,
    Topic.OUTCOME: OutcomeMessage,
}  # fmt: skip


def _records(sender: Sender, payload: bytes, now: datetime) -> Reading:
    rejections: list[Rejection] = []
    try:
        records = CdrMessage.read(payload).records
    except ValueError:
        mistake = _reason(payload)
        records, broken = ((), 1) if mistake is Reason.NOT_JSON else _sound_ones(msgspec.json.decode(payload))
        rejections += [Rejection(sender, Topic.CDR.value, mistake)] * broken
    calls = []
    for record in records:
        try:
            call = _call(sender, record)
        except ValueError:
            # A day such as the 31st of February, which the pattern lets pass.
            rejections.append(Rejection(sender, Topic.CDR.value, Reason.SCHEMA))
            continue
        reason = _objection(sender, record, call, now)
        if reason is None:
            calls.append(call)
        else:
            rejections.append(Rejection(sender, Topic.CDR.value, reason))
    return Reading(sender, Topic.CDR.value, Calls(calls) if calls else None, rejections)


def _sound_ones(document: object) -> tuple[tuple[CallDetailRecord, ...], int]:
    """Find what can be taken beside a broken record, which must not keep back others that are sent with it for ever."""
    match document:
        case {"records": [*entries], **others} if not others and 0 < len(entries) <= MAX_RECORDS:
            sound = []
            for entry in entries:
                try:
                    sound.append(msgspec.convert(entry, CallDetailRecord))
                except ValueError:
                    continue
            return tuple(sound), len(entries) - len(sound)
    return (), 1


def _call(sender: Sender, record: CallDetailRecord) -> Call:
    return Call(
        sender.fleet,
        record.device,
        record.epoch,
        record.seq,
        record.id,
        record.account,
        record.direction.value,
        record.number,
        datetime.fromisoformat(record.started_at),
        None if record.answered_at is None else datetime.fromisoformat(record.answered_at),
        None if record.ended_at is None else datetime.fromisoformat(record.ended_at),
        record.result.value,
        record.sip_code,
        record.clock_quality.synced,
        record.clock_quality.boot_id,
    )


def _objection(sender: Sender, record: CallDetailRecord, call: Call, now: datetime) -> Reason | None:
    if record.device != sender.device:
        return Reason.OTHER_DEVICE
    if call.started_at < EARLIEST:
        return Reason.CLOCK_PAST
    if (call.ended_at or call.answered_at or call.started_at) > now + LATEST_AHEAD:
        return Reason.CLOCK_FUTURE
    return None


def _has_real_days(consent: ConsentMessage) -> bool:
    try:
        for answer in consent.purposes:
            datetime.fromisoformat(answer.since or "2026-01-01")
        for request in consent.requests:
            date.fromisoformat(request.due or "2026-01-01")
    except ValueError:
        return False
    return True


def _publication(fleet: str, message: str, payload: bytes) -> Reading:
    sender = Sender(fleet, "")
    if not payload:
        # An operator has cleared it; the outcomes that name it stay, and so does its name.
        return Reading(sender, _PUBLICATION)
    if len(payload) > MAX_BYTES:
        return _rejected(sender, _PUBLICATION, Reason.TOO_LARGE)
    try:
        publication = Publication.read(payload)
        datetime.fromisoformat(publication.published_at)
    except ValueError:
        return _rejected(sender, _PUBLICATION, _reason(payload))
    if publication.message != message:
        return _rejected(sender, _PUBLICATION, Reason.OTHER_DEVICE)
    return Reading(sender, _PUBLICATION, publication)


@lru_cache(maxsize=_KNOWN_TOPICS)
def _address(topic: str) -> tuple[Sender, Topic] | None:
    """Take a handset's topic apart; None where it is none."""
    match topic.split("/"):
        case ["wecall", "v1", fleet, device, level] if level in _TOPICS and is_name(fleet) and is_name(device):
            return Sender(fleet, device), _TOPICS[level]
    return None


def _rejected(sender: Sender, topic: str, reason: Reason) -> Reading:
    return Reading(sender, topic, None, (Rejection(sender, topic, reason),))


def _reason(payload: bytes) -> Reason:
    """Say what is wrong with a message that is none of ours."""
    try:
        msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return Reason.NOT_JSON
    return Reason.SCHEMA
