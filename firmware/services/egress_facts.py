"""What leaves, field by field, read from the models of the messages themselves, so that nothing can be left out.

A field that somebody adds to a model without words for it is shown by its name, and a test asks for the words.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, get_args, get_origin

import msgspec

from contract.discovery import DiscoveryMessage
from contract.messages import (
    MODELS,
    CallDetailRecord,
    ConsentMessage,
    ErasureMessage,
    Message,
    OutcomeMessage,
    StatusMessage,
)
from firmware.base.words import Text, word
from firmware.phone.requests.handset import Facts

_MESSAGES: Final[Mapping[type[Message], Text]] = {
    StatusMessage: word("Presence"),
    DiscoveryMessage: word("Discovery"),
    CallDetailRecord: word("Call data"),
    ConsentMessage: word("Consents"),
    ErasureMessage: word("Deletion"),
    OutcomeMessage: word("Reply"),
}
_WHEN: Final[Mapping[type[Message], Text]] = {
    StatusMessage: word("always"),
    DiscoveryMessage: word("always"),
    CallDetailRecord: word("with your yes"),
    ConsentMessage: word("on each change"),
    ErasureMessage: word("when you delete"),
    OutcomeMessage: word("to the operator"),
}
_SERIAL: Final[Text] = word("serial number")
_DEVICE: Final[Text] = word("name of this phone")
_TOPIC: Final[Text] = word("where to find the rest")
_VALUES: Final[Text] = word("which words that has")

WORDS: Final[Mapping[tuple[str, str], Text]] = {
    ("StatusMessage", "state"): word("if on, and can call"),
    ("DeviceDescription", "identifiers"): _DEVICE,
    ("DeviceDescription", "name"): _DEVICE,
    ("PresenceEntity", "unique_id"): _DEVICE,
    ("PresenceEntity", "state_topic"): _TOPIC,
    ("LineEntity", "unique_id"): _DEVICE,
    ("LineEntity", "state_topic"): _TOPIC,
    ("LastCallEntity", "unique_id"): _DEVICE,
    ("LastCallEntity", "options"): _VALUES,
    ("LastCallEntity", "state_topic"): _TOPIC,
    ("LastCallEntity", "availability_topic"): _TOPIC,
    ("ConsentEntity", "unique_id"): _DEVICE,
    ("ConsentEntity", "state_topic"): _TOPIC,
    ("ConsentEntity", "json_attributes_topic"): _TOPIC,
    ("OutcomeEntity", "unique_id"): _DEVICE,
    ("OutcomeEntity", "options"): _VALUES,
    ("OutcomeEntity", "state_topic"): _TOPIC,
    ("CallDetailRecord", "id"): word("a number of the call"),
    ("CallDetailRecord", "device"): _DEVICE,
    ("CallDetailRecord", "account"): word("a number of the line"),
    ("CallDetailRecord", "direction"): word("who called"),
    ("CallDetailRecord", "number"): word("the other number"),
    ("CallDetailRecord", "started_at"): word("when it began"),
    ("CallDetailRecord", "answered_at"): word("when answered"),
    ("CallDetailRecord", "ended_at"): word("when it ended"),
    ("CallDetailRecord", "result"): word("how it ended"),
    ("CallDetailRecord", "sip_code"): word("how, as a code"),
    ("ClockQuality", "synced"): word("if the clock was right"),
    ("ClockQuality", "boot_id"): word("which start of the phone"),
    ("CallDetailRecord", "epoch"): _SERIAL,
    ("CallDetailRecord", "seq"): _SERIAL,
    ("ConsentMessage", "device"): _DEVICE,
    ("PurposeState", "purpose"): word("each purpose"),
    ("PurposeState", "granted"): word("your answer to it"),
    ("PurposeState", "since"): word("since when"),
    ("ConsentMessage", "policy_version"): word("which policy"),
    ("ConsentMessage", "ledger_entries"): word("how many answers"),
    ("ConsentMessage", "ledger_head"): word("seal of the answers"),
    ("ConsentMessage", "ledger_intact"): word("if they are whole"),
    ("RequestStatement", "number"): word("each open request"),
    ("RequestStatement", "epoch"): _SERIAL,
    ("RequestStatement", "kind"): word("what it asks for"),
    ("RequestStatement", "due"): word("when it is due"),
    ("RequestStatement", "state"): word("how far it is"),
    ("RequestStatement", "objected"): word("if you object"),
    ("ConsentMessage", "epoch"): _SERIAL,
    ("ConsentMessage", "seq"): _SERIAL,
    ("ErasureMessage", "device"): _DEVICE,
    ("ErasureMessage", "reason"): word("why"),
    ("ErasureMessage", "cancelled"): word("if all of it"),
    ("RecordRange", "epoch"): _SERIAL,
    ("RecordRange", "first"): _SERIAL,
    ("RecordRange", "last"): _SERIAL,
    ("ErasureMessage", "epoch"): _SERIAL,
    ("ErasureMessage", "seq"): _SERIAL,
    ("OutcomeMessage", "device"): _DEVICE,
    ("OutcomeMessage", "message"): word("which message"),
    ("OutcomeMessage", "code"): word("what became of it"),
    ("OutcomeMessage", "epoch"): _SERIAL,
    ("OutcomeMessage", "seq"): _SERIAL,
}


def leaving_models() -> tuple[type[Message], ...]:
    """Return the messages that leave by MQTT: those of the outbox, and what each connection begins with."""
    return (StatusMessage, DiscoveryMessage, *MODELS.values())


def leaving_fields(model: type[Message]) -> Iterator[tuple[str, str]]:
    """Return the fields of a model, those of the models within it in the place of the field that holds them.

    What can have one value only tells nothing, and is left out.
    """
    for field in msgspec.structs.fields(model):
        if get_origin(field.type) is Literal and len(get_args(field.type)) == 1:
            continue
        within = [part for part in _parts(field.type) if issubclass(part, Message)]
        if within:
            for part in within:
                yield from leaving_fields(part)
        else:
            yield model.__name__, field.name


def egress_facts() -> Facts:
    """Return pairs of a message and what is in it, a pair for each thing."""
    return tuple(_facts())


def _facts() -> Iterator[tuple[Text, Text]]:
    for model in leaving_models():
        yield _MESSAGES.get(model, model.__name__), _WHEN.get(model, "")
        for said in dict.fromkeys(WORDS.get(field, field[1]) for field in leaving_fields(model)):
            yield "", said
    yield "", word("Nothing else. Never what was said, recordings, contacts, pictures or text messages.")
    yield "", word("Calls themselves: your number, the other one and the sound go to your operator.")


def _parts(annotation: object) -> Iterator[type]:
    """Return the classes that a type is made of."""
    if isinstance(annotation, type):
        yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
