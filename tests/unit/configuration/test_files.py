from pathlib import Path

import pytest

from firmware.configuration.files import fill_in, missing_files, place, wanted_secrets, with_own_key
from firmware.configuration.loading import check_configuration, sip_password
from provisioning.schema import Configuration

pytestmark = pytest.mark.feature("bundle trial")

TEXT = """
[device]
id = "desk-1"
[[accounts]]
username = "alice"
domain = "sip.example"
tls_ca = "certificates/operator-ca.pem"
[[accounts]]
name = "second"
username = "bob"
domain = "other.example"
tls_ca = "/etc/ssl/certs/ca.pem"
[sync]
host = "broker.example"
ca = "certificates/broker-ca.pem"
certificate = "certificates/broker.pem"
"""
RINGER = '[ringer]\ntone = "ring_tones/bell.wav"\n'
NAMES = ("certificates/operator-ca.pem", "certificates/broker-ca.pem", "certificates/broker.pem")


def configuration() -> Configuration:
    return check_configuration(TEXT)


def test_paths_lead_into_the_bundles_folder_and_those_of_the_machine_stay() -> None:
    placed = place(configuration(), Path("/state/7"))
    assert [account.tls_ca for account in placed.accounts] == [
        Path("/state/7/certificates/operator-ca.pem"),
        Path("/etc/ssl/certs/ca.pem"),
    ]
    assert placed.sync is not None
    assert placed.sync.ca == Path("/state/7/certificates/broker-ca.pem")
    assert placed.sync.key is None


def test_files_that_are_named_and_missing_are_all_said() -> None:
    assert missing_files(configuration(), NAMES) == ()
    assert missing_files(configuration(), NAMES[2:]) == (
        "accounts[1].tls_ca: certificates/operator-ca.pem is not in the bundle.",
        "sync.ca: certificates/broker-ca.pem is not in the bundle.",
    )


def test_a_ring_tone_is_one_of_the_files() -> None:
    named = check_configuration(TEXT + RINGER)
    assert place(named, Path("/state/7")).ringer.tone == Path("/state/7/ring_tones/bell.wav")
    assert place(configuration(), Path("/state/7")).ringer.tone is None
    assert missing_files(named, NAMES) == ("ringer.tone: ring_tones/bell.wav is not in the bundle.",)
    assert missing_files(named, (*NAMES, "ring_tones/bell.wav")) == ()


def test_a_path_out_of_the_bundle_is_a_missing_file() -> None:
    text = TEXT.replace("certificates/operator-ca.pem", "../identity/broker.key")
    assert len(missing_files(check_configuration(text), NAMES)) == 1


def test_sealed_passwords_go_where_systemd_credentials_of_those_names_would() -> None:
    filled = fill_in(configuration(), {"sip-password": "one", "sip-password-second": "two"})
    first, second = filled.accounts
    assert (sip_password(first, {}), sip_password(second, {}, is_default=False)) == ("one", "two")


def test_a_systemd_credential_comes_before_what_was_sealed(tmp_path: Path) -> None:
    (tmp_path / "sip-password").write_text("from systemd\n")
    [first, _] = fill_in(configuration(), {"sip-password": "one"}).accounts
    assert sip_password(first, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "from systemd"


def test_passwords_that_are_nowhere_are_named(tmp_path: Path) -> None:
    assert wanted_secrets(configuration(), {}) == ("sip-password", "sip-password-second")
    filled = fill_in(configuration(), {"sip-password-alice": "one"})
    assert wanted_secrets(filled, {}) == ("sip-password-second",)
    (tmp_path / "sip-password-second").write_text("two")
    assert wanted_secrets(filled, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == ()


def test_a_certificate_without_a_key_is_the_handsets_own_keys() -> None:
    own = with_own_key(configuration(), Path("/state/identity/broker.key"))
    assert own.sync is not None
    assert own.sync.key == Path("/state/identity/broker.key")
    other = check_configuration(TEXT + 'key = "/etc/wecall/broker.key"\n')
    assert with_own_key(other, Path("/state/identity/broker.key")) == other
