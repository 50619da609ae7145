"""Which of the handset's network interfaces has an address."""

import ctypes
import fcntl
import ipaddress
import socket
import struct
from pathlib import Path
from typing import Final

# linux/sockios.h, and struct ifreq with an address in it (netdevice(7)) on 64-bit machines.
_SIOCGIFCONF: Final = 0x8912
_REQUEST: Final = struct.Struct("16s4x4s16x")
_MOST_ADDRESSES: Final = 64
_IPV6_ADDRESSES: Final = Path("/proc/net/if_inet6")


def interface_of(address: str) -> str:
    """Return the name of the interface that has an address, such as "wlan0"; empty where none has it."""
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        return ""
    try:
        return _ipv4_interface(wanted) if wanted.version == 4 else _ipv6_interface(wanted)  # noqa: PLR2004 - of IP
    except OSError:
        return ""


def _ipv4_interface(address: ipaddress.IPv4Address) -> str:
    room = bytearray(_REQUEST.size * _MOST_ADDRESSES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        start = ctypes.addressof((ctypes.c_char * len(room)).from_buffer(room))
        answer = fcntl.ioctl(asker, _SIOCGIFCONF, struct.pack("iP", len(room), start))
    (used,) = struct.unpack_from("i", answer)
    for name, packed in _REQUEST.iter_unpack(bytes(room[:used])):
        if packed == address.packed:
            # An alias is "eth0:1"; the interface is eth0.
            return str(name.rstrip(b"\0").decode().partition(":")[0])
    return ""


def _ipv6_interface(address: ipaddress.IPv6Address) -> str:
    for line in _IPV6_ADDRESSES.read_text().splitlines():
        packed, *_, name = line.split()
        if bytes.fromhex(packed) == address.packed:
            return name
    return ""
