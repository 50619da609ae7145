"""What the kernel says about its clocks."""

import functools
import time
from pathlib import Path

from firmware.base.kernel_clock import built_at_s, is_synchronised
from firmware.privacy.policy import Reading

__all__ = ["boot_id", "is_plausible", "is_synchronised", "read_clocks"]


def is_plausible() -> bool:
    """Return whether the wall clock can be right: a Pi without a battery wakes up in the past.

    A clock before this firmware was built makes certificates look as if they were not valid yet.
    """
    return is_synchronised() or time.time() > built_at_s()


def read_clocks() -> Reading:
    """Return what all clocks say; a time of day that somebody sets says nothing to the one that runs since the boot."""
    return Reading(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time(), is_synchronised())


@functools.cache
def boot_id() -> str:
    """Return the id of this boot, so that times taken before the clock was set can be told apart."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
