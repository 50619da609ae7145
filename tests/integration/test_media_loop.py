"""The audio loop on real ALSA PCMs: heard, timed and interrupted."""

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.sound import AlsaSoundCard
from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from firmware.phone.orders import AudioRoute, Tone
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.audio.near_end import NearEndSettings
from tests.fakes.audio_ports import EchoPort, SingingPort
from tests.lab import chance
from tests.lab.acoustic_path import far_voice, level_db
from tests.lab.audio import (
    Recorder,
    Sound,
    chirp_train,
    find_tone,
    first_heard_at,
    gaps,
    latency_between,
    play,
    start_playing,
    tone,
)
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.pulse import PulseAudio, Stream
from tests.lab.watched_card import WatchedSoundCard

RATE_HZ = 16_000
STEADY_S = chance.counted(20, 4)
MOST_BEFORE_DIAL_TONE_S = 0.05


class Handset:
    """An audio loop on the sinks `ear` and `mic`; `options` are the loop's own."""

    def __init__(self, port: EchoPort, *, rate_hz: int = RATE_HZ, period_ms: int = 10, **options: Any) -> None:
        self.events: list[Event] = []
        self.port = port
        self._changed = threading.Condition()
        self.card = WatchedSoundCard(
            playback="ear",
            capture="mic_monitor",
            rate_hz=rate_hz,
            period_frames=rate_hz * period_ms // 1000,
            prefill_frames=rate_hz // 100,
        )
        self.loop = AudioLoop(self.card, country="CN", heartbeat=lambda: None, post=self._take, **options)
        self.loop.set_volume(AudioRoute.EARPIECE, 100)

    def wait_for_event(self, event: type[Event] | Event) -> None:
        def has_come() -> bool:
            return any(seen == event or type(seen) is event for seen in self.events)

        with self._changed:
            assert self._changed.wait_for(has_come, PATIENCE_S), f"{event} did not come; {self.loop.counters}"

    def _take(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()


@pytest.fixture
def lift() -> Iterator[Callable[..., Handset]]:
    handsets: list[Handset] = []

    def lift_one(port: EchoPort | None = None, **options: Any) -> Handset:
        handset = Handset(port or EchoPort(), **options)
        handsets.append(handset)
        handset.loop.start(handset.port)
        return handset

    yield lift_one
    for handset in handsets:
        handset.loop.stop()


def test_dial_tone_is_heard_on_lifting_and_there_is_next_to_no_sound_before_it(
    pulse: PulseAudio, lift: Callable[..., Handset], record_property: Callable[[str, object], None]
) -> None:
    handset = lift()
    with Recorder("ear_monitor") as recorder:
        lifted_at = time.monotonic()
        handset.loop.open(talk=False)
        handset.loop.play_tone(Tone.DIAL)
        wait_until(lambda: first_heard_at(recorder.sound, [450]))
        heard_at = first_heard_at(recorder.sound, [450])
    assert heard_at is not None
    record_property("dial_tone_s", heard_at - lifted_at)
    before_s = find_tone(handset.card.was_written(), [450])[0].start_s + handset.card.prefill_frames / RATE_HZ
    record_property("sound_before_dial_tone_s", before_s)
    record_property("sound_before_dial_tone_bound_s", MOST_BEFORE_DIAL_TONE_S)
    assert before_s <= MOST_BEFORE_DIAL_TONE_S


def test_the_microphone_is_open_in_a_call_and_at_no_other_time(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    mine = Stream("mic.monitor", os.getpid())
    handset = lift()
    assert mine not in pulse.recording()

    handset.loop.open(talk=False)
    handset.loop.play_tone(Tone.RINGBACK)
    wait_until(lambda: Stream("ear", os.getpid()) in pulse.playing())
    assert mine not in pulse.recording()

    handset.loop.stop_tone()
    handset.loop.open(talk=True)
    wait_until(lambda: mine in pulse.recording())

    handset.loop.set_muted(muted=True)
    assert mine in pulse.recording()

    handset.loop.open(talk=False)
    wait_until(lambda: mine not in pulse.recording())
    assert Stream("ear", os.getpid()) in pulse.playing()

    handset.loop.open(talk=True)
    wait_until(lambda: mine in pulse.recording())
    handset.loop.close()
    wait_until(lambda: mine not in pulse.recording())
    wait_until(lambda: Stream("ear", os.getpid()) not in pulse.playing())


@pytest.mark.soak
def test_a_steady_tone_crosses_the_loop_without_a_gap(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    handset = lift()
    handset.loop.open(talk=True)
    wait_until(lambda: handset.loop.counters.periods > 20)
    with Recorder("ear_monitor") as recorder:
        play("mic", tone([1000], STEADY_S))
        heard = recorder.sound
    assert sum(span.duration_s for span in find_tone(heard, [1000])) > STEADY_S - 1
    # What the loop was given has the gaps that the sound server made on a busy machine.
    assert gap_s(handset.card.was_written()) <= gap_s(handset.card.was_read()) + 0.005


def gap_s(sound: Sound) -> float:
    """Return for how long a tone of 1 kHz is gone at most."""
    return max((gap.duration_s for gap in gaps(sound, 1000)), default=0.0)


@pytest.mark.parametrize(("rate_hz", "period_ms"), [(16_000, 10), (16_000, 20)])
def test_the_loop_itself_costs_little_delay(
    pulse: PulseAudio,
    lift: Callable[..., Handset],
    record_property: Callable[[str, object], None],
    rate_hz: int,
    period_ms: int,
) -> None:
    handset = lift(EchoPort(rate_hz, rate_hz // 100), rate_hz=rate_hz, period_ms=period_ms)
    handset.loop.open(talk=True)
    wait_until(lambda: handset.loop.counters.periods > 100)
    before = len(handset.card.turns)
    play("mic", chirp_train(3))
    # What was read is written in the same turn.
    within = latency_between(handset.card.was_read(before), handset.card.was_written(before))
    assert len(within.values_ms) == within.sent >= 2
    record_property("queue_s", statistics.median(handset.card.queued_frames) / rate_hz)
    record_property("loop_delay_s", within.median_ms / 1000)
    record_property("loop_delay_bound_s", period_ms / 2000)
    assert abs(within.median_ms) <= period_ms / 2


def test_early_media_goes_over_into_the_call_without_a_gap(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    handset = lift(SingingPort())
    with Recorder("ear_monitor") as recorder:
        handset.loop.open(talk=False)
        wait_until(lambda: first_heard_at(recorder.sound, [1000]))
        handset.loop.open(talk=True)
        wait_until(lambda: handset.loop.counters.is_recording)
        periods = handset.loop.counters.periods
        wait_until(lambda: handset.loop.counters.periods > periods + 100)
    assert gap_s(handset.card.was_written()) <= 0.04


def loudspeaker(capture: str) -> AlsaSoundCard:
    return AlsaSoundCard(playback="bell", capture=capture)


def test_a_call_moves_to_the_loudspeaker_and_back(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    earpiece, bell = Stream("ear", os.getpid()), Stream("bell", os.getpid())
    microphone = Stream("mic.monitor", os.getpid())
    handset = lift(SingingPort(), speaker_card=loudspeaker("mic_monitor"))
    handset.loop.open(talk=True)
    wait_until(lambda: earpiece in pulse.playing() and microphone in pulse.recording())

    with Recorder("bell_monitor") as recorder:
        handset.loop.open(talk=True, speaker=True)
        wait_until(lambda: bell in pulse.playing() and microphone in pulse.recording())
        assert earpiece not in pulse.playing()
        wait_until(lambda: find_tone(recorder.sound, [1000], shortest_s=0.3))

    handset.loop.open(talk=False, speaker=True)
    wait_until(lambda: microphone not in pulse.recording())
    assert bell in pulse.playing()

    handset.loop.open(talk=True)
    wait_until(lambda: earpiece in pulse.playing() and microphone in pulse.recording())
    assert bell not in pulse.playing()
    assert handset.events == []


class VoicePort(EchoPort):
    """A far end that speaks all the time; keeps what it is sent."""

    def __init__(self, voice: Sound) -> None:
        super().__init__()
        pcm = voice.pcm
        self._voice = [pcm[first : first + 320] for first in range(0, len(pcm) - 319, 320)]
        self.sent = bytearray()

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        self.sent += near or self._silence
        return self._voice[self.exchanges % len(self._voice)]

    def levels_db(self) -> list[float]:
        """Return how loud what was sent was, second by second."""
        sent = Sound.from_pcm(bytes(self.sent), RATE_HZ)
        return [level_db(sent.between(second, second + 1).samples) for second in range(int(sent.duration_s))]


def test_a_microphone_that_hears_the_loudspeaker_sends_next_to_nothing_of_it(
    pulse: PulseAudio, lift: Callable[..., Handset]
) -> None:
    @contextmanager
    def in_a_call(near_end: NearEndSettings) -> Iterator[VoicePort]:
        port = VoicePort(far_voice())
        handset = lift(port, speaker_card=loudspeaker("bell_monitor"), speaker_near_end=near_end)
        handset.loop.set_volume(AudioRoute.SPEAKER, 60)
        handset.loop.open(talk=True, speaker=True)
        yield port
        handset.loop.close()

    with in_a_call(NearEndSettings()) as port:
        wait_until(lambda: len(port.levels_db()) >= 4)
        untouched_db = statistics.median(port.levels_db()[2:])
    assert untouched_db > -45
    # A busy machine moves the echo about, and the canceller has to find it anew; in how long is held in virtual time.
    with in_a_call(NearEndSettings(echo_cancelling=True, noise_suppression=True, gain_control=True)) as port:

        def are_taken() -> bool:
            levels_db = port.levels_db()
            return len(levels_db) >= 4 and max(levels_db[-2:]) <= untouched_db - 40

        wait_until(are_taken, "40 dB are taken", look_s=0.5)


@pytest.fixture
def own_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseAudio]:
    """Sound cards that this test may pull out."""
    server = PulseAudio(tmp_path / "pulse")
    server.folder.mkdir()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


def test_a_card_that_is_pulled_out_in_a_call_comes_back_by_itself(
    own_pulse: PulseAudio, lift: Callable[..., Handset]
) -> None:
    own_pulse.start()
    handset = lift()
    handset.loop.open(talk=True)
    wait_until(lambda: handset.loop.counters.is_recording)

    own_pulse.kill()
    handset.wait_for_event(ProblemRaised)
    exchanges = handset.port.exchanges
    wait_until(lambda: handset.port.exchanges > exchanges + 50)

    own_pulse.restart()
    handset.wait_for_event(ProblemCleared(Problem.SOUND_MISSING))
    with Recorder("ear_monitor") as recorder:
        play("mic", tone([1000], 2.0))
        heard = recorder.sound
    assert sum(span.duration_s for span in find_tone(heard, [1000])) > 1.5
    assert handset.loop.counters.reopenings >= 2


def test_a_card_that_comes_after_the_start_is_found(own_pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    handset = lift()
    handset.wait_for_event(ProblemRaised)
    handset.loop.open(talk=False)
    handset.loop.play_tone(Tone.DIAL)
    own_pulse.start()
    handset.wait_for_event(ProblemCleared(Problem.SOUND_MISSING))
    with Recorder("ear_monitor") as recorder:
        wait_until(lambda: find_tone(recorder.sound, [450], shortest_s=0.2))


@pytest.mark.soak
def test_a_hundred_calls_leave_no_descriptor_open(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    def call() -> None:
        handset.loop.open(talk=True)
        wait_until(lambda: handset.loop.counters.is_recording)
        handset.loop.close()
        wait_until(lambda: not handset.loop.counters.is_playing)

    handset = lift()
    call()
    before = descriptors()
    for _ in range(chance.counted(100, 10)):
        call()
    assert descriptors() <= before


def test_both_ends_at_once(pulse: PulseAudio, lift: Callable[..., Handset]) -> None:
    handset = lift(SingingPort(frequency_hz=700))
    handset.loop.open(talk=True)
    wait_until(lambda: handset.loop.counters.is_recording)
    speaking = start_playing("mic", tone([1000], 1.0))
    with Recorder("ear_monitor") as recorder:
        speaking.join()
        heard = recorder.sound
    assert find_tone(heard, [700], shortest_s=0.5)
    assert find_tone(heard, [1000]) == []
