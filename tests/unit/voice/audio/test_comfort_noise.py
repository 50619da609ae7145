"""Noise where the far end is dead silent, and nowhere else."""

import numpy as np
import pytest

from firmware.voice.audio.comfort_noise import ComfortNoise
from tests.lab.audio import tone

pytestmark = pytest.mark.feature("sidetone")

RATE_HZ = 16_000
SILENCE = bytes(320)
# What A-law's smallest step decodes to, and a faint voice.
NEARLY_SILENT = b"\x08\x00" * 160
FAINT = b"\x20\x00" * 160


def comfort_noise(frame_samples: int = 160) -> ComfortNoise:
    return ComfortNoise(rate_hz=RATE_HZ, frame_samples=frame_samples)


def test_sound_passes_as_it_is() -> None:
    noise, sound = comfort_noise(), tone([1000], 1.0, rate_hz=RATE_HZ).pcm
    frames = [sound[first : first + 320] for first in range(0, len(sound), 320)]
    assert [noise.fill(frame) for frame in frames] == frames
    assert noise.fill(FAINT) == FAINT


@pytest.mark.parametrize("frame_samples", [160, 320])
def test_noise_begins_after_60_ms_of_silence(frame_samples: int) -> None:
    noise, silence = comfort_noise(frame_samples), bytes(2 * frame_samples)
    patience = round(0.06 * RATE_HZ / frame_samples)
    assert [noise.fill(silence) for _ in range(patience)] == [silence] * patience
    assert noise.fill(silence) != silence


def test_what_silence_is_coded_as_is_silence_too() -> None:
    noise = comfort_noise()
    assert any(noise.fill(NEARLY_SILENT) != NEARLY_SILENT for _ in range(10))


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
