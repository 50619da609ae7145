"""Whether the machine's clock can be believed, and what it cannot be earlier than."""

import ctypes
import functools
from pathlib import Path
from typing import Final

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_TIMEX_BYTES: Final = 256  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads
_SOURCE_WRITTEN_S: Final = 1_764_000_000  # 24 November 2025
_BUILT_AT: Final = Path(__file__).with_name("built-at")
"""What setup.py leaves in what it builds: when that was, in seconds since the epoch."""


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
