"""The phone's clock: a minute at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from firmware.phone.events import MinuteStarted
from firmware.services import clock

_SECONDS_A_MINUTE: Final = 60
_MINUTES_AN_HOUR: Final = 60


class Minutes:
    """Says at its start which minute it is, and again whenever another begins."""

    def __init__(self, tell: Callable[[MinuteStarted], None]) -> None:
        self._tell = tell
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tell of this minute, and of all that follow; in the main loop."""
        now = time.localtime()
        self._tell(MinuteStarted(now.tm_wday, now.tm_hour * _MINUTES_AN_HOUR + now.tm_min, clock.is_synchronised()))
        delay_s = _SECONDS_A_MINUTE - time.time() % _SECONDS_A_MINUTE
        self._next = asyncio.get_running_loop().call_later(delay_s, self.start)

    def stop(self) -> None:
        """Tell of no more."""
        if self._next is not None:
            self._next.cancel()
