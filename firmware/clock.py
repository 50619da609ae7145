"""What the kernel says about its clocks."""

import ctypes
import functools
import time
from pathlib import Path

from firmware.privacy.policy import Reading

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_FIRMWARE_WRITTEN_S = 1_764_000_000  # 24 November 2025
_TIMEX_BYTES = 256  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads


def is_synchronised() -> bool:
    """Return whether a time service keeps the clock right; False also where the kernel cannot tell."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = _libc().adjtimex(timex)
    return 0 <= state < _TIME_ERROR


def is_plausible() -> bool:
    """Return whether the wall clock can be right: a Pi without a battery wakes up in the past.

    A clock before this firmware was written makes every certificate look as if it were not valid yet.
    """
    return is_synchronised() or time.time() > _FIRMWARE_WRITTEN_S


def read_clocks() -> Reading:
    """Return what all clocks say; a time of day that somebody sets says nothing to the one that runs since the boot."""
    return Reading(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time(), is_synchronised())


@functools.cache
def boot_id() -> str:
    """Return the id of this boot, so that times taken before the clock was set can be told apart."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
