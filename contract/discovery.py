"""What Home Assistant finds a handset by: which topics there are and how to read them, and nothing of what is in them.

The same text from every handset but for its names, in the words of Home Assistant's device discovery. What it points to
leaves anyway, or does not leave without consent; it says nothing itself.
"""

from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta

from contract.calls import DisconnectReason
from contract.messages import HandsetName, Message, Topic, handset_name, topic_name
from contract.results import OutcomeCode

_LEVEL: Final = "[a-z0-9][a-z0-9-]{0,63}"
_OURS: Final = f"^wecall/v1/{_LEVEL}/{_LEVEL}"
_MAX_TOPIC_LENGTH: Final = 150

UniqueId = Annotated[str, Meta(min_length=8, max_length=96, pattern=rf"^wecall_{_LEVEL}(_[a-z_]{{1,16}})?\Z")]
"""A handset among the devices of all makers, and with one more word one of its entities."""

StatusTopic = Annotated[str, Meta(max_length=_MAX_TOPIC_LENGTH, pattern=rf"{_OURS}/status\Z")]
CdrTopic = Annotated[str, Meta(max_length=_MAX_TOPIC_LENGTH, pattern=rf"{_OURS}/cdr\Z")]
ConsentTopic = Annotated[str, Meta(max_length=_MAX_TOPIC_LENGTH, pattern=rf"{_OURS}/consent\Z")]
OutcomeTopic = Annotated[str, Meta(max_length=_MAX_TOPIC_LENGTH, pattern=rf"{_OURS}/outcome\Z")]


CallResults = Annotated[
    tuple[DisconnectReason, ...],
    Meta(min_length=len(DisconnectReason), max_length=len(DisconnectReason)),
]
"""Every result that a call can have: Home Assistant drops values that it was not told of."""

OutcomeCodes = Annotated[
    tuple[OutcomeCode, ...],
    Meta(min_length=len(OutcomeCode), max_length=len(OutcomeCode)),
]
"""Likewise, of outcomes."""


# How Home Assistant gets a state out of a message, in Jinja. Where a topic is cleared it gets an empty message, which
# is no JSON; what it makes of that must be no warning.
PresenceTemplate = Literal[
    "{{ ('offline' if value_json.state == 'offline' else 'online') if value_json is defined else none }}"
]
LineTemplate = Literal[
    "{{ value_json.state if value_json is defined and value_json.state in ['online', 'no_line'] else none }}"
]
LastCallTemplate = Literal["{{ (value_json.records | last).result }}"]
CallsAreAgreedToTemplate = Literal[
    "{{ 'online' if value_json is defined and value_json.purposes | selectattr('granted')"
    " | selectattr('purpose', 'eq', 'cdr_sync') | list else 'offline' }}"
]
ConsentsTemplate = Literal[
    "{{ value_json.purposes | selectattr('granted') | list | count if value_json is defined else none }}"
]
AnswersTemplate = Literal[
    "{{ dict(zip(value_json.purposes | map(attribute='purpose'), value_json.purposes | map(attribute='granted')))"
    " | to_json if value_json is defined else '{}' }}"
]
LastOutcomeTemplate = Literal["{{ value_json.code }}"]


def _only(kind: Any) -> Any:
    """Return the one value that a type has."""
    (value,) = get_args(kind)
    return value


class DeviceDescription(Message, kw_only=True):
    """What the entities belong to."""

    identifiers: tuple[UniqueId]
    name: HandsetName
    manufacturer: Literal["WeCall"] = "WeCall"
    model: Literal["WeCall Handset"] = "WeCall Handset"


class Origin(Message):
    """What says so: this firmware."""

    name: Literal["wecall-handset"] = "wecall-handset"


class PresenceEntity(Message, kw_only=True):
    """Whether the handset is connected, with a line or without."""

    platform: Literal["binary_sensor"] = "binary_sensor"
    unique_id: UniqueId
    name: Literal["Online"] = "Online"
    device_class: Literal["connectivity"] = "connectivity"
    state_topic: StatusTopic
    value_template: PresenceTemplate = _only(PresenceTemplate)
    payload_on: Literal["online"] = "online"
    payload_off: Literal["offline"] = "offline"


class LineEntity(Message, kw_only=True):
    """Whether a connected handset has no account that can call, which is a problem; unknown of one that is away."""

    platform: Literal["binary_sensor"] = "binary_sensor"
    unique_id: UniqueId
    name: Literal["Line"] = "Line"
    device_class: Literal["problem"] = "problem"
    state_topic: StatusTopic
    value_template: LineTemplate = _only(LineTemplate)
    payload_on: Literal["no_line"] = "no_line"
    payload_off: Literal["online"] = "online"


class LastCallEntity(Message, kw_only=True):
    """How the last call ended of which there is a record; there to be seen only while the holder agrees to records."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Last call"] = "Last call"
    device_class: Literal["enum"] = "enum"
    icon: Literal["mdi:phone-log"] = "mdi:phone-log"
    options: CallResults = tuple(DisconnectReason)
    state_topic: CdrTopic
    value_template: LastCallTemplate = _only(LastCallTemplate)
    availability_topic: ConsentTopic
    availability_template: CallsAreAgreedToTemplate = _only(CallsAreAgreedToTemplate)


class ConsentEntity(Message, kw_only=True):
    """To how many purposes the holder says yes; the answer to each is an attribute."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Consents"] = "Consents"
    icon: Literal["mdi:shield-account"] = "mdi:shield-account"
    state_topic: ConsentTopic
    value_template: ConsentsTemplate = _only(ConsentsTemplate)
    json_attributes_topic: ConsentTopic
    json_attributes_template: AnswersTemplate = _only(AnswersTemplate)


class OutcomeEntity(Message, kw_only=True):
    """What became of the operator's last message."""

    platform: Literal["sensor"] = "sensor"
    unique_id: UniqueId
    name: Literal["Last outcome"] = "Last outcome"
    device_class: Literal["enum"] = "enum"
    entity_category: Literal["diagnostic"] = "diagnostic"
    icon: Literal["mdi:email-check"] = "mdi:email-check"
    options: OutcomeCodes = tuple(OutcomeCode)
    state_topic: OutcomeTopic
    value_template: LastOutcomeTemplate = _only(LastOutcomeTemplate)


class Components(Message):
    """The entities: a handful for a handset, and none for a call."""

    online: PresenceEntity
    line: LineEntity
    last_call: LastCallEntity
    consents: ConsentEntity
    last_outcome: OutcomeEntity


class DiscoveryMessage(Message, kw_only=True):
    """What goes to the topic `homeassistant/device/<device>/config`, retained."""

    device: DeviceDescription
    origin: Origin = Origin()
    qos: Literal[1] = 1
    components: Components

    def __post_init__(self) -> None:
        device = self.device.name
        _, _, fleet, *_ = self.components.online.state_topic.split("/")
        if self.device != _device(device) or self.components != _components(fleet, device):
            raise ValueError("each name and each topic is this handset's")


def discovery(fleet: str, device: str) -> DiscoveryMessage:
    """Return what a handset tells Home Assistant.

    Raises:
        ValueError: a name is not one level of a topic.
    """
    return DiscoveryMessage(device=_device(device), components=_components(fleet, device))


def discovery_topic(device: str) -> str:
    """Return the topic of that.

    Raises:
        ValueError: the name is not one level of a topic.
    """
    return f"homeassistant/device/{handset_name(device)}/config"


def _device(device: str) -> DeviceDescription:
    return DeviceDescription(identifiers=(f"wecall_{device}",), name=device)


def _components(fleet: str, device: str) -> Components:
    consent_topic = topic_name(fleet, device, Topic.CONSENT)
    status_topic = topic_name(fleet, device, Topic.STATUS)
    return Components(
        online=PresenceEntity(unique_id=f"wecall_{device}_online", state_topic=status_topic),
        line=LineEntity(unique_id=f"wecall_{device}_line", state_topic=status_topic),
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
