"""How long packets wait for those that are late: as short as the line allows, by what it has shown so far.

A jitter buffer of one depth serves clean lines or bad ones, never both, and pjmedia's own adapting one throws frames
away in the middle of words. What a stream shows of its line goes in and what to do with its buffer comes out;
JitterControl does that for every call, on the `sip` thread.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pjsua2

from firmware.phone.call import CallId
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.settings import JitterBufferSettings

_STEP_MS: Final = 10

# pjmedia measures jitter from some 33 packets on, as a mean over 16 (RFC 3550 section 6.4.1) that begins at zero;
# sooner than this many packets later the estimate is too rough even with that beginning taken out.
_UNMEASURED: Final = 33
_ROUGH: Final = 12
_SMOOTHING: Final = 15 / 16
# Packets that overtake each other do not count in the measured jitter. Six times as much spans the whole spread both of
# delays that are spread evenly over 30 or 60 ms and of those with a normal distribution.
_SPREAD: Final = 6.0
# The bridge takes the frames of a packet at once, so the last has to be there when the first is due.
_PAIR_MS: Final = 20
# What is measured rises with the line in less than a second and falls in several: too deep is a few milliseconds, too
# shallow is a gap.
_RISE_S: Final = 0.7
_FALL_S: Final = 4.0
# Below this spread a buffer of one packet is enough.
_CLEAN_MS: Final = 12.0
_LATE_STEP_MS: Final = 10
_MOST_FOR_LATE_MS: Final = 100
_FORGIVE_S: Final = 20.0
# Packets that come too late while the buffer is still collecting say nothing new.
_TAKES_EFFECT_S: Final = 0.4
# A lost packet empties a buffer of one packet, and what comes next is heard sooner or later than before: every loss
# would bend the rhythm of speech as well. One packet more keeps it.
_LOSSY_MS: Final = 50
_LOST_PACKETS: Final = 2
_LOST_WITHIN_S: Final = 5.0
_LOSSY_FOR_S: Final = 30.0
# A packet is two frames, and one comes in just before or just after it is needed: less than this is no surplus.
_SURPLUS_MS: Final = 20
_SURPLUS_ON_BAD_LINES_MS: Final = 30
_LARGE_SURPLUS_MS: Final = 100
_LOOK_BACK: Final = 10
_LOOK_BACK_SHORT: Final = 5

_WATCH_S: Final = 0.2
# What a call transmits into the bridge has a level of up to 255; speech is above 20.
_QUIET: Final = 10


@dataclass(frozen=True, slots=True)
class LineSample:
    """What a stream shows of its line at one moment.

    Attributes:
        at_s: the moment, by any clock that only rises.
        packets: how many have come since the stream began.
        jitter_ms: interarrival jitter as the library measures it.
        lost_packets: how many never came since the stream began.
        late_frames: how many came too late to be heard since the stream began.
        waiting_ms: how much audio waits to be heard.
        quiet: nobody speaks.
    """

    at_s: float
    packets: int
    jitter_ms: float
    lost_packets: int
    late_frames: int
    waiting_ms: int
    quiet: bool


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What to do with the buffer.

    Attributes:
        depth_ms: how much audio it collects whenever it has run dry.
        deepen: let it collect that much now; what is heard meanwhile is concealment.
        skip_ms: take that much out of what waits.
    """

    depth_ms: int
    deepen: bool = False
    skip_ms: int = 0


class JitterPolicy:
    """Decides for one stream.

    It deepens the buffer at once when packets come too late; where jitter grows, but nothing is late yet, in a pause of
    speech, and in pauses it shortens it.

    Attributes:
        depth_ms: what it has decided.
    """

    def __init__(self, settings: JitterBufferSettings, depth_ms: int) -> None:
        """Begin with a depth, such as the one that an earlier call on this line ended with."""
        self._settings = settings
        self.depth_ms = depth_ms
        self._last: LineSample | None = None
        self._jitter_ms: float | None = None
        self._for_late_ms = 0
        self._forgive_at_s = 0.0
        self._deepened_at_s = 0.0
        self._too_shallow = False
        self._losses: deque[float] = deque(maxlen=_LOST_PACKETS)
        self._lossy_until_s = 0.0
        self._waiting: deque[int] = deque(maxlen=_LOOK_BACK)

    def adjust(self, sample: LineSample) -> Adjustment:
        """Look at the line once more."""
        last, self._last = self._last, sample
        if last is None or sample.packets <= last.packets:
            # Nothing comes: what waits says nothing about the line.
            self._waiting.clear()
            return Adjustment(self.depth_ms)
        self._waiting.append(sample.waiting_ms)
        late = sample.late_frames > last.late_frames
        self._count_late(sample, late=late)
        self._count_lost(sample, sample.lost_packets - last.lost_packets)
        self._measure(sample, sample.at_s - last.at_s)
        wanted_ms = self._wanted_ms(sample.at_s)
        if wanted_ms > self.depth_ms:
            self.depth_ms = wanted_ms
            self._too_shallow = True
        elif wanted_ms < self.depth_ms - _STEP_MS or wanted_ms == self._settings.minimum_ms:
            self.depth_ms = wanted_ms
        if max(list(self._waiting)[-_LOOK_BACK_SHORT:]) >= self.depth_ms:
            self._too_shallow = False
        if self._too_shallow and (late or sample.quiet):
            self._too_shallow = False
            self._deepened_at_s = sample.at_s
            self._waiting.clear()
            return Adjustment(self.depth_ms, deepen=True)
        return Adjustment(self.depth_ms, skip_ms=self._skip_ms(sample))

    def _count_late(self, sample: LineSample, *, late: bool) -> None:
        if late and sample.at_s < self._deepened_at_s + _TAKES_EFFECT_S:
            return
        if late:
            self._for_late_ms = min(_MOST_FOR_LATE_MS, self._for_late_ms + _LATE_STEP_MS)
        elif self._for_late_ms == 0 or sample.at_s < self._forgive_at_s:
            return
        else:
            self._for_late_ms -= _LATE_STEP_MS
        self._forgive_at_s = sample.at_s + _FORGIVE_S

    def _count_lost(self, sample: LineSample, lost: int) -> None:
        self._losses.extend([sample.at_s] * min(lost, _LOST_PACKETS))
        if len(self._losses) == _LOST_PACKETS and sample.at_s - self._losses[0] < _LOST_WITHIN_S:
            self._lossy_until_s = self._losses[-1] + _LOSSY_FOR_S

    def _measure(self, sample: LineSample, elapsed_s: float) -> None:
        measured = sample.packets - _UNMEASURED
        if measured < _ROUGH:
            return
        jitter_ms = sample.jitter_ms / (1 - _SMOOTHING**measured)
        if self._jitter_ms is None:
            self._jitter_ms = jitter_ms
            # What came too late so far is part of what has been measured now.
            self._for_late_ms = 0
        else:
            follow_s = _RISE_S if jitter_ms > self._jitter_ms else _FALL_S
            self._jitter_ms += min(1.0, elapsed_s / follow_s) * (jitter_ms - self._jitter_ms)

    def _wanted_ms(self, now_s: float) -> int:
        settings = self._settings
        shallowest_ms = _LOSSY_MS if now_s < self._lossy_until_s else settings.minimum_ms
        if self._jitter_ms is None:
            # Not known yet: what was good enough before, and more where it is not.
            wanted_ms = max(self.depth_ms, shallowest_ms, settings.minimum_ms + self._for_late_ms)
        else:
            spread_ms = _SPREAD * self._jitter_ms
            spread_ms = 0 if spread_ms < _CLEAN_MS else _rounded(spread_ms) + _PAIR_MS
            wanted_ms = max(shallowest_ms, settings.minimum_ms + spread_ms) + self._for_late_ms
        return min(settings.deepest_ms, wanted_ms)

    def _skip_ms(self, sample: LineSample) -> int:
        shallow = self.depth_ms == self._settings.minimum_ms
        surplus_ms = max(self._waiting) - self.depth_ms
        allowed_ms = _SURPLUS_MS if shallow else _SURPLUS_ON_BAD_LINES_MS
        pause = sample.quiet or surplus_ms >= _LARGE_SURPLUS_MS
        if not pause or surplus_ms < allowed_ms or len(self._waiting) < _LOOK_BACK_SHORT:
            return 0
        self._waiting = deque((waiting_ms - _STEP_MS for waiting_ms in self._waiting), _LOOK_BACK)
        return _STEP_MS


def _rounded(duration_ms: float) -> int:
    return _STEP_MS * math.ceil(duration_ms / _STEP_MS - 0.5)


class LiveJitterBuffer:
    """The jitter buffer of a running stream, for as long as the stream lives.

    Attributes:
        frame_ms: length of the frames that it counts in.
    """

    def __init__(self, stream: int, frame_ms: int) -> None:
        self._stream = stream
        self.frame_ms = frame_ms

    def apply(self, depth_ms: int, *, deepen: bool = False, skip_ms: int = 0) -> None:
        """Change it; from the first change on the library no longer adapts it.

        Args:
            depth_ms: how much audio it collects whenever it has run dry.
            deepen: collect that much now.
            skip_ms: take that much out of what waits.
        """
        depth = max(1, depth_ms // self.frame_ms)
        native.library().wecall_jitter_apply(self._stream, depth, deepen, skip_ms // self.frame_ms)


class JitterControl:
    """Applies the policy to the streams of every call. Lives on the `sip` thread; its timer runs only during calls.

    What a line needed is remembered for the next call over the same server, for as long as the handset runs.
    """

    def __init__(
        self, scheduler: Scheduler, find: Callable[[CallId], SipCall | None], settings: JitterBufferSettings
    ) -> None:
        """Set up without a stream.

        Args:
            scheduler: the thread's timers.
            find: returns a call by its id, None where there is none.
            settings: the limits.
        """
        self._scheduler = scheduler
        self._find = find
        self._settings = settings
        self._streams: dict[CallId, tuple[LiveJitterBuffer, JitterPolicy]] = {}
        self._remembered_ms: dict[str, int] = {}
        self._timer: Appointment | None = None

    def stream_began(self, call: SipCall, address: int) -> None:
        """Take over the buffer of a call's new stream.

        Args:
            call: the call.
            address: of the library's `pjmedia_stream`.
        """
        frame_ms = native.library().wecall_jitter_frame_ms(address)
        if not frame_ms:
            return
        buffer = LiveJitterBuffer(address, frame_ms)
        depth_ms = self._remembered_ms.get(call.account_settings.host, self._settings.initial_ms)
        buffer.apply(depth_ms)
        self._streams[call.call_id] = (buffer, JitterPolicy(self._settings, depth_ms))
        if self._timer is None:
            self._timer = self._scheduler.after(_WATCH_S, self._watch)

    def stream_ended(self, call: SipCall) -> None:
        """Let go of the stream; the library is about to destroy it."""
        ended = self._streams.pop(call.call_id, None)
        if ended is not None:
            self._remembered_ms[call.account_settings.host] = ended[1].depth_ms
        if not self._streams and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def clear(self) -> None:
        """Let go of every stream; the library is about to be destroyed."""
        self._streams.clear()
        self._timer = None

    def _watch(self) -> None:
        self._timer = self._scheduler.after(_WATCH_S, self._watch)
        for call_id, (buffer, policy) in self._streams.items():
            call = self._find(call_id)
            sample = None if call is None else _sample(call, buffer.frame_ms)
            if sample is not None:
                adjustment = policy.adjust(sample)
                buffer.apply(adjustment.depth_ms, deepen=adjustment.deepen, skip_ms=adjustment.skip_ms)


def _sample(call: SipCall, frame_ms: int) -> LineSample | None:
    try:
        statistics = call.getStreamStat(call.audio_index)
        level = call.getAudioMedia(call.audio_index).getTxLevel()
    except pjsua2.Error:
        return None  # between two streams, or not in the bridge yet
    far = statistics.rtcp.rxStat
    return LineSample(
        at_s=time.monotonic(),
        packets=int(far.pkt),
        jitter_ms=far.jitterUsec.last / 1000,
        lost_packets=int(far.loss),
        late_frames=int(statistics.jbuf.discard),
        waiting_ms=int(statistics.jbuf.size) * frame_ms,
        quiet=int(level) < _QUIET,
    )
