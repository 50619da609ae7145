"""What a relay saw of a device, packet by packet, and that nothing is in it but what may be."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from contract.consent import Purpose
from contract.discovery import discovery
from firmware.sync.broker import MAX_PACKET_BYTES
from tests.lab.mqtt_packets import Connect, Packet, PacketType, Publish, packets_in, read_connect, read_publish
from tests.lab.relay import Relay, Way
from tests.lab.sync_site import DEVICE, PREFIX

RECORD_FIELDS: Final = {
    "id", "device", "account", "direction", "number", "started_at", "answered_at", "ended_at", "result", "sip_code",
    "clock_quality", "epoch", "seq",
}  # fmt: skip
CONSENT_FIELDS: Final = {
    "device", "purposes", "policy_version", "ledger_entries", "ledger_head", "ledger_intact", "requests", "epoch",
    "seq",
}  # fmt: skip
ERASURE_FIELDS: Final = {"device", "reason", "cancelled", "records", "epoch", "seq"}
OUTCOME_FIELDS: Final = {"device", "message", "code", "epoch", "seq"}
SCHEMAS: Final = Path(__file__).parents[2] / "fleet" / "schemas"

DISCOVERY_TOPIC: Final = f"homeassistant/device/{DEVICE}/config"
DISCOVERY_PAYLOAD: Final = discovery("lab", DEVICE).written()
"""Always these bytes, so that nothing of a holder's can be in them."""

SENT_TYPES: Final = {
    PacketType.CONNECT, PacketType.SUBSCRIBE, PacketType.PUBLISH, PacketType.PUBACK, PacketType.PINGREQ,
    PacketType.DISCONNECT,
}  # fmt: skip

# No properties, then each topic with its length before it and its options, QoS 1, behind it.
SUBSCRIPTION: Final = b"\x00" + b"".join(
    len(name).to_bytes(2, "big") + name + b"\x01"
    for name in (f"{PREFIX}/{topic}".encode() for topic in ("ack", "policy", "notice", "answer", "update", "bundle"))
)


@cache
def schema_of(kind: str) -> Draft202012Validator:
    """Return what others are told of a kind of message."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{kind}.schema.json").read_text()))


class Capture:
    """What the relay saw of the device, packet by packet."""

    def __init__(self, relay: Relay) -> None:
        self.raw = relay.bytes_that_went(Way.TO_BROKER)
        self.connections = [
            list(packets_in(recording.bytes_that_went(Way.TO_BROKER))) for recording in relay.recordings
        ]

    @property
    def packets(self) -> Iterator[Packet]:
        return (packet for packets in self.connections for packet in packets)

    @property
    def connects(self) -> list[Connect]:
        return [read_connect(packet) for packet in self.packets if packet.type is PacketType.CONNECT]

    @property
    def publishes(self) -> list[Publish]:
        return [read_publish(packet) for packet in self.packets if packet.type is PacketType.PUBLISH]

    def documents(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(publish.payload) for publish in self.publishes if publish.topic == f"{PREFIX}/{topic}"]

    @property
    def is_granted(self) -> list[bool]:
        """What each state of consent says of call records."""
        return [
            answer["granted"]
            for document in self.documents("consent")
            for answer in document["purposes"]
            if answer["purpose"] == Purpose.CDR_SYNC
        ]

    @property
    def erased(self) -> set[str]:
        """The calls whose records the handset has asked to delete."""
        ranges = [each for document in self.documents("erasure") for each in document["records"]]
        return {
            record["id"]
            for document in self.documents("cdr")
            for record in document["records"]
            if any(
                each["epoch"] == record["epoch"] and each["first"] <= record["seq"] <= each["last"] for each in ranges
            )
        }

    @property
    def calls(self) -> set[str]:
        return {record["id"] for document in self.documents("cdr") for record in document["records"]}


def check_connections(capture: Capture) -> None:
    """See that each connection is of allowed packets, and that those hold nothing but what they must."""
    assert any(capture.connections)
    for packets in capture.connections:
        # One that is cut before it has said anything has none.
        assert not packets or packets[0].type is PacketType.CONNECT
        assert {packet.type for packet in packets} <= SENT_TYPES
    for connect in capture.connects:
        assert connect == Connect(
            client_id=DEVICE, keep_alive_s=120, clean_start=True, will_topic=f"{PREFIX}/status",
            will_payload=b'{"state":"offline"}', will_retain=True, will_qos=1, username=None, password=None,
            properties={"ReceiveMaximum": 4, "MaximumPacketSize": MAX_PACKET_BYTES}, will_properties={},
        )  # fmt: skip
    for packet in capture.packets:
        if packet.type is PacketType.SUBSCRIBE:
            assert packet.body[2:] == SUBSCRIPTION
        if packet.type in {PacketType.PINGREQ, PacketType.DISCONNECT}:
            assert len(packet.body) <= 1, "more than a reason code"
        if packet.type is PacketType.PUBACK:
            assert len(packet.body) <= 3, "more than a packet's number and a reason code"


def check_publishes(capture: Capture) -> None:
    """See that each message is of an allowed topic and has its fields and no others."""
    for publish in capture.publishes:
        if publish.topic == DISCOVERY_TOPIC:
            assert publish.payload == DISCOVERY_PAYLOAD
            schema_of("discovery").validate(json.loads(publish.payload))
            assert (publish.qos, publish.retain, publish.properties) == (1, True, {})
            continue
        topic = publish.topic.removeprefix(f"{PREFIX}/")
        assert topic in {"status", "cdr", "consent", "erasure", "outcome"}
        assert (publish.qos, publish.retain, publish.properties) == (1, topic in {"status", "consent"}, {})
        schema_of(topic).validate(json.loads(publish.payload))
    for document in capture.documents("status"):
        assert document in ({"state": "online"}, {"state": "no_line"}, {"state": "offline"})
    for document in capture.documents("consent"):
        assert set(document) == CONSENT_FIELDS
        assert all(set(answer) == {"purpose", "granted", "since"} for answer in document["purposes"])
    for document in capture.documents("erasure"):
        assert set(document) == ERASURE_FIELDS
        assert all(set(each) == {"epoch", "first", "last"} for each in document["records"])
    for document in capture.documents("outcome"):
        assert set(document) == OUTCOME_FIELDS
