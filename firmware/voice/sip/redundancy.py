"""What a call's audio gets for its line: how long sound may wait, and how much is sent more than once.

On a line that loses packets each of them carries older ones again (RED, RFC 2198), where the other end takes that;
else Opus puts a coarse form of each packet into the next (RFC 6716 section 2.1.7). How long sound waits for what comes
late or again follows from the line itself (engine/native/receiver.c).
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pjsua2

from firmware.phone.call import CallId
from firmware.voice.sip import native
from firmware.voice.sip.call import SipCall
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.settings import RedundancySettings

_WATCH_S: Final = 0.2
# What a line did so lately counts; what it needed is kept for longer, since loss comes in spells.
_WINDOW_S: Final = 5.0
_KEEP_S: Final = 30.0
_FEWEST_LOST: Final = 2
# What others have overtaken counts as lost until it comes, which it does within so many looks. At the other end, whose
# reports are rare, a few may be on their way at any time.
_OVERTAKING_LOOKS: Final = 4
_FEWEST_LOST_THERE: Final = 6
_SOME_PERCENT: Final = 0.5
_MANY_PERCENT: Final = 2.0
# Losses that come one by one make bursts of 1.1 packets at 10 %.
_LONG_BURST: Final = 1.6
# A call begins with silence of that length, and the line shows soon whether it needs more.
_MOST_REMEMBERED_MS: Final = 60.0
_PERCENT_STEP: Final = 5
_MOST_PERCENT: Final = 25


@dataclass(frozen=True, slots=True)
class LineSample:
    """What a stream shows of its line at one moment, since the stream began.

    Attributes:
        at_s: the moment, by any clock that only rises.
        received: packets that were here when their time had come.
        lost: packets that never came here, as far as is known: one that comes too late after all is taken off again.
        bursts: how often some in a row were not here.
        far_received, far_lost: the same at the other end, as its reports say (RFC 3550 section 6.4.1).
    """

    at_s: float
    received: int
    lost: int
    bursts: int
    far_received: int
    far_lost: int


@dataclass(frozen=True, slots=True)
class Redundancy:
    """What is sent more than once.

    Attributes:
        distances: how many packets later a packet is sent again, and again; 0 is never.
        expected_loss_percent: what Opus prepares for, where packets are not sent again.
    """

    distances: tuple[int, int] = (0, 0)
    expected_loss_percent: int = 0


class RedundancyPolicy:
    """Decides for one stream: at once where a line loses more, and half a minute later where it loses less.

    A line loses in both directions or nearly so: what is lost here counts until the other end has reported.
    """

    def __init__(self, redundancy: Redundancy | None = None) -> None:
        """Begin with what an earlier call on this line ended with."""
        self.redundancy = redundancy or Redundancy()
        self._samples: deque[LineSample] = deque()
        self._keep_until_s = 0.0

    def choose(self, sample: LineSample) -> Redundancy:
        """Look at the line once more."""
        self._samples.append(sample)
        while sample.at_s - self._samples[0].at_s > _WINDOW_S:
            self._samples.popleft()
        if self._keep_until_s == 0.0:
            self._keep_until_s = sample.at_s + _KEEP_S
        lost = min(each.lost for each in list(self._samples)[-_OVERTAKING_LOOKS:])
        wanted = self._wanted(self._samples[0], replace(sample, lost=lost))
        current = self.redundancy
        if _strength(wanted) >= _strength(current):
            self._keep_until_s = sample.at_s + _KEEP_S
            self.redundancy = wanted
        elif sample.at_s >= self._keep_until_s:
            self.redundancy = wanted
        return self.redundancy

    @staticmethod
    def _wanted(first: LineSample, last: LineSample) -> Redundancy:
        here = last.lost - first.lost
        there = last.far_lost - first.far_lost
        if there < _FEWEST_LOST_THERE:
            there = 0
        if max(here, there) < _FEWEST_LOST:
            return Redundancy()
        percent = max(
            _percent(here, last.received - first.received), _percent(there, last.far_received - first.far_received)
        )
        if percent < _SOME_PERCENT:
            return Redundancy()
        bursts = last.bursts - first.bursts
        in_bursts = bursts >= _FEWEST_LOST and here / bursts >= _LONG_BURST
        prepared = min(_MOST_PERCENT, _PERCENT_STEP * -(-round(percent) // _PERCENT_STEP) or _PERCENT_STEP)
        if percent < _MANY_PERCENT:
            return Redundancy((3 if in_bursts else 1, 0), prepared)
        return Redundancy((2, 5) if in_bursts else (1, 2), prepared)


def _percent(lost: int, received: int) -> float:
    return 100 * lost / (lost + received) if lost > 0 and received >= 0 else 0.0


def _strength(redundancy: Redundancy) -> tuple[int, int, int]:
    return (sum(map(bool, redundancy.distances)), max(redundancy.distances), redundancy.expected_loss_percent)


class LineControl:
    """Applies the policy to the streams of every call. Lives on the `sip` thread; its timer runs only during calls.

    What a line needed is remembered for the next call over the same server, for as long as the handset runs.
    """

    def __init__(
        self, scheduler: Scheduler, find: Callable[[CallId], SipCall | None], settings: RedundancySettings
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
        self._streams: dict[CallId, tuple[int, RedundancyPolicy]] = {}
        self._remembered: dict[str, tuple[float, Redundancy]] = {}
        self._timer: Appointment | None = None

    def stream_began(self, call: SipCall, address: int) -> None:
        """Set the limits of a call's new stream.

        Args:
            call: the call.
            address: of the library's `pjmedia_stream`.
        """
        settings = self._settings
        wait_ms, redundancy = self._remembered.get(call.account_settings.host, (0.0, Redundancy()))
        native.library().wecall_line_bound(address, settings.least_wait_ms, settings.most_wait_ms, wait_ms)
        self._apply(address, redundancy)
        self._streams[call.call_id] = (address, RedundancyPolicy(redundancy))
        if self._timer is None:
            self._timer = self._scheduler.after(_WATCH_S, self._watch)

    def stream_ended(self, call: SipCall) -> None:
        """Let go of the stream; the library is about to destroy it."""
        ended = self._streams.pop(call.call_id, None)
        if ended is not None:
            address, policy = ended
            wait_ms = min(native.look_at_line(address).wanted_ms, _MOST_REMEMBERED_MS)
            self._remembered[call.account_settings.host] = (wait_ms, policy.redundancy)
        if not self._streams and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def clear(self) -> None:
        """Let go of every stream; the library is about to be destroyed."""
        self._streams.clear()
        self._timer = None

    def _watch(self) -> None:
        self._timer = self._scheduler.after(_WATCH_S, self._watch)
        for call_id, (address, policy) in self._streams.items():
            call = self._find(call_id)
            sample = None if call is None else _sample(call, address)
            if sample is not None and policy.redundancy != (chosen := policy.choose(sample)):
                self._apply(address, chosen)

    def _apply(self, address: int, redundancy: Redundancy) -> None:
        library = native.library()
        is_carried = library.wecall_line_repeat(address, *redundancy.distances, self._settings.most_kbit_s)
        library.wecall_line_expect_loss(address, 0 if is_carried else redundancy.expected_loss_percent)


def _sample(call: SipCall, address: int) -> LineSample | None:
    try:
        # What it has in it is part of it, and goes with it.
        statistics = call.getStreamStat(call.audio_index)
    except pjsua2.Error:
        return None  # between two streams
    line, losses = native.look_at_line(address), call.far_losses()
    far_lost = losses.lost if losses is not None else 0
    return LineSample(
        at_s=time.monotonic(),
        # By what was played: RTCP's count takes a packet that is overtaken for lost until it comes.
        received=line.frames - line.lost,
        lost=line.lost - line.late,
        bursts=int(line.bursts),
        far_received=int(statistics.rtcp.txStat.pkt) - far_lost,
        far_lost=far_lost,
    )
