"""How the handset is connected, as the kernel tells it."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from firmware.interfaces import addresses
from firmware.phone.words import Text, word

_IPV4_ROUTES: Final = Path("/proc/net/route")
_RESOLVER: Final = Path("/etc/resolv.conf")
_IPV4: Final = 4
_GATEWAY_FLAG: Final = 0x2  # RTF_GATEWAY of linux/route.h
_ROUTE_FIELDS: Final = 4


def network_facts(servers: Iterable[tuple[str, str]]) -> tuple[tuple[Text, Text], ...]:
    """Return addresses, gateway, name servers and the servers of each line.

    Args:
        servers: pairs of an account's label and its server.
    """
    own = tuple(_addresses())
    return (
        *(own or ((word("Network"), word("not connected")),)),
        *((word("Gateway"), gateway) for gateway in _gateways()),
        *((word("Name server"), server) for server in _name_servers()),
        *((word("Server of {line}", line=label), server) for label, server in servers),
    )


def _addresses() -> Iterator[tuple[Text, Text]]:
    """Return each interface's main IPv4 address, then those of IPv6 that reach beyond its link."""
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
