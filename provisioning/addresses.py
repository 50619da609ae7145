"""Where a server is reached: names and ports."""

import ipaddress
from typing import Annotated, Final

from pydantic import AfterValidator, Field

Port = Annotated[int, Field(ge=1, le=65535, examples=[5061])]
Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)$",
        description="a host name, or an address (one of IPv6 in brackets), without a scheme or a port",
        examples=["server.example.com"],
    ),
]
HostAndPort = Annotated[
    str,
    Field(
        min_length=1,
        max_length=260,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[1-9][0-9]{0,4})?$",
        description='"host" or "host:port", by name or by address (one of IPv6 in brackets)',
        examples=["server.example.com:5061"],
    ),
]


def _network(written: str) -> str:
    try:
        return str(ipaddress.ip_network(written, strict=False))
    except ValueError:
        raise ValueError("is no network such as 192.0.2.0/24") from None


Network = Annotated[
    str,
    Field(min_length=2, max_length=49, description="a network as its first address and length, such as 10.1.0.0/16"),
    AfterValidator(_network),
]


def _callers_network(network: str) -> str:
    found = ipaddress.ip_network(network)
    widest = _WIDEST[found.version]
    if found.prefixlen < widest:
        raise ValueError(f"is wider than /{widest}; write the networks that calls come from")
    if any(found.overlaps(special) for special in _NOBODYS if special.version == found.version):
        raise ValueError("holds loopback, link-local or multicast addresses, from which no server calls")
    return network


_WIDEST: Final = {4: 8, 6: 32}
_NOBODYS: Final = tuple(
    ipaddress.ip_network(each)
    for each in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/32", "fe80::/10", "ff00::/8")
)
CallersNetwork = Annotated[Network, AfterValidator(_callers_network)]
"""A network from which servers may call that the handset does not register at."""


def split_port(server: str, default_port: int) -> tuple[str, int]:
    """Split "host" or "host:port"; an address of IPv6 stands in brackets."""
    host, colon, port = server.rpartition(":")
    if colon and not port.endswith("]"):
        return host, int(port)
    return server, default_port
