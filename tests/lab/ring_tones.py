"""WAV files to ring with, and such as no phone rings with."""

import io
import wave
from typing import Final

from tests.lab.audio import tone

CHIME_HZ: Final = 1700
"""What is heard of `chime`: no tone of a telephone's, nor of the warble."""


def wav(samples: bytes, *, rate_hz: int = 16_000, channels: int = 1, sample_bytes: int = 2) -> bytes:
    """Return a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((channels, sample_bytes, rate_hz, 0, "NONE", ""))
        file.writeframes(samples)
    return target.getvalue()


def chime(duration_s: float = 0.4, *, rate_hz: int = 16_000) -> bytes:
    """Return a ring tone that can be played."""
    return wav(tone([CHIME_HZ], duration_s, rate_hz=rate_hz).pcm, rate_hz=rate_hz)
