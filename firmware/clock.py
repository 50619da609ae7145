"""What the kernel says about the wall clock."""

import ctypes
import functools
from pathlib import Path

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_TIMEX_BYTES = 256  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads


def is_synchronised() -> bool:
    """Return whether a time service keeps the clock right; False also where the kernel cannot tell."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = _libc().adjtimex(timex)
    return 0 <= state < _TIME_ERROR


@functools.cache
def boot_id() -> str:
    """Return the id of this boot, so that times taken before the clock was set can be told apart."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
