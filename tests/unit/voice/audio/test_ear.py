"""How the earpiece sounds for whoever hears less: what each preset does, and that nothing is ever overdriven."""

import logging
import time

import numpy as np
import pytest

from firmware.base.errors import SipError
from firmware.phone.orders import EarPreset
from firmware.voice.audio.ear import BOOST_DB, Ear, EarSettings
from firmware.voice.sip import native
from tests.lab.audio import Samples, Sound, tone
from tests.lab.measured import RecordProperty, assert_within

RATES = [8000, 16_000, 48_000]
BOUND = 29_204
PLAIN = EarSettings()
BOOSTED = EarSettings(boosted=True)

pytestmark = pytest.mark.feature("an ear that hears less")


def played(samples: Samples, *wanted: EarSettings, rate_hz: int = 16_000) -> Samples:
    """Play a sound, an equal part of it by each of the settings."""
    ear, size, pcm = Ear(rate_hz), rate_hz // 50, Sound(samples).pcm
    periods = range(0, len(pcm), size)
    heard = b"".join(
        ear.play(pcm[first : first + size], wanted[index * len(wanted) // len(periods)])
        for index, first in enumerate(periods)
    )
    return Sound.from_pcm(heard, rate_hz).samples


def gain_db(hz: float, wanted: EarSettings, rate_hz: int = 16_000) -> float:
    sine = tone([hz], 0.5, rate_hz=rate_hz).samples / 80
    heard = played(sine, wanted, rate_hz=rate_hz)
    half = len(sine) // 2
    return float(20 * np.log10(heard[half:].std() / sine[half:].std()))


def test_each_preset_changes_the_sound_by_what_it_is_for(subtests: pytest.Subtests) -> None:
    for rate_hz in RATES:
        for preset, hz, gain in (
            (EarPreset.CLEAR, 150, -8.4),
            (EarPreset.CLEAR, 1000, 1.4),
            (EarPreset.CLEAR, 2700, 6),
            (EarPreset.LOUD, 200, 6),
            (EarPreset.LOUD, 1000, 6),
            (EarPreset.LOUD, 3000, 6),
        ):
            with subtests.test(rate_hz=rate_hz, preset=preset, hz=hz):
                assert gain_db(hz, EarSettings(preset), rate_hz) == pytest.approx(gain, abs=0.9)


@pytest.mark.parametrize("preset", EarPreset)
@pytest.mark.parametrize("hz", [300, 1000, 3000])
def test_a_boost_adds_12_db_to_any_preset(preset: EarPreset, hz: float) -> None:
    assert BOOST_DB == 12
    added_db = gain_db(hz, EarSettings(preset, boosted=True)) - gain_db(hz, EarSettings(preset))
    assert added_db == pytest.approx(12, abs=0.3)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("preset", EarPreset)
def test_nothing_is_ever_above_the_bound(preset: EarPreset, rate_hz: int) -> None:
    dice = np.random.default_rng(3)
    noise = dice.standard_normal(rate_hz) * 12_000 * (dice.random(rate_hz) > 0.5)
    square = np.sign(np.sin(np.arange(rate_hz) * 2 * np.pi * 440 / rate_hz)) * 32_767
    clicks = np.where(np.arange(rate_hz) % 997 == 0, -32_768, 0)
    for sound in (noise.clip(-32_768, 32_767), square, clicks, np.full(rate_hz, -32_768.0)):
        heard = played(sound, EarSettings(preset, boosted=True), rate_hz=rate_hz)
        assert np.abs(heard).max() <= BOUND
        assert np.abs(heard).max() >= BOUND / 2


def test_what_is_too_loud_is_turned_down_and_not_cut_off() -> None:
    sine = tone([400], 0.5, rate_hz=16_000).samples
    heard = played(sine, BOOSTED)[4000:]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    spectrum /= spectrum.max()
    # A sine that is cut off at a quarter of its height has a third harmonic only 10 dB below it.
    third = round(1200 * len(heard) / 16_000)
    assert 20 * np.log10(spectrum[third - 3 : third + 4].max()) < -35


@pytest.mark.parametrize(
    "wanted",
    [
        (PLAIN, BOOSTED),
        (BOOSTED, PLAIN),
        (PLAIN, EarSettings(EarPreset.CLEAR)),
        (EarSettings(EarPreset.CLEAR), EarSettings(EarPreset.LOUD)),
        (EarSettings(EarPreset.LOUD, boosted=True), PLAIN),
        (PLAIN, BOOSTED, PLAIN, BOOSTED),
    ],
)
def test_a_change_is_no_click(wanted: tuple[EarSettings, ...]) -> None:
    # A cosine: wherever it is cut, its own slope is small.
    samples = np.cos(np.arange(16_000) * 2 * np.pi * 100 / 16_000) * 4000
    steepest = np.abs(np.diff(samples)).max() * 10 ** (18 / 20)
    heard = played(samples, *wanted)
    assert np.abs(np.diff(heard)).max() <= 1.3 * steepest
    assert np.abs(np.diff(heard, 2)).max() < 300


def test_what_is_left_as_it_is_goes_through_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: pytest.fail("It was called."))
    period = tone([400], 0.01, rate_hz=16_000).pcm
    assert Ear(16_000).play(period, PLAIN) is period


def test_after_a_boost_the_sound_is_soon_as_it_came_bit_by_bit() -> None:
    ear, pcm = Ear(16_000), tone([400], 0.01, rate_hz=16_000).pcm
    for _ in range(10):
        ear.play(pcm, BOOSTED)
    after = [ear.play(pcm, PLAIN) for _ in range(40)]
    assert after[-1] is pcm


def test_no_sound_is_later_than_it_came() -> None:
    click = np.zeros(1600)
    click[400] = 8000
    assert int(np.argmax(np.abs(played(click, BOOSTED)))) == 400


@pytest.mark.parametrize("error", [SipError("The SIP library is of another edition."), ImportError("pjsua2")])
def test_without_the_library_the_sound_goes_on_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def missing() -> None:
        raise error

    monkeypatch.setattr(native, "library", missing)
    ear, period = Ear(16_000), tone([400], 0.01, rate_hz=16_000).pcm
    with caplog.at_level(logging.WARNING):
        assert [ear.play(period, BOOSTED) for _ in range(3)] == [period] * 3
    assert len(caplog.records) == 1


def test_a_period_costs_less_than_30_us(record_property: RecordProperty) -> None:
    ear, period = Ear(16_000), tone([400], 0.01, rate_hz=16_000).pcm
    wanted = EarSettings(EarPreset.CLEAR, boosted=True)
    ear.play(period, wanted)
    costs_ns = []
    for _ in range(10):
        began = time.thread_time_ns()
        for _ in range(100):
            ear.play(period, wanted)
        costs_ns.append((time.thread_time_ns() - began) / 100)
    assert_within(record_property, "period_cpu", min(costs_ns) / 1e9, 30e-6)
