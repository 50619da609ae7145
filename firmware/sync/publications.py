"""Makes what the outbox hands over into MQTT messages, and lets nothing else through."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from contract.messages import MAX_RECORDS, MODELS, RETAINED, CallDetailRecord, CdrMessage, QueuedMessage, Topic
from firmware.ports.outbox import OutboxKey, OutboxMessage

_log = logging.getLogger(__name__)

_TOPICS: Final = {topic.value: topic for topic in MODELS}

# {"records":[ and ]}
_JOIN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Publication:
    """One MQTT message and the outbox's messages in it."""

    keys: tuple[OutboxKey, ...]
    topic: Topic
    payload: bytes
    retain: bool


def pack(messages: Sequence[OutboxMessage], device: str, max_bytes: int) -> list[Publication]:
    """Make publications, in the outbox's order; records that follow each other share one.

    What is not exactly one of the closed models, or is not this device's, is left out.

    Args:
        messages: what the outbox hands over.
        device: this handset.
        max_bytes: what the broker takes in one message.
    """
    publications: list[Publication] = []
    records: list[CallDetailRecord] = []
    size_bytes = 0
    for waiting in messages:
        if (clearing := _clearing(waiting)) is not None:
            publications.extend((*_joined(records), clearing))
            records, size_bytes = [], 0
            continue
        checked = _checked(waiting, device)
        if checked is None:
            continue
        topic, message = checked
        if not isinstance(message, CallDetailRecord):
            publications.extend(_joined(records))
            records, size_bytes = [], 0
            payload = message.written()
            publications.append(Publication((_key(message),), topic, payload, retain=topic in RETAINED))
            continue
        record_bytes = len(message.written()) + 1
        if size_bytes + record_bytes + _JOIN_BYTES > max_bytes or len(records) == MAX_RECORDS:
            publications.extend(_joined(records))
            records, size_bytes = [], 0
        records.append(message)
        size_bytes += record_bytes
    publications.extend(_joined(records))
    return publications


def _clearing(waiting: OutboxMessage) -> Publication | None:
    """Have the broker forget what it keeps for a topic, where that is asked for."""
    topic = _TOPICS.get(waiting.topic)
    if topic not in RETAINED or not waiting.retain or waiting.payload:
        return None
    return Publication((waiting.key,), topic, b"", retain=True)


def _checked(waiting: OutboxMessage, device: str) -> tuple[Topic, QueuedMessage] | None:
    """Check a message as if nobody had before: sync is the last that can."""
    topic = _TOPICS.get(waiting.topic)
    if topic is None or waiting.retain is not (topic in RETAINED):
        # What is no topic of ours may be anything, so it is not logged.
        _log.error("Message %d was not sent: no such message may leave the handset.", waiting.key.seq)
        return None
    model = MODELS[topic]
    try:
        message: QueuedMessage = msgspec.convert(waiting.payload, model)
    except ValueError:
        # The error's own text quotes the content.
        _log.error("Message %d was not sent: it is no %s.", waiting.key.seq, model.__name__)
        return None
    if message.device != device or _key(message) != waiting.key:
        _log.error("Message %d was not sent: the %s in it is another's.", waiting.key.seq, model.__name__)
        return None
    return topic, message


def _key(message: QueuedMessage) -> OutboxKey:
    return OutboxKey(message.epoch, message.seq)


def _joined(records: Sequence[CallDetailRecord]) -> list[Publication]:
    if not records:
        return []
    payload = CdrMessage(records=tuple(records)).written()
    return [Publication(tuple(map(_key, records)), Topic.CDR, payload, retain=False)]
