"""AudioPorts without a SIP stack: one that echoes, and one that sings."""

import math
from array import array


class EchoPort:
    """Plays at the earpiece what the microphone hears; counts what it is given."""

    def __init__(self, rate_hz: int = 16_000, frame_samples: int = 160) -> None:
        self.rate_hz = rate_hz
        self.frame_samples = frame_samples
        self._silence = bytes(2 * frame_samples)
        self.attached = 0
        self.exchanges = 0
        self.silent_exchanges = 0

    def attach(self) -> None:
        self.attached += 1

    def exchange(self, near: bytes | None) -> bytes:
        self.exchanges += 1
        if near is None:
            self.silent_exchanges += 1
            return self._silence
        return near


class SingingPort(EchoPort):
    """The far end is one steady tone of a whole number of hertz, and the microphone goes nowhere."""

    def __init__(
        self, rate_hz: int = 16_000, frame_samples: int = 160, *, frequency_hz: int = 1000, amplitude: int = 8000
    ) -> None:
        super().__init__(rate_hz, frame_samples)
        step = 2 * math.pi * frequency_hz / rate_hz
        second = array("h", (round(amplitude * math.sin(step * n)) for n in range(rate_hz))).tobytes()
        size = 2 * frame_samples
        self._frames = [second[first : first + size] for first in range(0, len(second), size)]

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        return self._frames[self.exchanges % len(self._frames)]
