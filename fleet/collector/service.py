"""Tells systemd how the collector is doing (sd_notify(3)), where it asks."""

import os
import socket
import time
from contextlib import suppress
from typing import Final

_BEAT_S: Final = 10.0


def say(words: str) -> None:
    """Send a notification such as "READY=1"; a service manager that has gone takes nobody with it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A leading "@" stands for Linux's abstract namespace.
        channel.sendto(words.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


class Heart:
    """Feeds systemd's watchdog while the collector goes round, not more often than is of use."""

    def __init__(self) -> None:
        self._beaten_at_s = float("-inf")

    def beat(self) -> None:
        """Say that there is progress."""
        now_s = time.monotonic()
        if now_s - self._beaten_at_s >= _BEAT_S:
            self._beaten_at_s = now_s
            say("WATCHDOG=1")
