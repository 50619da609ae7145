import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.sync.broker import MAX_PACKET_BYTES
from mqtt.packets import HostilePacketError, Message, PacketReader
from tests.lab.hand_made_broker import publish

ANSWERS = b"\x20\x03\x00\x00\x00", b"\x90\x06\x00\x01\x00\x01\x01\x01", b"\x40\x02\x00\x01", b"\xd0\x00"
GOODBYE = b"\xe0\x00"
LONG = bytes(MAX_PACKET_BYTES - 20)
GOOD = b"".join((*ANSWERS, publish(b"a/policy", LONG), publish(b"a/ack", b"", qos=0), GOODBYE))


@given(st.lists(st.integers(0, len(GOOD)), max_size=20))
def test_messages_and_all_else_come_apart_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    reader = PacketReader(MAX_PACKET_BYTES)
    places = [0, *sorted(cuts), len(GOOD)]
    for first, last in itertools.pairwise(places):
        reader.feed(GOOD[first:last])
    assert list(reader.messages) == [Message("a/policy", LONG, 1, 1), Message("a/ack", b"", 0, 0)]
    assert bytes(reader.others) == b"".join((*ANSWERS, GOODBYE))


OF_A_USER = b"\x26\x00\x01k\x00\x7f" + bytes(127)
ALL = b"\x01\x01" + b"\x02" + bytes(4) + b"\x23\x00\x01" + b"".join(b"%c\x00\x01x" % kind for kind in (3, 8, 9))


def with_properties(properties: bytes) -> bytes:
    body = b"\x00\x01a" + b"\x00\x07" + bytes([0x80 | len(properties) & 0x7F, len(properties) >> 7]) + properties
    return b"\x3b" + bytes([0x80 | len(body) + 2 & 0x7F, len(body) + 2 >> 7]) + body + b"hi"


@pytest.mark.parametrize(
    ("properties", "subscription"),
    [(OF_A_USER, 0), (ALL, 0), (b"\x0b\x05", 5), (OF_A_USER + ALL + b"\x0b\x81\x01", 129), (b"\x0b\x02\x0b\x03", 2)],
)
def test_of_the_properties_of_a_message_it_takes_the_subscription(properties: bytes, subscription: int) -> None:
    reader = PacketReader()
    reader.feed(with_properties(properties))
    assert list(reader.messages) == [Message("a", b"hi", 7, 1, subscription)]


@pytest.mark.parametrize("properties", [b"\x00", b"\x11" + bytes(4), OF_A_USER[:-1], ALL[:-1], b"\x0b", b"\x0b\x80"])
def test_a_message_with_properties_that_are_none_is_refused(properties: bytes) -> None:
    with pytest.raises(HostilePacketError):
        PacketReader().feed(with_properties(properties))


def test_a_topic_that_is_no_text_is_none() -> None:
    reader = PacketReader()
    reader.feed(publish(b"\xff", b"hi"))
    assert [message.topic for message in reader.messages] == [""]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x00\x02a",
        b"\x00\x01a",
        b"\x00\x01a\x00",
        b"\x00\x01a\x00\x07",
        b"\x00\x01a\x00\x07\x01",
        b"\x00\x01a\x00\x07\x80",
        b"\x00\x01a\x00\x07\x80\x80\x80\x80\x01hi",
    ],
    ids=lambda body: body.hex(),
)
def test_a_message_that_ends_too_early_is_refused(body: bytes) -> None:
    with pytest.raises(HostilePacketError):
        PacketReader().feed(b"\x32" + bytes([len(body)]) + body)


def test_what_is_too_long_or_may_not_come_is_refused_at_its_head(subtests: pytest.Subtests) -> None:
    for packet in (
        b"\x30\xff\xff\xff\x7f",
        b"\x30\x80\x80\x80\x80",
        b"\x20\xff\xff\x03",
        publish(b"a/policy", bytes(MAX_PACKET_BYTES)),
        publish(b"a/policy", b"", qos=2),
        b"\x36\x00",
        b"\x62\x02\x00\x01",
        b"\x50\x02\x00\x01",
        b"\xf0\x00",
        b"\x10\x00",
        b"\x00\x00",
    ):
        for before in (b"", b"\xd0\x00", GOOD):
            with subtests.test(packet=packet, before=before):
                reader = PacketReader(MAX_PACKET_BYTES)
                reader.feed(before)
                with pytest.raises(HostilePacketError):
                    reader.feed(packet[:5])


@given(st.binary(max_size=2000))
def test_whatever_comes_is_followed_or_refused(data: bytes) -> None:
    with suppress(HostilePacketError):
        PacketReader(MAX_PACKET_BYTES).feed(data)
