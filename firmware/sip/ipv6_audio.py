"""Audio over IPv6 for a library that was built without it (PJ_HAS_IPV6): we make the sockets that it would not.

pjmedia carries what any socket brings; only pjsua never opens one for IPv6 in such a build. It lets an application
exchange a call's media transport (on_create_media_transport in pjsua.h), which is done here.
"""

import contextlib
import ctypes
import functools
import logging
import re
import socket
from typing import Any, Final

import pjsua2

from firmware.sip import native
from firmware.sip.servers import address_towards

_log = logging.getLogger(__name__)

_PORTS: Final = 200
# Nobody's (RFC 5737): whether there is a way to it tells whether there is IPv4 at all.
_ANYWHERE_IPV4: Final = "192.0.2.1"
_CONNECTION = re.compile(r"^c=IN (IP[46]) ([0-9A-Fa-f:.]+)", re.MULTILINE)
# Where struct OnCreateMediaTransportParam of pjsua2/call.hpp has the transport, after an unsigned and its padding.
_TRANSPORT_OFFSET: Final = 8
# struct pjmedia_srtp_setting of pjmedia/transport_srtp.h: it begins with `use` and `close_member_tp`, and has some 700
# bytes.
_SRTP_SETTING_INTS: Final = 1024
# struct pjmedia_transport of pjmedia/transport.h: after a name of PJ_MAX_OBJ_NAME and an enum with its padding.
_OPERATIONS_OFFSET: Final = 40
# struct pjmedia_transport_op: the twelfth of its functions.
_DESTROY_OFFSET: Final = 11 * ctypes.sizeof(ctypes.c_void_p)


class _SocketAddress(ctypes.Structure):
    """pj_sockaddr, as struct sockaddr_in6."""

    _fields_ = (
        ("family", ctypes.c_uint16),
        ("port", ctypes.c_uint16.__ctype_be__),
        ("flow", ctypes.c_uint32),
        ("address", ctypes.c_ubyte * 16),
        ("scope", ctypes.c_uint32),
    )


class _SocketInfo(ctypes.Structure):
    """struct pjmedia_sock_info of pjmedia/types.h; pj_sock_t is a long."""

    _fields_ = (
        ("rtp", ctypes.c_long),
        ("rtp_address", _SocketAddress),
        ("rtcp", ctypes.c_long),
        ("rtcp_address", _SocketAddress),
    )


@functools.cache
def library_has_it() -> bool:
    """Whether the library does this by itself; it aborts the process when one that does not is asked to."""
    return bool(pjsua2.AccountConfig().mediaConfig.ipv6Use != pjsua2.PJSUA_IPV6_DISABLED)


def wanted_address(offer: str, server: str) -> str:
    """Return the address of ours at which a call's audio should come in over IPv6, empty for IPv4.

    Args:
        offer: the other end's INVITE, empty where the call is ours.
        server: the account's server, where it is reached over IPv6.
    """
    if library_has_it():
        return ""
    if offer:
        offered = dict(_CONNECTION.findall(offer))
        return address_towards(offered["IP6"]) if "IP6" in offered and "IP4" not in offered else ""
    # Whom a call is for may know IPv4 only; so IPv6 is for where there is nothing else.
    return address_towards(server) if server and not address_towards(_ANYWHERE_IPV4) else ""


def exchange_transport(parameters: Any, address: str, *, first_port: int, dscp: int, srtp: int) -> None:
    """Give a call that the library is about to make a transport for IPv6.

    Args:
        parameters: of the library's callback.
        address: ours.
        first_port: of the range to choose from.
        dscp: how packets are marked.
        srtp: whether audio is encrypted (pjmedia_srtp_use).
    """
    pair = _open_pair(first_port, dscp)
    if pair is None:
        _log.error("No port is free for a call's audio over IPv6.")
        return
    transport = _attach(address, *pair)
    if transport is None:
        return
    place = ctypes.c_void_p.from_address(int(parameters.this) + _TRANSPORT_OFFSET)
    librarys = place.value
    if _operations(librarys) != _operations(transport):
        # As a rule it has one that can encrypt around the one with the sockets.
        transport = _encrypting(transport, srtp)
    if _operations(librarys) == _operations(transport):
        place.value, transport = transport, librarys
    else:
        _log.error("The SIP stack carries audio in a way that is not known; there is none over IPv6.")
    _close(transport)


def _attach(address: str, rtp: socket.socket, rtcp: socket.socket) -> int | None:
    info = _SocketInfo(rtp.fileno(), _socket_address(address, rtp), rtcp.fileno(), _socket_address(address, rtcp))
    transport = ctypes.c_void_p()
    library = native.library()
    status = library.pjmedia_transport_udp_attach(
        _media_endpoint(), None, ctypes.byref(info), 0, ctypes.byref(transport)
    )
    if status != 0:
        _log.error("The SIP stack does not take a socket for IPv6 (%d).", status)
        rtp.close()
        rtcp.close()
        return None
    # The library closes them from now on.
    rtp.detach()
    rtcp.detach()
    return transport.value


def _encrypting(transport: int, srtp: int) -> int:
    setting = (ctypes.c_int * _SRTP_SETTING_INTS)()
    encrypting = ctypes.c_void_p()
    library = native.library()
    library.pjmedia_srtp_setting_default(setting)
    setting[0], setting[1] = srtp, 1
    status = library.pjmedia_transport_srtp_create(
        _media_endpoint(), ctypes.c_void_p(transport), setting, ctypes.byref(encrypting)
    )
    return encrypting.value or transport if status == 0 else transport


def _media_endpoint() -> ctypes.c_void_p:
    function = native.library().pjsua_get_pjmedia_endpt
    function.restype = ctypes.c_void_p
    return ctypes.c_void_p(function())


def _operations(transport: int | None) -> int | None:
    return ctypes.c_void_p.from_address((transport or 0) + _OPERATIONS_OFFSET).value


def _close(transport: int | None) -> None:
    """Do what pjmedia_transport_close of pjmedia/transport.h does, which is inline."""
    destroy = ctypes.c_void_p.from_address((_operations(transport) or 0) + _DESTROY_OFFSET).value
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(destroy or 0)(transport)


def _open_pair(first_port: int, dscp: int) -> tuple[socket.socket, socket.socket] | None:
    for port in range(first_port, min(first_port + 2 * _PORTS, 65535), 2):
        with contextlib.ExitStack() as opened:
            try:
                rtp, rtcp = (opened.enter_context(_bound(port + offset, dscp)) for offset in (0, 1))
            except OSError:
                continue
            opened.pop_all()
            return rtp, rtcp
    return None


def _bound(port: int, dscp: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        made.bind(("::", port))
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


def _socket_address(address: str, bound: socket.socket) -> _SocketAddress:
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    return _SocketAddress(socket.AF_INET6, bound.getsockname()[1], 0, (ctypes.c_ubyte * 16)(*packed), 0)
