"""Tells the service manager how the process is doing: the watchdog is fed only while every thread makes progress."""

import logging
import os
from contextlib import suppress
from typing import Final

import systemd.daemon

from firmware.base.heartbeats import Health

_log = logging.getLogger(__name__)

_UNWATCHED_PERIOD_S: Final = 5.0


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
    # A service manager that went away must not take the phone with it.
    with suppress(OSError):
        systemd.daemon.notify(message)


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
