"""WebRTC's audio processing on the microphone's frames; the only importer of pywebrtc_audio, and of numpy for its sake.

Importing it takes some 20 MB and a tenth of a second: near_end.py does so when a call needs it, on a thread of its own.
"""

from typing import Final

import numpy as np
from pywebrtc_audio import AudioProcessor

# Speech is raised by this much at most: more would raise what is left of the echo to where it is heard.
_MOST_GAIN_DB: Final = 12.0
# Of 0 to 3; 12 dB is quiet enough and leaves the voice its colour.
_NOISE_LEVEL: Final = 1
# The canceller expects a noisy room at first, and would fill the first seconds with that noise in place of the echo.
_SILENT_START_S: Final = 1.0
_STEP_S: Final = 0.01
# The far end's frames are what is being played (streams.py), so what is left is the microphone's own queue.
_DELAY_MS: Final = 10


class WebRtcProcessor:
    """Echo cancelling (AEC3), noise suppression and gain control in one pass; belongs to one thread."""

    def __init__(
        self,
        *,
        rate_hz: int,
        echo_cancelling: bool,
        noise_suppression: bool,
        gain_control: bool,
    ) -> None:
        self._cancels_echo = echo_cancelling
        self._processor = AudioProcessor(
            sample_rate=rate_hz,
            echo_cancellation=echo_cancelling,
            noise_suppression=noise_suppression,
            auto_gain_control=gain_control,
            ns_level=_NOISE_LEVEL,
            agc_max_gain_db=_MOST_GAIN_DB,
            stream_delay_ms=_DELAY_MS,
        )
        silence = bytes(2 * round(rate_hz * _STEP_S))
        for _ in range(round(_SILENT_START_S / _STEP_S)):
            self.process(silence, silence)

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone's frame, processed; both frames hold the same number of 10 ms steps."""
        heard = np.frombuffer(near, np.int16)
        played = np.frombuffer(far, np.int16) if self._cancels_echo else None
        return self._processor.process(heard, played).tobytes()
