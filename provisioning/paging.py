"""Paging by multicast: who may speak out of the loudspeaker of a phone that nobody uses."""

import ipaddress
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from provisioning.section import ConfigurationTable, conflict

_ON_THE_LINK: Final = tuple(ipaddress.ip_network(each) for each in ("224.0.0.0/24", "ff01::/16", "ff02::/16"))


def _group(written: str) -> str:
    address = _address(written, "239.1.1.1 or ff15::1")
    if not address.is_multicast or any(address in taken for taken in _ON_THE_LINK if taken.version == address.version):
        raise ValueError("is no address of a multicast group that is anybody's to choose, such as 239.1.1.1 or ff15::1")
    return str(address)


def _source(written: str) -> str:
    address = _address(written, "192.0.2.1 or 2001:db8::1")
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        raise ValueError("is no address that another machine sends from")
    return str(address)


def _address(written: str, such_as: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        raise ValueError(f"is no address such as {such_as}") from None
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        raise ValueError(f"is no plain address such as {such_as}")
    return address


class PagingGroup(ConfigurationTable):
    """Whose announcements sound on the loudspeaker while nobody uses the phone: nobody's, where there is no such table.

    They come as RTP (G.711) to a multicast group, as Asterisk's MulticastRTP and desk phones send them. Never during a
    call, outside the hours or with do not disturb, and the microphone stays shut.

    Attributes:
        name: what the display says while somebody speaks.
        group: the group's address.
        port: the UDP port there.
        source: the address of the machine that may speak; what others send to the group is dropped.
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^\w[\w .-]{0,19}$",
            description="up to 20 letters, digits, spaces, . and -",
            examples=["Front desk"],
        ),
    ]
    group: Annotated[str, Field(max_length=45, examples=["239.1.1.1"]), AfterValidator(_group)]
    port: Annotated[int, Field(ge=1024, le=65535, examples=[5004])]
    source: Annotated[str, Field(max_length=45, examples=["192.0.2.1"]), AfterValidator(_source)]

    @model_validator(mode="after")
    def _speaks_the_groups_family(self) -> Self:
        if (":" in self.group) is not (":" in self.source):
            conflict("is of another version of IP than group", ("source",), ("group",))
        return self
