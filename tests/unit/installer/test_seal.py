import re

import pytest

from provisioning.errors import BundleRefusedError
from provisioning.sealing import unseal_with_code, unseal_with_key
from tests.lab.installer_desk import BlankHandset, InstallerDesk, configuration_in, opened


def test_passwords_leave_the_configuration_and_only_the_handset_opens_them(desk: InstallerDesk) -> None:
    handset = BlankHandset("10000000abcd0001")
    handset.leave_identity(desk.stick)
    desk.did("bundle", "seal", desk.site, "--to", desk.stick)
    text = desk.configuration_path.read_text()
    assert "swordfish-7" not in text
    assert "# The exchange in the cellar." in text
    desk.did("bundle", "build", desk.site, "--key", desk.key)
    bundle = opened(desk.folder / "site.wecall")
    assert "password" not in configuration_in(bundle)["accounts"][0]
    blob = bundle.read("sealed/10000000abcd0001")
    assert unseal_with_key(blob, handset.sealing_key, serial=handset.serial) == {"sip-password": "swordfish-7"}
    with pytest.raises(BundleRefusedError):
        unseal_with_key(blob, BlankHandset(handset.serial).sealing_key, serial=handset.serial)


def test_a_code_is_shown_once_and_opens_them(desk: InstallerDesk) -> None:
    said = desk.did("bundle", "seal", desk.site, "--to-code")
    (code,) = re.findall(r"([0-9]{5} [0-9]{5})", said)
    blob = (desk.site / "sealed" / "code").read_bytes()
    assert unseal_with_code(blob, code.replace(" ", "")) == {"sip-password": "swordfish-7"}
    kept = [path.read_bytes() for path in desk.site.rglob("*") if path.is_file()]
    assert not any(code.replace(" ", "").encode() in content or code.encode() in content for content in kept)


def test_every_kind_of_password_has_the_name_that_the_handset_looks_for(desk: InstallerDesk) -> None:
    with desk.configuration_path.open("a") as file:
        file.write(
            '\n[[accounts]]\nusername = "200"\ndomain = "b.example"\npassword = "second-7"\ndefault = true\n'
            '[nat]\nice = true\nturn_server = "relay.example"\nturn_password = "relay"\n'
            '[[network.wifi]]\nssid = "guests"\n[[network.wifi]]\nssid = "staff"\npassword = "wireless"\n'
        )
    handset = BlankHandset("10000000abcd0001")
    desk.did("bundle", "seal", desk.site, "--to", handset.leave_identity(desk.folder))
    blob = (desk.site / "sealed" / handset.serial).read_bytes()
    assert unseal_with_key(blob, handset.sealing_key, serial=handset.serial) == {
        "sip-password": "second-7",
        "sip-password-any": "swordfish-7",
        "turn-password": "relay",
        "wifi-password-2": "wireless",
    }
    assert not re.search(r"second-7|swordfish|wireless|= .relay.$", desk.configuration_path.read_text(), re.MULTILINE)


def test_what_was_sealed_can_be_sealed_again_to_a_handset_that_came_later(desk: InstallerDesk) -> None:
    desk.did("bundle", "seal", desk.site, "--to-code")
    assert (desk.site / "secrets.toml").stat().st_mode & 0o777 == 0o600
    handset = BlankHandset("10000000abcd0002")
    desk.did("bundle", "seal", desk.site, "--to", handset.leave_identity(desk.stick))
    assert [path.name for path in (desk.site / "sealed").iterdir()] == [handset.serial]


def test_passwords_can_be_forgotten_altogether(desk: InstallerDesk) -> None:
    desk.did("bundle", "seal", desk.site, "--to-code", "--forget")
    assert not (desk.site / "secrets.toml").exists()
    assert not any(b"swordfish-7" in path.read_bytes() for path in desk.site.rglob("*") if path.is_file())
    assert "There is no password" in desk.refused("bundle", "seal", desk.site, "--to-code")


def test_all_identities_that_are_none_are_told_and_nothing_is_changed(desk: InstallerDesk) -> None:
    good = BlankHandset("10000000abcd0001").leave_identity(desk.stick)
    (desk.stick / "identity-10000000abcd0002.json").write_text("{}")
    (desk.stick / "identity-10000000abcd0003.json").write_text(
        good.read_text().replace('"public_key": "', '"public_key": "A')
    )
    before = desk.configuration_path.read_bytes()
    said = desk.refused("bundle", "seal", desk.site, "--to", desk.stick)
    assert "abcd0002" in said
    assert "abcd0003" in said
    assert desk.configuration_path.read_bytes() == before
    assert not (desk.site / "sealed").exists()


def test_two_identities_of_one_serial_are_not_chosen_between(desk: InstallerDesk) -> None:
    BlankHandset("10000000abcd0001").leave_identity(desk.stick)
    BlankHandset("10000000abcd0001").leave_identity(desk.folder)
    said = desk.refused("bundle", "seal", desk.site, "--to", desk.stick, "--to", desk.folder)
    assert "another identity of 10000000abcd0001" in said


def test_sealing_to_nobody_is_asked_about(desk: InstallerDesk) -> None:
    assert "--to-code" in desk.refused("bundle", "seal", desk.site)
    assert "There is no identity-<serial>.json" in desk.refused("bundle", "seal", desk.site, "--to", desk.stick)
