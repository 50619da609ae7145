"""Sound that is on its way to the earpiece, through a pipe to the process that has the earpiece."""

import array
import fcntl
import os
import select
import termios
from contextlib import suppress
from typing import Final

from firmware.ports.sound import SOUND_RATE_HZ

_BYTES_A_SECOND: Final = 2 * SOUND_RATE_HZ
_MOST_IN_A_PIPE: Final = 1 << 20


class SoundQueue:
    """What is put here is heard in order, with silence where there is nothing; all of it in one thread.

    Attributes:
        read_end: for whoever plays it, who closes it when no more is wanted.
        is_paused: whether nothing is heard for now.
    """

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self.is_paused = False
        self._is_closed = False
        self._written = 0
        self._waiting = bytearray()

    @property
    def played_s(self) -> float:
        """How much has been taken out of the pipe at its other end."""
        return (self._written - self._in_pipe) / _BYTES_A_SECOND

    @property
    def queued_s(self) -> float:
        """How much waits to be taken."""
        return (self._in_pipe + len(self._waiting)) / _BYTES_A_SECOND

    @property
    def is_given_up(self) -> bool:
        """Whether the other end is closed: the microphone was opened, something else is played, or nobody is there."""
        if self._is_closed:
            return True
        poll = select.poll()
        poll.register(self._write_end, 0)
        return bool(poll.poll(0))

    def put(self, sound: bytes) -> None:
        """Add mono sound at SOUND_RATE_HZ."""
        self._waiting += sound
        self.feed()

    def feed(self) -> None:
        """Put into the pipe what waits and fits."""
        if self.is_paused or self._is_closed:
            return
        # Where nobody reads, is_given_up says so.
        with suppress(BlockingIOError, BrokenPipeError):
            while self._waiting:
                written = os.write(self._write_end, self._waiting)
                self._written += written
                del self._waiting[:written]

    def pause(self) -> None:
        """Let nothing be heard until `resume`, at once."""
        self.is_paused = True
        self._waiting[:0] = self._taken_back()

    def resume(self) -> None:
        """Undo `pause`."""
        self.is_paused = False
        self.feed()

    def clear(self) -> None:
        """Begin anew: what waits is never heard, and nothing has been played."""
        self._taken_back()
        self._waiting.clear()
        self._written = 0

    def close(self) -> None:
        """Let nothing more be heard; what has been played can still be asked for."""
        if not self._is_closed:
            self._taken_back()
            self._waiting.clear()
            self._is_closed = True
            os.close(self._write_end)

    @property
    def _in_pipe(self) -> int:
        if self._is_closed:
            return 0
        count = array.array("i", [0])
        fcntl.ioctl(self._write_end, termios.FIONREAD, count)
        return count[0]

    def _taken_back(self) -> bytes:
        """Empty the pipe.

        A read end that stayed open here would hide that the other one is closed.
        """
        if self._is_closed:
            return b""
        read_end = os.open(f"/proc/self/fd/{self._write_end}", os.O_RDONLY | os.O_NONBLOCK)
        try:
            sound = os.read(read_end, _MOST_IN_A_PIPE)
        except BlockingIOError:
            sound = b""
        finally:
            os.close(read_end)
        self._written -= len(sound)
        return sound
