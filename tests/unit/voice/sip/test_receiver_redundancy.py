"""What is lost is heard from what other packets hold of it; of redundancy that lies nothing is heard."""

import ctypes
import functools
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import opuslib_next
import pytest

from firmware.voice.sip import native
from tests.lab.listener import LEVEL_TICKS, OPUS_TICKS, RATE_HZ, WAIT_MS, WAITING, Listener, level, levels
from tests.lab.redundancy import G722, redundant
from tests.lab.virtual_line import PACKET_MS, Receiver


@pytest.fixture
def listener() -> Iterator[Listener]:
    """By a codec of levels, with a wait that stays."""
    with levels() as listener:
        yield listener


def test_copies_do_not_take_the_place_of_what_came_itself(listener: Listener) -> None:
    first = listener.settle()
    for number in range(first, first + 10):
        copies = [(2 * LEVEL_TICKS, b"\x7f false"), (LEVEL_TICKS, b"\x7f false")]
        assert listener.put_redundant(number, redundant(copies, level(number)))
        listener.hear(PACKET_MS)
    assert b"\x7f false" not in listener.decoded
    assert listener.line.copied == 0


def test_copies_of_what_has_come_make_no_sound_wait_and_are_not_late() -> None:
    with levels(wait_ms=None) as listener:
        for number in range(200):
            copies = [(back * LEVEL_TICKS, level(number - back)) for back in (4, 2) if number >= back]
            assert listener.put_redundant(number, redundant(copies, level(number)))
            listener.hear(PACKET_MS)
        assert listener.line.wanted_ms < PACKET_MS
        assert (listener.line.late, listener.line.lost, listener.line.copied) == (0, 0, 0)


def test_what_comes_itself_takes_the_place_of_a_copy(listener: Listener) -> None:
    first = listener.settle()
    assert listener.put_redundant(first + 1, redundant([(LEVEL_TICKS, b"\x7f copy")], level(first + 1)))
    listener.put(first, level(first))
    listener.hear(200)
    assert listener.decoded[-2:] == [level(first), level(first + 1)]
    assert listener.line.lost == 0


def test_older_copies_fill_what_is_missing_in_order(listener: Listener) -> None:
    first = listener.settle()
    listener.hear(2 * PACKET_MS)
    copies = [(2 * LEVEL_TICKS, level(first)), (LEVEL_TICKS, level(first + 1))]
    before = listener.line
    assert listener.put_redundant(first + 2, redundant(copies, level(first + 2)))
    listener.hear(PACKET_MS)
    listener.follow((number, level(number)) for number in range(first + 3, first + 10))
    numbers = [int.from_bytes(payload[1:]) for payload in listener.decoded]
    assert numbers == list(range(len(numbers)))
    after = listener.line
    assert (after.concealed, after.copied, after.coarse) == (before.concealed, 2 * RATE_HZ * PACKET_MS // 1000, 0)
    # The line lost them all the same.
    assert (after.lost, after.bursts) == (2, 1)


@functools.cache
def spoken(count: int, expected_loss: int = 0) -> tuple[bytes, ...]:
    """Return something like a voice in packets of 20 ms of Opus."""
    encoder = opuslib_next.Encoder(RATE_HZ, 1, opuslib_next.APPLICATION_VOIP)
    encoder.bitrate = 32_000
    encoder.inband_fec = int(expected_loss > 0)
    encoder.packet_loss_perc = expected_loss
    samples = RATE_HZ * PACKET_MS // 1000
    times = np.arange(count * samples) / RATE_HZ
    pitch = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * times)) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * pitch * harmonic) / harmonic for harmonic in range(1, 12))
    wave = (6000 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * times))).astype("<i2").tobytes()
    return tuple(
        encoder.encode(wave[start : start + 2 * samples], samples) for start in range(0, len(wave), 2 * samples)
    )


def hear_opus(lost: Iterable[int], *, copies: bool, expected_loss: int = 0) -> tuple[bytes, native.Line]:
    """Return what is heard of a voice that loses some packets, and what its receiver tells of it."""
    packets, gone = spoken(250, expected_loss), set(lost)
    with Receiver.of_opus() as receiver:
        receiver.bound(WAIT_MS, WAIT_MS, WAIT_MS)
        listener = Listener(receiver, OPUS_TICKS)
        for number, packet in enumerate(packets):
            # Some wait before anybody asks.
            older = [(back * OPUS_TICKS, packets[number - back]) for back in (2, 1) if copies and number >= back]
            if number not in gone:
                assert listener.put_redundant(number, redundant(older, packet))
            if number < WAITING:
                listener.now_ms += PACKET_MS
            else:
                listener.hear(PACKET_MS)
        return listener.all_heard, listener.line


HAS_LBRR: Final = ctypes.CDLL("libopus.so.0").opus_packet_has_lbrr
LOST: Final = sorted({*range(60, 250, 9), *range(61, 250, 18)} - {249})


def test_what_is_lost_is_heard_from_its_copy_as_if_it_had_not_been_lost() -> None:
    whole, unharmed = hear_opus([], copies=True)
    mended, line = hear_opus(LOST, copies=True)
    assert mended == whole
    assert line.copied == len(LOST) * RATE_HZ * PACKET_MS // 1000
    assert (line.lost, unharmed.lost) == (len(LOST), 0)
    without, line = hear_opus(LOST, copies=False)
    assert without != whole
    assert line.concealed > 0


def likeness(one: bytes, other: bytes) -> float:
    return float(np.corrcoef(np.frombuffer(one, "<i2"), np.frombuffer(other, "<i2"))[0, 1])


def test_what_is_lost_is_heard_from_what_the_next_packet_holds_of_it() -> None:
    packets = spoken(250, expected_loss=20)
    holds_earlier = [number for number in range(60, 250) if HAS_LBRR(packets[number], len(packets[number])) == 1]
    lost = [number - 1 for number in holds_earlier[::6]]
    assert len(lost) > 10
    whole, unharmed = hear_opus([], copies=False, expected_loss=20)
    mended, line = hear_opus(lost, copies=False, expected_loss=20)
    assert line.coarse == len(lost) * RATE_HZ * PACKET_MS // 1000
    assert (line.lost, line.copied) == (len(lost), 0)
    assert line.concealed == unharmed.concealed
    assert len(mended) == len(whole)
    assert likeness(mended, whole) > 0.9


GOOD: Final = {
    "itself alone": redundant([], b"\1"),
    "a copy": redundant([(160, b"\2")], b"\1"),
    "two": redundant([(320, b"\3"), (160, b"\2")], b"\1"),
    "far behind": redundant([(0x3FFF, b"\3"), (800, b"\2")], b"\1"),
    "four": redundant([(160 * back, b"\2") for back in (4, 3, 2, 1)], b"\1"),
    "none yet": redundant([(320, b""), (160, b"")], b"\1"),
    "one yet": redundant([(0, b""), (160, b"\2")], b"\1"),
    "the longest": redundant([(160, bytes(1023))], b"\1"),
    "off by a tick": redundant([(319, b"\3"), (159, b"\2")], b"\1"),
}
BAD: Final = {
    "nothing": b"",
    "a type alone": bytes([G722]),
    "a header alone": redundant([(160, b"\2")], b"\1")[:4],
    "half a header": redundant([(160, b"\2")], b"\1")[:2],
    "no last header": redundant([(160, b"\2")], b"\1")[:4] + bytes([0x80 | G722]),
    "another type": redundant([], b"\1", codec=0),
    "a copy of another type": redundant([(160, b"\2")], b"\1", codec=0)[:4] + redundant([], b"\2\1"),
    "itself of another type": redundant([(160, b"\2")], b"\1")[:4] + redundant([], b"\2\1", codec=0),
    "redundancy within redundancy": redundant([(160, b"\2")], b"\1", codec=97),
    "a copy longer than all": redundant([(160, b"\2" * 9)], b"\1")[:9],
    "nothing but copies": redundant([(160, b"\2" * 9)], b""),
    "five": redundant([(160 * back, b"\2") for back in (5, 4, 3, 2, 1)], b"\1"),
    "of the same time": redundant([(0, b"\2")], b"\1"),
    "of itself's time": redundant([(119, b"\2")], b"\1"),
    "of one time": redundant([(160, b"\2"), (160, b"\3")], b"\1"),
    "of each other's time": redundant([(279, b"\2"), (160, b"\3")], b"\1"),
    "the newer first": redundant([(160, b"\2"), (320, b"\3")], b"\1"),
    "the newer first, with nothing between": redundant([(160, b"\2"), (240, b""), (320, b"\3")], b"\1"),
    "itself too long": redundant([(160, b"\2")], bytes(1501)),
}
OPUS: Final = spoken(4)[3]
ENDLESS: Final = bytes([OPUS[0] | 3, 63]) + bytes(200)  # more than RFC 6716 section 3.2.5 allows: 120 ms
BAD_OPUS: Final = {
    "a copy that lasts too long": redundant([(0x3FFF, ENDLESS)], OPUS),
    "a copy of no frames": redundant([(960, bytes([OPUS[0] | 3, 0]))], OPUS),
    "itself too long": redundant([(960, OPUS)], ENDLESS),
    "itself of no frames": redundant([(960, OPUS)], bytes([OPUS[0] | 3, 0])),
}


@pytest.mark.parametrize("payload", GOOD.values(), ids=GOOD)
def test_good_redundancy_is_taken(listener: Listener, payload: bytes) -> None:
    assert listener.put_redundant(0, payload)
    assert listener.line.refused == 0
    assert listener.hear(WAIT_MS + PACKET_MS)


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_of_redundancy_that_lies_nothing_is_taken(listener: Listener, payload: bytes) -> None:
    assert not listener.put_redundant(0, payload)
    assert listener.line.refused == 1
    assert listener.hear(200) == b""
    assert listener.decoded == []


@pytest.mark.parametrize("payload", BAD_OPUS.values(), ids=BAD_OPUS)
def test_of_redundancy_with_something_that_is_no_opus_nothing_is_taken(payload: bytes) -> None:
    with Receiver.of_opus() as receiver:
        listener = Listener(receiver, OPUS_TICKS)
        assert not listener.put_redundant(0, payload)
        assert listener.line.refused == 1
        assert listener.hear(200) == b""


@pytest.mark.parametrize("length", range(len(GOOD["two"])))
def test_redundancy_that_is_cut_off_is_refused(listener: Listener, length: int) -> None:
    assert not listener.put_redundant(0, GOOD["two"][:length])
    assert listener.hear(200) == b""
