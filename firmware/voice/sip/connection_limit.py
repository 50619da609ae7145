"""Shuts the doors of our listeners in the kernel while others hold too many connections.

Each accepted connection takes one of the SIP library's handles, before it has said anything, and keeps it for half a
second after its end. What the kernel drops takes none: the peer's system tries again and gets in once there is room.
"""

import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Final

from firmware.voice.sip import source_filter
from firmware.voice.sip.addresses import canonical
from firmware.voice.sip.scheduler import Appointment, Scheduler

_log = logging.getLogger(__name__)

# How many may be open or linger, for the servers and for everybody else each.
LIMIT: Final = 64
# PJ_IOQUEUE_KEY_FREE_DELAY is 500 ms, and the poll that frees a handle comes after it.
LINGER_S: Final = 0.6

_NOBODY: Final[frozenset[str]] = frozenset()


class ConnectionLimit:
    """Watches over the connections that others make to us; lives on the `sip` thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        answer_anyone: bool,
        limit: int = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up without touching a socket.

        Args:
            scheduler: the thread's timers.
            answer_anyone: let others than the servers connect.
            limit: how many may be open or linger, for the servers and for everybody else each.
            clock: seconds, monotonic.
        """
        self._limit = limit
        self._scheduler = scheduler
        self._answer_anyone = answer_anyone
        self._clock = clock
        self._ports: frozenset[int] = frozenset()
        self._servers = _NOBODY
        self._admitted: frozenset[str] | None = None
        self._connections: dict[int, str] = {}
        self._again: Appointment | None = None
        # When those that are gone have let go of their handles, with the address that they came from.
        self._lingering: list[tuple[float, str]] = []

    def guard(self, ports: Iterable[int], servers: Iterable[str]) -> bool:
        """Let these servers connect to the listeners at these ports.

        Returns:
            whether the kernel keeps others out.
        """
        self._ports = frozenset(ports)
        self._servers = frozenset(canonical(address) for address in servers)
        return self._admit(self._wanted())

    def connections_changed(self) -> None:
        """Count again; called whenever a connection has been accepted or has ended."""
        wanted = self._wanted()
        if wanted != self._admitted:
            self._admit(wanted)
            if wanted != self._usual:
                _log.warning("Too many connections are open to the SIP port; new ones wait.")
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._lingering or wanted != self._usual:
            self._again = self._scheduler.after(LINGER_S, self.connections_changed)

    @property
    def _usual(self) -> frozenset[str] | None:
        return None if self._answer_anyone else self._servers

    def _wanted(self) -> frozenset[str] | None:
        """Return who may connect now, None for everybody."""
        now = self._clock()
        known, self._connections = self._connections, {}
        for port in self._ports:
            for connection, source in source_filter.accepted_connections(port).items():
                # A connection that the peer has reset is open until the library lets go of it, but nobody's.
                self._connections[connection] = source or known.get(connection, "")
        ended = [source for connection, source in known.items() if connection not in self._connections]
        self._lingering = [(until, source) for until, source in self._lingering if until > now]
        self._lingering += [(now + LINGER_S, source) for source in ended]
        sources = [*self._connections.values(), *(source for _, source in self._lingering)]
        unknown = sources.count("")
        of_servers = sum(source in self._servers for source in sources)
        of_strangers = len(sources) - of_servers - unknown
        if of_servers + unknown >= self._limit:
            return _NOBODY
        if of_strangers + unknown >= self._limit:
            return self._servers
        return self._usual

    def _admit(self, addresses: frozenset[str] | None) -> bool:
        self._admitted = addresses
        try:
            for port in self._ports:
                if addresses is None:
                    source_filter.detach(port, socket.SOCK_STREAM)
                else:
                    source_filter.attach(port, socket.SOCK_STREAM, addresses)
        except (OSError, ValueError) as error:
            _log.warning("The kernel takes no filter for SIP (%s); strangers are turned away later.", error)
            return False
        return addresses is not None
