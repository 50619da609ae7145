"""Signs of life: each thread beats; firmware.base.notifier tells the service manager, only while all of them do."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.base.heartbeat import Heartbeat


class _Pulse:
    """When one thread last made progress; written by that thread, read by the main one."""

    __slots__ = ("_clock", "last_s", "limit_s")

    def __init__(self, limit_s: float, clock: Callable[[], float], last_s: float) -> None:
        self._clock = clock
        self.limit_s = limit_s
        self.last_s = last_s

    def __call__(self) -> None:
        self.last_s = self._clock()


class Health:
    """Knows which threads have stopped making progress."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pulses: dict[str, _Pulse] = {}

    def register(self, thread_name: str, limit_s: float, *, starts_later: bool = False) -> "Heartbeat":
        """Watch a thread from now on; registering a name again starts over, for a thread that was restarted.

        Args:
            thread_name: what the log and the status text call it.
            limit_s: how long the thread may go without a beat before it counts as stalled.
            starts_later: it may be started late or never, so it is watched from its first beat on.
        """
        pulse = _Pulse(limit_s, self._clock, math.inf if starts_later else self._clock())
        self._pulses[thread_name] = pulse
        return pulse

    def forget(self, thread_name: str) -> None:
        """Stop watching a thread that ended because it was told to."""
        self._pulses.pop(thread_name, None)

    def stalled(self) -> tuple[str, ...]:
        """Return the names of the threads that are silent for longer than they may be."""
        now_s = self._clock()
        return tuple(name for name, pulse in self._pulses.items() if now_s - pulse.last_s > pulse.limit_s)
