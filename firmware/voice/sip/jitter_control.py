"""Follows the line of every call with the jitter buffer of its stream. Lives on the `sip` thread."""

import time
from collections.abc import Callable
from typing import Final

import pjsua2

from firmware.phone.call import CallId
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.jitter import JitterPolicy, LineSample
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.settings import JitterBufferSettings

_WATCH_S: Final = 0.2
# What a call transmits into the bridge has a level of up to 255; speech is above 20.
_QUIET: Final = 10


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
