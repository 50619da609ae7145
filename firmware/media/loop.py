"""The audio loop: one thread between a sound card and the SIP stack's bridge.

What paces it:

- the microphone, in a call: its clock is the bridge's clock, and the earpiece follows it (see drift.py);
- the earpiece, for tones and early media, with the microphone shut;
- a timer, where a card that should be open is missing: the call goes on and sound comes back with the card;
- nothing, as a rule: the thread sleeps, and only turns the bridge over now and then.

The other threads talk to it by swapping one attribute for another frozen value. While sound flows there is no lock.
"""

import audioop
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from firmware.errors import MediaError
from firmware.media.drift import DriftCompensator, stretch
from firmware.media.tones import RenderedTone, TonePlayer, fade_out, render, tone_plan
from firmware.phone.commands import AudioRoute, Tone
from firmware.phone.events import Event, Problem, ProblemCleared, ProblemRaised
from firmware.ports import AudioPort, CaptureStream, Heartbeat, PlaybackStream, SoundCard

_log = logging.getLogger(__name__)

_IDLE_BEAT_S = 5.0
# pjmedia's bridge adds and removes its ports within get_frame: after a call it must be turned over to free its slots.
_TURNS_AFTER_CLOSE = 20
_TURN_S = 0.1
_RETRY_S = 0.5
_CAPTURE_START_TIMEOUT_S = 1.0
# The earpiece plays out what is queued before it is shut, since a cut is a click.
_PERIODS_TO_PLAY_OUT = 4
_PERIODS_AN_OBSERVATION = 4
_HOUSEKEEPING_S = 1.0
_PRIORITY = 20


@dataclass(frozen=True, slots=True)
class AudioCounters:
    """How the loop has fared since it was started.

    Attributes:
        frames: periods that went through it.
        underruns: how often the earpiece ran dry.
        overruns: how often the microphone was not read in time.
        corrected_frames: frames that gained or lost samples to follow another clock.
        reopenings: how often a card that was gone came back.
        is_playing, is_recording: which PCMs are open now.
        fault: why sound is missing, empty where it is not.
    """

    frames: int
    underruns: int
    overruns: int
    corrected_frames: int
    reopenings: int
    is_playing: bool
    is_recording: bool
    fault: str

    def __str__(self) -> str:
        state = self.fault or "Works."
        return (
            f"{state} {self.frames} periods, {self.underruns} underruns, {self.overruns} overruns, "
            f"{self.corrected_frames} periods fitted to another clock, reopened {self.reopenings} times."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _ToneRequest:
    """Compared by identity: asking for the same tone again starts it anew."""

    tone: Tone


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """All that the other threads want of the loop."""

    is_open: bool = False
    talk: bool = False
    muted: bool = False
    volume_percent: int = 70
    tone: _ToneRequest | None = None


class AudioLoop:
    """Implements the Audio port on any sound card."""

    def __init__(self, card: SoundCard, *, country: str, heartbeat: Heartbeat, post: Callable[[Event], None]) -> None:
        """Remember what to work with; nothing is opened yet.

        Args:
            card: the earpiece and the microphone.
            country: whose tones to play.
            heartbeat: the thread's sign of life.
            post: takes ProblemRaised and ProblemCleared, on the audio thread.
        """
        self._card = card
        self._plan = tone_plan(country)
        self._heartbeat = heartbeat
        self._post = post
        self._rate_hz = card.rate_hz
        self._period_s = card.period_frames / card.rate_hz
        self._silence = bytes(2 * card.period_frames)
        self._wanted = _Wanted()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

        # From here on everything belongs to the audio thread.
        self._port: AudioPort | None = None
        self._frames_a_period = 1
        self._adopted = _Wanted()
        self._tones: dict[Tone, RenderedTone] = {}
        self._tone: TonePlayer | None = None
        self._tone_request: _ToneRequest | None = None
        self._playback: PlaybackStream | None = None
        self._capture: CaptureStream | None = None
        self._capture_flows = False
        self._capture_due = 0.0
        self._periods_to_skip = 0
        self._drift = DriftCompensator(
            frame_samples=card.period_frames,
            prefill_samples=card.prefill_periods * card.period_frames,
        )
        self._gain = 1.0
        self._volume_set: int | None = None
        self._retry_at = 0.0
        self._timer_due = 0.0
        self._turns_left = 0
        self._until_housekeeping = 0
        self._fault = ""
        self._frames = 0
        self._underruns = 0
        self._overruns = 0
        self._corrected = 0
        self._reopenings = 0

    # --- the Audio port: any thread -----------------------------------------------------------------------------------

    def start(self, port: AudioPort | None) -> None:
        """Start the thread; without a port there are only tones.

        Raises:
            MediaError: the port's frames do not fit the card's periods.
        """
        if port is not None:
            self._frames_a_period, rest = divmod(self._card.period_frames, port.frame_samples)
            if port.rate_hz != self._rate_hz or rest:
                raise MediaError(
                    f"The SIP stack's bridge runs at {port.rate_hz} Hz with {port.frame_samples} samples a frame, "
                    f"which does not fit the sound card's {self._rate_hz} Hz and {self._card.period_frames} samples "
                    "a period. Give both the same rate, and the card a multiple of the bridge's frame."
                )
        self._port = port
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Shut the card and end the thread."""
        if self._thread is None:
            return
        self._stopping = True
        self._wake.set()
        self._thread.join(5)
        self._thread = None

    def open(self, *, talk: bool) -> None:
        self._want(replace(self._wanted, is_open=True, talk=talk))

    def close(self) -> None:
        self._want(replace(self._wanted, is_open=False, talk=False))

    def play_tone(self, tone: Tone) -> None:
        self._want(replace(self._wanted, tone=_ToneRequest(tone)))

    def stop_tone(self) -> None:
        self._want(replace(self._wanted, tone=None))

    def set_muted(self, *, muted: bool) -> None:
        self._want(replace(self._wanted, muted=muted))

    def set_volume(self, route: AudioRoute, percent: int) -> None:
        """Set the earpiece's volume; the ringer has its own driver."""
        if route is AudioRoute.EARPIECE:
            self._want(replace(self._wanted, volume_percent=percent))

    @property
    def counters(self) -> AudioCounters:
        """How the loop has fared; a copy, from any thread."""
        playback, capture = self._playback, self._capture
        return AudioCounters(
            frames=self._frames,
            underruns=self._underruns + (playback.underruns if playback else 0),
            overruns=self._overruns + (capture.overruns if capture else 0),
            corrected_frames=self._corrected,
            reopenings=self._reopenings,
            is_playing=playback is not None,
            is_recording=capture is not None,
            fault=self._fault,
        )

    def _want(self, wanted: _Wanted) -> None:
        self._wanted = wanted
        self._wake.set()

    # --- the audio thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _raise_priority()
        if self._port is not None:
            self._port.attach()
        self._tones = {
            tone: render(shape, self._rate_hz, self._card.period_frames) for tone, shape in self._plan.tones.items()
        }
        self._probe()
        try:
            while not self._stopping:
                self._step()
        finally:
            self._shut_capture()
            self._shut_playback()

    def _step(self) -> None:
        wanted = self._wanted
        if wanted is not self._adopted:
            self._adopt(wanted)
        if wanted.is_open or self._tone is not None:
            if self._playback is None or (self._capture is None and wanted.talk):
                self._open_what_is_missing(wanted)
            self._pass_one_period(wanted)
        elif self._playback is not None:
            self._play_out()
        else:
            self._rest()

    def _adopt(self, wanted: _Wanted) -> None:
        self._adopted = wanted
        if not wanted.talk:
            self._shut_capture()
        if wanted.tone is not self._tone_request:
            self._tone_request = wanted.tone
            if wanted.tone is not None:
                self._tone = TonePlayer(self._tones[wanted.tone.tone])
            elif self._tone is not None:
                self._tone = _last_frame_of(self._tone, self._rate_hz)
        if wanted.volume_percent != self._volume_set:
            self._apply_volume(wanted.volume_percent)
        if not wanted.is_open:
            self._turns_left = _TURNS_AFTER_CLOSE

    def _pass_one_period(self, wanted: _Wanted) -> None:
        near = self._wait_for_period()
        frame = self._exchange(None if wanted.muted else near)
        if self._tone is not None:
            tone = self._tone.next_frame()
            if tone is None:
                self._tone = None
            else:
                frame = audioop.add(frame, tone, 2)
        if self._gain != 1.0:
            frame = audioop.mul(frame, 2, self._gain)
        if self._playback is not None:
            try:
                self._play(self._playback, frame)
            except OSError as error:
                self._lose_playback(error)
        self._frames += 1
        self._until_housekeeping -= 1
        if self._until_housekeeping <= 0:
            self._keep_house(wanted)

    def _play(self, playback: PlaybackStream, frame: bytes) -> None:
        if self._capture_flows:
            if self._periods_to_skip:
                self._periods_to_skip -= 1
                if playback.queued_frames > self._drift.aim_samples:
                    return
            # Asking the card costs as much as writing to it.
            if self._frames % _PERIODS_AN_OBSERVATION == 0:
                self._drift.observe(playback.queued_frames, playback.underruns)
            correction = self._drift.correction()
            if correction:
                self._corrected += 1
                frame = stretch(frame, correction)
        playback.write(frame)

    def _wait_for_period(self) -> bytes | None:
        """Wait until the next period is due, and return what the microphone heard, if it is open."""
        if self._capture is not None:
            try:
                if self._capture_flows:
                    return self._capture.read()
                # Until its first period is there the earpiece goes on setting the pace, or it would run dry.
                if self._capture.is_ready or self._playback is None or time.monotonic() > self._capture_due:
                    near = self._capture.read()
                    self._capture_flows = True
                    # Paced by the earpiece the queue was full; in a call that would be delay.
                    self._periods_to_skip = _PERIODS_TO_PLAY_OUT
                    self._drift.restart()
                    return near
            except OSError as error:
                self._lose_capture(error)
        if self._playback is not None:
            try:
                self._playback.wait()
            except OSError as error:
                self._lose_playback(error)
            else:
                return None
        self._wait_for_timer()
        return None

    def _wait_for_timer(self) -> None:
        now = time.monotonic()
        # After a pause the timer starts anew rather than catching up.
        self._timer_due = self._timer_due + self._period_s if now - self._timer_due < 1 else now
        time.sleep(max(0.0, self._timer_due - now))

    def _exchange(self, near: bytes | None) -> bytes:
        port = self._port
        if port is None:
            return self._silence
        if self._frames_a_period == 1:
            return port.exchange(near)
        if near is None:
            return b"".join([port.exchange(None) for _ in range(self._frames_a_period)])
        size = len(near) // self._frames_a_period
        return b"".join([port.exchange(near[first : first + size]) for first in range(0, len(near), size)])

    def _play_out(self) -> None:
        """Shut the earpiece without a click."""
        playback = self._playback
        if playback is None:
            return
        with suppress(OSError):
            last = fade_out(audioop.mul(self._exchange(None), 2, self._gain), self._rate_hz)
            for frame in (last, *[self._silence] * _PERIODS_TO_PLAY_OUT):
                playback.wait()
                playback.write(frame)
        self._shut_playback()

    def _rest(self) -> None:
        """Sleep until something is wanted."""
        self._heartbeat()
        self._wake.clear()
        if self._wanted is not self._adopted or self._stopping:
            return
        if self._wake.wait(_TURN_S if self._turns_left else _IDLE_BEAT_S):
            return
        self._exchange(None)
        if self._turns_left:
            self._turns_left -= 1
        elif self._fault:
            self._probe()

    def _keep_house(self, wanted: _Wanted) -> None:
        self._until_housekeeping = round(_HOUSEKEEPING_S / self._period_s)
        self._heartbeat()
        if self._fault and self._playback is not None and (self._capture_flows or not wanted.talk):
            self._report_recovery()

    # --- the card -----------------------------------------------------------------------------------------------------

    def _open_what_is_missing(self, wanted: _Wanted) -> None:
        now = time.monotonic()
        if now < self._retry_at:
            return
        try:
            if self._playback is None:
                self._playback = self._card.open_playback()
                self._drift.restart()
                self._apply_volume(wanted.volume_percent)
                self._count_reopening()
            if wanted.talk and self._capture is None:
                self._capture = self._card.open_capture()
                self._capture_due = now + _CAPTURE_START_TIMEOUT_S
                self._count_reopening()
        except OSError as error:
            self._retry_at = now + _RETRY_S
            self._report_fault(error)
        self._until_housekeeping = round(_HOUSEKEEPING_S / self._period_s)

    def _count_reopening(self) -> None:
        if self._fault:
            self._reopenings += 1

    def _probe(self) -> None:
        """See whether the earpiece is there; the microphone is never opened outside a call."""
        try:
            self._card.open_playback().close()
        except OSError as error:
            self._report_fault(error)
        else:
            self._report_recovery()

    def _shut_capture(self) -> None:
        if self._capture is not None:
            self._overruns += self._capture.overruns
            self._capture.close()
            self._capture = None
            self._capture_flows = False

    def _shut_playback(self) -> None:
        if self._playback is not None:
            self._underruns += self._playback.underruns
            self._playback.close()
            self._playback = None

    def _lose_capture(self, error: OSError) -> None:
        self._shut_capture()
        self._retry_at = time.monotonic() + _RETRY_S
        self._report_fault(error)

    def _lose_playback(self, error: OSError) -> None:
        self._shut_playback()
        self._retry_at = time.monotonic() + _RETRY_S
        self._report_fault(error)

    def _apply_volume(self, percent: int) -> None:
        self._volume_set = percent
        self._gain = 1.0
        if self._card.has_mixer:
            try:
                self._card.set_volume(percent)
            except OSError as error:
                _log.warning("%s The volume is scaled in software instead.", error)
            else:
                return
        # A cubic scale sounds even along its whole length (as PulseAudio's does).
        self._gain = (percent / 100) ** 3

    def _report_fault(self, error: OSError) -> None:
        if not self._fault:
            self._fault = str(error)
            _log.warning("%s", error)
            self._post(ProblemRaised(Problem.SOUND_MISSING, self._fault))

    def _report_recovery(self) -> None:
        if self._fault:
            self._fault = ""
            _log.info("The sound card works again.")
            self._post(ProblemCleared(Problem.SOUND_MISSING))


def _last_frame_of(tone: TonePlayer, rate_hz: int) -> TonePlayer | None:
    frame = tone.next_frame()
    return None if frame is None else TonePlayer(RenderedTone((fade_out(frame, rate_hz),), ()))


def _raise_priority() -> None:
    """Put sound ahead of everything else, where the system allows it (RLIMIT_RTPRIO).

    Threads that ALSA plug-ins start from this one inherit it; they carry the same sound.
    """
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
