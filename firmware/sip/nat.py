"""What helps audio through NATs: the addresses of STUN and TURN servers, put into the library's words."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import pjsua2

from firmware.sip.servers import addresses_of
from firmware.sip.settings import NatSettings, ServerName
from provisioning.schema import Transport

_log = logging.getLogger(__name__)

_TURN_TRANSPORTS: Final = {
    Transport.UDP: pjsua2.PJ_TURN_TP_UDP,
    Transport.TCP: pjsua2.PJ_TURN_TP_TCP,
    Transport.TLS: pjsua2.PJ_TURN_TP_TLS,
}


class NatServers:
    """Looks the servers up once for a library, without making anything wait. Lives on the `sip` thread."""

    def __init__(self, settings: NatSettings, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Set up without looking anything up.

        Args:
            settings: which servers, and what for.
            deliver: runs a callable on the `sip` thread.
        """
        self._settings = settings
        self._deliver = deliver
        self._stun: tuple[str, ...] = ()
        self._turn = ""

    @property
    def uses_relay(self) -> bool:
        """Calls may have to go through a TURN server."""
        return self._settings.turn_server is not None

    def start(self, found: Callable[[], None]) -> None:
        """Look the servers up on a thread, and call `found` on the `sip` thread where there are any."""
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
        if self._turn:
            nat.turnEnabled = True
            nat.turnServer = self._turn
            nat.turnConnType = _TURN_TRANSPORTS[self._settings.turn_transport]
            nat.turnUserName = self._settings.turn_username
            nat.turnPassword = self._settings.turn_password

    def _look_up(self, found: Callable[[], None]) -> None:
        stun = tuple(address for server in self._settings.stun_servers for address in _reachable_at(server))
        relays = _reachable_at(self._settings.turn_server) if self._settings.turn_server is not None else ()
        if len(stun) < len(self._settings.stun_servers) or (self.uses_relay and not relays):
            _log.warning("A STUN or TURN server has no address; calls are made without it.")

        def take() -> None:
            self._stun, self._turn = stun, next(iter(relays), "")
            found()

        self._deliver(take)


def _reachable_at(server: ServerName) -> tuple[str, ...]:
    # IPv6 has no NAT worth traversing.
    found = [address for address in addresses_of(server.host) if ":" not in address]
    return tuple(f"{address}:{server.port}" for address in found[:1])
