"""Which files a configuration wants."""

import pytest

from contract.results import OutcomeCode
from firmware.setup.root.connections import RADIO
from firmware.setup.root.plan import Files, is_network, wanted_files, wanted_radio
from provisioning.errors import BundleRefusedError
from provisioning.parsing import parse_configuration
from tests.lab.root_machine import CABLE, TIME_SERVERS, WIFI, configuration, wifi

pytestmark = pytest.mark.feature("networks by bundle")

SECRETS = {"wifi-password-1": "12345678"}


def wanted(*tables: str, secrets: dict[str, str] | None = None, present: tuple[str, ...] = ()) -> Files:
    found = parse_configuration(configuration(*tables).decode())
    return wanted_files(found, SECRETS if secrets is None else secrets, present)


def test_what_is_left_out_stays_as_it_is() -> None:
    assert wanted(present=("wecall-wifi-1.nmconnection",)) == {}
    assert wanted_radio(parse_configuration(configuration().decode())) is None


def test_wifi_networks_of_before_are_forgotten_and_those_of_others_are_not() -> None:
    files = wanted(wifi("shop"), present=("wecall-wifi-1.nmconnection", "wecall-wifi-2.nmconnection"))
    assert files[WIFI] is not None
    assert files[WIFI.replace("1.nm", "2.nm")] is None
    assert CABLE not in files


def test_the_radio_is_off_where_there_is_no_wifi_network() -> None:
    assert wanted_radio(parse_configuration(configuration("[network]").decode())) is False
    assert wanted_radio(parse_configuration(configuration(wifi("shop")).decode())) is True


@pytest.mark.parametrize(("line", "country"), [("", "DE"), ('country = "HK"', "HK")])
def test_the_radio_keeps_the_rules_of_the_country_that_the_handset_is_in(line: str, country: str) -> None:
    files = wanted(wifi("shop").replace("[network]", f"[network]\n{line}"))
    assert files[RADIO] == f"options cfg80211 ieee80211_regdom={country}\n".encode()


def test_time_servers_are_written_without_the_brackets_of_the_configuration() -> None:
    assert wanted('[time]\nservers = ["ntp.example.org", "[2001:db8::7b]"]') == {
        TIME_SERVERS: b"[Time]\nNTP=ntp.example.org 2001:db8::7b\n"
    }


def test_a_password_may_stand_in_the_configuration() -> None:
    files = wanted(f'{wifi("shop")}\npassword = "abcdefgh"', secrets={})
    assert b"psk=abcdefgh\n" in (files[WIFI] or b"")


@pytest.mark.parametrize(
    ("secrets", "refusal"),
    [({}, OutcomeCode.NO_SECRETS), ({"wifi-password-1": "short"}, OutcomeCode.MISTAKES)],
)
def test_a_network_that_nobody_could_join_is_refused(secrets: dict[str, str], refusal: OutcomeCode) -> None:
    with pytest.raises(BundleRefusedError) as refused:
        wanted(wifi("shop"), secrets=secrets)
    assert refused.value.refusal is refusal
    assert "short" not in str(refused.value)


@pytest.mark.parametrize("path", [CABLE, WIFI])
def test_networks_are_told_from_other_files(path: str) -> None:
    assert is_network(path)
    assert not is_network(TIME_SERVERS)
