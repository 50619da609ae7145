"""The sockets that SIP travels over: one for each transport and address family that an account uses."""

import logging
import socket
from contextlib import suppress
from typing import Any, Final

import pjsua2

from firmware.base.errors import SipError
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Transport

_log = logging.getLogger(__name__)

_LOOPBACK: Final = "127.0.0.1"
_SYSTEM_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_PJ_TRANSPORTS = {
    Transport.UDP: pjsua2.PJSIP_TRANSPORT_UDP,
    Transport.TCP: pjsua2.PJSIP_TRANSPORT_TCP,
    Transport.TLS: pjsua2.PJSIP_TRANSPORT_TLS,
}

_Trust = tuple[bytes | None, str, bool]
_Key = tuple[Transport, bool, _Trust | None]


class Transports:
    """Opens what accounts need, when they need it. Lives on the `sip` thread; one a library."""

    def __init__(self, settings: SipSettings) -> None:
        self._settings = settings
        self._endpoint: Any = None
        self._ids: dict[_Key, int] = {}
        self._ports: dict[_Key, int] = {}
        # The library reads their values where they are.
        self._options: list[Any] = []

    def start(self, endpoint: Any) -> None:
        """Open them in this library from now on."""
        self._endpoint = endpoint

    def stop(self) -> None:
        """Forget the library, which closes what it opened."""
        self._endpoint = None
        self._ids.clear()
        self._ports.clear()
        self._options.clear()

    def open_waker(self) -> int:
        """Open a UDP socket on loopback, for nobody but ourselves, and return its port.

        Where a request does not ask for `rport` (RFC 3581), pjsip answers it by the oldest UDP socket, whichever it
        came in by. An answer to another computer cannot leave by loopback, so what accounts need comes first.
        """
        for account in self._settings.accounts:
            if account.transport is Transport.UDP:
                # An account without a socket says so itself.
                with suppress(pjsua2.Error):
                    self.require(account, ipv6=False)
        configuration = pjsua2.TransportConfig()
        configuration.boundAddress = _LOOPBACK
        return self._port_of(self._endpoint.transportCreate(pjsua2.PJSIP_TRANSPORT_UDP, configuration))

    def require(self, account: AccountSettings, *, ipv6: bool) -> int:
        """Return pjsua's number of the transport for an account, opened if it was not.

        Raises:
            SipError: the certificate authorities cannot be read.
            pjsua2.Error: no socket is to be had.
        """
        key = self._key(account, ipv6)
        if key not in self._ids:
            transport_id = self._open(account, ipv6=ipv6)
            self._ids[key], self._ports[key] = transport_id, self._port_of(transport_id)
        return self._ids[key]

    def check(self, account: AccountSettings) -> None:
        """Find out whether an account's transport can be opened.

        Raises:
            SipError: it cannot.
        """
        if account.transport is Transport.TLS and account.tls_verify:
            _readable(account)

    def port(self, account: AccountSettings) -> int:
        """Return where an account listens, 0 where it does not yet."""
        return self.port_of_family(account, ipv6=False) or self.port_of_family(account, ipv6=True)

    def port_of_family(self, account: AccountSettings, *, ipv6: bool) -> int:
        """Return where an account listens on one kind of address, 0 where it does not."""
        return self._ports.get(self._key(account, ipv6), 0)

    def ports(self, transport: Transport) -> frozenset[int]:
        """Return every port that such transports listen on."""
        return frozenset(port for key, port in self._ports.items() if key[0] is transport)

    @staticmethod
    def _key(account: AccountSettings, ipv6: bool) -> _Key:
        is_tls = account.transport is Transport.TLS
        trust = (account.tls_ca_pem, account.tls_ca_error, account.tls_verify) if is_tls else None
        return account.transport, ipv6, trust

    def _open(self, account: AccountSettings, *, ipv6: bool) -> int:
        """Open it on the port asked for or, where that is taken, on any."""
        port = self._settings.local_port if account.transport is not Transport.TLS else 0
        # Bound to any address, a transport survives a change of the network's.
        configuration = pjsua2.TransportConfig()
        configuration.port = port
        mark(configuration, self._settings.dscp_signalling)
        if account.transport is Transport.TLS:
            self._configure_tls(account, configuration.tlsConfig)
            mark(configuration.tlsConfig, self._settings.dscp_signalling)
        if account.transport is not Transport.UDP:
            # TLS has the options of its sockets in a place of its own.
            is_tls = account.transport is Transport.TLS
            self._keep_connection_alive(configuration.tlsConfig if is_tls else configuration)
        kind = _PJ_TRANSPORTS[account.transport] + (pjsua2.PJSIP_TRANSPORT_IPV6 if ipv6 else 0)
        try:
            return int(self._endpoint.transportCreate(kind, configuration))
        except pjsua2.Error:
            if port == 0:
                raise
            _log.warning("The local SIP port is taken; another one is used.")
            configuration.port = 0
            return int(self._endpoint.transportCreate(kind, configuration))

    @staticmethod
    def _configure_tls(account: AccountSettings, tls: Any) -> None:
        tls.proto = pjsua2.PJ_SSL_SOCK_PROTO_TLS1_2 | pjsua2.PJ_SSL_SOCK_PROTO_TLS1_3
        tls.verifyServer = account.tls_verify
        if not account.tls_verify:
            _log.warning("The SIP server's certificate is not verified: anybody on the path can listen in.")
            return
        _readable(account)
        if account.tls_ca_pem is None:
            tls.CaListFile = _SYSTEM_AUTHORITIES
        else:
            # What is not ASCII stands between the certificates, for people.
            tls.CaBuf = account.tls_ca_pem.decode("ascii", "replace")

    def _keep_connection_alive(self, configuration: Any) -> None:
        # The kernel's keep-alives cost no wake-up, hold a NAT's door open and notice a server that is gone; so does
        # TCP_USER_TIMEOUT for data that nobody acknowledges (tcp(7)).
        idle_s = self._settings.keep_alive_s
        for level, name, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle_s // 3)),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, idle_s * 1000),
        ):
            self._options.append(pjsua2.SockOpt(level, name, value))
            configuration.sockOptParams.sockOpts.append(self._options[-1])

    def _port_of(self, transport_id: int) -> int:
        address = str(self._endpoint.transportGetInfo(transport_id).localAddress)
        return int(address.rpartition(":")[2])


def mark(configuration: Any, dscp: int) -> None:
    """Have the packets of a transport, or of its TLS part, marked with a code point of RFC 2474."""
    configuration.qosParams.flags = pjsua2.PJ_QOS_PARAM_HAS_DSCP
    configuration.qosParams.dscp_val = dscp


def _readable(account: AccountSettings) -> None:
    reason = account.tls_ca_error
    if account.tls_ca_pem is None and not reason:
        try:
            with open(_SYSTEM_AUTHORITIES, "rb"):  # noqa: PTH123 - only asks whether the library will be able to
                pass
        except OSError as error:
            reason = str(error)
    if reason:
        raise SipError(f"The certificate authorities for SIP cannot be read ({reason}). Correct tls_ca or the file.")
