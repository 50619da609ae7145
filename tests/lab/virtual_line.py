"""A line in virtual time that ends in the receiver of the SIP library's build (engine/native/receiver.c)."""

import ctypes
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from firmware.voice.sip import native
from tests.lab.brink import BRINK
from tests.lab.loss_emulator import Line

PACKET_MS: Final = 20
_TURN_MS: Final = 10
_RATE_HZ: Final = 16_000
_CLOCK_HZ: Final = 8_000  # as of G.722
_TURN_SAMPLES: Final = _RATE_HZ * _TURN_MS // 1000
_PACKET_SAMPLES: Final = _RATE_HZ * PACKET_MS // 1000
_PACKET_TICKS: Final = _CLOCK_HZ * PACKET_MS // 1000
_FIRST_TIMESTAMP: Final = 0xFFFF_F000  # soon it begins anew

_Duration = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_HasEarlier = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Decode = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint
)
_Conceal = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)


class _Decoder(ctypes.Structure):
    """`struct wecall_decoder` of engine/native/receiver.h."""

    _fields_ = (
        ("context", ctypes.c_void_p),
        ("duration", _Duration),
        ("has_earlier", _HasEarlier),
        ("decode", _Decode),
        ("conceal", _Conceal),
    )


class Receiver:
    """The real one, which pjmedia's streams have; use it as a context manager."""

    def __init__(self, decoder: _Decoder, rate_hz: int, clock_hz: int, *, is_opus: bool = False) -> None:
        self._is_opus = is_opus
        self._library = native.library()
        self._library.wecall_receiver_new.restype = ctypes.c_void_p
        self._decoder = decoder  # its callbacks must live as long as this
        self._address = ctypes.c_void_p(self._library.wecall_receiver_new(ctypes.byref(decoder), rate_hz, clock_hz))
        assert self._address.value

    @classmethod
    def of_opus(cls, rate_hz: int = _RATE_HZ) -> "Receiver":
        """Return one with the library's own Opus decoder."""
        decoder = _Decoder()
        assert native.library().wecall_opus_decoder(ctypes.byref(decoder), rate_hz)
        return cls(decoder, rate_hz, 48_000, is_opus=True)

    @classmethod
    def of_levels(cls, when_decoded: Callable[[bytes], None] = lambda _payload: None) -> "Receiver":
        """Return one for packets of 20 ms of a codec whose payload's first byte is the sound's level."""

        def decode(_context: int, payload: int, size: int, _earlier: int, into: int, samples: int) -> int:
            content = ctypes.string_at(payload, size)
            when_decoded(content)
            ctypes.memmove(into, content[:1] * 2 * samples, 2 * samples)
            return samples

        def conceal(_context: int, into: int, samples: int) -> None:
            ctypes.memset(into, 0, 2 * samples)

        return cls(
            _Decoder(
                None,
                _Duration(lambda _context, _payload, size: _PACKET_SAMPLES if size else 0),
                _HasEarlier(lambda _context, _payload, _size: 0),
                _Decode(decode),
                _Conceal(conceal),
            ),
            _RATE_HZ,
            _CLOCK_HZ,
        )

    @classmethod
    def of_whims(cls) -> "Receiver":
        """Return one for a codec whose payloads say how long they last, and whether anything can be made of them."""

        def duration(_context: int, payload: int, size: int) -> int:
            content = ctypes.string_at(payload, size)
            return 10 * content[0] if size > 1 else size

        def has_earlier(_context: int, payload: int, size: int) -> int:
            return ctypes.string_at(payload, size)[-1] & 1

        def decode(_context: int, payload: int, size: int, earlier: int, into: int, samples: int) -> int:
            content = ctypes.string_at(payload, size)
            ctypes.memmove(into, content[:1] * 2 * samples, 2 * samples)
            return samples - (content[-1] >> 7) * (1 + earlier)

        def conceal(_context: int, into: int, samples: int) -> None:
            ctypes.memset(into, 1, 2 * samples)

        decoder = _Decoder(None, _Duration(duration), _HasEarlier(has_earlier), _Decode(decode), _Conceal(conceal))
        return cls(decoder, _RATE_HZ, _CLOCK_HZ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.wecall_receiver_free(self._address)
        if self._is_opus:
            self._library.wecall_opus_decoder_free(ctypes.byref(self._decoder))

    def bound(self, least_ms: float, most_ms: float, first_ms: float) -> None:
        """Set its limits."""
        self._call("wecall_receiver_bound", *(ctypes.c_float(value) for value in (least_ms, most_ms, first_ms)))

    def put(self, now_ms: float, timestamp: int, payload: bytes) -> None:
        """Let a packet arrive."""
        self._call("wecall_receiver_put", *self._packet(now_ms, timestamp, payload), 0)

    def put_redundant(self, now_ms: float, timestamp: int, payload: bytes, payload_type: int) -> bool:
        """Let a packet of RFC 2198 arrive; return whether it was taken."""
        return bool(
            self._call("wecall_receiver_put_redundant", *self._packet(now_ms, timestamp, payload), payload_type)
        )

    def say_silence(self) -> None:
        """Say that the sender was silent before what comes next."""
        self._call("wecall_receiver_silence")

    def tick(self, clock_hz: int) -> None:
        """Say that timestamps are of another clock."""
        self._call("wecall_receiver_tick", clock_hz)

    def restart(self) -> None:
        """Say that another clock begins."""
        self._call("wecall_receiver_restart")

    def get(self, now_ms: float, samples: int = _TURN_SAMPLES) -> bytes:
        """Play; return 16-bit mono sound, none before the first packet."""
        into = ctypes.create_string_buffer(2 * samples)
        made = self._call("wecall_receiver_get", ctypes.c_double(now_ms), into, samples)
        return into.raw[: 2 * made]

    def look(self) -> native.Line:
        """Return what it has seen and done so far."""
        line = native.Line()
        self._call("wecall_receiver_look", ctypes.byref(line))
        return line

    def _call(self, name: str, *arguments: Any) -> int:
        return int(getattr(self._library, name)(self._address, *arguments) or 0)

    @staticmethod
    def _packet(now_ms: float, timestamp: int, payload: bytes) -> tuple[Any, ...]:
        return (
            ctypes.c_double(now_ms),
            ctypes.c_uint32(timestamp & 0xFFFF_FFFF),
            ctypes.c_void_p(BRINK.put(payload)),
            ctypes.c_size_t(len(payload)),
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call.

    Attributes:
        line: how the line is meanwhile.
        sender_fast_percent: by how much the sender's clock is ahead of ours.
    """

    duration_s: float
    line: Line = field(default_factory=Line)
    sender_fast_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Fared:
    """How one stretch was heard.

    Attributes:
        concealed_percent: sound that had to be made up, or was stretched until something came.
        delay_ms: from the sending of a packet to its hearing, at the end of the stretch.
    """

    concealed_percent: float
    delay_ms: float


@dataclass(frozen=True, slots=True, order=True)
class _Arrival:
    at_ms: float
    number: int


def listen(stretches: list[Stretch], *, follow: bool = True, wait_ms: float = 20, seed: int = 1) -> list[Fared]:
    """Hear a call of several stretches and return how each fared.

    Args:
        stretches: one after another.
        follow: let the wait follow the line; otherwise it stays.
        wait_ms: where it stays.
        seed: of what is lost and late.
    """
    arrivals, sent_at_ms = _arrivals(stretches, seed)
    now_ms = random.Random(seed).random() * _TURN_MS
    delays_ms: list[float] = []

    def decoded(payload: bytes) -> None:
        delays_ms.append(now_ms - sent_at_ms[int.from_bytes(payload[1:])])

    fared: list[Fared] = []
    ends_ms, position = 0.0, 0
    with Receiver.of_levels(decoded) as receiver:
        if not follow:
            receiver.bound(wait_ms, wait_ms, wait_ms)
        before = receiver.look()
        for stretch in stretches:
            ends_ms += stretch.duration_s * 1000
            while now_ms < ends_ms:
                while position < len(arrivals) and arrivals[position].at_ms <= now_ms:
                    arrival = arrivals[position]
                    position += 1
                    payload = bytes([arrival.number % 97 + 1]) + arrival.number.to_bytes(4)
                    receiver.put(arrival.at_ms, _FIRST_TIMESTAMP + arrival.number * _PACKET_TICKS, payload)
                receiver.get(now_ms)
                now_ms += _TURN_MS
            after = receiver.look()
            made_up = after.concealed + after.stretched - before.concealed - before.stretched
            recent = sorted(delays_ms[-100:])
            fared.append(Fared(100 * made_up / (after.played - before.played), recent[len(recent) // 2]))
            before = after
    return fared


def _arrivals(stretches: list[Stretch], seed: int) -> tuple[list[_Arrival], list[float]]:
    lots = random.Random(seed)
    arrivals: list[_Arrival] = []
    sent_at_ms: list[float] = []
    now_ms = ends_ms = 0.0
    for stretch in stretches:
        ends_ms += stretch.duration_s * 1000
        while now_ms < ends_ms:
            lost, late = lots.random() * 100 < stretch.line.loss_percent, lots.random()
            if not lost:
                delay_ms = stretch.line.delay_ms + late * stretch.line.jitter_ms
                arrivals.append(_Arrival(now_ms + delay_ms, len(sent_at_ms)))
            sent_at_ms.append(now_ms)
            now_ms += PACKET_MS / (1 + stretch.sender_fast_percent / 100)
    return sorted(arrivals), sent_at_ms
