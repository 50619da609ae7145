"""Tells the service manager how the process is doing: the watchdog is fed only while every thread makes progress."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import systemd.daemon

from firmware.health.heartbeats import Health
from firmware.phone.view import PhoneView

_log = logging.getLogger(__name__)

_UNWATCHED_PERIOD_S: Final = 5.0


def status_words(view: PhoneView) -> str:
    """Describe the phone for `systemctl status`: words only, nobody's number."""
    line = view.registration.replace("_", " ")
    if view.registration_failure is not None:
        line += f" ({view.registration_failure.replace('_', ' ')})"
    problems = "".join(f"; {problem.replace('_', ' ')}" for problem, _ in view.problems)
    return f"{view.mode.replace('_', ' ')}; line {line}{problems}"


class SystemdNotifier:
    """Tells the service manager how this process is doing (sd_notify(3)); silent where nobody listens."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._status = ""

    def ready(self) -> None:
        _notify("READY=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows; it reaches the journal's readers, so no personal data."""
        self._status = text
        _notify(f"STATUS={_one_line(text)}")

    def stopping(self) -> None:
        _notify("STOPPING=1")

    async def run(self, health: Health) -> None:
        """Feed the watchdog until cancelled, but only while no thread is stalled.

        Runs on the main loop on purpose: a main thread that blocks feeds nobody.
        """
        period_s = _watchdog_period_s()
        reported: tuple[str, ...] = ()
        while True:
            stalled = health.stalled()
            if stalled != reported:
                self._report(stalled)
                reported = stalled
            if not stalled:
                _notify("WATCHDOG=1")
            await self._sleep(period_s)

    def _report(self, stalled: tuple[str, ...]) -> None:
        if stalled:
            sentence = f"No progress in {_join(stalled)}; the service restarts unless that changes."
            _log.error("%s", sentence)
            _notify(f"STATUS={sentence}")
        else:
            _log.warning("Every thread makes progress again.")
            _notify(f"STATUS={_one_line(self._status)}")


def _notify(message: str) -> None:
    # A service manager that went away must not take the phone with it.
    with suppress(OSError):
        systemd.daemon.notify(message)


def _watchdog_period_s() -> float:
    """A third of the watchdog's time-out, so that one late beat is no reason to restart."""
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
