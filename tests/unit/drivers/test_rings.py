"""The rings: what is in them, and that no two sound alike."""

import itertools

import numpy as np
import pytest

from drivers.ringer import risen, silence, warble
from drivers.rings import MELODIES, PATTERNS_MS, RATE_HZ, sound_of
from firmware.phone.menu.sound import RINGS
from firmware.voice.audio.tone_plans import tone_plan
from tests.lab.audio import Samples, Sound, loudest_frequencies

_CHINA_MS = tone_plan("CN").ring_cadence_ms
_BAND_HZ = (500, 2000)


def samples_of(ring: str) -> Samples:
    """A round of a ring at full volume."""
    if ring in MELODIES:
        pcm = sound_of(ring)
    else:
        rhythm = PATTERNS_MS.get(ring, _CHINA_MS)
        pcm = b"".join(silence(ms) if index % 2 else warble(ms, 100) for index, ms in enumerate(rhythm))
    return Sound.from_pcm(pcm, RATE_HZ).samples


def spectrum_of(samples: Samples) -> tuple[Samples, Samples]:
    """Return frequencies and the power at each."""
    return np.fft.rfftfreq(len(samples), 1 / RATE_HZ), np.abs(np.fft.rfft(samples)) ** 2


def character(ring: str) -> Samples:
    """What somebody hears in the first two seconds: a twentieth of a second in 24 bands after the other, in dB."""
    samples = np.resize(samples_of(ring), 2 * RATE_HZ)
    edges = np.geomspace(300, 6000, 25)
    rows = []
    for part in samples.reshape(40, -1):
        hz, power = spectrum_of(part * np.hanning(len(part)))
        rows.append([power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)])
    levels = 10 * np.log10(np.array(rows, dtype=np.float64).ravel() + 1)
    heard: Samples = np.maximum(levels - np.max(levels) + 40, 0)
    return heard


@pytest.mark.feature("rings")
def test_there_are_ten_to_choose_from_and_each_is_one_that_the_ringer_knows() -> None:
    names = [name for name, _ in RINGS]
    assert len(names) == len(set(names)) == 10
    assert set(names) == {"normal", *PATTERNS_MS, *MELODIES} - {"recall"}


@pytest.mark.feature("rings")
def test_no_two_rings_sound_alike() -> None:
    heard = {ring: character(ring) for ring, _ in RINGS}
    for one, other in itertools.combinations(heard, 2):
        a, b = heard[one], heard[other]
        likeness = float(a @ b / np.sqrt((a @ a) * (b @ b)))
        assert likeness < 0.8, (one, other, likeness)


@pytest.mark.parametrize("ring", MELODIES)
def test_a_melody_is_loud_ends_in_a_pause_and_clicks_nowhere(ring: str) -> None:
    samples = samples_of(ring)
    assert len(samples) % 160 == 0
    assert np.abs(samples).max() == 32767
    loudest_second = max(
        np.sqrt(np.mean(samples[first : first + RATE_HZ] ** 2)) for first in range(0, len(samples) - RATE_HZ, 1600)
    )
    assert 20 * np.log10(loudest_second / 32767) > -17
    assert np.abs(samples[-8000:]).max() < 1000
    # A click has as much at 7 kHz as anywhere; struck notes do not.
    hz, power = spectrum_of(samples)
    assert power[hz > 7000].sum() < power.sum() / 1e4


@pytest.mark.feature("rings")
def test_the_ring_for_hearing_aids_lies_between_500_and_2000_hz_and_fills_that() -> None:
    hz, power = spectrum_of(samples_of("hearing"))
    low, high = _BAND_HZ
    assert power[(hz >= low) & (hz <= high)].sum() > 0.99 * power.sum()
    # No tone stands alone: each third of the band, on a scale of octaves, has its part.
    for first, last in itertools.pairwise(np.geomspace(low, high, 4)):
        assert power[(hz >= first) & (hz <= last)].sum() > 0.1 * power.sum()


@pytest.mark.feature("rings")
def test_the_ring_for_hearing_aids_changes_between_two_low_tones() -> None:
    burst = Sound.from_pcm(sound_of("hearing"), RATE_HZ)
    for part in range(8):
        (tone,) = loudest_frequencies(burst.between(part * 0.25, (part + 1) * 0.25), 1)
        assert tone == pytest.approx((520, 650)[part % 2], abs=5)


@pytest.mark.feature("rings")
def test_a_volume_that_rises_begins_softly_and_is_whole_after_ten_seconds() -> None:
    heard = [risen(80, second) for second in range(15)]
    assert heard[0] == pytest.approx(32)
    assert heard == sorted(heard)
    assert heard[9] < 80
    assert set(heard[10:]) == {80}
