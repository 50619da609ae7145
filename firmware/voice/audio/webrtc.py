"""WebRTC's audio processing on the microphone's frames; the only importer of pywebrtc_audio, and of numpy for its sake.

Importing it takes some 20 MB and a tenth of a second: near_end.py does so when a call needs it, on a thread of its own.
"""

from typing import Any, Final

import numpy as np
from pywebrtc_audio import AudioProcessor

from firmware.voice.audio.double_talk import DoubleTalk, EchoPath

# Speech is raised by this much at most: more would raise what is left of the echo to where it is heard.
_MOST_GAIN_DB: Final = 12.0
# Of 0 to 3; 12 dB is quiet enough and leaves the voice its colour.
_NOISE_LEVEL: Final = 1
# The canceller expects a noisy room at first, and would fill the first seconds with that noise in place of the echo.
_SILENT_START_S: Final = 1.0
_STEPS_A_SECOND: Final = 100
# The far end's frames are what is being played (streams.py), so what is left is the microphone's own queue.
_DELAY_MS: Final = 10


class WebRtcProcessor:
    """Echo cancelling, noise suppression and gain control in this order; belongs to one thread but for `echo_path`.

    The echo is cancelled by AEC3, and by a linear filter for as long as both ends speak (double_talk.py). Noise is
    lowered in what either makes, so that both are equally late.
    """

    def __init__(
        self,
        *,
        rate_hz: int,
        echo_cancelling: bool,
        noise_suppression: bool,
        gain_control: bool,
    ) -> None:
        self._step_bytes = 2 * (rate_hz // _STEPS_A_SECOND)
        self._canceller = None
        if echo_cancelling:
            self._canceller = _Steps(
                rate_hz, echo_cancellation=True, noise_suppression=noise_suppression, stream_delay_ms=_DELAY_MS
            )
        self._noise = _Steps(rate_hz, noise_suppression=True) if noise_suppression else None
        self._gain = _Steps(rate_hz, auto_gain_control=True, agc_max_gain_db=_MOST_GAIN_DB) if gain_control else None
        self._double_talk = DoubleTalk(rate_hz) if echo_cancelling else None
        silence = bytes(self._step_bytes)
        for _ in range(round(_SILENT_START_S * _STEPS_A_SECOND)):
            self.process(silence, silence)

    @property
    def echo_path(self) -> EchoPath | None:
        """What is known of the loudspeaker's echo; None where there is none, or none is cancelled."""
        return self._double_talk.echo_path if self._double_talk is not None else None

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return the microphone's frame, processed.

        Raises:
            ValueError: the frames are not of the same number of 10 ms steps.
        """
        size = self._step_bytes
        if len(near) != len(far) or len(near) % size:
            raise ValueError(f"frames of {len(near)} and {len(far)} bytes are not the same number of 10 ms steps")
        return b"".join([self._step(near[at : at + size], far[at : at + size]) for at in range(0, len(near), size)])

    def _step(self, near: bytes, far: bytes) -> bytes:
        sent = near
        if self._double_talk is not None:
            sent = self._double_talk.filter(near, far)
        if self._noise is not None:
            sent = self._noise.process(sent)
        if self._double_talk is not None and self._canceller is not None:
            sent = self._double_talk.choose(self._canceller.process(near, far), sent)
        return self._gain.process(sent) if self._gain is not None else sent


class _Steps:
    """One of the library's processors, on bytes."""

    def __init__(self, rate_hz: int, **choices: Any) -> None:
        self._processor = AudioProcessor(sample_rate=rate_hz, ns_level=_NOISE_LEVEL, **choices)

    def process(self, near: bytes, far: bytes | None = None) -> bytes:
        played = None if far is None else np.frombuffer(far, np.int16)
        return self._processor.process(np.frombuffer(near, np.int16), played).tobytes()
