from datetime import UTC, datetime, timedelta

import pytest

from provisioning.manifest import Manifest
from provisioning.parsing import parse_configuration
from provisioning.remarks import Severity
from provisioning.risks import manifest_risks, risks

TRUSTED = '[[trust.keys]]\npublic = "5h0xT7c0N7yB5yev1wEb9nrDn91zzNdicH0XkkUwoyc="\nsigns = ["bundle"]\n'
DEVICE = '[device]\nid = "desk-1"\ncountry = "AT"\n'
MINIMAL = f'{TRUSTED}{DEVICE}[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def warned_of(text: str) -> list[str]:
    return [remark.setting for remark in risks(parse_configuration(text))]


def test_what_is_left_as_it_is_by_default_is_no_risk() -> None:
    assert warned_of(MINIMAL) == []


@pytest.mark.parametrize(
    ("addition", "setting"),
    [
        ('password = "x"', "accounts[1].password"),
        ("tls_verify = false", "accounts[1].tls_verify"),
        ('transport = "udp"', "accounts[1].transport"),
        ('transport = "tcp"', "accounts[1].transport"),
        ('srtp = "off"', "accounts[1].srtp"),
        ('[nat]\nice = true\nturn_server = "relay.example"\nturn_password = "x"', "nat.turn_password"),
        ('direct = true\nserver = "192.168.1.20"', "accounts"),
        ('[sip]\nanswer_from = "anyone"', "sip.answer_from"),
        ("[calls]\nauto_answer = true", "calls.auto_answer"),
        ('[sip]\ntrusted_networks = ["203.0.113.0/24"]', "sip.trusted_networks"),
        ('[[network.wifi]]\nssid = "a"\nsecurity = "open"', "network.wifi[1].security"),
        ('[[network.wifi]]\nssid = "a"\npassword = "12345678"', "network.wifi[1].password"),
        (
            '[network.ethernet]\naddresses = ["192.0.2.10/24"]\ngateways = ["192.0.2.1"]',
            "network.ethernet.addresses",
        ),
        (
            '[network.ethernet]\naddresses = ["192.0.2.10/24"]\nname_servers = ["192.0.2.1"]',
            "network.ethernet.addresses",
        ),
    ],
)
def test_what_is_allowed_but_risky_is_warned_of(addition: str, setting: str) -> None:
    assert warned_of(MINIMAL + addition) == [setting]


def test_certificates_that_nobody_looks_at_are_warned_of_only_where_there_are_any() -> None:
    assert warned_of(MINIMAL + 'transport = "udp"\ntls_verify = false\n') == ["accounts[1].transport"]


def test_a_broker_that_may_lose_records_and_knows_no_handset_is_warned_of() -> None:
    operator = '[operator]\nname = "Example"\ncontact = "a@example"\n'
    sync = '[sync]\nhost = "broker.example"\n'
    assert warned_of(MINIMAL + operator + sync) == ["sync.complete", "sync"]
    assert warned_of(MINIMAL + operator + sync + 'complete = "ack"\ncertificate = "a.pem"\n') == []
    assert warned_of(MINIMAL + sync)[2:] == ["operator.name", "operator.contact"]


def test_a_configuration_that_trusts_no_key_with_bundles_is_a_mistake_in_a_bundle_alone() -> None:
    configuration = parse_configuration(MINIMAL.removeprefix(TRUSTED))
    (by_itself,) = risks(configuration)
    (packed,) = risks(configuration, packed=True)
    assert (by_itself.severity, packed.severity) == (Severity.WARNING, Severity.MISTAKE)
    assert by_itself.setting == packed.setting == "trust"


def test_no_warning_repeats_a_secret() -> None:
    text = f'{MINIMAL}password = "hunter2"\n[[network.wifi]]\nssid = "a"\npassword = "hunter22"\n'
    assert "hunter2" not in str([remark.sentence for remark in risks(parse_configuration(text))])


@pytest.mark.parametrize(
    ("days", "serials", "settings"),
    [(90, ("10000000a1b2c3d4",), []), (401, ("10000000a1b2c3d4",), ["not_after"]), (90, (), ["serials"])],
)
def test_a_bundle_for_long_or_for_many_is_warned_of(days: int, serials: tuple[str, ...], settings: list[str]) -> None:
    manifest = Manifest(number=1, fleet="default", serials=serials, issued_at=NOW, not_after=NOW + timedelta(days=days))
    assert [remark.setting for remark in manifest_risks(manifest)] == settings


@pytest.mark.parametrize("packed", [False, True])
def test_nobody_is_to_write_a_configuration_without_its_country(packed: bool) -> None:
    silent = parse_configuration(MINIMAL.replace('country = "AT"\n', ""))
    (remark,) = risks(silent, packed=packed)
    assert (remark.severity, remark.setting) == (Severity.MISTAKE, "device.country")
