import pytest

from provisioning.errors import ProvisioningError
from provisioning.network import WifiSecurity, wifi_password_name
from provisioning.parsing import parse_configuration

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'


def mistake_of(text: str) -> str:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(MINIMAL + text)
    (mistake,) = caught.value.mistakes
    return mistake


def test_the_machines_own_network_and_time_stay_where_nothing_is_said() -> None:
    configuration = parse_configuration(MINIMAL)
    assert configuration.network is None
    assert configuration.time is None


def test_a_cable_without_addresses_gets_them_from_the_network() -> None:
    network = parse_configuration(MINIMAL + "[network.ethernet]\nvlan = 20\n").network
    assert network is not None
    assert network.ethernet is not None
    assert (network.ethernet.addresses, network.ethernet.vlan, network.wifi) == ((), 20, ())


def test_fixed_addresses_of_both_families_have_a_gateway_each() -> None:
    network = parse_configuration(
        MINIMAL + '[network.ethernet]\naddresses = ["192.0.2.10/24", "2001:db8::10/64"]\n'
        'gateways = ["192.0.2.1", "2001:db8::1"]\nname_servers = ["192.0.2.53"]\n'
    ).network
    assert network is not None
    assert network.ethernet is not None
    assert [str(address) for address in network.ethernet.addresses] == ["192.0.2.10/24", "2001:db8::10/64"]
    assert [str(gateway) for gateway in network.ethernet.gateways] == ["192.0.2.1", "2001:db8::1"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('addresses = ["192.0.2.10"]', 'as in "192.0.2.10/24"'),
        ('addresses = ["192.0.2.300/24"]', "not an address"),
        ('addresses = ["192.0.2.0/24"]', "not an address that a handset can have"),
        ('addresses = ["192.0.2.255/24"]', "not an address that a handset can have"),
        ('addresses = ["127.0.0.1/8"]', "not an address that a handset can have"),
        ('addresses = ["192.0.2.1/24", "192.0.2.1/25"]', "for the second time"),
        ('gateways = ["192.0.2.1"]', "in none of the networks of addresses"),
        ('addresses = ["192.0.2.10/24"]\ngateways = ["198.51.100.1"]', "in none of the networks"),
        ('addresses = ["192.0.2.10/24"]\ngateways = ["192.0.2.10"]', "own address"),
        ('addresses = ["192.0.2.10/24"]\ngateways = ["192.0.2.1", "192.0.2.2"]', "two of one family"),
        ("vlan = 0", "from 1 to 4094"),
    ],
)
def test_a_cable_that_cannot_work_is_a_mistake(settings: str, words: str) -> None:
    mistake = mistake_of(f"[network.ethernet]\n{settings}\n")
    assert mistake.startswith("network.ethernet")
    assert words in mistake


def test_wifi_networks_are_named_protected_and_keep_their_order() -> None:
    network = parse_configuration(
        MINIMAL + '[[network.wifi]]\nssid = "Büro"\n[[network.wifi]]\nssid = "back"\nhidden = true\nsecurity = "wpa3"\n'
    ).network
    assert network is not None
    assert [(wifi.ssid, wifi.hidden, wifi.security) for wifi in network.wifi] == [
        ("Büro", False, WifiSecurity.WPA2),
        ("back", True, WifiSecurity.WPA3),
    ]
    assert wifi_password_name(2) == "wifi-password-2"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (f'ssid = "{"ü" * 17}"', "up to 32 bytes, this one has 34"),
        ('ssid = "a"\npassword = "seven77"', "8 to 63 letters, digits and signs of ASCII, this one has 7"),
        ('ssid = "a"\npassword = "pässword"', "some of them others"),
        (f'ssid = "a"\npassword = "{"g" * 64}"', "this one has 64"),
        ('ssid = "a"\nsecurity = "open"\npassword = "eight888"', "an open network has no password"),
        ('ssid = "a"\nsecurity = "wep"', '"open", "wpa2" or "wpa3"'),
        ('ssid = "a"\n[[network.wifi]]\nssid = "a"', "for the second time"),
    ],
)
def test_a_wifi_network_that_cannot_be_is_a_mistake_that_tells_no_password(settings: str, words: str) -> None:
    mistake = mistake_of(f"[[network.wifi]]\n{settings}\n")
    assert mistake.startswith("network.wifi")
    assert words in mistake
    assert "seven77" not in mistake
    assert "eight888" not in mistake


@pytest.mark.parametrize("password", ["eight888", "x" * 63, "0123456789abcdef" * 4])
def test_a_wifi_password_does_not_show_in_a_printed_configuration(password: str) -> None:
    configuration = parse_configuration(f'{MINIMAL}[[network.wifi]]\nssid = "a"\npassword = "{password}"\n')
    assert password not in repr(configuration)


def test_the_time_comes_from_the_servers_in_their_order() -> None:
    time = parse_configuration(MINIMAL + '[time]\nservers = ["ntp.example", "192.0.2.123"]\n').time
    assert time is not None
    assert time.servers == ("ntp.example", "192.0.2.123")


@pytest.mark.parametrize(
    ("servers", "words"),
    [("[]", "1 to 8 values"), ('["a", "a"]', "for the second time"), ('["a b"]', "takes a host name")],
)
def test_time_servers_that_cannot_be_are_a_mistake(servers: str, words: str) -> None:
    assert words in mistake_of(f"[time]\nservers = {servers}\n")
