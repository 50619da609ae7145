"""A gate above pjsip's transport layer: strangers get no answer, and nobody can flood the handset with INVITEs.

Above some 60 INVITEs a second pjsip runs out of handles and aborts the process, even when every one is rejected (see
`handle_budget`). The gate turns them away before a transaction, a call or a socket exists.

It reads pjsip's `pjsip_rx_data` at offsets that belong to a build. They are checked when it starts, with a packet sent
to ourselves; where they do not hold, the gate stays open and says so.
"""

import contextlib
import ctypes
import logging
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import pjsua2

from firmware.sip.addresses import canonical
from firmware.sip.handle_budget import Allowance, HandleBudget
from firmware.sip.hazards import is_hazardous
from firmware.sip.text_messages import can_be_shown

_log = logging.getLogger(__name__)

_PASS: Final = 0
_SWALLOW: Final = 1
_PRIORITY: Final = 9  # just above PJSIP_MOD_PRIORITY_TRANSPORT_LAYER (8), below the transaction layer (16)
_UNSUPPORTED_MEDIA_TYPE: Final = 415
_NO_SUCH_CALL: Final = 481
_SERVICE_UNAVAILABLE: Final = 503
_PROBE_POLLS: Final = 20
_OTHERS_PER_S: Final = 20.0
_OTHERS_AT_ONCE: Final = 40.0
_IN_DIALOG_PER_S: Final = 20.0
_IN_DIALOG_AT_ONCE: Final = 60.0
# They end what has been let in.
_NEVER_COUNTED: Final = frozenset({"ACK", "BYE", "CANCEL"})
_PROGRESS: Final = re.compile(rb"\s*SIP/2\.0 (?:1(?!00)|2)\d\d", re.IGNORECASE)
_IN_CALLS: Final = frozenset({"INVITE", "INFO", "MESSAGE", "OPTIONS", "PRACK", "REFER", "UPDATE"})

# struct pjsip_rx_data of pjsip/sip_transport.h on 64-bit machines: where msg_info stands is found at start; these are
# relative to it. source_name is an array of PJ_INET6_ADDRSTRLEN (46) characters.
_PACKET: Final = 320
_MESSAGE_INFO_SEARCH: Final = range(_PACKET, _PACKET + 4400, 8)  # just after the packet (PJSIP_MAX_PKT_LEN is 4000)
_SOURCE_NAME: Final = -56
_SOURCE_PORT: Final = -8
_MESSAGE_LENGTH: Final = 8
_CALL_ID_HEADER: Final = 32
_TO_HEADER: Final = 48
_SOURCE_NAME_LENGTH: Final = 46
_TAG_LENGTH: Final = 80  # struct pjsip_fromto_hdr of pjsip/sip_msg.h
_CALL_ID: Final = 64  # struct pjsip_cid_hdr of pjsip/sip_msg.h: where the text is, then its length
_POINTER_BYTES: Final = 8


class _String(ctypes.Structure):
    """struct pj_str_t."""

    _fields_ = (("ptr", ctypes.c_char_p), ("slen", ctypes.c_ssize_t))


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Module(ctypes.Structure):
    """struct pjsip_module of pjsip/sip_module.h."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", _String),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _Callback),
        ("on_rx_response", _Callback),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )


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
        source: the address that it came from, as `addresses.canonical` writes it.
        port: the port that it came from.
        method: its first word.
        in_dialog: its To header has a tag.
        call_id: its Call-ID.
    """

    source: str
    port: int
    method: str
    in_dialog: bool
    call_id: str = ""

    @property
    def belongs_to_a_call(self) -> bool:
        """It makes sense within a call only."""
        return self.in_dialog and self.method in _IN_CALLS


class GatePolicy:
    """Who may come in, and how often.

    Requests from other addresses than the servers' pass only with `answer_anyone`, those within a dialog too: proxies
    that want to stay in a call's path say so with Record-Route, and a To tag alone proves nothing.

    INVITEs are counted apart by where they come from, so that one flood leaves room for the others: a server's own
    port, its address otherwise (which others can forge over UDP, or share), and strangers.
    """

    def __init__(
        self,
        budget: HandleBudget,
        *,
        answer_anyone: bool,
        connections_made: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up with no server known.

        Args:
            budget: how many INVITEs there are handles for.
            answer_anyone: let strangers in.
            connections_made: tells how many connections this handset has made.
            clock: seconds, monotonic.
        """
        self._answer_anyone = answer_anyone
        self._connections_made = connections_made
        self._most_connections = budget.connections_made
        self._servers: frozenset[str] = frozenset()
        self._ports: frozenset[int] = frozenset()
        self._server_invites = _bucket(budget.server_invites, clock)
        self._server_host_invites = _bucket(budget.server_host_invites, clock)
        self._stranger_invites = _bucket(budget.stranger_invites, clock)
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
        if not from_server and not self._answer_anyone:
            return -1
        if request.method in _NEVER_COUNTED:
            return 0
        if self._bucket_of(request, from_server).take() and self._has_room_to_answer(request, from_server):
            return 0
        # A proxy that hears 503 tries elsewhere instead of sending the same again (RFC 3261 section 21.5.4).
        return _SERVICE_UNAVAILABLE if from_server else -1

    def _has_room_to_answer(self, request: Request, from_server: bool) -> bool:
        # Where its connection has ended, a refusal goes over a new one to where the caller says that it listens (RFC
        # 3261 section 18.2.2). Who names many such places, and answers at none, would use up the handles.
        if request.method != "INVITE" or (from_server and request.port in self._ports):
            return True
        if not self._most_connections:
            return True  # over UDP alone no refusal needs a connection
        return self._connections_made() < self._most_connections

    def _bucket_of(self, request: Request, from_server: bool) -> TokenBucket:
        if request.in_dialog:
            return self._in_dialog
        if request.method != "INVITE":
            return self._server_others if from_server else self._stranger_others
        if not from_server:
            return self._stranger_invites
        return self._server_invites if request.port in self._ports else self._server_host_invites


def _bucket(allowance: Allowance, clock: Callable[[], float]) -> TokenBucket:
    return TokenBucket(allowance.rate, allowance.burst, clock)


class Gate:
    """The policy, put into pjsip. Lives on the `sip` thread; one a library."""

    def __init__(self, library: ctypes.CDLL, policy: GatePolicy) -> None:
        self._library = library
        self._policy = policy
        self._endpoint = ctypes.c_void_p()
        # pjsip keeps pointers to all of these.
        self._name = ctypes.create_string_buffer(b"mod-wecall-gate")
        self._request_callback = _Callback(self._on_request)
        self._response_callback = _Callback(self._on_response)
        self._module = _Module()
        self._message_info: int | None = None
        self._probe: bytes | None = None
        self._probe_port = 0
        self._probe_id = ""
        self.active = False

    def start(self, probe_port: int, poll: Callable[[], None]) -> None:
        """Register with pjsip and check the offsets.

        Args:
            probe_port: a UDP port of ours on loopback, to send the known packet to.
            poll: lets pjsip handle what has arrived.
        """
        library = self._library
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        self._endpoint = ctypes.c_void_p(library.pjsua_get_pjsip_endpt())
        self._module.name = _String(ctypes.cast(self._name, ctypes.c_char_p), len(self._name.value))
        self._module.id = -1
        self._module.priority = _PRIORITY
        self._module.on_rx_request = self._request_callback
        self._module.on_rx_response = self._response_callback
        if library.pjsip_endpt_register_module(self._endpoint, ctypes.byref(self._module)) != 0:
            _log.warning("The SIP stack refuses the gate; a flood of calls could stop the phone.")
            return
        self._check_offsets(probe_port, poll)
        if not self.active:
            _log.warning("This build of the SIP stack is not one that the gate knows; it stays open.")

    def _check_offsets(self, probe_port: int, poll: Callable[[], None]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", 0))
            self._probe_port = sender.getsockname()[1]
            token = self._probe_id = secrets.token_hex(8)
            self._probe = (
                f"OPTIONS sip:gate SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self._probe_port};branch=z9hG4bK{token}\r\n"
                f"From: <sip:gate@localhost>;tag=1\r\nTo: <sip:gate@localhost>;tag={token}\r\nCall-ID: {token}\r\n"
                "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            ).encode()
            sender.sendto(self._probe, ("127.0.0.1", probe_port))
            for _ in range(_PROBE_POLLS):
                if self._probe is None:
                    break
                poll()
            self._probe = None

    def _on_request(self, rx_data: int) -> int:
        try:
            return self._decide(rx_data)
        except Exception:  # noqa: BLE001 - whatever it is, the phone goes on without the gate
            _log.exception("The gate failed on a request; it was let in.")
            return _PASS

    def _on_response(self, rx_data: int) -> int:
        try:
            return _SWALLOW if self.active and self._is_poison(rx_data) else _PASS
        except Exception:  # noqa: BLE001 - whatever it is, the phone goes on without the gate
            _log.exception("The gate failed on a response; it was let in.")
            return _PASS

    def _is_poison(self, rx_data: int) -> bool:
        """Say whether the library would not survive a response."""
        if self._is_hazardous(rx_data):
            return True
        info = rx_data + (self._message_info or 0)
        if not _PROGRESS.match(self._message(info)):
            return False
        # An answer that fits no codec leaves a call that has not been accepted without audio to negotiate, and the next
        # answer aborts the process (pjsua_media_channel_update in pjsua_media.c).
        call = self._find_call(self._call_id(info))
        return call is not None and call.state < pjsua2.PJSIP_INV_STATE_CONNECTING and not len(call.provMedia)

    def _is_hazardous(self, rx_data: int) -> bool:
        return is_hazardous(self._message(rx_data + (self._message_info or 0)))

    def _decide(self, rx_data: int) -> int:
        if self._probe is not None:
            return self._learn(rx_data, self._probe)
        if not self.active or self._message_info is None:
            return _PASS
        if self._is_hazardous(rx_data):
            return _SWALLOW
        request = self._read(rx_data + self._message_info)
        verdict = self._policy.decide(request)
        if verdict == 0 and request.belongs_to_a_call and self._find_call(request.call_id) is None:
            # The library may still know the dialog of a call that it has given up, and takes a REFER there for one
            # within whatever call has that call's place now, which aborts the process.
            verdict = _NO_SUCH_CALL
        if (
            verdict == 0
            and request.method == "MESSAGE"
            and not can_be_shown(self._message(rx_data + self._message_info).decode(errors="replace"))
        ):
            verdict = _UNSUPPORTED_MEDIA_TYPE
        if verdict == 0:
            return _PASS
        if verdict > 0 and request.method != "ACK":
            self._library.pjsip_endpt_respond_stateless(
                self._endpoint, ctypes.c_void_p(rx_data), ctypes.c_int(verdict), None, None, None
            )
        return _SWALLOW

    def _learn(self, rx_data: int, probe: bytes) -> int:
        """Find `msg_info` in the packet that we sent ourselves, and see whether all else is where it should be."""
        packet = rx_data + _PACKET
        # Within the structure, which holds a buffer larger than the probe.
        if ctypes.string_at(packet, len(probe)) != probe:
            return _SWALLOW
        self._probe = None
        for offset in _MESSAGE_INFO_SEARCH:
            if ctypes.c_size_t.from_address(rx_data + offset).value == packet:
                self._message_info = offset
                break
        if self._message_info is None:
            return _SWALLOW
        info = rx_data + self._message_info
        with contextlib.suppress(ValueError):
            self.active = self._message(info) == probe and self._read(info) == Request(
                "127.0.0.1", self._probe_port, "OPTIONS", in_dialog=True, call_id=self._probe_id
            )
        return _SWALLOW

    @staticmethod
    def _message(info: int) -> bytes:
        start = ctypes.c_void_p.from_address(info).value
        length = ctypes.c_int.from_address(info + _MESSAGE_LENGTH).value
        return ctypes.string_at(start, length) if start and length > 0 else b""

    @staticmethod
    def _read(info: int) -> Request:
        source = ctypes.string_at(info + _SOURCE_NAME, _SOURCE_NAME_LENGTH).split(b"\0", 1)[0].decode("ascii")
        port = ctypes.c_int.from_address(info + _SOURCE_PORT).value
        text = ctypes.c_void_p.from_address(info).value or 0
        method = ctypes.string_at(text, 16).split(b" ", 1)[0].decode("ascii", errors="replace")
        to_header = ctypes.c_void_p.from_address(info + _TO_HEADER).value
        tag_length = ctypes.c_ssize_t.from_address(to_header + _TAG_LENGTH).value if to_header else 0
        return Request(canonical(source), port, method, in_dialog=tag_length > 0, call_id=Gate._call_id(info))

    @staticmethod
    def _call_id(info: int) -> str:
        return _string_at(ctypes.c_void_p.from_address(info + _CALL_ID_HEADER).value)

    def _find_call(self, call_id: str) -> Any:
        """Return pjsua2's information about the library's call with this Call-ID, None where it has none."""
        library = self._library
        for number in range(library.pjsua_call_get_max_count()):
            if not library.pjsua_call_is_active(number):
                continue
            call = pjsua2.Call.lookup(number)
            try:
                if call is not None and str((info := call.getInfo()).callIdString) == call_id:
                    return info
            except pjsua2.Error:
                continue
        return None


def _string_at(call_id_header: int | None) -> str:
    if not call_id_header:
        return ""
    start = ctypes.c_void_p.from_address(call_id_header + _CALL_ID).value
    length = ctypes.c_ssize_t.from_address(call_id_header + _CALL_ID + _POINTER_BYTES).value
    return ctypes.string_at(start, length).decode(errors="replace") if start and length > 0 else ""
