"""The handset's network interfaces and addresses, as the kernel lists them, in one spelling; and their changes.

The kernel's own words, in a hundred lines: pyroute2 would say the same, and be loaded before the first REGISTER.
"""

import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import logging
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

# linux/sockios.h, and struct ifreq with an address in it (netdevice(7)) on 64-bit machines.
_SIOCGIFCONF: Final = 0x8912
_REQUEST: Final = struct.Struct("16s4x4s16x")
_MOST_ADDRESSES: Final = 64
# Where /proc shows processes alone, there is no /proc/net.
_IPV6_ADDRESSES: Final = Path("/proc/self/net/if_inet6")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_log = logging.getLogger(__name__)

# linux/rtnetlink.h
_RTMGRP_IPV4_IFADDR: Final = 0x10
_RTMGRP_IPV4_ROUTE: Final = 0x40
_RTMGRP_IPV6_IFADDR: Final = 0x100
_RTMGRP_IPV6_ROUTE: Final = 0x400
_GROUPS: Final = _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV4_ROUTE | _RTMGRP_IPV6_IFADDR | _RTMGRP_IPV6_ROUTE
_MESSAGE_BYTES: Final = 65536


def canonical(address: str) -> str:
    """Return an address as `ipaddress` writes it; an IPv4 address that IPv6 carries becomes the IPv4 address.

    A dual-stack socket sees IPv4 peers as `::ffff:192.0.2.1`, and link-local ones come with a zone (RFC 4007 section
    11), which says where they are and not who.

    Raises:
        ValueError: it is no address.
    """
    parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def is_elsewhere(address: str) -> bool:
    """Say whether an address is another machine's: who shares this one shares its addresses.

    What is no address is nobody's.
    """
    with suppress(ValueError, OSError):
        parsed = ipaddress.ip_address(canonical(address))
        return not parsed.is_loopback and parsed not in {own for _, own in addresses()}
    return False


def interface_of(address: str) -> str:
    """Return the name of the interface that has an address, such as "wlan0"; empty where none has it."""
    try:
        wanted = ipaddress.ip_address(address)
        return next((name for name, own in addresses() if own == wanted), "")
    except (ValueError, OSError):
        return ""


def addresses() -> Iterator[tuple[str, Address]]:
    """List every interface's name with each of its addresses, IPv4 first, an interface's main address before others.

    Raises:
        OSError: the kernel does not tell.
    """
    yield from _ipv4_addresses()
    yield from _ipv6_addresses()


def has_route() -> bool:
    """Say whether this machine knows a way to other networks; sends nothing."""
    # Nobody's addresses (RFC 5737, RFC 3849).
    return any(_can_reach(address) for address in ("192.0.2.1", "2001:db8::1"))


def address_towards(address: str) -> str:
    """Return our address on the way to another one, empty where there is no way; sends nothing."""
    with suppress(OSError), _connected(address) as probe:
        return str(probe.getsockname()[0])
    return ""


def _can_reach(address: str) -> bool:
    try:
        _connected(address).close()
    except OSError as error:
        return error.errno not in {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True


def _connected(address: str) -> socket.socket:
    # Connecting a datagram socket only asks the routing table.
    probe = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect((address, 9))
    except OSError:
        probe.close()
        raise
    return probe


def _ipv4_addresses() -> Iterator[tuple[str, ipaddress.IPv4Address]]:
    room = bytearray(_REQUEST.size * _MOST_ADDRESSES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        start = ctypes.addressof((ctypes.c_char * len(room)).from_buffer(room))
        answer = fcntl.ioctl(asker, _SIOCGIFCONF, struct.pack("iP", len(room), start))
    (used,) = struct.unpack_from("i", answer)
    for name, packed in _REQUEST.iter_unpack(bytes(room[:used])):
        # An alias is "eth0:1"; the interface is eth0.
        yield name.rstrip(b"\0").decode().partition(":")[0], ipaddress.IPv4Address(packed)


def _ipv6_addresses() -> Iterator[tuple[str, ipaddress.IPv6Address]]:
    try:
        lines = _IPV6_ADDRESSES.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        # The kernel was told to do without IPv6.
        return
    for line in lines:
        packed, *_, name = line.split()
        yield name, ipaddress.IPv6Address(bytes.fromhex(packed))


class NetworkWatch:
    """Waits for changes of addresses and routes, on a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopper = -1

    def start(self, notify: Callable[[], None]) -> None:
        """Begin to listen; where the kernel does not let us, changes are noticed by failing instead.

        Args:
            notify: called on the watch's thread when something has changed that nobody has asked for yet.
        """
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        try:
            listener.bind((0, _GROUPS))
        except OSError as error:
            listener.close()
            _log.warning("Changes of the network cannot be watched (%s).", error)
            return
        stopped, self._stopper = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(
            target=self._listen, args=(listener, stopped, notify), name="network", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        thread, self._thread = self._thread, None
        if thread is not None:
            os.close(self._stopper)
            thread.join()

    def has_changed(self) -> bool:
        """Say whether anything has changed since the last time; never waits."""
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _listen(self, listener: socket.socket, stopped: int, notify: Callable[[], None]) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(stopped, select.POLLIN | select.POLLHUP)
        with listener, contextlib.closing(os.fdopen(stopped, "rb")):
            while all(descriptor != stopped for descriptor, _ in poll.poll()):
                _drain(listener)
                already_said = self._changed.is_set()
                self._changed.set()
                if not already_said:
                    notify()


def _drain(listener: socket.socket) -> None:
    while True:
        try:
            listener.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # ENOBUFS: more changed than the socket holds.
            continue
