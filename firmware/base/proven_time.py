"""Whether the machine's clock can be believed, and the time that a handset has proof of.

A clock without a battery may show any earlier one. What has ended by then has ended, whatever the clock shows. The
proofs are the firmware itself, which somebody built, what was signed and taken since, and the clock while a time
service keeps it right (docs/adr/0083).
"""

import ctypes
import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_TIMEX_BYTES: Final = 256  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads
_SOURCE_WRITTEN_S: Final = 1_764_000_000  # 24 November 2025
_BUILT_AT: Final = Path(__file__).with_name("built-at")
"""What setup.py leaves in what it builds: when that was, in seconds since the epoch."""
_log = logging.getLogger(__name__)

NAME: Final = "proven-time"

_KEEP_EVERY_S: Final = 6 * 3600
"""So often the card is written while the clock is right; bundles are taken for days."""

_LATEST_S: Final = 2**53


def is_synchronised() -> bool:
    """Return whether a time service keeps the clock right; False also where the kernel cannot tell."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = _libc().adjtimex(timex)
    return 0 <= state < _TIME_ERROR


def built_at_s(path: Path = _BUILT_AT) -> float:
    """Return when this firmware was built, in seconds since the epoch; when it was written, where it runs as source."""
    try:
        return float(int(path.read_bytes()))
    except (OSError, ValueError):
        return _SOURCE_WRITTEN_S


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Now:
    """What is known of the present moment, in seconds since the epoch.

    Attributes:
        clock_s: what the clock shows.
        synced: whether a time service keeps it right.
        proven_s: a moment that is over for certain.
    """

    clock_s: float
    synced: bool
    proven_s: float = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether the clock shows a moment that is over for certain."""
        return not self.synced and self.clock_s < self.proven_s

    @property
    def at_least_s(self) -> float:
        """The earliest that it can be: what has ended by then is over."""
        return self.proven_s if self.is_behind else self.clock_s


class ProvenTime:
    """Knows the latest moment that there is proof of, also after a power cut.

    A clock that nobody keeps right proves nothing, or one that was once set to the year 2100 would be believed for
    ever. One that is kept right proves what it shows, also where that is earlier than what was believed before.

    Args:
        path: where it is kept.
        now_s: what the clock shows, in seconds since the epoch.
        is_synced: whether a time service keeps it right.
        built_s: when the firmware was built.
    """

    def __init__(
        self,
        path: Path,
        now_s: Callable[[], float] = time.time,
        is_synced: Callable[[], bool] = is_synchronised,
        built_s: float | None = None,
    ) -> None:
        self._path = path
        self._now_s = now_s
        self._is_synced = is_synced
        self._built_s = built_at_s() if built_s is None else built_s
        self._lock = threading.Lock()

    def read(self) -> Now:
        """Return what is known of the present moment."""
        return Now(self._now_s(), self._is_synced(), max(self._built_s, self._kept_s()))

    def note_clock(self) -> None:
        """Keep what the clock shows, if it is right; called again and again, it writes a few times a day."""
        with self._lock:
            now = self.read()
            if now.synced and abs(now.clock_s - self._kept_s()) >= _KEEP_EVERY_S:
                self._keep(now.clock_s)

    def note_signed(self, at_s: float) -> None:
        """Keep when something was signed that is believed, in seconds since the epoch."""
        with self._lock:
            if at_s > self._kept_s():
                self._keep(at_s)

    def forget(self) -> None:
        """Have proof of nothing but the firmware.

        Raises:
            OSError: the disk is read-only or broken.
        """
        self._path.unlink(missing_ok=True)

    def _kept_s(self) -> int:
        try:
            kept_s = int(self._path.read_bytes())
        except (OSError, ValueError):
            return 0
        return kept_s if kept_s < _LATEST_S else 0

    def _keep(self, at_s: float) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_durably(self._path, b"%d\n" % at_s)
        except OSError as error:
            # What follows from it is that a bundle may be taken a few days too late.
            _log.warning("The time cannot be written down in %s: %s", self._path, error.strerror)
