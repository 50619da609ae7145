"""How the handset is connected, as the kernel tells it."""

import ipaddress
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import Final

from firmware.phone.words import Text, word

_IPV4_ROUTES: Final = Path("/proc/net/route")
_IPV6_ADDRESSES: Final = Path("/proc/net/if_inet6")
_RESOLVER: Final = Path("/etc/resolv.conf")
_SIOCGIFADDR: Final = 0x8915  # netdevice(7)
_NAME_BYTES: Final = 15
_LINK_SCOPE: Final = "20"
_GATEWAY_FLAG: Final = 0x2  # RTF_GATEWAY of linux/route.h
_ROUTE_FIELDS: Final = 4


def network_facts(servers: Iterable[tuple[str, str]]) -> tuple[tuple[Text, Text], ...]:
    """Return addresses, gateway, name servers and the servers of each line.

    Args:
        servers: pairs of an account's label and its server.
    """
    addresses = tuple(_addresses())
    return (
        *(addresses or ((word("Network"), word("not connected")),)),
        *((word("Gateway"), gateway) for gateway in _gateways()),
        *((word("Name server"), server) for server in _name_servers()),
        *((word("Server of {line}", line=label), server) for label, server in servers),
    )


def _addresses() -> Iterator[tuple[Text, Text]]:
    for _, name in socket.if_nameindex():
        if name == "lo":
            continue
        yield from ((name, address) for address in (*_ipv4_address(name), *_ipv6_addresses(name)))


def _ipv4_address(interface: str) -> Iterator[str]:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        answer = ioctl(asker, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:_NAME_BYTES]))
        yield socket.inet_ntoa(answer[20:24])


def _ipv6_addresses(interface: str) -> Iterator[str]:
    for packed, _, _, scope, _, name in (line.split() for line in _lines(_IPV6_ADDRESSES)):
        if name == interface and scope != _LINK_SCOPE:
            yield str(ipaddress.IPv6Address(bytes.fromhex(packed)))


def _gateways() -> Iterator[str]:
    for line in _lines(_IPV4_ROUTES)[1:]:
        fields = line.split()
        if len(fields) >= _ROUTE_FIELDS and fields[1] == "00000000" and int(fields[3], 16) & _GATEWAY_FLAG:
            yield str(ipaddress.IPv4Address(int(fields[2], 16).to_bytes(4, "little")))


def _name_servers() -> list[str]:
    return [match[1] for line in _lines(_RESOLVER) if (match := re.match(r"nameserver\s+(\S+)", line))]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
