"""Where an account's servers are, which it uses now, and names that never block the `sip` thread.

The SIP library's questions for addresses are answered here. Without this pjsip would call the system's resolver on our
thread, for up to half a minute. A route may so name a server, which TLS verifies the certificate against, while we
choose the address (pjsip_endpt_set_ext_resolver in pjsip/sip_endpoint.h).
"""

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from firmware.base.interfaces import address_towards, canonical, has_route
from firmware.phone.call import RegistrationFailure
from firmware.voice.sip import native
from firmware.voice.sip.settings import AccountSettings, ServerName
from provisioning.sip_choices import SERVICE_LABELS

_log = logging.getLogger(__name__)

KNOCK_LIMIT_S: Final = 2.0
MAX_TARGETS: Final = 4
_DNS_S: Final = 3.0

# pjsip/sip_types.h
_RELIABLE: Final = 1
_SECURE: Final = 2
_UDP: Final = 1
_TCP: Final = 2
_TLS: Final = 3
_IPV6: Final = 128
_PORT: Final = 5060
_TLS_PORT: Final = 5061


@dataclass(frozen=True, slots=True)
class Target:
    """One place where an account's server can be reached.

    Attributes:
        name: what a TLS certificate has to be for.
        address: as `interfaces.canonical` writes it.
        port: there.
    """

    name: str
    address: str
    port: int


class ServerChoice:
    """An account's servers, best first, and the one that it uses now."""

    def __init__(self) -> None:
        self._targets: tuple[Target, ...] = ()
        self._current: Target | None = None
        self._tried: set[Target] = set()

    @property
    def targets(self) -> tuple[Target, ...]:
        """All of them, best first; none until `offer`."""
        return self._targets

    @property
    def current(self) -> Target | None:
        """The one in use."""
        return self._current

    @property
    def is_at_first(self) -> bool:
        """The best one is in use, or there is none."""
        return not self._targets or self._current == self._targets[0]

    def offer(self, targets: Sequence[Target]) -> None:
        """Replace the servers; the one in use stays in use where it is still among them."""
        self._targets = tuple(dict.fromkeys(targets))
        self._tried &= set(self._targets)
        if self._current not in self._targets:
            self._current = self._targets[0] if self._targets else None

    def advance(self) -> bool:
        """Give up on the one in use for the best that has not failed since anything last worked.

        Returns:
            False where all have failed: the best is the one to begin again with, after a rest.
        """
        if self._current is not None:
            self._tried.add(self._current)
        for target in self._targets:
            if target not in self._tried:
                self._current = target
                return True
        self._tried.clear()
        self._current = self._targets[0] if self._targets else None
        return False

    def settle(self) -> None:
        """Note that the one in use works."""
        self._tried.clear()

    def return_to_first(self) -> None:
        """Use the best one again."""
        self._tried.clear()
        self._current = self._targets[0] if self._targets else None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where an account's servers are, best first, or why that is not known."""

    targets: tuple[Target, ...] = ()
    failure: RegistrationFailure | None = None


class ServerResolver:
    """Finds an account's servers, each time on a thread of its own: the system's resolver may take half a minute."""

    def __init__(
        self, account: AccountSettings, deliver: Callable[[Callable[[], None]], None], *, prefer_ipv6: bool = False
    ) -> None:
        """Set up without looking anything up.

        Args:
            account: whose servers.
            deliver: runs a callable on the `sip` thread.
            prefer_ipv6: of a server with addresses of both families that have a route, try this one first.
        """
        self._account = account
        self._deliver = deliver
        self._prefer_ipv6 = prefer_ipv6
        self._waiting: list[Callable[[Resolution], None]] = []

    def resolve(self, done: Callable[[Resolution], None]) -> None:
        """Call `done` on the `sip` thread with the answer; lookups asked for meanwhile share it."""
        servers = self._account.servers
        if not self._account.use_srv and all(is_address(server.host) for server in servers):
            done(Resolution(tuple(Target(server.host, canonical(server.host), server.port) for server in servers)))
            return
        self._waiting.append(done)
        if len(self._waiting) == 1:
            threading.Thread(target=self._look_up, name="resolver", daemon=True).start()

    def _look_up(self) -> None:
        resolution = look_up(self._account, prefer_ipv6=self._prefer_ipv6)
        self._deliver(lambda: self._answer(resolution))

    def _answer(self, resolution: Resolution) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(resolution)


def knock(target: Target, done: Callable[[bool], None]) -> None:
    """Call `done`, on another thread, with whether somebody takes connections there; within KNOCK_LIMIT_S."""

    def connect() -> None:
        try:
            socket.create_connection((target.address, target.port), KNOCK_LIMIT_S).close()
        except OSError:
            done(False)
        else:
            done(True)

    threading.Thread(target=connect, name="knock", daemon=True).start()


def look_up(account: AccountSettings, *, prefer_ipv6: bool = False) -> Resolution:
    """Find an account's servers by SRV records where it asks for them, else by their names; blocks."""
    servers: tuple[ServerName, ...] = ()
    if account.use_srv:
        servers = service_records(f"{SERVICE_LABELS[account.transport]}.{account.domain}")
    by_service = bool(servers)
    targets = []
    for server in servers or account.servers:
        # A DNS answer can be forged: the name that the holder's operator gave is the one to verify (RFC 5922
        # section 7.2).
        name = account.domain if by_service else server.host
        targets += [Target(name, address, server.port) for address in addresses_of(server.host, prefer_ipv6)]
    if targets:
        return Resolution(tuple(dict.fromkeys(targets))[:MAX_TARGETS])
    return Resolution(failure=RegistrationFailure.SERVER_NOT_FOUND if has_route() else RegistrationFailure.NO_NETWORK)


def service_records(name: str) -> tuple[ServerName, ...]:
    """Return what a service's SRV records name, in the order of RFC 2782; nothing where there are none; blocks."""
    # Loading it takes longer than registering does, and few accounts need it.
    import dns.exception  # noqa: PLC0415
    import dns.rdtypes.IN.SRV  # noqa: PLC0415
    import dns.resolver  # noqa: PLC0415

    try:
        answer = dns.resolver.resolve(name, "SRV", lifetime=_DNS_S, search=False)
    except dns.exception.DNSException as error:
        _log.debug("There are no SRV records to use: %s.", type(error).__name__)
        return ()
    found = []
    for record in answer.rrset.processing_order() if answer.rrset is not None else ():
        if isinstance(record, dns.rdtypes.IN.SRV.SRV):
            host = record.target.to_text(omit_final_dot=True)
            # A lone dot says that the service is decidedly not available (RFC 2782).
            if host not in {"", "."}:
                found.append(ServerName(host, record.port))
    return tuple(found)


def addresses_of(host: str, prefer_ipv6: bool = False) -> tuple[str, ...]:
    """Return a host's addresses, those with a route first, and of these the preferred family; blocks."""
    if is_address(host):
        return (canonical(host),)
    try:
        found = socket.getaddrinfo(host, None, socket.AF_UNSPEC, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    addresses = dict.fromkeys(canonical(str(entry[4][0])) for entry in found)
    return tuple(sorted(addresses, key=lambda address: (not address_towards(address), is_ipv6(address) != prefer_ipv6)))


def is_address(host: str) -> bool:
    """Whether this is an address and no name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_ipv6(address: str) -> bool:
    """Whether this address is of IPv6."""
    return ":" in address


class Names:
    """Knows the address of each server that an account uses. Lives on the `sip` thread; one a library."""

    def __init__(self, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Set up without telling the library.

        Args:
            deliver: runs a callable on the `sip` thread.
        """
        self._deliver = deliver
        self._known: dict[str, str] = {}
        self._open = False
        # The library keeps a pointer to it.
        self._callback = native.Asked(self._resolve)

    def start(self) -> None:
        """Answer from now on."""
        self._open = True
        native.library().wecall_names_start(self._callback)

    def stop(self) -> None:
        """Drop the questions that are still open: whoever asked them goes with the library."""
        self._open = False

    def point(self, name: str, address: str) -> None:
        """Send what goes to a name to this address."""
        self._known[name.lower()] = address

    def _resolve(  # noqa: PLR0917 - as the library calls it
        self, name: int, length: int, kind: int, flag: int, port: int, token: int, answer: int
    ) -> None:
        # An exception must not reach C frames; ctypes would print it and leave the question open.
        try:
            host = native.text_at(name, length).decode("ascii", "replace")
            kind, port = _transport_and_port(flag, kind, port)
            address = host.strip("[]") if is_address(host) else self._known.get(host.lower())
        except ValueError:
            _log.exception("The SIP stack asked for an address in a way that is not understood.")
            return
        if address is not None:
            _answer(answer, token, address, kind, port)
            return

        def look_up() -> None:
            found = addresses_of(host)
            self._deliver(lambda: self._found(answer, token, found, kind, port))

        threading.Thread(target=look_up, name="resolver", daemon=True).start()

    def _found(self, answer: int, token: int, found: tuple[str, ...], kind: int, port: int) -> None:
        if self._open:
            wanted = [address for address in found if is_ipv6(address) == bool(kind & _IPV6)]
            _answer(answer, token, next(iter([*wanted, *found]), ""), kind, port)


def _transport_and_port(flag: int, kind: int, port: int) -> tuple[int, int]:
    """Complete what the library left open (RFC 3263 section 4.1, without NAPTR)."""
    if kind == 0:
        kind = _TLS if flag & _SECURE else _TCP if flag & _RELIABLE else _UDP
    return kind, port or (_TLS_PORT if kind & ~_IPV6 == _TLS else _PORT)


def _answer(callback: int, token: int, address: str, kind: int, port: int) -> None:
    native.library().wecall_names_answer(callback, token, address.encode(), kind, port)
