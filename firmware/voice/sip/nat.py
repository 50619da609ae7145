"""What helps audio through NATs: the addresses of STUN and TURN servers, put into the library's words."""

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import pjsua2

from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.servers import addresses_of, is_ipv6
from firmware.voice.sip.settings import NatSettings, ServerName
from provisioning.sip_choices import Transport

_log = logging.getLogger(__name__)

# The library waits for a STUN server that does not answer, with the whole `sip` thread; so only those that do are used.
_TRIES: Final = 3
_TRY_S: Final = 0.4
_LOOK_AGAIN_S: Final = 60.0
_BINDING_REQUEST: Final = bytes.fromhex("000100002112a442")  # RFC 8489 section 5: no attributes, magic cookie
_TRANSACTION_BYTES: Final = 12
_ANSWER_BYTES: Final = 2048

_TURN_TRANSPORTS: Final = {
    Transport.UDP: pjsua2.PJ_TURN_TP_UDP,
    Transport.TCP: pjsua2.PJ_TURN_TP_TCP,
    Transport.TLS: pjsua2.PJ_TURN_TP_TLS,
}


class NatServers:
    """Finds the servers that answer, without making anything wait. Lives on the `sip` thread."""

    def __init__(
        self, settings: NatSettings, scheduler: Scheduler, deliver: Callable[[Callable[[], None]], None]
    ) -> None:
        """Set up without looking anything up.

        Args:
            settings: which servers, and what for.
            scheduler: the thread's timers.
            deliver: runs a callable on the `sip` thread.
        """
        self._settings = settings
        self._scheduler = scheduler
        self._deliver = deliver
        self._stun: tuple[str, ...] = ()
        self._turn = ""

    @property
    def uses_relay(self) -> bool:
        """Calls may have to go through a TURN server."""
        return self._settings.turn_server is not None

    def start(self, found: Callable[[], None]) -> None:
        """Look the servers up on a thread, and call `found` on the `sip` thread when it has become known who answers.

        While one does not, they are looked up again now and then.
        """
        if self._settings.stun_servers or self._settings.turn_server is not None:
            threading.Thread(target=self._look_up, args=(found,), name="resolver", daemon=True).start()

    def tell_library(self, endpoint: Any) -> None:
        """Have the library ask the STUN servers for our public addresses."""
        if self._stun:
            servers = pjsua2.StringVector()
            for server in self._stun:
                servers.append(server)
            try:
                endpoint.natUpdateStunServers(servers, False)
            except pjsua2.Error as error:
                _log.warning("The STUN servers cannot be used: %s.", error.reason)

    def configure(self, configuration: Any) -> None:
        """Fill in an account's part about NATs."""
        nat = configuration.natConfig
        # The registrar's answer tells the address that signalling comes from; STUN would only add a round trip.
        nat.sipStunUse = pjsua2.PJSUA_STUN_USE_DISABLED
        nat.mediaStunUse = pjsua2.PJSUA_STUN_RETRY_ON_FAILURE if self._stun else pjsua2.PJSUA_STUN_USE_DISABLED
        nat.iceEnabled = self._settings.ice
        # A second offer is for a way that the first did not name (RFC 8839).
        nat.iceAlwaysUpdate = False
        # Whoever speaks ICE has half as many ways to check, and browsers take nothing else (RFC 8834 section 4.5).
        configuration.mediaConfig.rtcpMuxEnabled = self._settings.ice
        if self._turn:
            nat.turnEnabled = True
            nat.turnServer = self._turn
            nat.turnConnType = _TURN_TRANSPORTS[self._settings.turn_transport]
            nat.turnUserName = self._settings.turn_username
            nat.turnPassword = self._settings.turn_password

    def _look_up(self, found: Callable[[], None]) -> None:
        settings = self._settings
        stun = tuple(filter(None, (_reachable_at(server, Transport.UDP) for server in settings.stun_servers)))
        relay = _reachable_at(settings.turn_server, settings.turn_transport) if settings.turn_server else ""

        def take() -> None:
            if len(stun) < len(settings.stun_servers) or (self.uses_relay and not relay):
                _log.warning("A STUN or TURN server does not answer; calls are made without it.")
                self._scheduler.after(_LOOK_AGAIN_S, lambda: self.start(found))
            if (stun, relay) != (self._stun, self._turn):
                self._stun, self._turn = stun, relay
                found()

        self._deliver(take)


def _reachable_at(server: ServerName, transport: Transport) -> str:
    """Return where a server answers, empty where it does not; blocks."""
    # IPv6 has no NAT worth traversing.
    for address in addresses_of(server.host):
        if not is_ipv6(address) and _answers(address, server.port, transport):
            return f"{address}:{server.port}"
    return ""


def _answers(address: str, port: int, transport: Transport) -> bool:
    if transport is not Transport.UDP:
        try:
            socket.create_connection((address, port), timeout=_TRIES * _TRY_S).close()
        except OSError:
            return False
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(_TRY_S)
        for _ in range(_TRIES):
            try:
                probe.connect((address, port))
                probe.send(_BINDING_REQUEST + secrets.token_bytes(_TRANSACTION_BYTES))
                if probe.recv(_ANSWER_BYTES):
                    return True
            except OSError:
                continue
    return False
