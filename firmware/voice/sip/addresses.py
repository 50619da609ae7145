"""One spelling for each network address, so that addresses can be compared as text."""

import ipaddress
from contextlib import suppress

from firmware.base.interfaces import addresses


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
