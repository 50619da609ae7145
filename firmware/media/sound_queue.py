"""Sound that is on its way to the earpiece: one thread fills it, the audio thread takes from it, without a lock."""

from collections import deque
from typing import Final

from firmware.ports.sound import SOUND_RATE_HZ

_PIECES_A_SECOND: Final = 100
_SAMPLE_BYTES: Final = 2
PIECE_BYTES: Final = _SAMPLE_BYTES * SOUND_RATE_HZ // _PIECES_A_SECOND


class SoundQueue:
    """Implements SoundSource: what is put here is heard in order, with silence where there is nothing.

    Attributes:
        is_paused: whether nothing is heard for now.
        is_given_up: whether the loop takes no more: the microphone was opened, or something else is played.
        played_s: how much has been taken.
    """

    def __init__(self) -> None:
        self.is_paused = False
        self.is_given_up = False
        self._taken = 0
        # Appending to a deque and taking from it are atomic.
        self._pieces: deque[bytes] = deque()

    @property
    def played_s(self) -> float:
        return self._taken / _PIECES_A_SECOND

    @property
    def queued_s(self) -> float:
        """How much waits to be taken."""
        return len(self._pieces) / _PIECES_A_SECOND

    def put(self, sound: bytes) -> None:
        """Add mono sound at SOUND_RATE_HZ; its end is filled up with silence to whole hundredths of a second."""
        for first in range(0, len(sound), PIECE_BYTES):
            self._pieces.append(sound[first : first + PIECE_BYTES].ljust(PIECE_BYTES, b"\0"))

    def next_frame(self, duration_ms: int) -> bytes | None:
        if self.is_paused or not self._pieces:
            return None
        count = min(duration_ms * _PIECES_A_SECOND // 1000, len(self._pieces))
        self._taken += count
        return b"".join([self._pieces.popleft() for _ in range(count)])

    def give_up(self) -> None:
        self.is_given_up = True
