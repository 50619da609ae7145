"""A faint rustle where the line would be dead silent: nobody should have to ask whether the other is still there."""

import audioop
import os
from typing import Final

from firmware.voice.audio.tones import fade_in

# RFC 3389 leaves the level to the receiver where none is sent; this is a quiet room's, far below speech.
_LEVEL_DBOV: Final = -62
_LENGTH_S: Final = 1.0
_SILENCE_BEFORE_S: Final = 0.06
# What G.711 decodes silence to (the smallest step of A-law).
_SILENT_PEAK: Final = 8


class ComfortNoise:
    """Fills in frames once the far end has been silent for more than 60 ms; shorter gaps are the line's own."""

    def __init__(self, *, rate_hz: int, frame_samples: int) -> None:
        self._rate_hz = rate_hz
        self._frames = _render(rate_hz, frame_samples)
        self._frames_before = round(_SILENCE_BEFORE_S * rate_hz / frame_samples)
        self._silent_frames = 0

    def fill(self, frame: bytes) -> bytes:
        """Return the frame, or noise in its place."""
        if audioop.max(frame, 2) > _SILENT_PEAK:
            self._silent_frames = 0
            return frame
        self._silent_frames += 1
        number = self._silent_frames - self._frames_before
        if number <= 0:
            return frame
        noise = self._frames[number % len(self._frames)]
        return fade_in(noise, self._rate_hz) if number == 1 else noise


def _render(rate_hz: int, frame_samples: int) -> tuple[bytes, ...]:
    samples = round(_LENGTH_S * rate_hz / frame_samples) * frame_samples
    white = os.urandom(2 * samples)
    # ratecv's own weights are a low-pass filter: white noise hisses, this rustles.
    noise, _ = audioop.ratecv(white, 2, 1, rate_hz, rate_hz, None, 1, 3)
    noise = audioop.mul(noise, 2, 32767 * 10 ** (_LEVEL_DBOV / 20) / max(1, audioop.rms(noise, 2)))
    size = 2 * frame_samples
    return tuple(noise[first : first + size] for first in range(0, len(noise) - size + 1, size))
