"""The earpiece and the microphone in use, of a card that may vanish at any time and come back at any time.

FarReference is what the loudspeaker plays at this moment, for the echo canceller to compare the microphone with. A
frame that is written waits behind what is queued, and how much that is changes: with each underrun, each correction of
drift, each catching up. A canceller that were given frames when they are written would hear the echo's delay jump.
"""

import audioop
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, VoiceNews
from firmware.ports.sound import CaptureStream, PlaybackStream, SoundCard
from firmware.voice.audio.drift import DriftCompensator, stretch

_OBSERVATIONS_A_WINDOW: Final = 25
# More than any queue holds; while nobody reads, as in early media, the rest is forgotten.
_LONGEST_PERIODS: Final = 50
_log = logging.getLogger(__name__)

_RETRY_S = 0.5
_CAPTURE_START_TIMEOUT_S = 1.0
# What is queued is played before the earpiece is shut, since a cut is a click. No driver queues more.
_PERIODS_TO_PLAY_OUT = 4
_PERIODS_AN_OBSERVATION = 4


class FarReference:
    """A copy of the playback queue, emptied by the microphone's clock."""

    def __init__(self, period_samples: int) -> None:
        self._period_bytes = 2 * period_samples
        # Cards report their queue in steps, often of 10 ms; two clocks part by less than that within minutes.
        self._tolerance = period_samples
        self._queue = bytearray()
        self._surpluses: list[int] = []

    def write(self, frame: bytes) -> None:
        """Learn what was written to the queue."""
        self._queue += frame
        too_much = len(self._queue) - _LONGEST_PERIODS * self._period_bytes
        if too_much > 0:
            del self._queue[:too_much]

    def next_period(self) -> bytes:
        """Return what was played while the microphone recorded its latest period."""
        period = bytes(self._queue[: self._period_bytes])
        del self._queue[: self._period_bytes]
        return period.ljust(self._period_bytes, b"\0")

    def align(self, queued_samples: int) -> None:
        """Hold the latest that was written, as much of it as is queued; silence before that."""
        surplus = len(self._queue) - 2 * queued_samples
        if surplus > 0:
            del self._queue[:surplus]
        else:
            self._queue[:0] = bytes(-surplus)
        self._surpluses.clear()

    def observe(self, queued_samples: int) -> None:
        """Compare with the card's own word, when the next frame is about to be written.

        Only what a whole second of observations agrees on is corrected.
        """
        self._surpluses.append(len(self._queue) // 2 - queued_samples)
        if len(self._surpluses) < _OBSERVATIONS_A_WINDOW:
            return
        least, most = min(self._surpluses), max(self._surpluses)
        if least > self._tolerance:
            del self._queue[: 2 * least]
        elif most < -self._tolerance:
            self._queue[:0] = bytes(-2 * most)
        self._surpluses.clear()


@dataclass(frozen=True, slots=True)
class AudioCounters:
    """How the sound has fared since the loop was started.

    Attributes:
        periods: how many periods were played.
        underruns: how often the earpiece ran dry.
        overruns: how often the microphone was not read in time.
        corrected_periods: periods that gained or lost samples to follow another clock.
        reopenings: how often a PCM that was gone came back.
        is_playing: whether the earpiece is open now.
        is_recording: whether the microphone is open now.
        fault: why sound is missing, empty where it is not.
        is_processing: whether echo, noise or level are being dealt with on the route in use.
        processing_fault: why they are not where they should be, empty where they are.
        echo: what is known of the loudspeaker's echo, a sentence; empty where nothing is.
    """

    periods: int
    underruns: int
    overruns: int
    corrected_periods: int
    reopenings: int
    is_playing: bool
    is_recording: bool
    fault: str
    is_processing: bool = False
    processing_fault: str = ""
    echo: str = ""

    def __str__(self) -> str:
        state = " ".join(filter(None, (self.fault, self.processing_fault))) or "Works."
        return (
            f"{state} {self.periods} periods, {self.underruns} underruns, {self.overruns} overruns, "
            f"{self.corrected_periods} periods fitted to another clock, reopened {self.reopenings} times. {self.echo}"
        ).rstrip()


class Streams:
    """Belongs to the audio thread; only `counters` may be asked from others."""

    def __init__(self, card: SoundCard, post: Callable[[VoiceNews], None]) -> None:
        """Begin with one card; `use` changes to another one with the same rate and period."""
        self._card = card
        self._post = post
        self._period_s = card.period_frames / card.rate_hz
        self._silence = bytes(2 * card.period_frames)
        self._playback: PlaybackStream | None = None
        self._capture: CaptureStream | None = None
        self._capture_flows = False
        self._capture_due = 0.0
        self._drift = DriftCompensator(frame_samples=card.period_frames, prefill_samples=card.prefill_frames)
        self._reference = FarReference(card.period_frames)
        self._underruns_seen = 0
        self._is_catching_up = False
        self._gain = 1.0
        self._volume_percent = 100
        self._retry_at = 0.0
        self._timer_due = 0.0
        self._fault = ""
        self._devices: frozenset[str] = frozenset()
        self._periods = 0
        self._underruns = 0
        self._overruns = 0
        self._corrected = 0
        self._reopenings = 0

    @property
    def is_playing(self) -> bool:
        """Whether the earpiece is open."""
        return self._playback is not None

    def uses(self, card: SoundCard) -> bool:
        """Return whether this is the card in use."""
        return card is self._card

    @property
    def counters(self) -> AudioCounters:
        playback, capture = self._playback, self._capture
        return AudioCounters(
            periods=self._periods,
            underruns=self._underruns + (playback.underruns if playback else 0),
            overruns=self._overruns + (capture.overruns if capture else 0),
            corrected_periods=self._corrected,
            reopenings=self._reopenings,
            is_playing=playback is not None,
            is_recording=capture is not None,
            fault=self._fault,
        )

    # --- opening and shutting -----------------------------------------------------------------------------------------

    def use(self, card: SoundCard, last: bytes) -> None:
        """Change to another earpiece and microphone, which open when they are next wanted.

        Args:
            card: the new one.
            last: the last frame for the old one, which should end in silence.
        """
        self.shut_capture()
        self.play_out(last)
        self._card = card
        self._drift = DriftCompensator(frame_samples=card.period_frames, prefill_samples=card.prefill_frames)
        self._retry_at = 0.0

    def open_missing(self, *, talk: bool) -> None:
        """Open the earpiece, and the microphone to talk, where they are not open yet and were not tried just now."""
        if self._playback is not None and (self._capture is not None or not talk):
            return
        now = time.monotonic()
        if now < self._retry_at:
            return
        if self._playback is None:
            try:
                self._playback = self._card.open_playback()
            except OSError as error:
                self._report_fault(error)
            else:
                self._drift.restart()
                self._underruns_seen = 0
                self._reference = FarReference(self._card.period_frames)
                self.set_volume(self._volume_percent)
                self._reopenings += bool(self._fault)
        if talk and self._capture is None:
            try:
                self._capture = self._card.open_capture()
            except OSError as error:
                self._report_fault(error)
            else:
                self._capture_due = now + _CAPTURE_START_TIMEOUT_S
                self._reopenings += bool(self._fault)

    def shut_capture(self) -> None:
        """Shut the microphone at once."""
        if self._capture is not None:
            self._overruns += self._capture.overruns
            self._capture.close()
            self._capture = None
            self._capture_flows = False

    def shut_playback(self) -> None:
        """Shut the earpiece at once."""
        if self._playback is not None:
            self._underruns += self._playback.underruns
            self._playback.close()
            self._playback = None

    def play_out(self, last: bytes) -> None:
        """Play one frame more, which should end in silence, and shut the earpiece when it is out."""
        if self._playback is None:
            return
        with suppress(OSError):
            for frame in (self.scaled(last), *[self._silence] * _PERIODS_TO_PLAY_OUT):
                self._playback.wait()
                self._playback.write(frame)
        self.shut_playback()

    def set_volume(self, percent: int) -> None:
        """Set the earpiece's volume: in the card where it has a mixer, otherwise by scaling."""
        self._volume_percent = percent
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

    # --- sound --------------------------------------------------------------------------------------------------------

    def wait_for_period(self) -> bytes | None:
        """Wait until the next period is due, and return what the microphone heard where it is open."""
        if self._capture is not None:
            try:
                if self._capture_flows:
                    return self._capture.read()
                # Until its first period is there the earpiece goes on setting the pace, or it would run dry.
                if self._capture.is_ready or self._playback is None or time.monotonic() > self._capture_due:
                    near = self._capture.read()
                    self._follow_capture()
                    return near
            except OSError as error:
                self.shut_capture()
                self._report_fault(error)
        if self._playback is not None:
            try:
                self._playback.wait()
            except OSError as error:
                self.shut_playback()
                self._report_fault(error)
            else:
                return None
        self._wait_for_timer()
        return None

    def scaled(self, frame: bytes) -> bytes:
        """Return the frame as loud as it should be played, as far as that is not the card's own doing."""
        return frame if self._gain == 1.0 else audioop.mul(frame, 2, self._gain)

    def play(self, frame: bytes, sidetone: bytes | None = None) -> None:
        """Queue a period for the earpiece; without one it is dropped.

        Args:
            frame: the far end and tones, which an echo canceller must know of.
            sidetone: what is played besides.
        """
        self._periods += 1
        playback = self._playback
        if playback is None:
            return
        try:
            if self._capture_flows:
                frame = self._fitted(frame, playback)
                if not frame:
                    return
            if sidetone is None:
                playback.write(frame)
            else:
                playback.write(audioop.add(frame, _as_long_as(frame, sidetone), 2))
        except OSError as error:
            self.shut_playback()
            self._report_fault(error)
            return
        if playback.underruns != self._underruns_seen:
            # The queue ran empty, and silence was written ahead of the frame.
            self._underruns_seen = playback.underruns
            self._reference.align(0)
            self._reference.align(self._card.prefill_frames)
        self._reference.write(frame)

    def played(self) -> bytes:
        """Return what the earpiece played while the microphone recorded its latest period."""
        return self._reference.next_period()

    def _fitted(self, frame: bytes, playback: PlaybackStream) -> bytes:
        """Return the frame as long as the queue wants it, to follow the earpiece's clock."""
        if self._is_catching_up:
            queued = playback.queued_frames
            self._reference.align(queued)
            frame = self._without_surplus(frame, queued)
            if not frame:
                return frame
        # Asking the card costs as much as writing to it.
        if self._periods % _PERIODS_AN_OBSERVATION == 0:
            queued = playback.queued_frames
            self._drift.observe(queued, playback.underruns)
            self._reference.observe(queued)
        correction = self._drift.correction()
        if correction:
            self._corrected += 1
            frame = stretch(frame, correction)
        return frame

    def _follow_capture(self) -> None:
        self._capture_flows = True
        # Paced by the earpiece the queue was full; in a call that would be delay.
        self._is_catching_up = True
        self._drift.restart()

    def _without_surplus(self, frame: bytes, queued_frames: int) -> bytes:
        """Return what is left of a frame when the queue is to be as short as it should be."""
        surplus = max(0, 2 * (queued_frames - self._drift.aim_samples))
        self._is_catching_up = surplus >= len(frame)
        return frame[surplus:]

    def _wait_for_timer(self) -> None:
        now = time.monotonic()
        # After a pause the timer starts anew rather than catching up.
        self._timer_due = self._timer_due + self._period_s if now - self._timer_due < 1 else now
        time.sleep(max(0.0, self._timer_due - now))

    # --- faults -------------------------------------------------------------------------------------------------------

    def probe(self) -> None:
        """See whether earpiece and microphone are there; outside a call the latter is not opened."""
        self._devices = self._card.devices()
        try:
            self._card.open_playback().close()
            self._card.look_for_capture()
        except OSError as error:
            self._report_fault(error)
        else:
            self._report_recovery()

    def recheck(self, *, talk: bool) -> None:
        """Declare a fault over once all that is wanted is open again; call it now and then while sound flows."""
        if self._playback is not None and (self._capture_flows or not talk):
            self._report_recovery()

    def reprobe(self) -> None:
        """Look whether a card has gone, or come back; call it now and then while nothing sounds."""
        if self._fault or self._card.devices() != self._devices:
            self.probe()

    def _report_fault(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        if not self._fault:
            self._fault = str(error)
            _log.warning("%s", error)
            self._post(ProblemRaised(Problem.SOUND_MISSING, self._fault))

    def _report_recovery(self) -> None:
        if self._fault:
            self._fault = ""
            _log.info("The sound card works again.")
            self._post(ProblemCleared(Problem.SOUND_MISSING))


def _as_long_as(frame: bytes, sidetone: bytes) -> bytes:
    """Return sidetone that fits a frame which gained or lost a few samples; nobody hears which."""
    missing = len(frame) - len(sidetone)
    return sidetone + sidetone[-2:] * (missing // 2) if missing > 0 else sidetone[: len(frame)]
