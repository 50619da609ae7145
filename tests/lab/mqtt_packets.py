"""Reads MQTT 5 packets out of a stream of bytes, and complains about every byte that it cannot account for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


class PacketType(IntEnum):
    """MQTT 5 section 2.1.2."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(frozen=True, slots=True)
class Packet:
    """Any packet: its type, the flags of its first byte, and what follows its length."""

    type: PacketType
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """All that a CONNECT holds."""

    client_id: str
    keep_alive_s: int
    clean_start: bool
    will_topic: str | None
    will_payload: bytes | None
    will_retain: bool
    will_qos: int
    username: str | None
    password: bytes | None
    properties: dict[str, Any]
    will_properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Publish:
    """All that a PUBLISH holds."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_id: int
    properties: dict[str, Any]


_VARIABLE_LENGTH_BYTES: Final = 4


def packets_in(stream: bytes) -> Iterator[Packet]:
    """Return the packets of one connection, one way; the last may be cut off."""
    reader = _Reader(stream)
    while reader.rest:
        try:
            first = reader.byte()
            body = reader.take(reader.variable_length())
        except EOFError:
            return
        yield Packet(PacketType(first >> 4), first & 0x0F, body)


def read_connect(packet: Packet) -> Connect:
    """Read a CONNECT (MQTT 5 section 3.1)."""
    assert packet.type is PacketType.CONNECT
    reader = _Reader(packet.body)
    assert reader.text() == "MQTT"
    assert reader.byte() == 5
    flags = reader.byte()
    keep_alive_s = reader.number()
    properties = reader.properties(PacketTypes.CONNECT)
    client_id = reader.text()
    has_will = bool(flags & 0x04)
    connect = Connect(
        client_id=client_id,
        keep_alive_s=keep_alive_s,
        clean_start=bool(flags & 0x02),
        will_properties=reader.properties(PacketTypes.WILLMESSAGE) if has_will else {},
        will_topic=reader.text() if has_will else None,
        will_payload=reader.binary() if has_will else None,
        will_retain=bool(flags & 0x20),
        will_qos=flags >> 3 & 0x03,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        properties=properties,
    )
    assert not reader.rest
    return connect


def read_publish(packet: Packet) -> Publish:
    """Read a PUBLISH (MQTT 5 section 3.3)."""
    assert packet.type is PacketType.PUBLISH
    reader = _Reader(packet.body)
    qos = packet.flags >> 1 & 0x03
    topic = reader.text()
    packet_id = reader.number() if qos else 0
    properties = reader.properties(PacketTypes.PUBLISH)
    return Publish(topic, reader.rest, qos, bool(packet.flags & 0x01), packet_id, properties)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, length: int) -> bytes:
        if length > len(self.rest):
            raise EOFError
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def variable_length(self) -> int:
        value = 0
        for position in range(_VARIABLE_LENGTH_BYTES):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * position
            if not byte & 0x80:
                return value
        raise ValueError("a length of more than four bytes")

    def binary(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.binary().decode()

    def properties(self, packet_type: int) -> dict[str, Any]:
        properties = Properties(packet_type)  # type: ignore[no-untyped-call]
        _, length = properties.unpack(self.rest)  # type: ignore[no-untyped-call]
        self.take(length)
        names: dict[str, Any] = properties.json()  # type: ignore[no-untyped-call]
        return names
