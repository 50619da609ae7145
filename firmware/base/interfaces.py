"""The handset's network interfaces and their addresses, as the kernel lists them."""

import ctypes
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# linux/sockios.h, and struct ifreq with an address in it (netdevice(7)) on 64-bit machines.
_SIOCGIFCONF: Final = 0x8912
_REQUEST: Final = struct.Struct("16s4x4s16x")
_MOST_ADDRESSES: Final = 64
_IPV6_ADDRESSES: Final = Path("/proc/net/if_inet6")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
