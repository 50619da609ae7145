"""Lets the accounts' servers in at every door, and unless told otherwise nobody else."""

import logging
import socket
from collections.abc import Iterable

from firmware.voice.sip import native, source_filter
from firmware.voice.sip.addresses import is_elsewhere
from firmware.voice.sip.connection_limit import ConnectionLimit
from firmware.voice.sip.failover import Target
from firmware.voice.sip.gate import GatePolicy
from firmware.voice.sip.settings import AccountSettings
from firmware.voice.sip.transports import Transports
from provisioning.sip_choices import Transport

_log = logging.getLogger(__name__)


class Admission:
    """Tells the kernel's filters and the gate who the servers are. Lives on the `sip` thread."""

    def __init__(
        self, policy: GatePolicy, connection_limit: ConnectionLimit, transports: Transports, *, answer_anyone: bool
    ) -> None:
        """Set up with nobody admitted.

        Args:
            policy: the gate's.
            connection_limit: of the TCP listeners.
            transports: the doors.
            answer_anyone: let others in over UDP.
        """
        self._policy = policy
        self._connection_limit = connection_limit
        self._transports = transports
        self._answer_anyone = answer_anyone
        self._filters: dict[int, frozenset[str]] = {}
        self.trusted: frozenset[str] = frozenset()

    @property
    def is_filtered(self) -> bool:
        """The kernel keeps strangers out."""
        return bool(self._filters)

    def admit(self, servers: Iterable[tuple[AccountSettings, Iterable[Target]]]) -> None:
        """Answer these servers from now on.

        Args:
            servers: every account with all the places where its servers can be.
        """
        by_transport: dict[Transport, set[str]] = {transport: set() for transport in Transport}
        ports = set()
        for account, targets in servers:
            for target in targets:
                by_transport[account.transport].add(target.address)
                ports.add(target.port)
        self.trusted = frozenset().union(*by_transport.values())
        self._policy.set_servers(self.trusted, ports)
        native.trust_media(frozenset(filter(is_elsewhere, self.trusted)))
        if not self._answer_anyone:
            self._filter(Transport.UDP, socket.SOCK_DGRAM, frozenset(by_transport[Transport.UDP]))
        # Without a certificate of its own nobody can talk to the TLS listener, only use up its handles.
        self._filter(Transport.TLS, socket.SOCK_STREAM, frozenset())
        listeners = self._transports.ports(Transport.TCP)
        if listeners and self._connection_limit.guard(listeners, by_transport[Transport.TCP]):
            self._filters.update(dict.fromkeys(listeners, frozenset(by_transport[Transport.TCP])))

    def shut(self) -> None:
        """Let nobody in any more."""
        self._filter(Transport.UDP, socket.SOCK_DGRAM, frozenset())
        self._filter(Transport.TCP, socket.SOCK_STREAM, frozenset())

    def _filter(self, transport: Transport, kind: socket.SocketKind, addresses: frozenset[str]) -> None:
        for port in self._transports.ports(transport):
            if self._filters.get(port) == addresses:
                continue
            self._filters.pop(port, None)
            try:
                if source_filter.attach(port, kind, addresses):
                    self._filters[port] = addresses
            except (OSError, ValueError) as error:
                _log.warning("The kernel takes no filter for SIP (%s); strangers are turned away later.", error)
