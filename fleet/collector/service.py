"""Tells systemd how the collector is doing (sd_notify(3)), where it asks."""

import os
import socket
from contextlib import suppress


def say(words: str) -> None:
    """Send a notification such as "READY=1"; a service manager that has gone takes nobody with it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A leading "@" stands for Linux's abstract namespace.
        channel.sendto(words.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
