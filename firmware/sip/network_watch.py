"""Hears from the kernel when an address or a route comes or goes, so that nobody waits for a back-off to end."""

import logging
import socket
from typing import Final

_log = logging.getLogger(__name__)

# linux/rtnetlink.h
_RTMGRP_IPV4_IFADDR: Final = 0x10
_RTMGRP_IPV4_ROUTE: Final = 0x40
_MESSAGE_BYTES: Final = 65536


class NetworkWatch:
    """Collects changes of IPv4 addresses and routes until somebody asks."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Begin to listen; where the kernel does not let us, changes are noticed by failing instead."""
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            listener.bind((0, _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV4_ROUTE))
        except OSError as error:
            listener.close()
            _log.warning("Changes of the network cannot be watched (%s).", error)
            return
        self._socket = listener

    def stop(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def has_changed(self) -> bool:
        """Say whether anything has changed since the last time; never waits."""
        changed = False
        while self._socket is not None:
            try:
                self._socket.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                break
            except OSError:
                # ENOBUFS: more changed than the socket holds.
                changed = True
                continue
            changed = True
        return changed
