"""Answers the SIP library's questions for addresses, so that a slow name server never stops the `sip` thread.

Without this pjsip would call the system's resolver on our thread, for up to half a minute. A route may so name a
server, which TLS verifies the certificate against, while we choose the address (pjsip_endpt_set_ext_resolver in
pjsip/sip_endpoint.h).
"""

import ctypes
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable
from typing import Final

from firmware.sip.servers import addresses_of, is_address, is_ipv6

_log = logging.getLogger(__name__)

_UNRESOLVABLE: Final = 70018  # PJ_ERESOLVE in pj/errno.h
_MAX_ANSWERS: Final = 8  # PJSIP_MAX_RESOLVED_ADDRESSES of this build; the library copies all of them
# pjsip/sip_types.h
_RELIABLE: Final = 1
_SECURE: Final = 2
_UDP: Final = 1
_TCP: Final = 2
_TLS: Final = 3
_IPV6: Final = 128
_PORT: Final = 5060
_TLS_PORT: Final = 5061


class _String(ctypes.Structure):
    """struct pj_str_t."""

    _fields_ = (("ptr", ctypes.c_void_p), ("slen", ctypes.c_ssize_t))


class _HostInfo(ctypes.Structure):
    """struct pjsip_host_info of pjsip/sip_resolve.h, with its pjsip_host_port."""

    _fields_ = (("flag", ctypes.c_uint), ("type", ctypes.c_int), ("host", _String), ("port", ctypes.c_int))


class _Address(ctypes.Structure):
    """An entry of struct pjsip_server_addresses, with its pj_sockaddr."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("priority", ctypes.c_uint),
        ("weight", ctypes.c_uint),
        ("address", ctypes.c_ubyte * 28),
        ("length", ctypes.c_int),
    )


class _Addresses(ctypes.Structure):
    """struct pjsip_server_addresses."""

    _fields_ = (("count", ctypes.c_uint), ("entries", _Address * _MAX_ANSWERS))


_Answer = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Addresses))
_Resolve = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(_HostInfo), ctypes.c_void_p, ctypes.c_void_p
)


class _Resolver(ctypes.Structure):
    """struct pjsip_ext_resolver."""

    _fields_ = (("resolve", _Resolve),)


class Names:
    """Knows the address of each server that an account uses. Lives on the `sip` thread; one a library."""

    def __init__(self, library: ctypes.CDLL, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Set up without telling the library.

        Args:
            library: pjproject's C symbols.
            deliver: runs a callable on the `sip` thread.
        """
        self._library = library
        self._deliver = deliver
        self._known: dict[str, str] = {}
        self._open = False
        # pjsip keeps pointers to both.
        self._callback = _Resolve(self._resolve)
        self._resolver = _Resolver(self._callback)

    def start(self) -> None:
        """Answer from now on."""
        self._open = True
        endpoint = self._library.pjsua_get_pjsip_endpt
        endpoint.restype = ctypes.c_void_p
        self._library.pjsip_endpt_set_ext_resolver(ctypes.c_void_p(endpoint()), ctypes.byref(self._resolver))

    def stop(self) -> None:
        """Drop the questions that are still open: whoever asked them goes with the library."""
        self._open = False

    def point(self, name: str, address: str) -> None:
        """Send what goes to a name to this address."""
        self._known[name.lower()] = address

    def _resolve(
        self, _resolver: int, _pool: int, asked: "ctypes._Pointer[_HostInfo]", token: int, answer: int
    ) -> None:
        # An exception must not reach C frames; ctypes would print it and leave the question open.
        try:
            target = asked.contents
            host = ctypes.string_at(target.host.ptr, target.host.slen).decode("ascii", "replace")
            kind, port = _transport_and_port(target.flag, target.type, target.port)
            address = host.strip("[]") if is_address(host) else self._known.get(host.lower())
        except (ValueError, OSError):
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
    if not address:
        _Answer(callback)(_UNRESOLVABLE, token, None)
        return
    found = _Addresses(count=1)
    entry = found.entries[0]
    packed = ipaddress.ip_address(address).packed
    prefix = port.to_bytes(2, "big")
    if is_ipv6(address):
        raw = socket.AF_INET6.to_bytes(2, "little") + prefix + bytes(4) + packed + bytes(4)
        entry.type = kind | _IPV6
    else:
        raw = socket.AF_INET.to_bytes(2, "little") + prefix + packed + bytes(8)
        entry.type = kind & ~_IPV6
    ctypes.memmove(entry.address, raw, len(raw))
    entry.length = len(raw)
    _Answer(callback)(0, token, ctypes.byref(found))
