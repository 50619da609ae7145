"""The recorder's end of a tap: how a call sounds, period by period, out of pipes that another process fills.

That process may have been taken over by whoever is on the network. So nothing here waits for it, and it is believed no
more sound than time has passed.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from firmware.voice.audio.sound_pipe import PERIOD_NUMBER

_log = logging.getLogger(__name__)

_PIPE_BYTES: Final = (1 << 20, 1 << 18)
"""How large a pipe should be, and what is tried where that is refused: 15 s at 16 kHz, for a memory card may keep a
write waiting; some take seconds when they tidy up."""
_SAMPLE_BYTES: Final = 2
_NUMBERS: Final = 1 << (8 * PERIOD_NUMBER.size)
_FASTEST: Final = 1.001
_AHEAD_S: Final = 1.0
_MOST_AT_ONCE_S: Final = 60.0
"""As long as the recorder may be stuck before the handset is started anew."""


class TapReader:
    """What one recording reads: a pipe for each stretch of it, none while it is paused.

    A period that is missing is silence, so that the rest stays where it belongs. What was put into a pipe before it is
    closed here is read; from then on whoever writes to it is told by the system that nobody listens.
    """

    def __init__(self, *, rate_hz: int, period_frames: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s = period_frames / rate_hz
        self._silence = bytes(_SAMPLE_BYTES * period_frames)
        self._clock = clock
        # The recorder's thread reads, the main thread opens and closes; each holds it for a read that does not wait.
        self._lock = threading.Lock()
        self._read_end: int | None = None
        self._is_over = False
        self._rest = b""
        self._expected = 0
        self._near = bytearray()
        self._far = bytearray()
        self._lost = 0
        # In periods.
        self._allowance = _AHEAD_S / self._period_s
        self._allowed_at_s = 0.0
        self._is_too_much_told = False

    @property
    def lost_s(self) -> float:
        """How much silence there is in place of sound."""
        return self._lost * self._period_s

    def open(self) -> int | None:
        """Return the write end of a new pipe, the caller's to pass on; None where one is open, or after `end`."""
        with self._lock:
            if self._is_over or self._read_end is not None:
                return None
            self._read_end, write_end = os.pipe()
            os.set_blocking(self._read_end, False)
            for size in _PIPE_BYTES:
                with suppress(OSError):
                    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, size)
                    break
            self._rest = b""
            self._expected = 0
            self._allowed_at_s = self._clock()
            return write_end

    def close(self) -> None:
        """Read what is in the pipe, and nothing that comes after that."""
        with self._lock:
            self._close()

    def end(self) -> None:
        """Close for good."""
        with self._lock:
            self._close()
            self._is_over = True

    def take(self) -> tuple[bytes, bytes]:
        """Return all that has come since: near and far."""
        with self._lock:
            self._read()
            taken = bytes(self._near), bytes(self._far)
            self._near.clear()
            self._far.clear()
        return taken

    def _close(self) -> None:
        if self._read_end is not None:
            self._read()
            os.close(self._read_end)
            self._read_end = None

    def _read(self) -> None:
        """Read once: that is all there is in a pipe, and whoever fills it again and again keeps nobody here."""
        if self._read_end is None:
            return
        with suppress(BlockingIOError):
            self._rest += os.read(self._read_end, max(_PIPE_BYTES))
        # Asked afterwards: where this thread is held up in between, what came meanwhile is not too much.
        now_s = self._clock()
        more = _FASTEST * (now_s - self._allowed_at_s) / self._period_s
        self._allowance = min(self._allowance + more, _MOST_AT_ONCE_S / self._period_s)
        self._allowed_at_s = now_s
        size = PERIOD_NUMBER.size + 2 * len(self._silence)
        end = len(self._rest) - len(self._rest) % size
        for first in range(0, end, size):
            self._add(self._rest[first : first + size])
        self._rest = self._rest[end:]

    def _add(self, period: bytes) -> None:
        (number,) = PERIOD_NUMBER.unpack_from(period)
        missing = (number - self._expected) % _NUMBERS
        self._expected = number + 1
        if missing + 1 > self._allowance:
            if not self._is_too_much_told:
                _log.warning("More sound of a call comes than time passes; what is too much is not recorded.")
                self._is_too_much_told = True
            return
        self._allowance -= missing + 1
        self._lost += missing
        far = PERIOD_NUMBER.size + len(self._silence)
        self._near += missing * self._silence + period[PERIOD_NUMBER.size : far]
        self._far += missing * self._silence + period[far:]
