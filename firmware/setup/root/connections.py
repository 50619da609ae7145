"""Networks as NetworkManager keeps them: keyfiles, as Raspberry Pi OS has them (nm-settings-keyfile(5))."""

import re
import uuid
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final

from provisioning.network import Ethernet, Network, WifiNetwork, WifiSecurity, wifi_password_name

FOLDER: Final = "etc/NetworkManager/system-connections"
RADIO: Final = "etc/modprobe.d/wecall-radio.conf"

CABLE: Final = "wecall-cable"
VLAN: Final = "wecall-vlan"
WIFI: Final = "wecall-wifi-"
OWN: Final = re.compile(r"wecall-(?:cable|vlan|wifi-[0-9]+)\.nmconnection")
"""What the keyfiles that are ours are called; others are somebody else's, and stay as they are."""

_NAMES: Final = uuid.UUID("6f1b2c6e-54c9-4c3b-9f2e-0d3c1b8a7e41")
_PRIORITY: Final = 100
"""Before whatever connects by itself as well, which has 0 unless somebody says otherwise."""

_KEY_MANAGEMENT: Final[Mapping[WifiSecurity, str]] = {WifiSecurity.WPA2: "wpa-psk", WifiSecurity.WPA3: "sae"}

Sections = dict[str, dict[str, str]]


def keyfile_path(name: str) -> str:
    """Return where the connection of this name is kept, from the root on."""
    return f"{FOLDER}/{name}.nmconnection"


def cable_files(ethernet: Ethernet) -> dict[str, bytes | None]:
    """Return the files for the cable, by path; None for one that must not be there."""
    addressed: Sections = {
        "ipv4": dict(_addressing(ethernet, IPv4Address, IPv4Interface)),
        "ipv6": dict(_addressing(ethernet, IPv6Address, IPv6Interface)),
    }
    cable = {**_connection(CABLE, "ethernet", _PRIORITY), "ethernet": {}}
    if ethernet.vlan is None:
        return {keyfile_path(CABLE): _written({**cable, **addressed}), keyfile_path(VLAN): None}
    # The cable carries the tagged network only. The parent is named by its connection: cards are called differently.
    silent: Sections = {"ipv4": {"method": "disabled"}, "ipv6": {"method": "disabled"}}
    tagged = _connection(VLAN, "vlan", _PRIORITY)
    tagged["connection"]["interface-name"] = "wecall-vlan"
    tagged["vlan"] = {"id": str(ethernet.vlan), "parent": _uuid(CABLE)}
    return {
        keyfile_path(CABLE): _written({**cable, **silent}),
        keyfile_path(VLAN): _written({**tagged, **addressed}),
    }


def wifi_files(network: Network, passwords: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files for the Wi-Fi networks, by path.

    Args:
        network: what the configuration says.
        passwords: of each protected network, by `wifi_password_name`.
    """
    return {
        keyfile_path(f"{WIFI}{position}"): _wifi(position, wifi, passwords.get(wifi_password_name(position), ""))
        for position, wifi in enumerate(network.wifi, start=1)
    }


def read_wifi(keyfile: bytes) -> tuple[bytes, bool]:
    """Return the name of the network that a keyfile of ours is for, and whether that is hidden."""
    lines = keyfile.splitlines()
    written = next((line.removeprefix(b"ssid=") for line in lines if line.startswith(b"ssid=")), b"")
    if re.fullmatch(rb"(?:[0-9]{1,3};)+", written):
        written = bytes(int(byte) & 0xFF for byte in written.split(b";")[:-1])
    return written, b"hidden=true" in lines


def radio_file(country: str) -> bytes:
    """Return what has the radio keep a country's rules, from the next boot on."""
    return f"options cfg80211 ieee80211_regdom={country}\n".encode()


def _wifi(position: int, wifi: WifiNetwork, password: str) -> bytes:
    sections = _connection(f"{WIFI}{position}", "wifi", _PRIORITY - position)
    sections["wifi"] = {
        "mode": "infrastructure",
        "ssid": _ssid(wifi.ssid),
        **({"hidden": "true"} if wifi.hidden else {}),
    }
    if wifi.security in _KEY_MANAGEMENT:
        # Not the key that WPA2 makes of it: with that wpa_supplicant finds no network that offers WPA3 as well.
        sections["wifi-security"] = {"key-mgmt": _KEY_MANAGEMENT[wifi.security], "psk": _escaped(password)}
    return _written({**sections, "ipv4": {"method": "auto"}, "ipv6": {"method": "auto"}})


def _connection(name: str, kind: str, priority: int) -> Sections:
    return {"connection": {"id": name, "uuid": _uuid(name), "type": kind, "autoconnect-priority": str(priority)}}


def _addressing(
    ethernet: Ethernet, address: type[IPv4Address | IPv6Address], interface: type[IPv4Interface | IPv6Interface]
) -> Iterator[tuple[str, str]]:
    """Yield the settings of one family; the network gives the addresses where there are none."""
    fixed = [one for one in ethernet.addresses if isinstance(one, interface)]
    yield "method", "manual" if fixed else "auto"
    yield from ((f"address{number}", str(one)) for number, one in enumerate(fixed, start=1))
    yield from (("gateway", str(one)) for one in ethernet.gateways if type(one) is address)
    if servers := [str(one) for one in ethernet.name_servers if type(one) is address]:
        yield "dns", "".join(f"{server};" for server in servers)
    if ethernet.name_servers and not fixed:
        yield "ignore-auto-dns", "true"


def _ssid(ssid: str) -> str:
    """Return a name as it is where nothing in it means anything to the format, else as a list of its bytes."""
    if re.fullmatch(r"[A-Za-z0-9_.-]+", ssid):
        return ssid
    return "".join(f"{byte};" for byte in ssid.encode())


def _escaped(text: str) -> str:
    # GKeyFile drops blanks at the ends, and reads \s as one anywhere.
    return text.replace("\\", "\\\\").replace(" ", "\\s")


def _uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMES, name))


def _written(sections: Sections) -> bytes:
    parts = (
        f"[{title}]\n" + "".join(f"{key}={value}\n" for key, value in settings.items())
        for title, settings in sections.items()
    )
    return "\n".join(parts).encode()
