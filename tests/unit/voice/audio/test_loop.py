"""The audio loop on a sound card in virtual time."""

import importlib.util
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pytest

from firmware.base.errors import MediaError
from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from firmware.phone.orders import AudioRoute, EarPreset, Tone
from firmware.phone.requests.handset import Loudness
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio import loop, webrtc
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.audio.near_end import NearEndSettings
from firmware.voice.audio.sound_pipe import PipeSource, PipeTap
from firmware.voice.audio.sound_queue import SoundQueue
from firmware.voice.audio.tap_reader import TapReader
from firmware.voice.audio.webrtc import WebRtcProcessor
from tests.fakes.audio_ports import EchoPort, SingingPort
from tests.fakes.sound_card import VirtualSoundCard
from tests.lab.acoustic_path import far_voice, level_db
from tests.lab.audio import Sound, find_tone, gaps, tone
from tests.lab.chance import counted
from tests.lab.patience import PATIENCE_S

pytestmark = pytest.mark.feature("sidetone")

RATE_HZ = 16_000
LOOP_OPTIONS = ("speaker_card", "handset_near_end", "speaker_near_end", "sidetone_percent", "comfort_noise", "tap")


class Bench:
    """A loop on a virtual card, with everything that it says kept."""

    def __init__(self, card: VirtualSoundCard, port: EchoPort | None, **options: Any) -> None:
        self.card = card
        self.speaker: VirtualSoundCard | None = options.get("speaker_card")
        self.port = port
        self.events: list[Event] = []
        self.beats = 0
        self._news = threading.Condition()
        self.loop = AudioLoop(card, country="CN", heartbeat=self._beat, post=self._take, **options)
        self.loop.set_volume(AudioRoute.EARPIECE, 100)

    def wait_for(self, what: Callable[[], Any]) -> None:
        """Wait until something is so; the loop's own time is real while its card is shut or missing."""
        moment = threading.Event()
        for _ in range(int(PATIENCE_S / 0.005)):
            if what():
                return
            moment.wait(0.005)
        raise TimeoutError("It did not happen.")

    def open(self, *, for_s: float, talk: bool = True, speaker: bool = False) -> Self:
        """Open the loop, and let some seconds of it pass."""
        self.loop.open(talk=talk, speaker=speaker)
        self.card.advance(for_s)
        return self

    @property
    def heard(self) -> Sound:
        return Sound.from_pcm(bytes(self.card.heard), self.card.rate_hz)

    def _beat(self) -> None:
        self.beats += 1

    def _take(self, event: Event) -> None:
        with self._news:
            self.events.append(event)


@pytest.fixture
def start() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def start_one(port: EchoPort | None = None, **card: Any) -> Bench:
        missing = {name: card.pop(name) for name in list(card) if name.endswith("_is_missing")}
        options = {name: card.pop(name) for name in LOOP_OPTIONS if name in card}
        bench = Bench(VirtualSoundCard(**card), port, **options)
        vars(bench.card).update(missing)
        benches.append(bench)
        bench.loop.start(port)
        return bench

    yield start_one
    for bench in benches:
        # A stream that waits for virtual time would hold the thread up.
        bench.card.pull_out()
        if bench.speaker is not None:
            bench.speaker.pull_out()
        bench.loop.stop()


def spoken(sound: Sound, frame_samples: int = 160) -> Callable[[], bytes]:
    """A microphone that hears a sound over and over."""
    pcm, size = sound.pcm, 2 * frame_samples
    frames = [pcm[first : first + size] for first in range(0, len(pcm) - size + 1, size)]
    position = iter(range(10**9))
    return lambda: frames[next(position) % len(frames)]


def test_a_closed_loop_opens_nothing(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.wait_for(lambda: bench.beats)
    assert not bench.loop.counters.is_playing
    assert bench.card.capture is None


def test_tones_play_without_the_microphone(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    bench.loop.play_tone(Tone.DIAL)
    bench.card.advance(1.0)
    assert bench.card.capture is None
    assert bench.loop.counters.is_playing
    (span,) = find_tone(bench.heard, [450])
    assert span.start_s <= 0.03
    assert gaps(bench.heard.between(0.1, 0.9), 450) == []


def test_a_tone_needs_no_sip_stack(start: Callable[..., Bench]) -> None:
    bench = start(None)
    bench.loop.open(talk=False)
    bench.loop.play_tone(Tone.DIAL)
    bench.card.advance(0.5)
    assert find_tone(bench.heard, [450])


def test_a_stopped_tone_ends_without_a_click(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    bench.loop.play_tone(Tone.DIAL)
    bench.card.advance(0.5)
    bench.loop.stop_tone()
    bench.card.advance(0.5)
    (span,) = find_tone(bench.heard, [450])
    assert span.end_s < 0.6
    steepest = np.abs(np.diff(bench.heard.samples)).max()
    assert steepest < 1.05 * 2 * np.pi * 450 / RATE_HZ * np.abs(bench.heard.samples).max()


def test_asking_for_the_same_tone_again_starts_it_anew(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    for _ in range(2):
        bench.loop.play_tone(Tone.CONFIRMATION)
        bench.card.advance(1.0)
    assert len(find_tone(bench.heard, [450], threshold=1000)) == 6


def test_early_media_is_heard_without_the_microphone(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort()).open(talk=False, for_s=1.0)
    assert bench.card.capture is None
    assert bench.port is not None
    assert bench.port.silent_exchanges == bench.port.exchanges
    assert gaps(bench.heard, 1000) == []


def test_in_a_call_both_directions_flow(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort(), microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ))).open(for_s=1.0)
    assert bench.loop.counters.is_recording
    assert find_tone(bench.heard, [1000])[0].duration_s > 0.8


def test_a_tone_in_a_call_is_mixed_with_the_far_end(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort()).open(for_s=0.5)
    bench.loop.play_tone(Tone.CONFIRMATION)
    bench.card.advance(1.0)
    assert len(find_tone(bench.heard, [1000, 450], threshold=1000)) == 3
    assert gaps(bench.heard, 1000) == []


def test_the_microphone_shuts_when_the_call_is_held(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort()).open(for_s=0.5)
    capture = bench.card.capture
    assert capture is not None
    assert capture.is_open
    bench.open(talk=False, for_s=0.5)
    assert bench.loop.counters.is_playing
    assert not bench.loop.counters.is_recording
    assert not capture.is_open


def test_microphone_and_earpiece_shut_when_the_call_is_over(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort()).open(for_s=0.5)
    capture, playback = bench.card.capture, bench.card.playback
    assert capture is not None
    assert playback is not None
    bench.loop.close()
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: not playback.is_open)
    assert not capture.is_open


def test_a_call_that_ends_does_not_click(start: Callable[..., Bench]) -> None:
    # Its frames of 10 ms end near a crest.
    bench = start(SingingPort(frequency_hz=1025)).open(for_s=0.5)
    bench.loop.close()
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: not bench.loop.counters.is_playing)
    heard = bench.heard.samples
    assert np.abs(np.diff(heard[1600:])).max() < 1.05 * 2 * np.pi * 1025 / RATE_HZ * 8000
    assert np.abs(heard[-160:]).max() == 0


def test_mute_sends_silence_and_keeps_the_microphone_open(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort(), microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ))).open(for_s=1.0)
    bench.loop.set_muted(muted=True)
    bench.card.advance(1.0)
    bench.loop.set_muted(muted=False)
    bench.card.advance(1.0)
    assert bench.loop.counters.is_recording
    first, second = find_tone(bench.heard.between(0.05, 3), [1000], shortest_s=0.5)
    assert second.start_s - first.end_s == pytest.approx(1.0, abs=0.05)


def test_how_loud_the_microphone_was_is_told_once_and_nothing_while_it_is_shut(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort(), microphone=spoken(tone([1000], 0.5, rate_hz=RATE_HZ))).open(talk=False, for_s=0.5)
    assert bench.loop.take_loudness() == Loudness()
    bench.open(for_s=1.0)
    heard = bench.loop.take_loudness()
    assert heard.loudest >= heard.quietest > 1000
    assert bench.loop.take_loudness() == Loudness()


def test_without_a_mixer_the_volume_is_scaled(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=8000)).open(for_s=0.5)
    bench.loop.set_volume(AudioRoute.EARPIECE, 50)
    bench.card.advance(0.5)
    assert np.abs(bench.heard.between(0.2, 0.4).samples).max() == pytest.approx(8000, rel=0.01)
    assert np.abs(bench.heard.between(0.7, 0.9).samples).max() == pytest.approx(8000 * 0.5**3, rel=0.01)
    assert bench.card.volumes == []


def test_with_a_mixer_the_card_does_the_volume(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=8000), has_mixer=True).open(for_s=0.5)
    bench.loop.set_volume(AudioRoute.EARPIECE, 50)
    bench.card.advance(0.5)
    assert bench.card.volumes[-1] == 50
    assert np.abs(bench.heard.between(0.7, 0.9).samples).max() == pytest.approx(8000, rel=0.01)


def test_the_ear_is_louder_while_it_is_boosted_and_behind_the_volume(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=8000))
    bench.loop.set_volume(AudioRoute.EARPIECE, 50)
    bench.open(for_s=0.5)
    bench.loop.set_ear(EarPreset.NORMAL, boosted=True)
    bench.card.advance(0.5)
    bench.loop.set_ear(EarPreset.NORMAL, boosted=False)
    bench.card.advance(0.5)
    bench.loop.set_ear(EarPreset.LOUD, boosted=False)
    bench.card.advance(0.5)
    for start_s, factor in ((0.2, 1.0), (0.7, 3.98), (1.2, 1.0), (1.7, 2.0)):
        heard = np.abs(bench.heard.between(start_s, start_s + 0.2).samples).max()
        assert heard == pytest.approx(1000 * factor, rel=0.02)


def test_a_boost_at_full_volume_stays_below_full_scale(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=30_000))
    bench.loop.set_ear(EarPreset.LOUD, boosted=True)
    bench.open(for_s=0.5)
    assert 25_000 < np.abs(bench.heard.between(0.2, 0.4).samples).max() < 30_000


def test_the_loudspeaker_sounds_as_it_comes_whatever_the_ear_does(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=2000))
    bench.loop.set_volume(AudioRoute.SPEAKER, 100)
    bench.loop.set_ear(EarPreset.LOUD, boosted=True)
    bench.open(speaker=True, for_s=0.5)
    assert np.abs(bench.heard.between(0.2, 0.4).samples).max() == pytest.approx(2000, rel=0.01)


def test_an_ear_without_the_library_hears_the_call_all_the_same(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "firmware.voice.sip.native", None)
    bench = start(SingingPort(amplitude=2000))
    bench.loop.set_ear(EarPreset.LOUD, boosted=True)
    bench.open(for_s=0.5)
    assert np.abs(bench.heard.between(0.2, 0.4).samples).max() == pytest.approx(2000, rel=0.01)


@pytest.mark.feature("lower noise")
@pytest.mark.parametrize("lowered", [True, False])
def test_noise_is_lowered_or_not_as_the_holder_wants_it(start: Callable[..., Bench], lowered: bool) -> None:
    bench = start(EchoPort(), handset_near_end=NearEndSettings(noise_suppression=True))
    bench.loop.lower_noise(lowered=False)
    bench.open(for_s=0.1)
    bench.loop.lower_noise(lowered=lowered)
    bench.card.advance(0.1)
    if lowered:
        bench.wait_for(lambda: bench.loop.counters.is_processing)
    else:
        assert not bench.loop.counters.is_processing
        assert not bench.loop.counters.processing_fault


def test_the_ringers_volume_is_not_the_earpieces(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(amplitude=8000))
    bench.loop.open(talk=True)
    bench.loop.set_volume(AudioRoute.RINGER, 10)
    bench.card.advance(0.5)
    assert np.abs(bench.heard.between(0.2, 0.4).samples).max() == pytest.approx(8000, rel=0.01)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_card_that_is_pulled_out_and_plugged_in_again_only_interrupts_a_call(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort()).open(for_s=1.0)
    assert bench.port is not None
    bench.card.pull_out()
    bench.wait_for(lambda: bench.events)
    assert isinstance(bench.events[0], ProblemRaised)
    assert bench.events[0].problem is Problem.SOUND_MISSING
    assert "plug" in bench.loop.counters.fault or "gone" in bench.loop.counters.fault

    exchanges = bench.port.exchanges
    bench.wait_for(lambda: bench.port and bench.port.exchanges > exchanges + 20)

    bench.card.plug_in()
    bench.wait_for(lambda: bench.loop.counters.is_recording and bench.loop.counters.is_playing)
    before = len(bench.card.heard)
    bench.card.let_pass(3.0)
    bench.wait_for(lambda: len(bench.events) == 2)
    assert bench.events[1] == ProblemCleared(Problem.SOUND_MISSING)
    bench.wait_for(lambda: len(bench.card.heard) - before > 2 * RATE_HZ)
    assert bench.loop.counters.reopenings == 2


def test_a_phone_without_a_card_says_so_at_once_and_when_it_is_there(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort(), playback_is_missing=True, capture_is_missing=True)
    bench.wait_for(lambda: bench.events)
    assert isinstance(bench.events[0], ProblemRaised)
    bench.loop.open(talk=True)
    bench.card.plug_in()
    bench.card.let_pass(3.0)
    bench.wait_for(lambda: ProblemCleared(Problem.SOUND_MISSING) in bench.events)
    assert len(bench.events) == 2


@pytest.mark.parametrize("missing", ["playback_is_missing", "capture_is_missing"])
def test_an_idle_phone_notices_that_its_earpiece_or_microphone_has_gone_before_somebody_lifts(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(loop, "_IDLE_BEAT_S", 0.02)
    bench = start(EchoPort())
    bench.wait_for(lambda: bench.beats)
    assert not bench.events
    setattr(bench.card, missing, True)
    bench.wait_for(lambda: bench.events)
    assert isinstance(bench.events[0], ProblemRaised)
    assert bench.events[0].problem is Problem.SOUND_MISSING
    setattr(bench.card, missing, False)
    bench.wait_for(lambda: ProblemCleared(Problem.SOUND_MISSING) in bench.events)
    assert bench.card.capture is None, "nothing was recorded"


def test_an_idle_phone_notices_that_its_card_came_back(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_IDLE_BEAT_S", 0.02)
    bench = start(EchoPort(), playback_is_missing=True)
    bench.wait_for(lambda: bench.events)
    bench.card.plug_in()
    bench.wait_for(lambda: ProblemCleared(Problem.SOUND_MISSING) in bench.events)
    assert bench.card.capture is None


def test_an_idle_loop_shows_signs_of_life(start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_IDLE_BEAT_S", 0.02)
    bench = start(EchoPort())
    bench.wait_for(lambda: bench.beats >= 3)


def test_without_a_microphone_the_far_end_is_still_heard(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(), capture_is_missing=True).open(for_s=1.0)
    bench.wait_for(lambda: bench.events)
    assert gaps(bench.heard, 1000) == []
    assert not bench.loop.counters.is_recording


def test_without_an_earpiece_the_microphone_is_still_sent(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort(), playback_is_missing=True)
    assert bench.port is not None
    bench.loop.open(talk=True)
    bench.card.let_pass(1.0)
    bench.wait_for(lambda: bench.port and bench.port.exchanges - bench.port.silent_exchanges > 50)


def test_a_bridge_of_another_rate_is_refused(start: Callable[..., Bench]) -> None:
    with pytest.raises(MediaError, match="8000 Hz"):
        start(EchoPort(8000, 80))


def test_a_card_with_longer_periods_takes_several_frames_of_the_bridge(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort(16_000, 160), period_frames=320).open(for_s=1.0)
    assert bench.port is not None
    assert gaps(bench.heard, 1000) == []
    assert bench.port.exchanges == 2 * bench.loop.counters.periods


# --- the bridge while nothing sounds ----------------------------------------------------------------------------------


def test_the_bridge_is_turned_over_after_a_call_and_then_left_alone(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_TURN_S", 0.01)
    bench = start(EchoPort()).open(for_s=0.5)
    assert bench.port is not None
    bench.loop.close()
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: not bench.loop.counters.is_playing)
    shut = bench.port.exchanges
    bench.wait_for(lambda: bench.port and bench.port.exchanges >= shut + 20)
    assert not threading.Event().wait(0.2)
    assert bench.port.exchanges == shut + 20


def test_the_loop_joins_the_sip_stack_once(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort()).open(for_s=0.5)
    assert bench.port is not None
    assert bench.port.attached == 1


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("period_frames", [160, 320])
@pytest.mark.parametrize(("playback_ppm", "capture_ppm"), [(2000, 0), (-2000, 0), (0, 2000), (0, -2000), (30, -30)])
def test_skewed_clocks_build_up_no_delay_and_make_no_click(
    start: Callable[..., Bench], playback_ppm: float, capture_ppm: float, period_frames: int
) -> None:
    minutes = counted(full=5, landing=1)
    port = SingingPort(frame_samples=period_frames)
    bench = start(port, playback_ppm=playback_ppm, capture_ppm=capture_ppm, period_frames=period_frames).open(for_s=5.0)
    settled = len(bench.card.heard)
    bench.card.depths.clear()
    bench.card.advance(minutes * 60.0)

    depths_ms = np.array(bench.card.depths) / RATE_HZ * 1000
    assert np.max(depths_ms) - np.min(depths_ms) <= 20
    assert bench.loop.counters.underruns == 0
    heard = Sound.from_pcm(bytes(bench.card.heard[settled:]), RATE_HZ)
    assert gaps(heard, 1000) == []
    # A sine's steepest step is 2 pi f / rate of its amplitude; a click is steeper.
    assert np.abs(np.diff(heard.samples)).max() <= 1.02 * 2 * np.pi * 1000 / RATE_HZ * 8000
    # One sample a correction, and no more corrections than the skew asks for (with what one window may overshoot).
    skewed = abs(capture_ppm - playback_ppm) * 1e-6 * minutes * 60 * RATE_HZ
    assert bench.loop.counters.corrected_periods <= skewed * 1.1 + 400


def test_a_call_begins_with_a_short_queue(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort()).open(talk=False, for_s=1.0)
    bench.card.depths.clear()
    bench.open(for_s=1.0)
    # The prefill, half of that as slack, and what a period in steps of 10 ms may add.
    assert max(bench.card.depths[-10:]) <= 0.026 * RATE_HZ
    assert bench.loop.counters.underruns == 0


def test_equal_clocks_are_left_alone(start: Callable[..., Bench]) -> None:
    bench = start(SingingPort()).open(for_s=60.0)
    assert bench.loop.counters.corrected_periods == 0
    assert bench.loop.counters.underruns == 0


# --- the loudspeaker --------------------------------------------------------------------------------------------------


def test_a_call_moves_to_the_loudspeaker_and_back_without_losing_the_far_end(start: Callable[..., Bench]) -> None:
    speaker = VirtualSoundCard()
    bench = start(SingingPort(), speaker_card=speaker).open(for_s=1.0)
    earpiece, handset_microphone = bench.card.playback, bench.card.capture
    assert earpiece is not None
    assert handset_microphone is not None

    speaker.let_pass(0.01)
    bench.loop.open(talk=True, speaker=True)
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: not earpiece.is_open)
    speaker.advance(1.0)
    assert not handset_microphone.is_open
    assert speaker.capture is not None
    assert find_tone(Sound.from_pcm(bytes(speaker.heard), RATE_HZ), [1000])[0].duration_s > 0.8

    bench.loop.open(talk=True)
    speaker.let_pass(0.5)
    bench.wait_for(lambda: speaker.playback and not speaker.playback.is_open)
    before = len(bench.card.heard)
    bench.card.advance(1.0)
    assert not speaker.capture.is_open
    again = Sound.from_pcm(bytes(bench.card.heard[before:]), RATE_HZ)
    assert find_tone(again, [1000])[0].duration_s > 0.8
    assert bench.events == []


def test_the_earpiece_ends_without_a_click_when_the_loudspeaker_takes_over(start: Callable[..., Bench]) -> None:
    speaker = VirtualSoundCard()
    bench = start(SingingPort(frequency_hz=1025), speaker_card=speaker).open(for_s=0.5)
    bench.loop.open(talk=True, speaker=True)
    bench.card.let_pass(0.5)
    speaker.advance(0.5)
    heard = bench.heard.samples
    assert np.abs(np.diff(heard[1600:])).max() < 1.05 * 2 * np.pi * 1025 / RATE_HZ * 8000
    assert np.abs(heard[-160:]).max() == 0


def test_a_loudspeaker_that_is_missing_is_a_fault_that_ends_with_the_way_back(start: Callable[..., Bench]) -> None:
    speaker = VirtualSoundCard()
    speaker.playback_is_missing = speaker.capture_is_missing = True
    bench = start(SingingPort(), speaker_card=speaker).open(for_s=0.5)
    bench.loop.open(talk=True, speaker=True)
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: bench.events)
    assert isinstance(bench.events[0], ProblemRaised)
    bench.loop.open(talk=True)
    bench.card.let_pass(3.0)
    bench.wait_for(lambda: len(bench.events) == 2)
    assert bench.events[1] == ProblemCleared(Problem.SOUND_MISSING)


def test_a_phone_at_rest_does_not_complain_of_a_missing_loudspeaker(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_IDLE_BEAT_S", 0.02)
    monkeypatch.setattr(loop, "_TURN_S", 0.01)
    speaker = VirtualSoundCard()
    speaker.playback_is_missing = True
    bench = start(EchoPort(), speaker_card=speaker)
    bench.loop.open(talk=False, speaker=True)
    bench.wait_for(lambda: bench.events)
    bench.loop.close()
    bench.wait_for(lambda: ProblemCleared(Problem.SOUND_MISSING) in bench.events)


def test_without_a_loudspeaker_of_its_own_the_earpiece_goes_on_at_the_speakers_volume(
    start: Callable[..., Bench],
) -> None:
    bench = start(SingingPort(amplitude=8000))
    bench.loop.set_volume(AudioRoute.SPEAKER, 50)
    bench.open(for_s=0.5)
    playback = bench.card.playback
    bench.open(speaker=True, for_s=0.5)
    assert bench.card.playback is playback
    assert np.abs(bench.heard.between(0.2, 0.4).samples).max() == pytest.approx(8000, rel=0.01)
    assert np.abs(bench.heard.between(0.7, 0.9).samples).max() == pytest.approx(8000 * 0.5**3, rel=0.01)


# --- sidetone and comfort noise ---------------------------------------------------------------------------------------


class DeafPort(EchoPort):
    """A far end that says nothing; keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        self.sent += near or self._silence
        return self._silence


def test_ones_own_voice_is_heard_in_the_earpiece_at_the_level_that_is_set(start: Callable[..., Bench]) -> None:
    bench = start(DeafPort(), microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ)), sidetone_percent=10)
    bench.loop.set_volume(AudioRoute.EARPIECE, 50)
    bench.open(for_s=1.0)
    assert np.abs(bench.heard.between(0.2, 0.8).samples).max() == pytest.approx(800, rel=0.02)


@pytest.mark.parametrize("case", ["muted", "on the loudspeaker"])
def test_there_is_no_sidetone(start: Callable[..., Bench], case: str) -> None:
    bench = start(DeafPort(), microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ)), sidetone_percent=10)
    bench.loop.set_muted(muted=case == "muted")
    bench.open(speaker=case == "on the loudspeaker", for_s=1.0)
    assert np.abs(bench.heard.samples).max() == 0


def test_a_silent_line_rustles_faintly(start: Callable[..., Bench]) -> None:
    bench = start(DeafPort(), comfort_noise=True).open(for_s=1.0)
    rustle = bench.heard.between(0.1, 0.9).samples
    assert -66 <= 20 * np.log10(rustle.std() / 32768) <= -58


def test_there_is_no_comfort_noise_without_a_conversation(start: Callable[..., Bench]) -> None:
    bench = start(DeafPort(), comfort_noise=True).open(talk=False, for_s=1.0)
    assert np.abs(bench.heard.samples).max() == 0


# --- echo, noise and level --------------------------------------------------------------------------------------------


class SpeakingPort(DeafPort):
    """A far end that speaks all the time; keeps what it is sent."""

    def __init__(self, voice: Sound) -> None:
        super().__init__()
        pcm = voice.pcm
        self._voice = [pcm[first : first + 320] for first in range(0, len(pcm) - 319, 320)]

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        return self._voice[self.exchanges % len(self._voice)]


class Room:
    """A microphone that hears what its own card plays, later and quieter."""

    def __init__(self, *, delay_ms: int = 30, coupling_db: float = 20) -> None:
        self.card: VirtualSoundCard | None = None
        self.heard = bytearray()
        self._delay = delay_ms * RATE_HZ // 1000
        self._coupling = 10 ** (-coupling_db / 20)

    def __call__(self) -> bytes:
        assert self.card is not None
        now = 2 * (round(self.card.now_s * self.card.playback_rate_hz) - self._delay)
        piece = bytes(self.card.heard[max(0, now - 320) : now]) if now >= 320 else b""
        samples = np.frombuffer(piece.ljust(320, b"\0"), "<i2") * self._coupling
        frame = Sound(samples).pcm
        self.heard += frame
        return frame


@pytest.mark.parametrize(("delay_ms", "playback_ppm"), [(10, 0), (80, 0), (30, 100), (30, -100)])
def test_the_far_end_does_not_hear_itself_from_the_loudspeaker(
    start: Callable[..., Bench], delay_ms: int, playback_ppm: float
) -> None:
    room, port = Room(delay_ms=delay_ms), SpeakingPort(far_voice())
    bench = start(
        port,
        microphone=room,
        speaker_near_end=NearEndSettings(echo_cancelling=True, noise_suppression=True),
        playback_ppm=playback_ppm,
    )
    room.card = bench.card
    bench.loop.open(talk=False, speaker=True)
    bench.wait_for(lambda: bench.loop.counters.is_processing)
    bench.open(speaker=True, for_s=8.0)
    heard = Sound.from_pcm(bytes(room.heard), RATE_HZ)
    sent = Sound.from_pcm(bytes(port.sent), RATE_HZ).samples[-len(heard.samples) :]
    for second in range(3, 7):
        assert level_db(heard.between(second, second + 1).samples) > -60
        down_db = level_db(heard.between(second, second + 1).samples) - level_db(
            sent[second * RATE_HZ : (second + 1) * RATE_HZ]
        )
        # This room hears whole samples only: where clocks differ it skips one now and then.
        assert down_db >= (30 if playback_ppm else 40)
    assert "Echo comes after" in str(bench.loop.counters)


@pytest.mark.feature("lower noise")
def test_the_far_end_does_not_hear_itself_while_the_holder_switches_noise_suppression(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_load = threading.Event()

    def load_late(**choices: Any) -> WebRtcProcessor:
        may_load.wait()
        return WebRtcProcessor(**choices)

    room, port = Room(), SpeakingPort(far_voice())
    settings = NearEndSettings(echo_cancelling=True, noise_suppression=True)
    bench = start(port, microphone=room, speaker_near_end=settings)
    room.card = bench.card
    bench.loop.open(talk=False, speaker=True)
    bench.wait_for(lambda: bench.loop.counters.is_processing)
    bench.open(speaker=True, for_s=4.0)
    monkeypatch.setattr(webrtc, "WebRtcProcessor", load_late)
    bench.loop.lower_noise(lowered=False)
    bench.card.advance(2.0)
    may_load.set()
    bench.card.advance(4.0)
    heard = Sound.from_pcm(bytes(room.heard), RATE_HZ)
    sent = Sound.from_pcm(bytes(port.sent), RATE_HZ).samples[-len(heard.samples) :]
    for second in range(3, 6):
        assert level_db(heard.between(second, second + 1).samples) > -60
        down_db = level_db(heard.between(second, second + 1).samples) - level_db(
            sent[second * RATE_HZ : (second + 1) * RATE_HZ]
        )
        assert down_db >= 40


@pytest.mark.feature("lower noise")
def test_processing_that_lowers_no_noise_is_not_loaded_anew_where_the_holder_switches_that(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(**choices: Any) -> WebRtcProcessor:
        loaded.append(choices)
        return WebRtcProcessor(**choices)

    monkeypatch.setattr(webrtc, "WebRtcProcessor", load)
    bench = start(EchoPort(), speaker_near_end=NearEndSettings(echo_cancelling=True)).open(speaker=True, for_s=0.1)
    bench.wait_for(lambda: bench.loop.counters.is_processing)
    for lowered in (False, True):
        bench.loop.lower_noise(lowered=lowered)
        bench.card.advance(0.1)
        assert bench.loop.counters.is_processing
    assert len(loaded) == 1


def test_the_handset_sends_what_the_microphone_hears_where_nothing_is_asked(start: Callable[..., Bench]) -> None:
    port = DeafPort()
    bench = start(
        port,
        microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ)),
        speaker_near_end=NearEndSettings(echo_cancelling=True),
    )
    bench.open(for_s=1.0)
    assert not bench.loop.counters.is_processing
    assert np.abs(Sound.from_pcm(bytes(port.sent), RATE_HZ).between(0.5, 0.9).samples).max() == pytest.approx(
        8000, 0.01
    )


def test_a_call_goes_on_and_says_so_where_the_processing_cannot_be_loaded(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "firmware.voice.audio.webrtc", None)
    port = DeafPort()
    bench = start(
        port,
        microphone=spoken(tone([1000], 1.0, rate_hz=RATE_HZ)),
        handset_near_end=NearEndSettings(noise_suppression=True),
    )
    bench.open(for_s=1.0)
    bench.wait_for(lambda: bench.loop.counters.processing_fault)
    assert "pywebrtc-audio" in str(bench.loop.counters)
    bench.card.advance(1.0)
    assert find_tone(Sound.from_pcm(bytes(port.sent), RATE_HZ), [1000])[-1].duration_s > 1.5


def test_a_package_that_is_not_installed_is_named_before_the_first_call(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    bench = start(EchoPort(), speaker_near_end=NearEndSettings(echo_cancelling=True))
    bench.wait_for(lambda: "pywebrtc-audio" in str(bench.loop.counters))
    assert bench.card.capture is None


def test_a_package_that_is_not_installed_is_named_whatever_the_holder_wants_of_noise(
    start: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    bench = start(EchoPort(), speaker_near_end=NearEndSettings(echo_cancelling=True, noise_suppression=True))
    bench.loop.lower_noise(lowered=False)
    bench.open(for_s=0.1)
    assert "pywebrtc-audio" in str(bench.loop.counters)


class Listener:
    """In the place of the processing: keeps what it is given to compare."""

    is_working = True
    fault = ""

    def __init__(self) -> None:
        self.near = bytearray()
        self.far = bytearray()

    def change(self, settings: NearEndSettings) -> None: ...

    def prepare(self) -> None: ...

    def process(self, near: bytes, far: bytes) -> bytes:
        self.near += near
        self.far += far
        return near

    def lag_samples(self, start_s: float, end_s: float) -> int:
        """Return by how much the microphone was behind what was said to be played."""
        near = Sound.from_pcm(bytes(self.near), RATE_HZ).between(start_s, end_s).samples
        far = Sound.from_pcm(bytes(self.far), RATE_HZ).between(start_s, end_s).samples
        match = np.fft.irfft(np.fft.rfft(near, 2 * len(near)) * np.conj(np.fft.rfft(far, 2 * len(far))))
        best = int(np.argmax(match))
        return best if best < len(near) else best - 2 * len(near)


@pytest.mark.parametrize(
    ("early_media_s", "playback_ppm", "moments_s"),
    [(0.0, 0, [0.1]), (1.0, 0, [0.1, 2]), (0.0, 2000, [5, 50]), (0.0, -2000, [5, 50]), (0.0, 8000, [5, 20])],
)
def test_the_canceller_is_given_what_is_played_while_the_microphone_records(
    start: Callable[..., Bench], early_media_s: float, playback_ppm: float, moments_s: list[float]
) -> None:
    room, listener = Room(delay_ms=0, coupling_db=0), Listener()
    bench = start(SpeakingPort(far_voice()), microphone=room, playback_ppm=playback_ppm)
    room.card = bench.card
    bench.loop._handset_near_end = listener  # type: ignore[assignment]
    if early_media_s:
        bench.open(talk=False, for_s=early_media_s)
    bench.open(for_s=moments_s[-1] + 2)
    for moment_s in moments_s:
        assert abs(listener.lag_samples(moment_s, moment_s + 1)) <= 1.5 * 160


# --- short sounds ---


def beep(seconds: float, frequency: int = 1000) -> bytes:
    return tone([frequency], seconds, rate_hz=SOUND_RATE_HZ).pcm


def test_a_sound_is_heard_once_over_what_else_there_is(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    bench.loop.play_tone(Tone.DIAL)
    bench.card.advance(0.5)
    bench.loop.play(beep(0.3))
    bench.card.advance(1.0)
    (span,) = find_tone(bench.heard, [1000, 450], threshold=1000)
    assert span.duration_s == pytest.approx(0.3, abs=0.05)
    assert gaps(bench.heard.between(0.1, 1.4), 450) == []


def test_a_newer_sound_takes_the_place_of_one_and_an_empty_one_is_silence(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    bench.loop.play(beep(5))
    bench.card.advance(0.3)
    bench.loop.play(beep(5, 600))
    bench.card.advance(0.3)
    bench.loop.play(b"")
    bench.card.advance(0.5)
    (first,), (second,) = find_tone(bench.heard, [1000]), find_tone(bench.heard, [600])
    assert first.end_s == pytest.approx(second.start_s, abs=0.04)
    assert second.end_s == pytest.approx(0.6, abs=0.06)


def test_no_sound_reaches_an_open_microphone_not_even_its_rest(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.open(talk=False)
    bench.loop.play(beep(5))
    bench.card.advance(0.3)
    bench.loop.open(talk=True)
    bench.loop.play(beep(5))
    bench.card.advance(0.5)
    bench.open(talk=False, for_s=0.5)
    (span,) = find_tone(bench.heard, [1000])
    assert span.end_s == pytest.approx(0.3, abs=0.06)


def test_what_somebody_asks_to_hear_beside_a_call_is_heard_here_and_not_by_the_other_end(
    start: Callable[..., Bench],
) -> None:
    port = EchoPort()
    bench = start(port)
    bench.loop.open(talk=True)
    bench.loop.play(beep(5), beside_call=True)
    bench.card.advance(0.3)
    bench.loop.play(b"", beside_call=True)
    bench.card.advance(0.5)
    (span,) = find_tone(bench.heard, [1000])
    assert span.end_s == pytest.approx(0.3, abs=0.06)


def test_a_sound_for_a_shut_earpiece_is_given_up(start: Callable[..., Bench]) -> None:
    bench = start(EchoPort())
    bench.loop.play(beep(5))
    bench.wait_for(lambda: bench.beats)
    bench.open(talk=False, for_s=0.5)
    assert find_tone(bench.heard, [1000]) == []


def open_tap() -> tuple[PipeTap, TapReader]:
    clock = itertools.count(0.0, 10.0)
    tap = PipeTap(period_frames=160)
    reader = TapReader(rate_hz=RATE_HZ, period_frames=160, clock=lambda: next(clock))
    write_end = reader.open()
    assert write_end is not None
    tap.open(write_end)
    return tap, reader


def tapped(reader: TapReader) -> tuple[Sound, Sound]:
    reader.close()
    near, far = (Sound.from_pcm(side, RATE_HZ) for side in reader.take())
    assert len(near.samples) == len(far.samples)
    return near, far


def test_the_tap_is_given_what_is_sent_and_what_is_heard_before_the_volume(start: Callable[..., Bench]) -> None:
    tap, reader = open_tap()
    bench = start(SingingPort(), tap=tap, microphone=spoken(tone([440], 1.0, rate_hz=RATE_HZ)))
    bench.loop.set_volume(AudioRoute.EARPIECE, 0)
    bench.loop.open(talk=True)
    bench.loop.play_tone(Tone.CALL_WAITING)
    bench.card.advance(1.5)
    near, far = tapped(reader)
    assert find_tone(near, [440])[0].duration_s > 0.8
    assert not find_tone(near, [1000])
    assert gaps(far, 1000) == []
    assert max(np.abs(far.samples)) <= 8000, "a tone of this phone is recorded as if the far end had made it"


def test_a_muted_microphone_is_silence_in_the_tap(start: Callable[..., Bench]) -> None:
    tap, reader = open_tap()
    bench = start(SingingPort(), tap=tap, microphone=spoken(tone([440], 1.0, rate_hz=RATE_HZ)))
    bench.loop.set_muted(muted=True)
    bench.open(for_s=1.0)
    near, far = tapped(reader)
    assert not near.samples.any()
    assert find_tone(far, [1000])


def test_nothing_is_tapped_while_the_microphone_is_shut(start: Callable[..., Bench]) -> None:
    tap, reader = open_tap()
    start(SingingPort(), tap=tap).open(talk=False, for_s=1.0)
    assert reader.take() == (b"", b"")


def played_back(duration_s: float) -> SoundQueue:
    queue = SoundQueue()
    queue.put(tone([700], duration_s, rate_hz=SOUND_RATE_HZ).pcm)
    return queue


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_what_is_listened_to_is_heard_from_its_beginning_to_its_end(start: Callable[..., Bench], rate_hz: int) -> None:
    bench, queue = start(None, rate_hz=rate_hz, period_frames=rate_hz // 100), played_back(1.0)
    bench.loop.listen_to(PipeSource(queue.read_end))
    bench.open(talk=False, for_s=2.0)
    (span,) = find_tone(bench.heard, [700])
    assert span.duration_s == pytest.approx(1.0, abs=0.02)
    assert queue.played_s == 1.0
    assert not queue.is_given_up


def test_what_is_listened_to_waits_while_it_is_paused_and_while_the_earpiece_is_shut(
    start: Callable[..., Bench],
) -> None:
    bench, queue = start(None), played_back(2.0)
    bench.loop.listen_to(PipeSource(queue.read_end))
    bench.open(talk=False, for_s=0.5)
    queue.pause()
    bench.card.advance(0.5)
    played_s = queue.played_s
    assert 0.4 < played_s < 0.6
    bench.loop.close()
    bench.card.let_pass(0.5)
    bench.wait_for(lambda: not bench.loop.counters.is_playing)
    queue.resume()
    assert queue.played_s == played_s
    bench.open(talk=False, for_s=0.5)
    assert queue.played_s > played_s


def test_the_microphone_ends_what_is_listened_to(start: Callable[..., Bench]) -> None:
    bench, queue = start(EchoPort()), played_back(2.0)
    bench.loop.listen_to(PipeSource(queue.read_end))
    bench.open(for_s=0.5)
    assert queue.is_given_up
    assert queue.played_s == 0
    late = played_back(1.0)
    bench.loop.listen_to(PipeSource(late.read_end))
    assert late.is_given_up


def test_one_thing_is_listened_to_at_a_time(start: Callable[..., Bench]) -> None:
    bench, first, second = start(None), played_back(1.0), played_back(1.0)
    bench.loop.listen_to(PipeSource(first.read_end))
    bench.loop.listen_to(PipeSource(second.read_end))
    assert first.is_given_up
    assert not second.is_given_up
    bench.loop.listen_to(None)
    assert second.is_given_up


ANNOUNCEMENT = tone([1400], 0.5, rate_hz=SOUND_RATE_HZ).pcm


@pytest.mark.parametrize("muted", [False, True])
def test_an_announcement_is_heard_at_both_ends_over_what_is_said(start: Callable[..., Bench], *, muted: bool) -> None:
    port, told = DeafPort(), list[bool]()
    bench = start(port, microphone=spoken(tone([440], 2.0, rate_hz=RATE_HZ)))
    bench.loop.set_muted(muted=muted)
    bench.open(for_s=0.3)
    bench.loop.announce(ANNOUNCEMENT, told.append)
    bench.card.advance(0.3)
    assert told == []
    bench.card.advance(0.5)
    assert told == [True]
    sent = Sound.from_pcm(bytes(port.sent), RATE_HZ)
    for heard in (sent, bench.heard):
        (span,) = find_tone(heard, [1400])
        assert span.duration_s == pytest.approx(0.5, abs=0.03)
    assert bool(find_tone(sent, [440])) is not muted


def test_an_announcement_is_not_made_with_the_microphone_shut(start: Callable[..., Bench]) -> None:
    bench, told = start(DeafPort()), list[bool]()
    bench.loop.announce(ANNOUNCEMENT, told.append)
    bench.loop.open(talk=False)
    bench.loop.announce(ANNOUNCEMENT, told.append)
    bench.card.advance(0.5)
    assert told == [False, False]
    assert not bench.heard.samples.any()


@pytest.mark.parametrize("shut", [lambda audio: audio.open(talk=False), lambda audio: audio.close()])
def test_an_announcement_ends_where_the_microphone_shuts(
    start: Callable[..., Bench], shut: Callable[[AudioLoop], None]
) -> None:
    bench, told = start(DeafPort()), list[bool]()
    bench.loop.open(talk=True)
    bench.loop.announce(ANNOUNCEMENT, told.append)
    bench.card.advance(0.2)
    shut(bench.loop)
    bench.card.let_pass(1.0)
    bench.wait_for(lambda: told)
    assert told == [False]


def test_a_new_announcement_takes_the_place_of_the_one_before(start: Callable[..., Bench]) -> None:
    bench, told = start(DeafPort()), list[tuple[str, bool]]()
    bench.loop.open(talk=True)
    bench.loop.announce(ANNOUNCEMENT, lambda made: told.append(("first", made)))
    bench.card.advance(0.2)
    bench.loop.announce(ANNOUNCEMENT, lambda made: told.append(("second", made)))
    bench.card.advance(0.8)
    assert told == [("first", False), ("second", True)]


@pytest.mark.feature("answering machine")
def test_with_nobody_at_the_phone_a_caller_is_greeted_and_recorded_and_no_device_is_open(
    start: Callable[..., Bench],
) -> None:
    class Caller(SingingPort):
        sent = bytearray()

        def exchange(self, near: bytes | None) -> bytes:
            self.sent += near or bytes(2 * self.frame_samples)
            return super().exchange(near)

    port, told = Caller(), list[bool]()
    tap, reader = open_tap()
    bench = start(port, tap=tap, microphone=spoken(tone([440], 1.0, rate_hz=RATE_HZ))).open(talk=False, for_s=0.1)
    bench.loop.open(talk=False, unattended=True)
    bench.card.let_pass(0.1)
    bench.loop.announce(ANNOUNCEMENT, told.append)
    bench.wait_for(lambda: told)
    assert told == [True]
    unattended = bench.loop.counters
    assert not unattended.is_playing
    assert not unattended.is_recording
    assert bench.card.capture is None
    sent = Sound.from_pcm(bytes(port.sent), RATE_HZ)
    assert find_tone(sent, [1400])
    assert not find_tone(sent, [440])
    near, far = tapped(reader)
    assert find_tone(near, [1400])
    assert gaps(far, 1000) == []
    # Whoever lifts the handset talks at once.
    bench.open(for_s=0.3)
    talking = bench.loop.counters
    assert talking.is_playing
    assert talking.is_recording


def test_what_is_recorded_of_this_end_holds_its_announcement(start: Callable[..., Bench]) -> None:
    tap, reader = open_tap()
    bench = start(DeafPort(), tap=tap)
    bench.loop.open(talk=True)
    bench.loop.announce(ANNOUNCEMENT, lambda _made: None)
    bench.card.advance(0.8)
    near, far = tapped(reader)
    assert find_tone(near, [1400])
    assert not far.samples.any()
