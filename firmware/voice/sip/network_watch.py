"""Hears from the kernel when an address or a route comes or goes, so that nobody waits for a back-off to end.

The kernel's own words, in a hundred lines: pyroute2 would say the same, and be loaded before the first REGISTER.
"""

import contextlib
import logging
import os
import select
import socket
import threading
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

# linux/rtnetlink.h
_RTMGRP_IPV4_IFADDR: Final = 0x10
_RTMGRP_IPV4_ROUTE: Final = 0x40
_RTMGRP_IPV6_IFADDR: Final = 0x100
_RTMGRP_IPV6_ROUTE: Final = 0x400
_GROUPS: Final = _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV4_ROUTE | _RTMGRP_IPV6_IFADDR | _RTMGRP_IPV6_ROUTE
_MESSAGE_BYTES: Final = 65536


class NetworkWatch:
    """Waits for changes of addresses and routes, on a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopper = -1

    def start(self, notify: Callable[[], None]) -> None:
        """Begin to listen; where the kernel does not let us, changes are noticed by failing instead.

        Args:
            notify: called on the watch's thread when something has changed that nobody has asked for yet.
        """
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            listener.bind((0, _GROUPS))
        except OSError as error:
            listener.close()
            _log.warning("Changes of the network cannot be watched (%s).", error)
            return
        stopped, self._stopper = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(
            target=self._listen, args=(listener, stopped, notify), name="network", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        thread, self._thread = self._thread, None
        if thread is not None:
            os.close(self._stopper)
            thread.join()

    def has_changed(self) -> bool:
        """Say whether anything has changed since the last time; never waits."""
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _listen(self, listener: socket.socket, stopped: int, notify: Callable[[], None]) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(stopped, select.POLLIN | select.POLLHUP)
        with listener, contextlib.closing(os.fdopen(stopped, "rb")):
            while all(descriptor != stopped for descriptor, _ in poll.poll()):
                _drain(listener)
                already_said = self._changed.is_set()
                self._changed.set()
                if not already_said:
                    notify()


def _drain(listener: socket.socket) -> None:
    while True:
        try:
            listener.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # ENOBUFS: more changed than the socket holds.
            continue
