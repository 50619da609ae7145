"""What is encoded sounds the same again, chunk by chunk, and any player takes it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from firmware.base.errors import MediaError
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.sound_format import best_format, joined, make_decoder, make_encoder
from tests.lab.audio import Sound, level, tone

NEAR_HZ, FAR_HZ = 440, 1000
SECONDS = 3
PLAYERS = {
    SoundFormat.OPUS: ["opusdec", "--quiet", "--rate", str(SOUND_RATE_HZ)],
    SoundFormat.FLAC: ["flac", "--decode", "--silent", "--output-name"],
}


def stereo(near_hz: float, far_hz: float, duration_s: float) -> bytes:
    near, far = (tone([each], duration_s, rate_hz=SOUND_RATE_HZ) for each in (near_hz, far_hz))
    return np.column_stack([near.samples, far.samples]).astype("<i2").tobytes()


def encoded(sound_format: SoundFormat, sound: bytes) -> Iterator[bytes]:
    encoder, size = make_encoder(sound_format, 30_000), 4 * SOUND_RATE_HZ
    yield encoder.head()
    whole = len(sound) // size * size
    for first in range(0, whole, size):
        yield encoder.encode(sound[first : first + size])
    yield encoder.encode(sound[whole:], is_last=True)


def sides(pcm: bytes) -> tuple[Sound, Sound]:
    samples = np.frombuffer(pcm, "<i2").reshape(-1, 2).astype(np.float64)
    return Sound(samples[:, 0], SOUND_RATE_HZ), Sound(samples[:, 1], SOUND_RATE_HZ)


def is_near_left_and_far_right(pcm: bytes) -> bool:
    left, right = sides(pcm)
    own = min(level(left, NEAR_HZ), level(right, FAR_HZ))
    others = max(level(left, FAR_HZ), level(right, NEAR_HZ))
    return own > 6000 and others < own / 50


def played(sound_format: SoundFormat, file: bytes, folder: Path) -> bytes:
    """What a player that is not ours makes of a file."""
    source, result = folder / f"recording.{sound_format}", folder / "recording.wav"
    source.write_bytes(file)
    arguments = [str(source), str(result)] if sound_format is SoundFormat.OPUS else [str(result), str(source)]
    subprocess.run([*PLAYERS[sound_format], *arguments], check=True, capture_output=True)
    with soundfile.SoundFile(result) as wave:
        return bytes(wave.buffer_read(dtype="int16"))


@pytest.mark.parametrize("sound_format", SoundFormat)
def test_near_is_left_and_far_is_right_when_it_is_decoded_here(sound_format: SoundFormat) -> None:
    decoder = make_decoder(sound_format)
    chunks = encoded(sound_format, stereo(NEAR_HZ, FAR_HZ, SECONDS))
    assert is_near_left_and_far_right(b"".join(map(decoder.decode, chunks)))


@pytest.mark.parametrize("sound_format", SoundFormat)
@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_file_that_ends_after_any_chunk_is_played_by_others(
    sound_format: SoundFormat, left_out: int, tmp_path: Path
) -> None:
    chunks = list(encoded(sound_format, stereo(NEAR_HZ, FAR_HZ, SECONDS + 0.5)))
    kept = chunks[: len(chunks) - left_out]
    sound = played(sound_format, b"".join(joined(sound_format, iter(kept))), tmp_path)
    assert is_near_left_and_far_right(sound)
    expected_s = min(SECONDS + 0.5, SECONDS + 1 - left_out)
    assert len(sound) / 4 / SOUND_RATE_HZ == pytest.approx(expected_s, abs=0.021)


@pytest.mark.parametrize("sound_format", SoundFormat)
def test_what_is_of_another_format_is_said(sound_format: SoundFormat) -> None:
    with pytest.raises(MediaError, match="what was before it can be heard"):
        make_decoder(sound_format).decode(b"no sound at all" * 10)


def test_opus_says_that_it_is_whole_to_those_who_check(tmp_path: Path) -> None:
    (tmp_path / "whole.opus").write_bytes(b"".join(encoded(SoundFormat.OPUS, stereo(NEAR_HZ, FAR_HZ, 2.5))))
    said = subprocess.run(["opusinfo", tmp_path / "whole.opus"], capture_output=True, text=True, check=True).stdout
    assert "WARNING" not in said
    assert "Playback length: 0m:02.5" in said


def test_without_libopus_recordings_are_flac_and_without_both_there_are_none() -> None:
    program = """if True:
        import sys
        sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
        from firmware.voice.audio.sound_format import best_format
        print(best_format())
        """

    def format_without(*missing: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", program, ",".join(missing)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert format_without("nothing-of-ours") == "opus"
    assert format_without("opuslib_next") == "flac"
    assert format_without("opuslib_next", "soundfile") == "None"


def test_here_it_is_opus() -> None:
    assert best_format() is SoundFormat.OPUS
