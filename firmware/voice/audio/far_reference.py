"""What the loudspeaker plays at this moment, for the echo canceller to compare the microphone with.

A frame that is written waits behind what is queued, and how much that is changes: with each underrun, each correction
of drift, each catching up. A canceller that were given frames when they are written would hear the echo's delay jump.
"""

from typing import Final

_OBSERVATIONS_A_WINDOW: Final = 25
# More than any queue holds; while nobody reads, as in early media, the rest is forgotten.
_LONGEST_PERIODS: Final = 50


class FarReference:
    """A copy of the playback queue, emptied by the microphone's clock."""

    def __init__(self, period_samples: int) -> None:
        self._period_bytes = 2 * period_samples
        # Cards report their queue in steps, often of 10 ms; two clocks part by less than that within minutes.
        self._tolerance = period_samples
        self._queue = bytearray()
        self._surpluses: list[int] = []

    def write(self, frame: bytes) -> None:
        """Learn what was written to the queue."""
        self._queue += frame
        too_much = len(self._queue) - _LONGEST_PERIODS * self._period_bytes
        if too_much > 0:
            del self._queue[:too_much]

    def next_period(self) -> bytes:
        """Return what was played while the microphone recorded its latest period."""
        period = bytes(self._queue[: self._period_bytes])
        del self._queue[: self._period_bytes]
        return period.ljust(self._period_bytes, b"\0")

    def align(self, queued_samples: int) -> None:
        """Hold the latest that was written, as much of it as is queued; silence before that."""
        surplus = len(self._queue) - 2 * queued_samples
        if surplus > 0:
            del self._queue[:surplus]
        else:
            self._queue[:0] = bytes(-surplus)
        self._surpluses.clear()

    def observe(self, queued_samples: int) -> None:
        """Compare with the card's own word, when the next frame is about to be written.

        Only what a whole second of observations agrees on is corrected.
        """
        self._surpluses.append(len(self._queue) // 2 - queued_samples)
        if len(self._surpluses) < _OBSERVATIONS_A_WINDOW:
            return
        least, most = min(self._surpluses), max(self._surpluses)
        if least > self._tolerance:
            del self._queue[: 2 * least]
        elif most < -self._tolerance:
            self._queue[:0] = bytes(-2 * most)
        self._surpluses.clear()
