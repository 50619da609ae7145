"""AudioPorts without a SIP stack: one that echoes, and one that sings."""

import math
from array import array


class EchoPort:
    """Plays at the earpiece what the microphone hears; counts what it is given."""

    def __init__(self, rate_hz: int = 16_000, frame_samples: int = 160) -> None:
        self._rate_hz = rate_hz
        self._frame_samples = frame_samples
        self._silence = bytes(2 * frame_samples)
        self.attached = 0
        self.exchanges = 0
        self.silent_exchanges = 0

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def frame_samples(self) -> int:
        return self._frame_samples

    def attach(self) -> None:
        self.attached += 1

    def exchange(self, near: bytes | None) -> bytes:
        self.exchanges += 1
        if near is None:
            self.silent_exchanges += 1
            return self._silence
        return near


class SingingPort(EchoPort):
    """The far end is one steady tone, and the microphone goes nowhere."""

    def __init__(
        self, rate_hz: int = 16_000, frame_samples: int = 160, *, frequency_hz: float = 1000, amplitude: int = 8000
    ) -> None:
        super().__init__(rate_hz, frame_samples)
        self._step = 2 * math.pi * frequency_hz / rate_hz
        self._amplitude = amplitude
        self._position = 0

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        first = self._position
        self._position += self._frame_samples
        return array(
            "h", (round(self._amplitude * math.sin(self._step * n)) for n in range(first, self._position))
        ).tobytes()
