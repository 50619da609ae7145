"""Whoever listens to a receiver, in virtual time."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from firmware.voice.sip import native
from tests.lab.redundancy import G722
from tests.lab.virtual_line import PACKET_MS, Receiver

TURN_MS: Final = 10
RATE_HZ: Final = 16_000
FIRST: Final = 0xFFFF_FF00  # soon it begins anew
LEVEL_TICKS: Final = 160
OPUS_TICKS: Final = 960
WAIT_MS: Final = 70.0
WAITING: Final = 3


@dataclass
class Listener:
    """Whoever asks a receiver for sound, turn by turn.

    Attributes:
        receiver: which.
        ticks: of RTP's clock in a packet.
        decoded: what was decoded, where the receiver tells.
        now_ms: the time.
        sound: what was heard so far, by turns.
    """

    receiver: Receiver
    ticks: int
    decoded: list[bytes] = field(default_factory=list)
    now_ms: float = 1000.0
    sound: list[bytes] = field(default_factory=list)

    def hear(self, duration_ms: float) -> bytes:
        """Let time pass; return what is heard meanwhile."""
        turns = [self._turn() for _ in range(round(duration_ms / TURN_MS))]
        self.sound += turns
        return b"".join(turns)

    def _turn(self) -> bytes:
        self.now_ms += TURN_MS
        return self.receiver.get(self.now_ms)

    def put(self, number: int, payload: bytes) -> None:
        """Let a packet arrive."""
        self.receiver.put(self.now_ms, FIRST + number * self.ticks, payload)

    def put_redundant(self, number: int, payload: bytes) -> bool:
        """Let one with redundancy arrive; return whether it was taken."""
        return self.receiver.put_redundant(self.now_ms, FIRST + number * self.ticks, payload, G722)

    def follow(self, payloads: Mapping[int, bytes] | Iterable[tuple[int, bytes]]) -> None:
        """Put and hear a packet every 20 ms, in this order."""
        for number, payload in payloads.items() if isinstance(payloads, Mapping) else payloads:
            self.put(number, payload)
            self.hear(PACKET_MS)

    def settle(self, count: int = 50) -> int:
        """Follow a clean line for a while, with sound that waits; return the number of the next packet."""
        for number in range(WAITING):
            self.put(number, level(number))
            self.now_ms += PACKET_MS
        self.follow((number, level(number)) for number in range(WAITING, count))
        return count

    @property
    def line(self) -> native.Line:
        """What the receiver tells."""
        return self.receiver.look()

    @property
    def all_heard(self) -> bytes:
        """What was heard so far."""
        return b"".join(self.sound)


def level(number: int) -> bytes:
    """Return a packet of the codec of levels."""
    return bytes([number % 97 + 1]) + number.to_bytes(2)


@contextmanager
def levels(wait_ms: float | None = WAIT_MS) -> Iterator[Listener]:
    """Listen to a receiver for the codec of levels, with a wait that stays unless it is None."""
    decoded: list[bytes] = []
    with Receiver.of_levels(decoded.append) as receiver:
        if wait_ms is not None:
            receiver.bound(wait_ms, wait_ms, wait_ms)
        yield Listener(receiver, LEVEL_TICKS, decoded)


def latest(listener: Listener, count: int) -> int:
    """Return the number of the packet that was played last, of so many in order."""
    number = int.from_bytes(listener.decoded[-1][1:])
    assert listener.decoded[-count:] == [level(each) for each in range(number - count + 1, number + 1)]
    return number
