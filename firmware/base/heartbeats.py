"""Signs of life: each thread beats, and the service manager's watchdog is fed only while all of them do."""

import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

_log = logging.getLogger(__name__)

_UNWATCHED_PERIOD_S: Final = 5.0


class Heartbeat(Protocol):
    """A thread's sign of life: called whenever the thread has made progress, at least every few seconds."""

    def __call__(self) -> None: ...


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

    def register(self, thread_name: str, limit_s: float, *, starts_later: bool = False) -> Heartbeat:
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


class SystemdNotifier:
    """Tells the service manager how this process is doing (sd_notify(3)); silent where nobody listens."""

    def __init__(self) -> None:
        self._status = ""
        self._stalled: tuple[str, ...] = ()

    def ready(self) -> None:
        _notify("READY=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows; it reaches the journal's readers, so no personal data."""
        self._status = text
        _notify(f"STATUS={_one_line(text)}")

    def stopping(self) -> None:
        _notify("STOPPING=1")

    def feed(self, health: Health) -> None:
        """Feed the watchdog unless a thread is stalled.

        On the main thread on purpose, every `watchdog_period_s`: one that blocks feeds nobody.
        """
        stalled = health.stalled()
        if stalled != self._stalled:
            self._report(stalled)
            self._stalled = stalled
        if not stalled:
            _notify("WATCHDOG=1")

    def _report(self, stalled: tuple[str, ...]) -> None:
        if stalled:
            sentence = f"No progress in {_join(stalled)}; the service restarts unless that changes."
            _log.error("%s", sentence)
            _notify(f"STATUS={sentence}")
        else:
            _log.warning("Every thread makes progress again.")
            _notify(f"STATUS={_one_line(self._status)}")


def _notify(message: str) -> None:
    from systemd import daemon  # noqa: PLC0415 - simulated handsets load this module where it is not

    # A service manager that went away must not take the phone with it.
    with suppress(OSError):
        daemon.notify(message)


def watchdog_period_s() -> float:
    """Return a third of the watchdog's time-out, so that one late beat is no reason to restart."""
    meant_for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    timeout_us = os.environ.get("WATCHDOG_USEC", "")
    if meant_for_us and timeout_us.isdecimal() and int(timeout_us) > 0:
        return int(timeout_us) / 3e6
    return _UNWATCHED_PERIOD_S


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _join(names: tuple[str, ...]) -> str:
    threads = ", ".join(names)
    return f"the {threads} thread{'s' if len(names) > 1 else ''}"


async def feed_watchdog(notifier: SystemdNotifier, health: Health, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Feed it until cancelled, but only while no thread is stalled."""
    period_s = watchdog_period_s()
    while True:
        notifier.feed(health)
        await sleep(period_s)
