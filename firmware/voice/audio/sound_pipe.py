"""The ends of pipes that the audio thread uses: what a call sounds like goes out, what is to be heard comes in.

Whatever is at the other end of a pipe, and whatever it does, the audio thread never waits for it.
"""

import os
import struct
import threading
from typing import Final

from firmware.ports.sound import SOUND_RATE_HZ

PERIOD_NUMBER: Final = struct.Struct("<I")
"""What a period in a tap's pipe begins with; near and far follow, equally long, 16-bit little-endian mono."""

_NUMBERS: Final = 1 << (8 * PERIOD_NUMBER.size)
_SAMPLE_BYTES: Final = 2


class PipeTap:
    """Puts the periods of a call into a pipe, for whoever records it.

    Each is one write of at most PIPE_BUF bytes, so all of it is there or nothing. One that does not fit is lost; the
    number of the next shows it.
    """

    def __init__(self, *, period_frames: int) -> None:
        self._silence = bytes(_SAMPLE_BYTES * period_frames)
        # The audio thread only tries to take it, so that a number is never closed, and given to another file, under it.
        self._lock = threading.Lock()
        self._write_end: int | None = None
        self._number = 0

    def open(self, write_end: int) -> None:
        """Use this pipe from now on, in place of the one before; the descriptor is the tap's to close."""
        os.set_blocking(write_end, False)
        with self._lock:
            self._close()
            self._write_end = write_end
            self._number = 0

    def close(self) -> None:
        """Put nothing anywhere any more."""
        with self._lock:
            self._close()

    def put(self, near: bytes | None, far: bytes) -> None:
        """Put one period into the pipe, on the audio thread; None is silence. A pipe that nobody reads is closed."""
        if self._write_end is None or not self._lock.acquire(blocking=False):
            return
        try:
            if self._write_end is not None:
                number, self._number = self._number, (self._number + 1) % _NUMBERS
                os.write(self._write_end, PERIOD_NUMBER.pack(number) + (self._silence if near is None else near) + far)
        except BlockingIOError:
            pass
        except OSError:
            self._close()
        finally:
            self._lock.release()

    def _close(self) -> None:
        if self._write_end is not None:
            os.close(self._write_end)
            self._write_end = None


class PipeSource:
    """Implements SoundSource: what comes out of a pipe, mono at SOUND_RATE_HZ. Giving it up closes the pipe."""

    def __init__(self, read_end: int) -> None:
        """`read_end` is this object's to close."""
        os.set_blocking(read_end, False)
        # As in PipeTap.
        self._lock = threading.Lock()
        self._read_end: int | None = read_end

    def next_frame(self, duration_ms: int) -> bytes | None:
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._read_end is None:
                return None
            sound = os.read(self._read_end, _SAMPLE_BYTES * (SOUND_RATE_HZ * duration_ms // 1000))
            if not sound:
                self._close()
        except BlockingIOError:
            return None
        finally:
            self._lock.release()
        return sound or None

    def give_up(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._read_end is not None:
            os.close(self._read_end)
            self._read_end = None
