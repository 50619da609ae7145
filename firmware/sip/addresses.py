"""One spelling for each network address, so that addresses can be compared as text."""

import ipaddress


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
