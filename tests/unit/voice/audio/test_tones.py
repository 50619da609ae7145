"""Tones: every country's, with the right frequencies, rhythm and level, and without a click."""

import numpy as np
import pytest

from firmware.phone.countries import COUNTRIES
from firmware.phone.orders import Tone
from firmware.voice.audio.tone_plans import GENERAL_PLAN, PLANS, ToneShape, plan_name, tone_plan
from firmware.voice.audio.tones import (
    ComfortNoise,
    RenderedTone,
    TonePlayer,
    fade_in,
    fade_out,
    key_click,
    recording_end_tone,
    recording_tone,
    render,
)
from tests.lab import audio
from tests.lab.audio import Sound, find_tone, loudest_frequencies

GENERAL = "GN"
OWN = [GENERAL if name == GENERAL_PLAN else name for name in PLANS]
"""A country for each plan that there is."""
REPEATING = [tone for tone in Tone if tone not in {Tone.CONFIRMATION, Tone.WARNING, Tone.STUTTER_DIAL}]
OVER_A_CALL = (Tone.CALL_WAITING, Tone.HOLD_REMINDER)
RATE_HZ = 16_000

pytestmark = pytest.mark.feature("sidetone")

SILENCE = bytes(320)
# What A-law and G.722 make of digital silence, and how a quiet room comes out of Opus.
STEADY = b"\x08\x00" * 160
RESTLESS = np.tile([-4, 0, 3, 1], 40).astype("<i2").tobytes()
FAINT = np.tile([-6, 2, 5, -1], 40).astype("<i2").tobytes()


def heard(tone: RenderedTone, duration_s: float, rate_hz: int = RATE_HZ) -> Sound:
    player, frames, wanted = TonePlayer(tone), bytearray(), 2 * round(duration_s * rate_hz)
    while len(frames) < wanted and (frame := player.next_frame()) is not None:
        frames += frame
    return Sound.from_pcm(bytes(frames[:wanted]), rate_hz)


def test_every_country_that_can_be_configured_has_every_tone(subtests: pytest.Subtests) -> None:
    for country in COUNTRIES:
        with subtests.test(country=country):
            plan = tone_plan(country)
            assert set(plan.tones) == set(Tone)
            assert len(plan.ring_cadence_ms) % 2 == 0
            assert plan.ring_cadence_ms


@pytest.mark.parametrize(
    ("country", "name"),
    [("AT", "AT"), ("CA", "CA"), ("JM", "US"), ("RE", "FR"), ("LI", GENERAL_PLAN), (GENERAL, GENERAL_PLAN)],
)
def test_a_country_whose_tones_are_not_known_has_the_nearest_ones(country: str, name: str) -> None:
    assert plan_name(country) == name
    assert tone_plan(country) is PLANS[name]


def test_a_tone_sounds_at_its_frequencies_and_in_its_rhythm(subtests: pytest.Subtests) -> None:
    for tone in REPEATING:
        for country in OWN:
            with subtests.test(tone=tone, country=country):
                shape = tone_plan(country).tones[tone]
                cycle_s = sum(shape.cadence_ms) / 1000 or 2.0
                sound = heard(render(shape, RATE_HZ, 160), 2 * cycle_s)

                first_on_s = (shape.cadence_ms or (1000,))[0] / 1000
                measured = loudest_frequencies(sound.between(0, first_on_s), len(shape.frequencies_hz))
                assert measured == pytest.approx(list(shape.frequencies_hz), abs=6)
                on = np.abs(sound.samples) > 0
                busy_share = on.reshape(-1, 160).any(axis=1).mean()
                assert busy_share == pytest.approx(
                    sum(shape.cadence_ms[::2]) / 1000 / cycle_s if shape.cadence_ms else 1, rel=0.05
                )


@pytest.mark.parametrize(
    ("country", "tone", "bursts"),
    [
        ("CN", Tone.RINGBACK, [(0, 1), (5, 6)]),
        ("US", Tone.BUSY, [(0, 0.5), (1, 1.5), (2, 2.5)]),
        ("GB", Tone.RINGBACK, [(0, 0.4), (0.6, 1.0), (3.0, 3.4), (3.6, 4.0)]),
        ("IT", Tone.DIAL, [(0, 0.2), (0.4, 1.0), (2.0, 2.2), (2.4, 3.0)]),
        ("CN", Tone.CALL_WAITING, [(0, 0.4), (4.4, 4.8)]),
        ("DE", Tone.HOLD_REMINDER, [(0, 0.12), (0.24, 0.36), (15.0, 15.12)]),
        ("FR", Tone.STUTTER_DIAL, [(0, 0.1), (0.2, 0.3), (0.4, 0.5), (0.6, 0.7), (0.8, 0.9), (1.0, 3.0)]),
    ],
)
def test_bursts_come_when_the_plan_says(country: str, tone: Tone, bursts: list[tuple[float, float]]) -> None:
    shape = tone_plan(country).tones[tone]
    sound = heard(render(shape, RATE_HZ, 160), bursts[-1][1] + (0.1 if shape.cadence_ms else 0))
    spans = find_tone(sound, shape.frequencies_hz[:1], threshold=300)
    assert [span.start_s for span in spans] == pytest.approx([start for start, _ in bursts], abs=0.02)
    assert [span.end_s for span in spans] == pytest.approx([end for _, end in bursts], abs=0.02)


def test_a_continuous_tone_repeats_without_a_seam(subtests: pytest.Subtests) -> None:
    for rate_hz, frame_samples in ((8000, 80), (8000, 160), (16_000, 320), (48_000, 480)):
        for country in OWN:
            with subtests.test(rate_hz=rate_hz, frame_samples=frame_samples, country=country):
                shape = tone_plan(country).tones[Tone.DIAL]
                steady = ToneShape(shape.frequencies_hz, modulation_hz=shape.modulation_hz, level_dbm0=shape.level_dbm0)
                rendered = render(steady, rate_hz, frame_samples)
                twice = Sound.from_pcm(b"".join(rendered.cycle * 2), rate_hz).samples
                steps = np.abs(np.diff(twice))
                seam = len(rendered.cycle) * frame_samples - 1
                assert steps[seam] <= steps[: seam - 1].max()
                assert np.abs(np.diff(steps)).max() < 0.2 * np.abs(twice).max()


def test_levels_are_comfortable(subtests: pytest.Subtests) -> None:
    for tone in Tone:
        for country in OWN:
            with subtests.test(tone=tone, country=country):
                shape = tone_plan(country).tones[tone]
                sound = heard(render(shape, RATE_HZ, 160), (shape.cadence_ms or (1000,))[0] / 1000)
                # A sine of full scale is +3.14 dBm0 (G.711); its mean power is half its peak's.
                dbm0 = 3.14 + 10 * np.log10(2 * np.mean(sound.samples**2) / 32767**2)
                assert -24 <= dbm0 <= -9
                assert np.abs(sound.samples).max() < 16_000


def test_the_confirmation_tone_is_three_bursts_and_ends() -> None:
    rendered = render(tone_plan("US").tones[Tone.CONFIRMATION], RATE_HZ, 160)
    sound = heard(rendered, 10)
    assert len(find_tone(sound, [350, 440], threshold=300)) == 3
    assert sound.duration_s == pytest.approx(0.6)


def test_the_warning_is_one_short_double_beep(subtests: pytest.Subtests) -> None:
    for country in OWN:
        with subtests.test(country=country):
            sound = heard(render(tone_plan(country).tones[Tone.WARNING], RATE_HZ, 160), 10)
            assert len(find_tone(sound, [1000], threshold=300)) == 2
            assert sound.duration_s < 0.5


def test_tones_over_a_call_are_short_rare_and_quieter_than_speech(subtests: pytest.Subtests) -> None:
    for tone in OVER_A_CALL:
        for country in OWN:
            with subtests.test(tone=tone, country=country):
                shape = tone_plan(country).tones[tone]
                assert sum(shape.cadence_ms[::2]) <= 1000
                assert max(shape.cadence_ms[1::2]) >= 3000
                # Speech on a line is nominally -15 to -20 dBm0 while somebody speaks (ITU-T P.56, G.111).
                assert shape.level_dbm0 <= -20


def test_stuttered_dial_tone_goes_on_as_dial_tone() -> None:
    plan = tone_plan("IT")
    dial = render(plan.tones[Tone.DIAL], RATE_HZ, 160)
    stuttered = render(plan.tones[Tone.STUTTER_DIAL], RATE_HZ, 160)
    assert stuttered.cycle == dial.cycle


def test_bursts_begin_and_end_in_silence() -> None:
    frame = b"\x00\x40" * 160
    assert np.frombuffer(fade_in(frame, RATE_HZ), "<i2")[[0, 40, 159]].tolist() == [0, 8192, 16384]
    assert np.frombuffer(fade_out(frame, RATE_HZ), "<i2")[[0, 119, 159]].tolist() == [16384, 8192, 0]


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_a_key_clicks_softly_and_is_over_before_the_next_one(rate_hz: int) -> None:
    samples = Sound.from_pcm(key_click(rate_hz), rate_hz).samples
    assert len(samples) / rate_hz == pytest.approx(0.012, abs=0.001)
    assert samples[0] == samples[-1] == 0
    assert 2000 < np.abs(samples).max() < 8000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_a_recording_begins_and_ends_with_tones_that_nobody_confuses(rate_hz: int) -> None:
    begins = Sound.from_pcm(recording_tone(rate_hz), rate_hz)
    (span,) = find_tone(begins, [1400])
    assert span.duration_s == pytest.approx(0.5, abs=0.02)
    ends = Sound.from_pcm(recording_end_tone(rate_hz), rate_hz)
    assert len(find_tone(ends, [700])) == 2
    assert not find_tone(ends, [1400])


def comfort_noise(frame_samples: int = 160) -> ComfortNoise:
    return ComfortNoise(rate_hz=RATE_HZ, frame_samples=frame_samples)


def test_sound_passes_as_it_is() -> None:
    noise, sound = comfort_noise(), audio.tone([1000], 1.0, rate_hz=RATE_HZ).pcm
    frames = [sound[first : first + 320] for first in range(0, len(sound), 320)]
    assert [noise.fill(frame) for frame in frames] == frames
    assert noise.fill(FAINT) == FAINT


@pytest.mark.parametrize("frame_samples", [160, 320])
def test_noise_begins_after_60_ms_of_silence(frame_samples: int) -> None:
    noise, silence = comfort_noise(frame_samples), bytes(2 * frame_samples)
    patience = round(0.06 * RATE_HZ / frame_samples)
    assert [noise.fill(silence) for _ in range(patience)] == [silence] * patience
    assert noise.fill(silence) != silence


@pytest.mark.parametrize("silence", [STEADY, RESTLESS])
def test_what_silence_is_coded_as_is_silence_too(silence: bytes) -> None:
    noise = comfort_noise()
    assert any(noise.fill(silence) != silence for _ in range(10))


def test_a_quiet_room_is_left_as_it_is() -> None:
    noise = comfort_noise()
    assert [noise.fill(FAINT) for _ in range(20)] == [FAINT] * 20


def test_a_sound_ends_the_noise_at_once_and_the_patience_begins_anew() -> None:
    noise = comfort_noise()
    for _ in range(20):
        noise.fill(SILENCE)
    assert noise.fill(FAINT) == FAINT
    assert noise.fill(SILENCE) == SILENCE


def test_noise_begins_without_a_click_and_does_not_hum() -> None:
    noise = comfort_noise()
    samples = np.frombuffer(b"".join(noise.fill(SILENCE) for _ in range(200)), "<i2").astype(float)
    samples = samples[960:]
    assert np.abs(samples[:8]).max() <= 8
    assert np.abs(samples).max() < 150
    spectrum = np.abs(np.fft.rfft(samples[:16_000])) ** 2
    assert spectrum[1:].max() < 100 * spectrum[1:].mean()
