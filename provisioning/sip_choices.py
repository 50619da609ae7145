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
    """Whether call audio is encrypted. Keys that others offer by SDES (RFC 4568) or DTLS (RFC 5764) are taken.

    Ours are offered by SDES, with DTLS alone by DTLS: browsers take nothing else (RFC 8827 section 6.5).
    """

    OFF = "off"
    PREFERRED = "preferred"
    MANDATORY = "mandatory"
    DTLS = "dtls"

    @property
    def is_mandatory(self) -> bool:
        """A call whose audio would not be encrypted is refused."""
        return self in {Srtp.MANDATORY, Srtp.DTLS}


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
