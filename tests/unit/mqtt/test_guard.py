import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.sync.broker import MAX_PACKET_BYTES
from mqtt.guard import HostilePacketError, PacketGuard
from tests.lab.hand_made_broker import publish

GOOD = b"".join(
    (
        b"\x20\x03\x00\x00\x00",
        b"\x90\x06\x00\x01\x00\x01\x01\x01",
        b"\x40\x02\x00\x01",
        b"\xd0\x00",
        publish(b"a/policy", bytes(MAX_PACKET_BYTES - 20)),
        publish(b"a/ack", b"", qos=0),
        b"\xe0\x00",
    )
)


@given(st.lists(st.integers(0, len(GOOD)), max_size=20))
def test_what_a_broker_may_send_passes_in_whatever_pieces_it_comes(cuts: list[int]) -> None:
    guard = PacketGuard(MAX_PACKET_BYTES)
    places = [0, *sorted(cuts), len(GOOD)]
    for first, last in itertools.pairwise(places):
        guard.feed(GOOD[first:last])


@pytest.mark.parametrize(
    "packet",
    [
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
    ],
    ids=lambda packet: packet[:5].hex(),
)
@pytest.mark.parametrize("before", [b"", b"\xd0\x00", GOOD])
def test_what_is_too_long_or_may_not_come_is_refused_at_its_head(packet: bytes, before: bytes) -> None:
    guard = PacketGuard(MAX_PACKET_BYTES)
    guard.feed(before)
    with pytest.raises(HostilePacketError):
        guard.feed(packet[:5])


@given(st.binary(max_size=2000))
def test_whatever_comes_is_followed_or_refused(data: bytes) -> None:
    with suppress(HostilePacketError):
        PacketGuard(MAX_PACKET_BYTES).feed(data)
