"""What Home Assistant finds a handset by: which topics there are and how to read them, and nothing of what is in them.

The same text from every handset but for its names, in the words of Home Assistant's device discovery. What it points to
leaves anyway, or does not leave without consent; it says nothing itself.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from firmware.egress.messages import HandsetName, Message, OutcomeCode, Topic, handset_name, topic_name
from firmware.phone.call import DisconnectReason

_Option = TypeVar("_Option", bound=StrEnum)

_LEVEL: Final = "[a-z0-9][a-z0-9-]{0,63}"
_OURS: Final = f"^wecall/v1/{_LEVEL}/{_LEVEL}"
_MAX_TOPIC_LENGTH: Final = 150

UniqueId = Annotated[str, Field(min_length=8, max_length=96, pattern=rf"^wecall_{_LEVEL}(_[a-z_]{{1,16}})?$")]
"""A handset among the devices of all makers, and with one more word one of its entities."""

StatusTopic = Annotated[str, Field(max_length=_MAX_TOPIC_LENGTH, pattern=f"{_OURS}/status$")]
CdrTopic = Annotated[str, Field(max_length=_MAX_TOPIC_LENGTH, pattern=f"{_OURS}/cdr$")]
ConsentTopic = Annotated[str, Field(max_length=_MAX_TOPIC_LENGTH, pattern=f"{_OURS}/consent$")]
OutcomeTopic = Annotated[str, Field(max_length=_MAX_TOPIC_LENGTH, pattern=f"{_OURS}/outcome$")]


def _all_in_order(options: tuple[_Option, ...]) -> tuple[_Option, ...]:
    if options != tuple(type(options[0])):
        raise ValueError("every value is named, in its order")
    return options


CallResults = Annotated[
    tuple[DisconnectReason, ...],
    Field(min_length=len(DisconnectReason), max_length=len(DisconnectReason)),
    AfterValidator(_all_in_order),
]
"""Every result that a call can have: Home Assistant drops values that it was not told of."""

OutcomeCodes = Annotated[
    tuple[OutcomeCode, ...],
    Field(min_length=len(OutcomeCode), max_length=len(OutcomeCode)),
    AfterValidator(_all_in_order),
]
"""Likewise, of outcomes."""


class Template(StrEnum):
    """How Home Assistant gets a state out of a message, in Jinja.

    Where a topic is cleared it gets an empty message, which is no JSON; what it makes of that must be no warning.
    """

    PRESENCE = "{{ value_json.state if value_json is defined else none }}"
    LAST_CALL = "{{ (value_json.records | last).result }}"
    CALLS_ARE_AGREED_TO = (
        "{{ 'online' if value_json is defined and value_json.purposes | selectattr('granted')"
        " | selectattr('purpose', 'eq', 'cdr_sync') | list else 'offline' }}"
    )
    CONSENTS = "{{ value_json.purposes | selectattr('granted') | list | count if value_json is defined else none }}"
    ANSWERS = (
        "{{ dict(zip(value_json.purposes | map(attribute='purpose'), value_json.purposes | map(attribute='granted')))"
        " | to_json if value_json is defined else '{}' }}"
    )
    LAST_OUTCOME = "{{ value_json.code }}"


class DeviceDescription(Message):
    """What the entities belong to."""

    identifiers: tuple[UniqueId]
    name: HandsetName
    manufacturer: Literal["WeCall"] = "WeCall"
    model: Literal["WeCall Handset"] = "WeCall Handset"


class Origin(Message):
    """What says so: this firmware."""

    name: Literal["wecall-handset"] = "wecall-handset"


class PresenceEntity(Message):
    """Whether the handset is connected."""

    platform: Literal["binary_sensor"] = "binary_sensor"
    unique_id: UniqueId
    name: Literal["Online"] = "Online"
    device_class: Literal["connectivity"] = "connectivity"
    state_topic: StatusTopic
    value_template: Literal[Template.PRESENCE] = Template.PRESENCE
    payload_on: Literal["online"] = "online"
    payload_off: Literal["offline"] = "offline"


class LastCallEntity(Message):
    """How the last call ended of which there is a record; there to be seen only while the holder agrees to records."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Last call"] = "Last call"
    device_class: Literal["enum"] = "enum"
    icon: Literal["mdi:phone-log"] = "mdi:phone-log"
    options: CallResults = tuple(DisconnectReason)
    state_topic: CdrTopic
    value_template: Literal[Template.LAST_CALL] = Template.LAST_CALL
    availability_topic: ConsentTopic
    availability_template: Literal[Template.CALLS_ARE_AGREED_TO] = Template.CALLS_ARE_AGREED_TO


class ConsentEntity(Message):
    """To how many purposes the holder says yes; the answer to each is an attribute."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Consents"] = "Consents"
    icon: Literal["mdi:shield-account"] = "mdi:shield-account"
    state_topic: ConsentTopic
    value_template: Literal[Template.CONSENTS] = Template.CONSENTS
    json_attributes_topic: ConsentTopic
    json_attributes_template: Literal[Template.ANSWERS] = Template.ANSWERS


class OutcomeEntity(Message):
    """What became of the operator's last message."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Last outcome"] = "Last outcome"
    device_class: Literal["enum"] = "enum"
    entity_category: Literal["diagnostic"] = "diagnostic"
    icon: Literal["mdi:email-check"] = "mdi:email-check"
    options: OutcomeCodes = tuple(OutcomeCode)
    state_topic: OutcomeTopic
    value_template: Literal[Template.LAST_OUTCOME] = Template.LAST_OUTCOME


class Components(Message):
    """The entities: a handful for a handset, and none for a call."""

    online: PresenceEntity
    last_call: LastCallEntity
    consents: ConsentEntity
    last_outcome: OutcomeEntity


class DiscoveryMessage(Message):
    """What goes to the topic `homeassistant/device/<device>/config`, retained."""

    device: DeviceDescription
    origin: Origin = Origin()
    qos: Literal[1] = 1
    components: Components

    @model_validator(mode="after")
    def _speaks_of_one_handset(self) -> Self:
        device = self.device.name
        _, _, fleet, *_ = self.components.online.state_topic.split("/")
        if self.device != _device(device) or self.components != _components(fleet, device):
            raise ValueError("each name and each topic is this handset's")
        return self


def discovery(fleet: str, device: str) -> DiscoveryMessage:
    """Return what a handset tells Home Assistant.

    Raises:
        pydantic.ValidationError: a name is not one level of a topic.
    """
    return DiscoveryMessage(device=_device(device), components=_components(fleet, device))


def discovery_topic(device: str) -> str:
    """Return the topic of that.

    Raises:
        pydantic.ValidationError: the name is not one level of a topic.
    """
    return f"homeassistant/device/{handset_name(device)}/config"


def _device(device: str) -> DeviceDescription:
    return DeviceDescription(identifiers=(f"wecall_{device}",), name=device)


def _components(fleet: str, device: str) -> Components:
    consent_topic = topic_name(fleet, device, Topic.CONSENT)
    return Components(
        online=PresenceEntity(unique_id=f"wecall_{device}_online", state_topic=topic_name(fleet, device, Topic.STATUS)),
        last_call=LastCallEntity(
            unique_id=f"wecall_{device}_last_call",
            state_topic=topic_name(fleet, device, Topic.CDR),
            availability_topic=consent_topic,
        ),
        consents=ConsentEntity(
            unique_id=f"wecall_{device}_consents", state_topic=consent_topic, json_attributes_topic=consent_topic
        ),
        last_outcome=OutcomeEntity(
            unique_id=f"wecall_{device}_last_outcome", state_topic=topic_name(fleet, device, Topic.OUTCOME)
        ),
    )
