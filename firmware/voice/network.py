"""How the phone is connected, as the kernel tells it: voice alone can see."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from firmware.base.interfaces import addresses

GATEWAY: Final = "gateway"
NAME_SERVER: Final = "name server"
_IPV4_ROUTES: Final = Path("/proc/net/route")
_RESOLVER: Final = Path("/etc/resolv.conf")
_IPV4: Final = 4
_GATEWAY_FLAG: Final = 0x2  # RTF_GATEWAY of linux/route.h
_ROUTE_FIELDS: Final = 4
_MOST: Final = 60


def network_facts() -> tuple[tuple[str, str], ...]:
    """Return each interface with an address of its own, then GATEWAY and NAME_SERVER with theirs."""
    facts = [
        *_addresses(),
        *((GATEWAY, gateway) for gateway in _gateways()),
        *((NAME_SERVER, server) for server in _name_servers()),
    ]
    return tuple(facts[:_MOST])


def _addresses() -> Iterator[tuple[str, str]]:
    """Give each interface's main IPv4 address, then those of IPv6 that reach beyond its link."""
    try:
        known = list(addresses())
    except OSError:
        return
    for _, name in socket.if_nameindex():
        if name == "lo":
            continue
        own = [address for interface, address in known if interface == name]
        yield from ((name, str(address)) for address in [each for each in own if each.version == _IPV4][:1])
        yield from ((name, str(address)) for address in own if address.version != _IPV4 and not address.is_link_local)


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
