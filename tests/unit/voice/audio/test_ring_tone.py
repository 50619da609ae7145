"""What becomes of a ring tone's file before it is played."""

from pathlib import Path

import numpy as np
import pytest

from firmware.base.errors import MediaError
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.ring_tone import load_ring_tone
from tests.lab.audio import Sound, loudest_frequencies, tone
from tests.lab.ring_tones import CHIME_HZ, chime, wav


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000])
def test_a_tone_of_any_rate_keeps_its_pitch_and_its_length(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "anna.wav"
    path.write_bytes(chime(0.5, rate_hz=rate_hz))
    sound = Sound.from_pcm(load_ring_tone(path), SOUND_RATE_HZ)
    assert sound.duration_s == pytest.approx(0.5, abs=0.001)
    assert loudest_frequencies(sound, 1) == [pytest.approx(CHIME_HZ, abs=5)]


def test_both_sides_of_a_stereo_tone_are_heard(tmp_path: Path) -> None:
    sides = [np.frombuffer(tone([hz], 0.5, rate_hz=16_000).pcm, "<i2") for hz in (500, 1500)]
    path = tmp_path / "anna.wav"
    path.write_bytes(wav(np.stack(sides, axis=1).tobytes(), channels=2))
    sound = Sound.from_pcm(load_ring_tone(path), SOUND_RATE_HZ)
    assert sorted(loudest_frequencies(sound, 2)) == [pytest.approx(500, abs=5), pytest.approx(1500, abs=5)]


@pytest.mark.parametrize("content", [None, b"RIFF"])
def test_why_a_tone_cannot_be_played_is_said_without_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "anna.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"rings with its own; correct \[ringer\] tone") as caught:
        load_ring_tone(path)
    assert "anna" not in str(caught.value)
