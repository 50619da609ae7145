"""Which WAV files a handset rings with."""

import io
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.ring_tone import MOST_BYTES, open_ring_tone, read_ring_tone
from tests.lab.audio import tone
from tests.lab.ring_tones import CHIME_HZ, chime, wav

LOUD = tone([CHIME_HZ], 0.1, rate_hz=16_000).pcm
CHIME = chime(0.05)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (44_100, 2), (48_000, 2)])
def test_what_a_ring_tone_is_made_of_is_read(rate_hz: int, channels: int) -> None:
    found = read_ring_tone(io.BytesIO(wav(LOUD, rate_hz=rate_hz, channels=channels)))
    assert (found.rate_hz, found.channels, found.samples) == (rate_hz, channels, LOUD)


def test_one_of_ten_seconds_in_the_finest_of_formats_still_rings() -> None:
    samples = (LOUD * 1000)[: 10 * 48_000 * 2 * 2]
    assert read_ring_tone(io.BytesIO(wav(samples, rate_hz=48_000, channels=2))).samples == samples


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "no WAV file", id="empty"),
        pytest.param(b"RIFF", "no WAV file", id="no more than its beginning"),
        pytest.param(b"ID3" + bytes(100), "no WAV file", id="something else"),
        pytest.param(CHIME.replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\x07\0"), "no WAV file", id="mu-law"),
        pytest.param(CHIME[:-2], "ends before its time", id="cut short"),
        pytest.param(wav(LOUD, sample_bytes=1), "8-bit samples on 1 channel", id="8-bit"),
        pytest.param(wav(LOUD[: 2 * 3 * 2 * 100], channels=3), "3 channel", id="three channels"),
        pytest.param(wav(LOUD, rate_hz=4000), "4000 samples a second, and not 8000 to 48000", id="too slow"),
        pytest.param(wav(LOUD, rate_hz=96_000), "96000 samples a second", id="too fast"),
        pytest.param(chime(10.5), "10.5 s long, and at most 10 s ring", id="too long"),
        pytest.param(wav(bytes(MOST_BYTES)), f"more than {MOST_BYTES} bytes", id="too large"),
        pytest.param(wav(b""), "silent", id="without a sample"),
        pytest.param(wav(b"\x01\0\xff\xff" * 1000), "silent", id="silent"),
    ],
)
def test_what_no_handset_rings_with_is_said_to_be_so(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_ring_tone(io.BytesIO(content))


@given(place=st.integers(0, 43), byte=st.integers(0, 255), length=st.integers(0, len(CHIME)))
def test_whatever_stands_in_a_header_is_read_or_is_no_ring_tone(place: int, byte: int, length: int) -> None:
    changed = (CHIME[:place] + bytes([byte]) + CHIME[place + 1 :])[:length]
    with suppress(ValueError):
        assert len(read_ring_tone(io.BytesIO(changed)).samples) <= len(CHIME)


def test_nobody_waits_for_a_pipe_to_become_a_ring_tone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(ValueError, match="no file"):
        open_ring_tone(tmp_path / "pipe.wav")
    with pytest.raises(FileNotFoundError):
        open_ring_tone(tmp_path / "none.wav")
