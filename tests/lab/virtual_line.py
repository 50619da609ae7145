"""A line in virtual time that ends in the SIP library's own jitter buffer, with the policy that follows it.

Run it in a process of its own: it uses the library's buffer without the rest of the library.
"""

import ctypes
import random
from dataclasses import dataclass, field
from typing import Final

from firmware.voice.sip import native
from firmware.voice.sip.jitter import Adjustment, JitterPolicy, LineSample
from firmware.voice.sip.settings import JitterBufferSettings
from tests.lab.loss_emulator import Line

_PACKET_S: Final = 0.02
_FRAME_MS: Final = 10
_FRAME_BYTES: Final = 80
_CAPACITY_FRAMES: Final = 50
_WATCH_S: Final = 0.2
# Members of struct pjmedia_jb_state of pjmedia/jbuf.h, all unsigned.
_SIZE: Final = 7
_DISCARDED: Final = 14
_NORMAL_FRAME: Final = 1  # PJMEDIA_JB_NORMAL_FRAME in pjmedia/jbuf.h
_IGNORED_PACKETS: Final = 28  # about where pjmedia begins to measure jitter


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call.

    Attributes:
        line: how the line is meanwhile.
        talk_s, pause_s: speech and pauses take turns.
        sender_fast_percent: by how much the sender's clock is ahead of ours.
    """

    duration_s: float
    line: Line = field(default_factory=Line)
    talk_s: float = 1.5
    pause_s: float = 0.5
    sender_fast_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Fared:
    """How one stretch was heard.

    Attributes:
        concealed_percent: frames that had to be made up.
        delay_ms: from the sending of a frame to its hearing, at the end of the stretch.
    """

    concealed_percent: float
    delay_ms: float


class _Buffer:
    """pjmedia's."""

    def __init__(self, depth_ms: int) -> None:
        library = self._library = native.library()
        library.pj_log_set_level(0)
        library.pj_init()
        library.pj_pool_create.restype = ctypes.c_void_p
        self._factory = ctypes.create_string_buffer(4096)
        library.pj_caching_pool_init(self._factory, None, ctypes.c_size_t(0))
        size = ctypes.c_size_t(16_000)
        pool = ctypes.c_void_p(library.pj_pool_create(self._factory, b"line", size, size, None))
        self._buffer = ctypes.c_void_p()
        name = (ctypes.c_void_p * 2)(ctypes.cast(ctypes.c_char_p(b"line"), ctypes.c_void_p).value, 4)
        library.pjmedia_jbuf_create(pool, name, _FRAME_BYTES, _FRAME_MS, _CAPACITY_FRAMES, ctypes.byref(self._buffer))
        library.pjmedia_jbuf_set_fixed(self._buffer, depth_ms // _FRAME_MS)
        library.pjmedia_jbuf_reset(self._buffer)
        self._frame = ctypes.create_string_buffer(_FRAME_BYTES)

    def put(self, sequence: int) -> None:
        size = ctypes.c_size_t(_FRAME_BYTES)
        self._library.pjmedia_jbuf_put_frame(self._buffer, self._frame, size, sequence)

    def get(self) -> int | None:
        """Return the sequence number of the next frame, None where there is none to be heard."""
        kind, stamp, sequence = ctypes.c_char(), ctypes.c_uint(), ctypes.c_int()
        self._library.pjmedia_jbuf_get_frame3(
            self._buffer, self._frame, None, ctypes.byref(kind), None, ctypes.byref(stamp), ctypes.byref(sequence)
        )
        return sequence.value if kind.value[0] == _NORMAL_FRAME else None

    def state(self) -> tuple[int, int]:
        """Return how much waits in milliseconds, and how many frames have come too late."""
        state = (ctypes.c_uint * 32)()
        self._library.pjmedia_jbuf_get_state(self._buffer, state)
        return state[_SIZE] * _FRAME_MS, state[_DISCARDED]

    def apply(self, adjustment: Adjustment) -> None:
        assert self._buffer.value is not None
        self._library.pjmedia_jbuf_set_fixed(self._buffer, adjustment.depth_ms // _FRAME_MS)
        if adjustment.deepen:
            self._library.wecall_jbuf_collect(self._buffer)
        if adjustment.skip_ms:
            self._library.pjmedia_jbuf_remove_frame(self._buffer, adjustment.skip_ms // _FRAME_MS)


@dataclass(frozen=True, slots=True, order=True)
class _Arrival:
    at_s: float
    number: int


def listen(stretches: list[Stretch], *, follow: bool = True, depth_ms: int = 20, seed: int = 1) -> list[Fared]:
    """Hear a call of several stretches and return how each fared.

    Args:
        stretches: one after another.
        follow: let the policy follow the line; otherwise the depth stays.
        depth_ms: to begin with.
        seed: of what is lost and late.
    """
    buffer, policy = _Buffer(depth_ms), JitterPolicy(JitterBufferSettings(), depth_ms)
    arrivals, sent_at_s = _arrivals(stretches, seed)
    phase_s = random.Random(seed).random() * _FRAME_MS / 1000
    fared: list[Fared] = []
    position = packets = tick = 0
    jitter_ms, watch_at_s, ends_s = 0.0, _WATCH_S, 0.0
    newest: _Arrival | None = None
    for stretch in stretches:
        begins_s, ends_s = ends_s, ends_s + stretch.duration_s
        made_up = heard = 0
        delays_s: list[float] = []
        while (now_s := tick * _FRAME_MS / 1000 + phase_s) < ends_s:
            tick += 1
            while position < len(arrivals) and arrivals[position].at_s <= now_s:
                arrival = arrivals[position]
                position, packets = position + 1, packets + 1
                if newest is not None and arrival.number == newest.number + 1 and packets > _IGNORED_PACKETS:
                    difference_s = arrival.at_s - newest.at_s - _PACKET_S
                    jitter_ms += (abs(difference_s) * 1000 - jitter_ms) / 16
                if newest is None or arrival.number > newest.number:
                    newest = arrival
                buffer.put(2 * arrival.number)
                buffer.put(2 * arrival.number + 1)
            sequence = buffer.get()
            heard += 1
            if sequence is None:
                made_up += 1
            else:
                delays_s.append(now_s - sent_at_s[sequence // 2] - (sequence % 2) * _FRAME_MS / 1000)
            if follow and now_s >= watch_at_s:
                watch_at_s += _WATCH_S
                waiting_ms, late_frames = buffer.state()
                quiet = (now_s - begins_s) % (stretch.talk_s + stretch.pause_s) >= stretch.talk_s
                lost = newest.number + 1 - packets if newest is not None else 0
                buffer.apply(
                    policy.adjust(LineSample(now_s, packets, jitter_ms, max(0, lost), late_frames, waiting_ms, quiet))
                )
        recent = sorted(delays_s[-100:])
        fared.append(Fared(100 * made_up / heard, 1000 * recent[len(recent) // 2]))
    return fared


def _arrivals(stretches: list[Stretch], seed: int) -> tuple[list[_Arrival], list[float]]:
    lots = random.Random(seed)
    arrivals: list[_Arrival] = []
    sent_at_s: list[float] = []
    now_s = ends_s = 0.0
    for stretch in stretches:
        ends_s += stretch.duration_s
        while now_s < ends_s:
            lost, late = lots.random() * 100 < stretch.line.loss_percent, lots.random()
            if not lost:
                delay_s = (stretch.line.delay_ms + late * stretch.line.jitter_ms) / 1000
                arrivals.append(_Arrival(now_s + delay_s, len(sent_at_s)))
            sent_at_s.append(now_s)
            now_s += _PACKET_S / (1 + stretch.sender_fast_percent / 100)
    return sorted(arrivals), sent_at_s
