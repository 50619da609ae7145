"""The audio loop: one thread between a sound card and the SIP stack's bridge.

What paces it:

- the microphone, in a call: its clock is the bridge's clock, and the earpiece follows it (see drift.py);
- the earpiece, for tones and early media, with the microphone shut;
- a timer, where a card that should be open is missing: the call goes on and sound comes back with the card; and where
  nobody is at the phone to whom a card would be of use;
- nothing, as a rule: the thread sleeps, and only turns the bridge over now and then.

The other threads talk to it by swapping one attribute for another frozen value. While sound flows there is no lock.
"""

import audioop
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from firmware.base.errors import MediaError
from firmware.base.heartbeats import Heartbeat
from firmware.phone.news import VoiceNews
from firmware.phone.orders import AudioRoute, EarPreset, Tone
from firmware.phone.requests.handset import Loudness
from firmware.ports.sound import SOUND_RATE_HZ, AudioPort, SoundCard, SoundSource
from firmware.voice.audio.ear import Ear, EarSettings
from firmware.voice.audio.near_end import NearEnd, NearEndSettings
from firmware.voice.audio.sound_pipe import PipeTap
from firmware.voice.audio.streams import AudioCounters, Streams
from firmware.voice.audio.tone_plans import tone_plan
from firmware.voice.audio.tones import ComfortNoise, RenderedTone, Resampler, TonePlayer, fade_out, render

_IDLE_BEAT_S = 5.0
# pjmedia's bridge adds and removes its ports within get_frame: after a call it must be turned over to free its slots.
_TURNS_AFTER_CLOSE = 20
_TURN_S = 0.1
_HOUSEKEEPING_S = 1.0
_PRIORITY = 20
_PERIODS_METERED = 50
_UNTOUCHED = NearEndSettings()
_PLAIN = EarSettings()


@dataclass(frozen=True, slots=True, eq=False)
class _ToneRequest:
    """Compared by identity: asking for the same tone again starts it anew."""

    tone: Tone


@dataclass(frozen=True, slots=True, eq=False)
class _SoundRequest:
    """Compared by identity, as above; `frames` at the card's rate, each a period long."""

    frames: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Announcement:
    """Compared by identity, as above; `when_over` is told once whether both ends got all of it."""

    frames: tuple[bytes, ...]
    when_over: Callable[[bool], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """All that the other threads want of the loop."""

    is_open: bool = False
    talk: bool = False
    speaker: bool = False
    unattended: bool = False
    muted: bool = False
    ear: EarSettings = _PLAIN
    lower_noise: bool = True
    earpiece_percent: int = 70
    speaker_percent: int = 70
    tone: _ToneRequest | None = None
    sound: _SoundRequest | None = None
    source: SoundSource | None = None
    announcement: _Announcement | None = None

    @property
    def is_in_call(self) -> bool:
        """Whether the other end is sent what there is to be sent."""
        return self.talk or self.unattended

    @property
    def volume_percent(self) -> int:
        """The volume of the route in use."""
        return self.speaker_percent if self.speaker else self.earpiece_percent


class AudioLoop:
    """The loop on any sound card. Every method but `start` and `stop` only sets what it does next."""

    def __init__(
        self,
        card: SoundCard,
        *,
        country: str,
        heartbeat: Heartbeat,
        post: Callable[[VoiceNews], None],
        speaker_card: SoundCard | None = None,
        handset_near_end: NearEndSettings = _UNTOUCHED,
        speaker_near_end: NearEndSettings = _UNTOUCHED,
        sidetone_percent: int = 0,
        comfort_noise: bool = False,
        tap: PipeTap | None = None,
    ) -> None:
        """Remember what to work with; nothing is opened yet.

        Args:
            card: the earpiece and the microphone.
            country: whose tones to play.
            heartbeat: the thread's sign of life.
            post: takes ProblemRaised and ProblemCleared, on the audio thread.
            speaker_card: the loudspeaker and its microphone, with the earpiece's rate and period; the earpiece's pair
                serves for both where left out.
            handset_near_end: what is done to the microphone's sound on the handset.
            speaker_near_end: what is done to it on the loudspeaker.
            sidetone_percent: how much of one's own voice is heard in the earpiece, as an amplitude.
            comfort_noise: whether a faint noise is played while the far end of a call is dead silent.
            tap: is given both sides of what is said while the microphone is open, or nobody is at the phone.
        """
        self._card = card
        self._speaker_card = speaker_card or card
        self._near_end_settings = handset_near_end, speaker_near_end
        self._handset_near_end = NearEnd(handset_near_end, rate_hz=card.rate_hz)
        self._speaker_near_end = NearEnd(speaker_near_end, rate_hz=card.rate_hz)
        self._sidetone = sidetone_percent / 100
        self._has_comfort_noise = comfort_noise
        self._tap = tap
        self._plan = tone_plan(country)
        self._heartbeat = heartbeat
        self._streams = Streams(card, post)
        self._silence = bytes(2 * card.period_frames)
        self._wanted = _Wanted()
        self._loudness = deque[int](maxlen=_PERIODS_METERED)
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._port: AudioPort | None = None
        self._frames_a_period = 1

        # From here on everything belongs to the audio thread.
        self._adopted: _Wanted | None = None
        self._near_end = self._handset_near_end
        self._ear = Ear(card.rate_hz)
        self._comfort_noise: ComfortNoise | None = None
        self._tones: dict[Tone, RenderedTone] = {}
        self._tone: TonePlayer | None = None
        self._tone_request: _ToneRequest | None = None
        self._sound: TonePlayer | None = None
        self._sound_request: _SoundRequest | None = None
        self._announced: TonePlayer | None = None
        self._announcement: _Announcement | None = None
        self._period_ms = 1000 * card.period_frames // card.rate_hz
        self._source_resampler = Resampler(SOUND_RATE_HZ, card.rate_hz)
        self._turns_left = 0
        self._periods_a_check = round(_HOUSEKEEPING_S * card.rate_hz / card.period_frames)
        self._until_check = self._periods_a_check

    # --- any thread ---------------------------------------------------------------------------------------------------

    def start(self, port: AudioPort | None) -> None:
        """Start the thread; without a port there are only tones.

        Raises:
            MediaError: the port's frames do not fit the card's periods.
        """
        if port is not None:
            self._frames_a_period, rest = divmod(self._card.period_frames, port.frame_samples)
            if port.rate_hz != self._card.rate_hz or rest:
                raise MediaError(
                    f"The SIP stack's bridge runs at {port.rate_hz} Hz with {port.frame_samples} samples a frame, "
                    f"which does not fit the sound card's {self._card.rate_hz} Hz and {self._card.period_frames} "
                    "samples a period. Give both the same rate, and the card a multiple of the bridge's frame."
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

    def open(self, *, talk: bool, speaker: bool = False, unattended: bool = False) -> None:
        if talk or unattended:
            self.listen_to(None)
        wanted = replace(self._wanted, is_open=True, talk=talk, speaker=speaker, unattended=unattended)
        self._want(replace(wanted, sound=None) if wanted.is_in_call else replace(wanted, announcement=None))

    def close(self) -> None:
        closed = replace(self._wanted, is_open=False, talk=False, unattended=False)
        self._want(replace(closed, sound=None, announcement=None))

    def play_tone(self, tone: Tone) -> None:
        self._want(replace(self._wanted, tone=_ToneRequest(tone)))

    def stop_tone(self) -> None:
        self._want(replace(self._wanted, tone=None))

    def set_muted(self, *, muted: bool) -> None:
        self._want(replace(self._wanted, muted=muted))

    def set_ear(self, preset: EarPreset, *, boosted: bool) -> None:
        """Choose how the earpiece sounds; the loudspeaker and the ringer sound as they come."""
        self._want(replace(self._wanted, ear=EarSettings(preset, boosted)))

    def lower_noise(self, *, lowered: bool) -> None:
        """Lower steady noise where the configuration says so, or nowhere."""
        self._want(replace(self._wanted, lower_noise=lowered))

    def set_volume(self, route: AudioRoute, percent: int) -> None:
        """Set the volume of the earpiece or the loudspeaker; the ringer has its own driver."""
        if route is AudioRoute.EARPIECE:
            self._want(replace(self._wanted, earpiece_percent=percent))
        elif route is AudioRoute.SPEAKER:
            self._want(replace(self._wanted, speaker_percent=percent))

    def play(self, sound: bytes, *, beside_call: bool = False) -> None:
        """Play a sound at SOUND_RATE_HZ once; it is given up where the earpiece shuts or the microphone opens.

        With the microphone open nothing is played but what somebody wants to hear `beside_call`.
        """
        if (self._wanted.is_in_call and not beside_call) or not self._wanted.is_open:
            return
        self._want(replace(self._wanted, sound=_SoundRequest(self._frames_of(sound))))

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        """Play a sound at SOUND_RATE_HZ once to both ends; it is given up where the microphone shuts, or opens."""
        if self._wanted.is_in_call:
            self._want(replace(self._wanted, announcement=_Announcement(self._frames_of(sound), when_over)))
        else:
            when_over(False)

    def listen_to(self, source: SoundSource | None) -> None:
        """Play what a source gives, in place of the one before; not while the microphone is open."""
        before = self._wanted.source
        if before is not None:
            before.give_up()
        if source is not None and self._wanted.is_in_call:
            source.give_up()
            source = None
        if source is not before:
            self._want(replace(self._wanted, source=source))

    @property
    def counters(self) -> AudioCounters:
        """How the sound has fared; a copy, from any thread."""
        path = self._speaker_near_end.echo_path or self._handset_near_end.echo_path
        echo = f"Echo comes after {path.delay_ms} ms; the filter takes {path.taken_db} dB of it." if path else ""
        return replace(
            self._streams.counters,
            echo=echo,
            is_processing=self._near_end.is_working,
            processing_fault=self._handset_near_end.fault or self._speaker_near_end.fault,
        )

    def take_loudness(self) -> Loudness:
        """Return how loud the microphone has been since the last time, within a second; 0 where it was shut."""
        heard, self._loudness = self._loudness, deque[int](maxlen=_PERIODS_METERED)
        return Loudness(min(heard, default=0), max(heard, default=0))

    def _frames_of(self, sound: bytes) -> tuple[bytes, ...]:
        rate_hz, size = self._card.rate_hz, len(self._silence)
        if rate_hz != SOUND_RATE_HZ:
            sound, _ = audioop.ratecv(sound, 2, 1, SOUND_RATE_HZ, rate_hz, None)
        return tuple(sound[first : first + size].ljust(size, b"\0") for first in range(0, len(sound), size))

    def _want(self, wanted: _Wanted) -> None:
        self._wanted = wanted
        self._wake.set()

    # --- the audio thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _raise_priority()
        if self._port is not None:
            self._port.attach()
        self._tones = {
            tone: render(shape, self._card.rate_hz, self._card.period_frames)
            for tone, shape in self._plan.tones.items()
        }
        if self._has_comfort_noise:
            self._comfort_noise = ComfortNoise(rate_hz=self._card.rate_hz, frame_samples=self._card.period_frames)
        self._streams.probe()
        self._handset_near_end.check()
        self._speaker_near_end.check()
        try:
            while not self._stopping:
                self._step()
        finally:
            self._streams.shut_capture()
            self._streams.shut_playback()

    def _step(self) -> None:
        wanted = self._wanted
        if wanted is not self._adopted:
            self._adopt(wanted)
        if wanted.is_open or self._tone is not None:
            if wanted.unattended:
                self._streams.shut_playback()
            else:
                self._streams.open_missing(talk=wanted.talk)
            self._pass_one_period(wanted)
        elif self._streams.is_playing:
            self._streams.play_out(fade_out(self._exchange(None), self._card.rate_hz))
        else:
            self._rest()

    def _adopt(self, wanted: _Wanted) -> None:
        before, self._adopted = self._adopted, wanted
        if not wanted.talk:
            self._streams.shut_capture()
        self._choose_noise(lowered=wanted.lower_noise)
        if wanted.is_open:
            self._take_route(speaker=wanted.speaker)
        if wanted.tone is not self._tone_request:
            self._tone_request = wanted.tone
            if wanted.tone is not None:
                self._tone = TonePlayer(self._tones[wanted.tone.tone])
            elif self._tone is not None:
                self._tone = _last_frame_of(self._tone, self._card.rate_hz)
        if wanted.sound is not self._sound_request:
            self._sound_request = wanted.sound
            self._sound = TonePlayer(RenderedTone(wanted.sound.frames, ())) if wanted.sound is not None else None
        if wanted.announcement is not self._announcement:
            self._take_announcement(wanted.announcement)
        if before is None or wanted.volume_percent != before.volume_percent:
            self._streams.set_volume(wanted.volume_percent)
        if before is not None and before.is_open and not wanted.is_open:
            self._turns_left = _TURNS_AFTER_CLOSE

    def _choose_noise(self, *, lowered: bool) -> None:
        for near_end, settings in zip(
            (self._handset_near_end, self._speaker_near_end), self._near_end_settings, strict=True
        ):
            near_end.change(replace(settings, noise_suppression=settings.noise_suppression and lowered))

    def _take_route(self, *, speaker: bool) -> None:
        card = self._speaker_card if speaker else self._card
        if not self._streams.uses(card):
            self._streams.use(card, fade_out(self._exchange(None), card.rate_hz))
        self._near_end = self._speaker_near_end if speaker else self._handset_near_end
        self._near_end.prepare()

    def _pass_one_period(self, wanted: _Wanted) -> None:
        near = self._streams.wait_for_period()
        sent = self._sent(near, muted=wanted.muted)
        announced = self._announced.next_frame() if self._announced is not None else None
        if announced is not None:
            # Whoever is muted is recorded, too.
            sent = announced if sent is None else audioop.add(sent, announced, 2)
        elif self._announced is not None:
            self._end_announcement(made=True)
        frame = self._exchange(sent)
        if self._tap is not None and wanted.is_in_call:
            self._tap.put(sent, frame)
        if self._comfort_noise is not None and wanted.talk:
            frame = self._comfort_noise.fill(frame)
        if announced is not None:
            frame = audioop.add(frame, announced, 2)
        if self._tone is not None:
            frame, self._tone = _over(frame, self._tone)
        if self._sound is not None:
            frame, self._sound = _over(frame, self._sound)
        if wanted.source is not None:
            frame = self._with(wanted.source, frame)
        self._streams.play(self._scaled(frame, wanted), self._sidetone_of(near, wanted))
        self._until_check -= 1
        if self._until_check <= 0:
            self._until_check = self._periods_a_check
            self._heartbeat()
            self._streams.recheck(talk=wanted.talk)

    def _scaled(self, frame: bytes, wanted: _Wanted) -> bytes:
        """Return the frame as loud as it should be played; behind the volume the limiter has the last word."""
        frame = self._streams.scaled(frame)
        return frame if wanted.speaker else self._ear.play(frame, wanted.ear)

    def _take_announcement(self, announcement: _Announcement | None) -> None:
        self._end_announcement(made=False)
        self._announcement = announcement
        if announcement is not None:
            self._announced = TonePlayer(RenderedTone(announcement.frames, ()))

    def _end_announcement(self, *, made: bool) -> None:
        if self._announced is not None and self._announcement is not None:
            self._announcement.when_over(made)
        self._announced = None

    def _sent(self, near: bytes | None, *, muted: bool) -> bytes | None:
        """Return what the far end should hear of what the microphone heard."""
        if near is None:
            return None
        self._loudness.append(audioop.rms(near, 2))
        # Muted too, or the canceller would have to learn the room anew.
        processed = self._near_end.process(near, self._streams.played())
        return None if muted else processed

    def _with(self, source: SoundSource, frame: bytes) -> bytes:
        sound = source.next_frame(self._period_ms)
        if sound is None:
            return frame
        sound = self._source_resampler.convert(sound)
        return audioop.add(frame, sound[: len(frame)].ljust(len(frame), b"\0"), 2)

    def _sidetone_of(self, near: bytes | None, wanted: _Wanted) -> bytes | None:
        if not self._sidetone or near is None or wanted.muted or wanted.speaker:
            return None
        return audioop.mul(near, 2, self._sidetone)

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

    def _rest(self) -> None:
        """Sleep until something is wanted."""
        if not self._streams.uses(self._card):
            # A phone at rest is one whose handset works, whatever its loudspeaker does.
            self._streams.use(self._card, self._silence)
        self._heartbeat()
        self._wake.clear()
        if self._wanted is not self._adopted or self._stopping:
            return
        if self._wake.wait(_TURN_S if self._turns_left else _IDLE_BEAT_S):
            return
        self._exchange(None)
        if self._turns_left:
            self._turns_left -= 1
        else:
            self._streams.reprobe()


def _over(frame: bytes, player: TonePlayer) -> tuple[bytes, TonePlayer | None]:
    """Return a frame with the player's next one over it, and the player unless it has come to its end."""
    sound = player.next_frame()
    return (frame, None) if sound is None else (audioop.add(frame, sound, 2), player)


def _last_frame_of(tone: TonePlayer, rate_hz: int) -> TonePlayer | None:
    frame = tone.next_frame()
    return None if frame is None else TonePlayer(RenderedTone((fade_out(frame, rate_hz),), ()))


def _raise_priority() -> None:
    """Put sound ahead of everything else, where the system allows it (RLIMIT_RTPRIO).

    Threads that ALSA plug-ins start from this one inherit it; they carry the same sound.
    """
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
