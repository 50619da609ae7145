"""What the kernel says about its clocks, and a minute at a time what the phone is told."""

import asyncio
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware.base.proven_time import built_at_s, is_synchronised
from firmware.phone.events import MinuteStarted
from firmware.privacy.policy import Reading

_SECONDS_A_MINUTE: Final = 60
_MINUTES_AN_HOUR: Final = 60


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


class Minutes:
    """Says at its start which minute it is, and again whenever another begins."""

    def __init__(self, tell: Callable[[MinuteStarted], None]) -> None:
        self._tell = tell
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tell of this minute, and of all that follow; in the main loop."""
        now = time.localtime()
        self._tell(MinuteStarted(now.tm_wday, now.tm_hour * _MINUTES_AN_HOUR + now.tm_min, is_synchronised()))
        delay_s = _SECONDS_A_MINUTE - time.time() % _SECONDS_A_MINUTE
        self._next = asyncio.get_running_loop().call_later(delay_s, self.start)

    def stop(self) -> None:
        """Tell of no more."""
        if self._next is not None:
            self._next.cancel()
