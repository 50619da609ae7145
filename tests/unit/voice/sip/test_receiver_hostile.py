"""Whatever a peer sends, a receiver stays within its memory and its time, and goes on to play."""

import ctypes
import functools
import math
import random
import time
from collections.abc import Callable
from typing import Final

import opuslib_next
import pytest

from tests.lab import chance
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.redundancy import G722, redundant
from tests.lab.virtual_line import Receiver

RATE_HZ: Final = 16_000
LONGEST_CALL_S: Final = 0.25
MOST_BYTES: Final = 1500
# Each receiver hears so much, so that what went wrong begins anew.
LIFE: Final = 200
SIZES: Final = (0, 1, 2, 3, 20, 80, 159, 160, 161, 320, 1023, 1024, 1275, 1276, 1499, 1500, 1501, 4000)


@functools.cache
def packets() -> tuple[bytes, ...]:
    """Return Opus of each length that the encoder has, by both of its layers, with what holds earlier ones."""
    made = []
    for rate, application in ((8_000, "voip"), (16_000, "voip"), (48_000, "audio")):
        for length_ms in (2.5, 5, 10, 20, 40, 60):
            encoder = opuslib_next.Encoder(rate, 1, application)
            encoder.bitrate = 32_000
            encoder.inband_fec = 1
            encoder.packet_loss_perc = 25
            samples = round(rate * length_ms / 1000)
            noise = random.Random(1).randbytes(2 * samples * 8)
            made += [encoder.encode(noise[2 * samples * at :][: 2 * samples], samples) for at in range(8)]
    return tuple(made)


def opus(rng: random.Random) -> bytes:
    """Return a packet of RFC 6716, or nearly so: frames of each length and count, and padding that lies."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(packets())
    if kind == 1:
        packet = bytearray(rng.choice(packets()))
        for _ in range(rng.randrange(1, 4)):
            packet[rng.randrange(min(len(packet), 8))] = rng.randrange(256)
        return bytes(packet)
    content = rng.randbytes(rng.choice(SIZES))
    if kind == 2:
        count = bytes([rng.randrange(256)])
        padding = bytes([255]) * rng.choice((0, 0, 1, 3, 6, 1400)) + bytes([rng.randrange(256)])
        return (bytes([rng.randrange(256) | 3]) + count + padding + content)[:2000]
    return bytes([rng.randrange(256)]) + content


def whims(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice(SIZES))


def in_redundancy(rng: random.Random, payload: Callable[[random.Random], bytes]) -> bytes:
    """Return a payload of RFC 2198, or nearly so."""
    step = rng.choice((1, 40, 160, 320, 960, 1920))
    copies = [
        (min(0x3FFF, step * back), payload(rng)[:1023]) for back in range(rng.choice((0, 1, 2, 2, 2, 3, 4, 5)), 0, -1)
    ]
    if rng.randrange(8) == 0:
        rng.shuffle(copies)
    whole = bytearray(redundant(copies, payload(rng), rng.choice((G722,) * 7 + (0, 97))))
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        at = rng.randrange(min(len(whole) + 1, 16))
        whole[at : at + rng.choice((0, 1, 1, 1, 4))] = rng.randbytes(rng.choice((0, 1, 1, 1, 4)))
    return bytes(whole[: rng.choice((len(whole), len(whole), len(whole), rng.randrange(len(whole) + 1)))])


class Besieged:
    """A receiver with a clock, which a peer does to as it likes."""

    def __init__(self, receiver: Receiver, rng: random.Random, payload: Callable[[random.Random], bytes]) -> None:
        self._receiver, self._rng, self._payload = receiver, rng, payload
        self._now_ms = rng.choice((0.0, 1e3, 1e10))
        self._timestamp = rng.getrandbits(32)
        self._played = 0
        self._most_ms = 300.0

    def do_something(self) -> None:
        """Let something come, or be asked for."""
        rng = self._rng
        began_s = time.thread_time()
        what = rng.randrange(32)
        if what < 12:
            self._get(rng.choice((160, 160, 160, 160, 80, 320, 1, 0, 960, 3200, 3201, 100_000)))
        elif what < 20:
            self._receiver.put(self._now_ms, self._next_timestamp(), self._payload(rng))
        elif what < 30:
            packet = in_redundancy(rng, self._payload)
            self._receiver.put_redundant(self._now_ms, self._next_timestamp(), packet, G722)
        elif what == 30:
            rng.choice((self._receiver.say_silence, self._receiver.restart, self._bound))()
        else:
            self._now_ms += rng.choice((-50.0, 1.0, 200.0, 2000.0, 1e8))
        self._look()
        assert time.thread_time() - began_s < LONGEST_CALL_S

    def _next_timestamp(self) -> int:
        rng = self._rng
        self._timestamp += rng.choice((
            160, 160, 160, 160, 960, 960, 960, 0, -160, 1, -1, 320, 7, 100_000, -100_000, 0x7FFFFFFF, 0x80000000,
            rng.getrandbits(32),
        ))  # fmt: skip
        return self._timestamp & 0xFFFFFFFF

    def _bound(self) -> None:
        least, most = self._rng.choice(((0, 300), (100, 100), (500, 0), (0, 0), (0, 100_000)))
        self._receiver.bound(least, most, self._rng.choice((0, 50, 1e9)))
        self._most_ms = max(least, most)

    def _get(self, samples: int) -> None:
        made = self._receiver.get(self._now_ms, samples)
        assert len(made) in {0, 2 * samples}
        self._played += len(made) // 2
        self._now_ms += 1000 * samples / RATE_HZ + self._rng.choice((0, 0, 0, 3, -3))

    def come_to_reason(self) -> None:
        """Send as a good peer does, and see that it is heard."""
        self._receiver.bound(0, 100, 40)
        good = packets()[8 * 9] if self._payload is opus else bytes([32]) * 4
        for number in range(120):
            self._receiver.put(self._now_ms, self._timestamp + number * (960 if self._payload is opus else 160), good)
            self._get(160)
            self._get(160)
            self._now_ms = round(self._now_ms / 20) * 20.0
        before = self._receiver.look()
        assert before.played > 0
        assert before.wait_ms < 2000

    def _look(self) -> None:
        line = self._receiver.look()
        assert line.played == self._played
        assert line.lost <= line.frames
        assert line.bursts <= line.lost
        assert line.gaps < 1 << 32
        assert max(line.concealed, line.copied, line.coarse, line.squeezed, line.stretched) < 1 << 40
        assert math.isfinite(line.wait_ms)
        assert 0 <= line.wanted_ms <= self._most_ms


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("begin", "payload"), [(Receiver.of_opus, opus), (Receiver.of_whims, whims)], ids=["opus", "whims"]
)
@pytest.mark.soak
def test_whatever_comes_is_survived_within_bounds(
    begin: Callable[[], Receiver], payload: Callable[[random.Random], bytes]
) -> None:
    rng = chance.dice()
    for _ in range(chance.counted(500_000, 10_000) // LIFE):
        with begin() as receiver:
            besieged = Besieged(receiver, rng, payload)
            for _ in range(LIFE):
                besieged.do_something()
            # Whoever comes to reason is heard again.
            besieged.come_to_reason()


class _Memory(ctypes.Structure):
    """`struct mallinfo2` of malloc.h."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
                     "keepcost")
    )  # fmt: skip


def in_use() -> int:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Memory
    found = mallinfo()
    return int(found.uordblks + found.hblkhd)


def test_packets_that_nobody_plays_take_no_more_memory_than_a_few_seconds() -> None:
    content = bytes([32]) + bytes(MOST_BYTES - 1)
    with Receiver.of_whims() as receiver:
        before = in_use()
        for number in range(20_000):
            receiver.put(20.0 * number, 160 * number, content)
            receiver.put(20.0 * number, 160 * number + number % 160, content)
        assert in_use() - before < 1_000_000
        assert len(receiver.get(400_000.0)) == 320


def test_a_flood_of_packets_costs_little_time(record_property: RecordProperty) -> None:
    content = random.Random(1).choice(packets())
    with Receiver.of_opus() as receiver:
        began_s = time.thread_time()
        for number in range(20_000):
            receiver.put_redundant(0.1 * number, 7 * number, redundant([(960, content)], content, G722), G722)
        # As many in a second would take a tenth of it, most of that Python's.
        assert_within(record_property, "flood_cpu", time.thread_time() - began_s, 2.0)
