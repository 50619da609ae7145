"""What can be chosen of SIP, without pydantic: the process that speaks SIP reads no configuration."""

from collections.abc import Mapping
from enum import StrEnum


class Transport(StrEnum):
    """How SIP travels to the server."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


SERVICE_LABELS: Mapping[Transport, str] = {
    Transport.UDP: "_sip._udp",
    Transport.TCP: "_sip._tcp",
    Transport.TLS: "_sips._tcp",
}
"""What stands before a domain to ask for its SIP servers by SRV records (RFC 3263 section 4.1)."""


class Srtp(StrEnum):
    """Whether call audio is encrypted (SDES, RFC 4568)."""

    OFF = "off"
    PREFERRED = "preferred"
    MANDATORY = "mandatory"


class DtmfMethod(StrEnum):
    """How digits go out in a call; AUTO takes what was negotiated."""

    AUTO = "auto"
    RFC4733 = "rfc4733"
    INFO = "info"
    IN_BAND = "inband"


class ReliableProvisional(StrEnum):
    """Whether 18x responses must be confirmed (RFC 3262) or only may."""

    SUPPORTED = "supported"
    REQUIRED = "required"
