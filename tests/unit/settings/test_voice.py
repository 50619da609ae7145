"""New."""

from pathlib import Path

import pytest

from firmware.settings.voice import sip_settings
from firmware.voice.sip.settings import ServerName
from provisioning.parsing import parse_configuration

TEXT = """
[device]
id = "desk-1"
country = "GB"
[[accounts]]
username = "1001"
domain = "sip.example"
password = "of-1001"
[[accounts]]
name = "office"
username = "2002"
domain = "pbx.example"
servers = ["a.example", "b.example:5071"]
password = "of-2002"
[nat]
ice = true
turn_server = "relay.example"
turn_password = "of-the-relay"
"""


def test_the_default_account_has_no_name_in_events_and_the_others_have_theirs() -> None:
    settings = sip_settings(parse_configuration(TEXT))
    assert [account.name for account in settings.accounts] == ["", "office"]
    assert settings.account.use_srv
    assert settings.more_accounts[0].servers == (ServerName("a.example", 5061), ServerName("b.example", 5071))


def test_keys_by_dtls_are_for_whom_calls_may_name() -> None:
    listed = ("10.1.0.0/16",)
    text = f'{TEXT}media_networks = ["{listed[0]}"]\n'
    assert sip_settings(parse_configuration(text)).media_networks == ("0.0.0.0/0", "::/0", *listed)
    assert sip_settings(parse_configuration(f'{text}media = "servers"\n')).media_networks == listed


def test_the_line_orders_the_codecs_unless_somebody_has_written_an_order() -> None:
    settings = sip_settings(parse_configuration(TEXT))
    assert settings.order_codecs_by_line
    written = sip_settings(parse_configuration(TEXT + '[sip]\ncodecs = ["g722", "opus", "pcma", "pcmu"]\n'))
    assert written.codecs == settings.codecs
    assert not written.order_codecs_by_line


def test_the_handset_has_the_same_instance_id_for_ever_and_no_other_has_it() -> None:
    settings = sip_settings(parse_configuration(TEXT))
    assert settings.instance_id.startswith("urn:uuid:")
    assert sip_settings(parse_configuration(TEXT)).instance_id == settings.instance_id
    assert sip_settings(parse_configuration(TEXT.replace("desk-1", "desk-2"))).instance_id != settings.instance_id


def test_emergency_numbers_are_known_to_the_sip_stack() -> None:
    is_emergency = sip_settings(parse_configuration(TEXT)).is_emergency
    assert is_emergency("999")
    assert not is_emergency("100")


def test_this_handset_may_not_be_transferred_to_what_is_barred_or_for_help() -> None:
    settings = sip_settings(parse_configuration(f'{TEXT}[dialing]\nbarred = ["0900*"]\n'))
    assert settings.allows("100")
    assert not settings.allows("999")
    assert not settings.allows("0900123")


def test_an_accounts_authorities_are_read_and_what_cannot_be_read_is_that_accounts_fault_alone(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    text = TEXT.replace('of-1001"', f'of-1001"\ntls_ca = "{tmp_path}/ca.pem"')
    text = text.replace('of-2002"', f'of-2002"\ntls_ca = "{tmp_path}/none.pem"')
    one, other = sip_settings(parse_configuration(text)).accounts
    assert (one.tls_ca_pem, one.tls_ca_error) == (b"pem", "")
    assert other.tls_ca_pem is None
    assert other.tls_ca_error == f"[Errno 2] No such file or directory: '{tmp_path}/none.pem'"
    assert sip_settings(parse_configuration(TEXT)).account.tls_ca_pem is None


def test_each_password_may_come_from_a_credential_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sip-password", "sip-password-office", "turn-password"):
        (tmp_path / name).write_text(f"{name} of systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = sip_settings(parse_configuration(TEXT))
    assert [account.password for account in settings.accounts] == [
        "sip-password of systemd",
        "sip-password-office of systemd",
    ]
    assert settings.nat.turn_password == "turn-password of systemd"


def test_a_credential_of_the_default_account_is_no_other_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sip-password").write_text("of the default account")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert sip_settings(parse_configuration(TEXT)).more_accounts[0].password == "of-2002"
