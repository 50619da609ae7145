"""A gate above pjsip's transport layer: strangers get no answer, nobody floods the handset, and bodies are read first.

`engine/native/gate.c` hands it every message before a transaction, a call or a socket exists.
"""

import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from firmware.base.errors import SipError
from firmware.base.interfaces import canonical, is_elsewhere
from firmware.voice.sip import native, source_filter
from firmware.voice.sip.bodies import inspect_body
from firmware.voice.sip.identity import Headers, ReceivedMessage
from firmware.voice.sip.sdp import AllowDtls, Fault
from firmware.voice.sip.servers import Target
from firmware.voice.sip.settings import AccountSettings
from firmware.voice.sip.source_filter import ConnectionLimit
from firmware.voice.sip.transports import Transports
from provisioning.sip_choices import Transport

_log = logging.getLogger(__name__)

_PASS: Final = 0
_DROP: Final = -1
_NOT_ALLOWED: Final = 405
_NO_SUCH_CALL: Final = 481
_BAD_EVENT: Final = 489  # RFC 6665 section 8.3.2
_OF_EVENTS: Final = frozenset({"NOTIFY", "SUBSCRIBE"})
_EVENTS: Final = frozenset({"message-summary", "refer"})
_OF_WATCHED_PHONES: Final = frozenset({"dialog", "presence"})
# What is answered so once is answered so each time (RFC 6665 section 4.1.2.1); the rest may pass.
NEVER_SUBSCRIBED: Final = frozenset({403, 404, 405, 410, 489, 501, 603, 604})
_SERVICE_UNAVAILABLE: Final = 503
_OTHERS_PER_S: Final = 20.0
_OTHERS_AT_ONCE: Final = 40.0
_IN_DIALOG_PER_S: Final = 20.0
_IN_DIALOG_AT_ONCE: Final = 60.0
# How many INVITEs come in a second, and at once: each that is turned away costs the library a transaction's memory for
# half a minute. A server's own port may bring a whole office's calls.
_SERVER_INVITES: Final = (10.0, 20.0)
_SERVER_HOST_INVITES: Final = (5.0, 10.0)
_STRANGER_INVITES: Final = (5.0, 5.0)
# Connections that this handset has made, before strangers' requests may cause more of them.
MOST_CONNECTIONS_MADE: Final = 32
# They end what has been let in.
_NEVER_COUNTED: Final = frozenset({"ACK", "BYE", "CANCEL"})
# No part of the library answers others.
_METHODS: Final = frozenset({
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "REFER", "SUBSCRIBE", "UPDATE",
})  # fmt: skip
_IN_CALLS: Final = frozenset({"INVITE", "INFO", "MESSAGE", "OPTIONS", "PRACK", "REFER", "UPDATE"})


@dataclass(slots=True)
class TokenBucket:
    """Lets `rate` through each second, `burst` at once.

    Attributes:
        rate: tokens added a second.
        burst: most tokens it holds.
        clock: seconds, monotonic.
    """

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _tokens: float = 0.0
    _filled_at: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._filled_at = self.clock()

    def take(self) -> bool:
        """Take a token if there is one."""
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """What the gate sees of a request.

    Attributes:
        source: the address that it came from, as `interfaces.canonical` writes it.
        port: the port that it came from.
        method: its first word.
        in_dialog: its To header has a tag.
    """

    source: str
    port: int
    method: str
    in_dialog: bool

    @property
    def belongs_to_a_call(self) -> bool:
        """It makes sense within a call only."""
        return self.in_dialog and self.method in _IN_CALLS


class GatePolicy:
    """Who may come in, and how often.

    Requests from other addresses than the servers' pass only from trusted networks or with `answer_anyone`, those
    within a dialog too: proxies that want to stay in a call's path say so with Record-Route, and a To tag alone proves
    nothing.

    INVITEs are counted apart by where they come from, so that one flood leaves room for the others: a server's own
    port, its address otherwise (which others can forge over UDP, or share), and all others.
    """

    def __init__(
        self,
        *,
        answer_anyone: bool,
        networks: Iterable[str] = (),
        connections_made: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up with no server known.

        Args:
            answer_anyone: let strangers in.
            networks: from which others than the servers are let in.
            connections_made: tells how many connections this handset has made.
            clock: seconds, monotonic.
        """
        self._answer_anyone = answer_anyone
        self._networks = tuple(ip_network(network) for network in networks)
        self._connections_made = connections_made
        self._servers: frozenset[str] = frozenset()
        self._ports: frozenset[int] = frozenset()
        self._server_invites = TokenBucket(*_SERVER_INVITES, clock)
        self._server_host_invites = TokenBucket(*_SERVER_HOST_INVITES, clock)
        self._stranger_invites = TokenBucket(*_STRANGER_INVITES, clock)
        # What is no INVITE opens no socket, but each costs a transaction's memory for 32 s.
        self._server_others = TokenBucket(_OTHERS_PER_S, _OTHERS_AT_ONCE, clock)
        self._stranger_others = TokenBucket(_OTHERS_PER_S, _OTHERS_AT_ONCE, clock)
        self._in_dialog = TokenBucket(_IN_DIALOG_PER_S, _IN_DIALOG_AT_ONCE, clock)

    def set_servers(self, addresses: Iterable[str], ports: Iterable[int] = ()) -> None:
        """Replace what counts as the configured servers'.

        Args:
            addresses: their addresses.
            ports: those of them that the handset registers at.

        Raises:
            ValueError: something is no address.
        """
        self._servers = frozenset(canonical(address) for address in addresses)
        self._ports = frozenset(ports)

    def decide(self, request: Request) -> int:
        """Return 0 to let the request in, a status code to refuse it with, or -1 to give no answer at all."""
        from_server = request.source in self._servers
        is_expected = from_server or any(ip_address(request.source) in network for network in self._networks)
        if not is_expected and not self._answer_anyone:
            return -1
        if request.method in _NEVER_COUNTED:
            return 0
        if self._bucket_of(request, from_server).take() and self._has_room_to_answer(request, from_server):
            return 0
        # A proxy that hears 503 tries elsewhere instead of sending the same again (RFC 3261 section 21.5.4).
        return _SERVICE_UNAVAILABLE if is_expected else -1

    def _has_room_to_answer(self, request: Request, from_server: bool) -> bool:
        # Where its connection has ended, a refusal goes over a new one to where the caller says that it listens (RFC
        # 3261 section 18.2.2). Who names many such places, and answers at none, would use up the sockets.
        if request.method != "INVITE" or (from_server and request.port in self._ports):
            return True
        return self._connections_made() < MOST_CONNECTIONS_MADE

    def _bucket_of(self, request: Request, from_server: bool) -> TokenBucket:
        if request.in_dialog:
            return self._in_dialog
        if request.method != "INVITE":
            return self._server_others if from_server else self._stranger_others
        if not from_server:
            return self._stranger_invites
        return self._server_invites if request.port in self._ports else self._server_host_invites


class Gate:
    """The policy, put into pjsip. Lives on the `sip` thread; one a library."""

    def __init__(
        self,
        policy: GatePolicy,
        allow_dtls: AllowDtls,
        when_refused: Callable[[ReceivedMessage, int], None],
        when_unsubscribed: Callable[[ReceivedMessage], None],
    ) -> None:
        """Set up without the library.

        Args:
            policy: who may come in.
            allow_dtls: whether streams whose keys come by DTLS may be sent to an address.
            when_refused: is told of callers whose offer is refused, and with which status code.
            when_unsubscribed: is told of an answer that refuses a subscription for good.
        """
        self._policy = policy
        self._allow_dtls = allow_dtls
        self._when_refused = when_refused
        self._when_unsubscribed = when_unsubscribed
        # The library keeps a pointer to it.
        self._callback = native.Judge(self._judge)
        # What the library copies when the judge has returned.
        self._body: tuple[bytes, bytes] = (b"", b"")
        self._faults: Counter[Fault] = Counter()

    @property
    def faults(self) -> dict[str, int]:
        """How many bodies were not taken, by what was wrong with them."""
        return {str(fault): count for fault, count in sorted(self._faults.items())}

    def start(self) -> None:
        """Judge every message from now on.

        Raises:
            SipError: the library does not take it.
        """
        if native.library().wecall_gate_start(self._callback) != 0:
            raise SipError("The SIP stack refuses the gate, and without it a flood of calls could stop the phone.")

    def _judge(self, message: Any) -> int:
        try:
            return self._decide(message.contents)
        except Exception:  # noqa: BLE001 - it must not reach C frames
            _log.exception("The gate failed on a message, which was dropped.")
            return _DROP

    def _decide(self, message: native.Message) -> int:
        method = native.text_at(message.method, message.method_length).decode("ascii", "replace")
        if not message.status:
            if (verdict := self._judge_request(message, method)) != _PASS:
                return verdict
        elif method == "SUBSCRIBE" and message.status in NEVER_SUBSCRIBED:
            self._when_unsubscribed(_copied(message))
        return self._read_body(message, method) if message.body else _PASS

    def _judge_request(self, message: native.Message, method: str) -> int:
        source = canonical(message.source.decode("ascii"))
        request = Request(source, message.source_port, method, in_dialog=bool(message.in_dialog))
        verdict = self._policy.decide(request)
        if verdict != _PASS:
            return verdict
        if method not in _METHODS:
            return _NOT_ALLOWED
        if method in _OF_EVENTS and not self._is_event_known(message, method):
            return _BAD_EVENT
        if request.belongs_to_a_call and not message.knows_call:
            # The library may still know the dialog of a call that it has given up, and takes a REFER there for one
            # within whatever call has that call's place now.
            return _NO_SUCH_CALL
        return _PASS

    def _is_event_known(self, message: native.Message, method: str) -> bool:
        """Say whether a NOTIFY is read here, or a SUBSCRIBE granted: who is at the phone, and calls, is told to nobody.

        Nobody would answer the one, and the library would grant the other. How other phones stand is told within a
        subscription alone, of which the library knows.
        """
        headers = Headers(_copied(message).text)
        event = (headers.first("Event") or headers.first("o")).partition(";")[0].strip().lower()
        return event in _EVENTS or (event in _OF_WATCHED_PHONES and method == "NOTIFY" and bool(message.in_dialog))

    def _read_body(self, message: native.Message, method: str) -> int:
        verdict = inspect_body(
            native.text_at(message.content_type, message.content_type_length).decode("ascii", "replace"),
            native.text_at(message.body, message.body_length),
            method=method,
            status=message.status,
            allow_dtls=self._allow_dtls,
        )
        if verdict.fault is not None:
            self._faults[verdict.fault] += 1
        if verdict.body is not None:
            self._body = verdict.body, verdict.content_type.encode("ascii")
            message.replace = 1
            if verdict.body:
                message.new_body, message.new_type = self._body
                message.new_body_length = len(verdict.body)
        if message.status:
            # What cannot be refused goes on without its body, and the library ends a call that has no media.
            return _PASS
        if verdict.status and method == "INVITE" and not message.in_dialog:
            self._when_refused(_copied(message), verdict.status)
        return verdict.status


def _copied(message: native.Message) -> ReceivedMessage:
    text = native.text_at(message.text, message.text_length).decode(errors="replace")
    return ReceivedMessage(text, message.source.decode("ascii"))


class Admission:
    """Tells the kernel's filters and the gate who the servers are. Lives on the `sip` thread."""

    def __init__(
        self,
        policy: GatePolicy,
        connection_limit: ConnectionLimit,
        transports: Transports,
        *,
        answer_anyone: bool,
        networks: Iterable[str] = (),
    ) -> None:
        """Set up with nobody admitted.

        Args:
            policy: the gate's.
            connection_limit: of the TCP listeners.
            transports: the doors.
            answer_anyone: let others in over UDP.
            networks: whose servers are let in over UDP, though they are none of the accounts'.
        """
        self._networks = frozenset(networks)
        self._policy = policy
        self._connection_limit = connection_limit
        self._transports = transports
        self._answer_anyone = answer_anyone
        self._filters: dict[int, frozenset[str]] = {}
        self.known: frozenset[str] = frozenset()
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
        ports, registrars = set(), set()
        for account, targets in servers:
            for target in targets:
                by_transport[account.transport].add(target.address)
                ports.add(target.port)
                if account.registers:
                    registrars.add(target.address)
        self.trusted = frozenset(registrars)
        self.known = frozenset().union(*by_transport.values())
        self._policy.set_servers(self.known, ports)
        native.trust_media(frozenset(filter(is_elsewhere, self.known)))
        if not self._answer_anyone:
            self._filter(Transport.UDP, socket.SOCK_DGRAM, self._networks | by_transport[Transport.UDP])
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
