"""What NetworkManager is given for each network that can be set."""

import configparser

import pytest

from firmware.setup.root.connections import CABLE, VLAN, cable_files, keyfile_path, read_wifi, wifi_files
from provisioning.network import Ethernet, Network, WifiNetwork, WifiSecurity

pytestmark = pytest.mark.feature("networks by bundle")

Sections = dict[str, dict[str, str]]


def parsed(content: bytes | None) -> Sections:
    assert content is not None
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.read_string(content.decode())
    return {title: dict(parser[title]) for title in parser.sections()}


def cable(**settings: object) -> Sections:
    return parsed(cable_files(Ethernet.model_validate(settings))[keyfile_path(CABLE)])


def wifi(*networks: WifiNetwork, **passwords: str) -> list[Sections]:
    renamed = {name.replace("_", "-"): password for name, password in passwords.items()}
    return [parsed(content) for content in wifi_files(Network(wifi=networks), renamed).values()]


def test_a_cable_without_addresses_gets_them_from_the_network_before_any_other_connection() -> None:
    sections = cable()
    assert sections["connection"]["type"] == "ethernet"
    assert sections["connection"]["autoconnect-priority"] == "100"
    assert sections["ipv4"] == sections["ipv6"] == {"method": "auto"}


def test_fixed_addresses_take_the_place_of_those_of_their_family_only() -> None:
    sections = cable(addresses=["192.0.2.10/24", "192.0.2.11/24"], gateways=["192.0.2.1"], name_servers=["192.0.2.53"])
    assert sections["ipv4"] == {
        "method": "manual",
        "address1": "192.0.2.10/24",
        "address2": "192.0.2.11/24",
        "gateway": "192.0.2.1",
        "dns": "192.0.2.53;",
    }
    assert sections["ipv6"] == {"method": "auto", "ignore-auto-dns": "true"}


def test_addresses_of_ipv6_stand_with_their_own_family() -> None:
    sections = cable(addresses=["2001:db8::10/64"], gateways=["2001:db8::1"], name_servers=["2001:db8::53"])
    assert sections["ipv6"] == {
        "method": "manual",
        "address1": "2001:db8::10/64",
        "gateway": "2001:db8::1",
        "dns": "2001:db8::53;",
    }


def test_name_servers_replace_those_that_the_network_names() -> None:
    assert cable(name_servers=["192.0.2.53"])["ipv4"] == {
        "method": "auto",
        "dns": "192.0.2.53;",
        "ignore-auto-dns": "true",
    }


def test_a_tagged_network_has_the_addresses_and_the_cable_has_none() -> None:
    files = cable_files(Ethernet.model_validate({"vlan": 20, "addresses": ["192.0.2.10/24"]}))
    below, tagged = parsed(files[keyfile_path(CABLE)]), parsed(files[keyfile_path(VLAN)])
    assert below["ipv4"]["method"] == below["ipv6"]["method"] == "disabled"
    assert tagged["vlan"] == {"id": "20", "parent": below["connection"]["uuid"]}
    assert tagged["ipv4"]["address1"] == "192.0.2.10/24"


def test_an_untagged_cable_leaves_no_tagged_network_behind() -> None:
    assert cable_files(Ethernet())[keyfile_path(VLAN)] is None


def test_wifi_networks_are_tried_in_their_order() -> None:
    first, second = wifi(WifiNetwork(ssid="shop", security=WifiSecurity.OPEN), WifiNetwork(ssid="store"))
    assert int(first["connection"]["autoconnect-priority"]) > int(second["connection"]["autoconnect-priority"])
    assert first["connection"]["uuid"] != second["connection"]["uuid"]


@pytest.mark.parametrize(
    ("security", "management"), [(WifiSecurity.OPEN, None), (WifiSecurity.WPA2, "wpa-psk"), (WifiSecurity.WPA3, "sae")]
)
def test_each_protection_has_its_kind_of_keys(security: WifiSecurity, management: str | None) -> None:
    (sections,) = wifi(WifiNetwork(ssid="shop", security=security), wifi_password_1="12345678")
    expected = None if management is None else {"key-mgmt": management, "psk": "12345678"}
    assert sections.get("wifi-security") == expected


@pytest.mark.parametrize(
    ("ssid", "written"),
    [("Shop-1", "Shop-1"), ("a b", "97;32;98;"), ("1;2", "49;59;50;"), ("店", "229;186;151;"), ("[x]", "91;120;93;")],
)
def test_a_name_that_could_mean_something_to_the_format_goes_byte_by_byte(ssid: str, written: str) -> None:
    (sections,) = wifi(WifiNetwork(ssid=ssid, hidden=True))
    assert sections["wifi"] == {"mode": "infrastructure", "ssid": written, "hidden": "true"}


def test_a_keyfile_tells_which_network_it_is_for(subtests: pytest.Subtests) -> None:
    for ssid in ("Shop-1", "a b", "1;2", "123", "店"):
        for hidden in (True, False):
            with subtests.test(ssid=ssid, hidden=hidden):
                network = WifiNetwork(ssid=ssid, hidden=hidden, security=WifiSecurity.OPEN)
                (content,) = wifi_files(Network(wifi=(network,)), {}).values()
                assert read_wifi(content) == (ssid.encode(), hidden)


@pytest.mark.parametrize("content", [b"", b"ssid=999;\n", b"\xff"])
def test_a_keyfile_that_somebody_has_changed_does_no_harm(content: bytes) -> None:
    read_wifi(content)


def test_blanks_and_backslashes_of_a_password_are_not_lost() -> None:
    (sections,) = wifi(WifiNetwork(ssid="shop"), wifi_password_1=" a\\b c ")
    assert sections["wifi-security"]["psk"] == "\\sa\\\\b\\sc\\s"
