"""How the handset gets onto a network, by Ethernet and Wi-Fi, and where it gets the time."""

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from provisioning.addresses import Host
from provisioning.section import ConfigurationTable, Conflicts, Region, conflict

_LONGEST_SSID_BYTES: Final = 32  # IEEE 802.11-2020 section 9.4.2.2
_WIFI_PASSWORD: Final = re.compile("[ -~]{8,63}|[0-9A-Fa-f]{64}")  # IEEE 802.11-2020 annex J.4.1
_LONGEST_PREFIX_WITH_ENDS: Final = 30  # RFC 3021: a network of two hosts has neither a number nor a broadcast address

_ADDRESS: Final = 'an address, such as "192.0.2.1" or "2001:db8::1"'
_INTERFACE_ADDRESS: Final = 'an address with the size of its network behind it, such as "192.0.2.10/24"'


def _address(value: Any) -> Any:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    try:
        return ip_address(str(value))
    except ValueError:
        raise ValueError(f"this is not {_ADDRESS}") from None


def _interface_address(value: Any) -> Any:
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    try:
        made = ip_interface(str(value))
    except ValueError:
        raise ValueError(f"this is not {_INTERFACE_ADDRESS}") from None
    if "/" not in str(value):
        size = 24 if isinstance(made, IPv4Interface) else 64
        raise ValueError(f'the size of the network is missing; write it behind the address, as in "{value}/{size}"')
    return made


IpAddress = Annotated[
    IPv4Address | IPv6Address, BeforeValidator(_address), Field(description=_ADDRESS, examples=["192.0.2.1"])
]
InterfaceAddress = Annotated[
    IPv4Interface | IPv6Interface,
    BeforeValidator(_interface_address),
    Field(description=_INTERFACE_ADDRESS, examples=["192.0.2.10/24"]),
]
"""An address with the size of the network that it is in, such as 192.0.2.10/24."""


class WifiSecurity(StrEnum):
    """How a Wi-Fi network is protected; WPA2 serves those that offer both."""

    OPEN = "open"
    WPA2 = "wpa2"
    WPA3 = "wpa3"


class Ethernet(ConfigurationTable):
    """The cable.

    Attributes:
        addresses: fixed ones, each with the size of its network, such as "192.0.2.10/24"; where there are none, the
            network gives them (DHCP, and router advertisements for IPv6).
        gateways: the routers out of these networks, one of each family; needs `addresses`.
        name_servers: DNS servers, in place of those that the network names.
        vlan: the tagged network that calls go by (IEEE 802.1Q); untagged where left out.
    """

    addresses: Annotated[tuple[InterfaceAddress, ...], Field(max_length=4)] = ()
    gateways: Annotated[tuple[IpAddress, ...], Field(max_length=2)] = ()
    name_servers: Annotated[tuple[IpAddress, ...], Field(max_length=4, examples=[["192.0.2.53"]])] = ()
    vlan: Annotated[int, Field(ge=1, le=4094, examples=[20])] | None = None

    @field_validator("addresses")
    @classmethod
    def _addresses_are_a_hosts_own(
        cls, addresses: tuple[IPv4Interface | IPv6Interface, ...]
    ) -> tuple[IPv4Interface | IPv6Interface, ...]:
        conflicts = Conflicts()
        for position, address in enumerate(addresses):
            if _is_odd(address):
                conflicts.add(f"{address} is not an address that a handset can have", (position,))
            if address.ip in {before.ip for before in addresses[:position]}:
                conflicts.add("this address stands here for the second time; give each once", (position,))
        conflicts.check()
        return addresses

    @model_validator(mode="after")
    def _gateways_can_be_reached(self) -> Self:
        conflicts = Conflicts()
        for position, gateway in enumerate(self.gateways):
            place = ("gateways", position)
            if not any(gateway in address.network for address in self.addresses):
                conflicts.add(f"{gateway} is in none of the networks of addresses", place, ("addresses",))
            if any(gateway == address.ip for address in self.addresses):
                conflicts.add(f"{gateway} is the handset's own address", place, ("addresses",))
        if len({gateway.version for gateway in self.gateways}) < len(self.gateways):
            conflicts.add("there are two of one family; give one for IPv4 and one for IPv6", ("gateways",))
        conflicts.check()
        return self


class WifiNetwork(ConfigurationTable):
    """The Wi-Fi networks, up to eight, best first. Their addresses come from the network.

    Attributes:
        ssid: its name, up to 32 bytes.
        hidden: it does not send its name; the handset then calls it out wherever it is.
        security: how it is protected.
        password: its password. Better sealed, as `wifi-password-<n>`, where n is 1 for the first network.
    """

    ssid: Annotated[
        str,
        Field(
            min_length=1,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="a text of up to 32 bytes; letters beyond ASCII take two to four each",
            examples=["Office"],
        ),
    ]
    hidden: bool = False
    security: WifiSecurity = WifiSecurity.WPA2
    password: SecretStr | None = None

    @field_validator("ssid")
    @classmethod
    def _name_fits_into_a_beacon(cls, ssid: str) -> str:
        if (size := len(ssid.encode())) > _LONGEST_SSID_BYTES:
            raise ValueError(f"a Wi-Fi network's name has up to {_LONGEST_SSID_BYTES} bytes, this one has {size}")
        return ssid

    @field_validator("password")
    @classmethod
    def _password_is_one(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None:
            check_wifi_password(password.get_secret_value())
        return password

    @model_validator(mode="after")
    def _an_open_network_has_no_password(self) -> Self:
        if self.security is WifiSecurity.OPEN and self.password is not None:
            conflict(
                'an open network has no password; leave it out, or set security = "wpa2" or "wpa3"',
                ("password",), ("security",),
            )  # fmt: skip
        return self


class Network(ConfigurationTable):
    """How the handset gets onto a network; the machine's own settings stay where the whole table is left out.

    Attributes:
        country: whose rules the radio keeps, from the next start on; the device's where left out.
        ethernet: the cable's settings; they stay as they are where left out.
        wifi: networks, best first; those of before are forgotten. The radio is off where there are none.
    """

    country: Annotated[Region, Field(examples=["CN"])] | None = None
    ethernet: Ethernet | None = None
    wifi: Annotated[tuple[WifiNetwork, ...], Field(max_length=8)] = ()

    @field_validator("wifi")
    @classmethod
    def _networks_stand_once(cls, wifi: tuple[WifiNetwork, ...]) -> tuple[WifiNetwork, ...]:
        conflicts = Conflicts()
        names = [network.ssid for network in wifi]
        for position, name in enumerate(names):
            if name in names[:position]:
                conflicts.add("this network stands here for the second time; give each once", (position, "ssid"))
        conflicts.check()
        return wifi


def wifi_password_name(position: int) -> str:
    """Return what the secret of the Wi-Fi network at this position is called; the first is 1."""
    return f"wifi-password-{position}"


def check_wifi_password(password: str) -> None:
    """Check that a Wi-Fi network can have this password.

    Raises:
        ValueError: it cannot; the password is not in the message.
    """
    if not _WIFI_PASSWORD.fullmatch(password):
        raise ValueError(
            f"a Wi-Fi password has 8 to 63 letters, digits and signs of ASCII, this one has {len(password)}"
            + ("" if password.isascii() else ", some of them others")
        )


def _is_odd(address: IPv4Interface | IPv6Interface) -> bool:
    ip = address.ip
    if isinstance(address, IPv4Interface) and address.network.prefixlen <= _LONGEST_PREFIX_WITH_ENDS:
        ends = {address.network.network_address, address.network.broadcast_address}
        if ip in ends:
            return True
    return ip.is_multicast or ip.is_loopback or ip.is_unspecified or ip.is_link_local


class Time(ConfigurationTable):
    """Where the handset gets the time; the machine's own settings stay where the whole table is left out.

    Attributes:
        servers: NTP servers, best first.
    """

    servers: Annotated[tuple[Host, ...], Field(min_length=1, max_length=8, examples=[["ntp.example.com"]])]

    @field_validator("servers")
    @classmethod
    def _servers_stand_once(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        conflicts = Conflicts()
        for position, server in enumerate(servers):
            if server in servers[:position]:
                conflicts.add("this server stands here for the second time; give each once", (position,))
        conflicts.check()
        return servers
