"""A sound card that keeps what is read from it and written to it, turn by turn: no neighbour's work is in that."""

from typing import Any

from drivers.sound import AlsaCapture, AlsaPlayback, AlsaSoundCard
from tests.lab.audio import Sound


class WatchedSoundCard(AlsaSoundCard):
    """A real one.

    Attributes:
        turns: of the loop, each with a period of what was read for it and of what was written, be that a few samples
            longer or shorter.
        queued_frames: how many samples waited to be played, after each.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turns: list[tuple[bytes, bytes]] = []
        self.queued_frames: list[int] = []
        self._near = b""

    def open_capture(self) -> AlsaCapture:
        stream = super().open_capture()
        read = stream.read

        def keep() -> bytes:
            self._near = read()
            return self._near

        stream.read = keep  # type: ignore[method-assign]
        return stream

    def open_playback(self) -> AlsaPlayback:
        stream = super().open_playback()
        write = stream.write

        def keep(frame: bytes) -> None:
            write(frame)
            size = 2 * self.period_frames
            self.turns.append((self._near.ljust(size, b"\0"), frame[:size].ljust(size, b"\0")))
            self.queued_frames.append(stream.queued_frames)
            self._near = b""

        stream.write = keep  # type: ignore[method-assign]
        return stream

    def was_read(self, after: int = 0) -> Sound:
        """Return what the microphone gave in all turns after the first so many."""
        return Sound.from_pcm(b"".join(near for near, _ in self.turns[after:]), self.rate_hz)

    def was_written(self, after: int = 0) -> Sound:
        """Return what the earpiece was given in them."""
        return Sound.from_pcm(b"".join(frame for _, frame in self.turns[after:]), self.rate_hz)
