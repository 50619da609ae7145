import json
from pathlib import Path

from provisioning.bundle import key_words
from provisioning.trust import decode_public_key
from tests.lab.installer_desk import BlankHandset, InstallerDesk


def build(desk: InstallerDesk, *arguments: str | Path) -> Path:
    desk.did("bundle", "build", desk.site, "--key", desk.key, *arguments)
    return desk.folder / "site.wecall"


def test_inspecting_says_who_signed_for_whom_until_when_and_what(desk: InstallerDesk) -> None:
    file = build(desk, "--serial", "10000000abcd0001", "--note", "Ground floor")
    said = desk.did("bundle", "inspect", file)
    for part in (
        " ".join(key_words(decode_public_key(desk.public))),
        "10000000abcd0001",
        "hotel",
        "Ground floor",
        "config.toml",
    ):
        assert part in said


def test_the_same_is_there_for_programs(desk: InstallerDesk) -> None:
    told = json.loads(desk.did("bundle", "inspect", build(desk), "--json"))
    assert told["signer"]["public"] == desk.public
    assert told["signer"]["words"] == list(key_words(decode_public_key(desk.public)))
    assert told["manifest"]["fleet"] == "hotel"
    assert list(told["contents"]) == ["config.toml"]
    assert told["sealed_to"] == []


def test_a_password_in_clear_is_warned_of_and_never_shown(desk: InstallerDesk) -> None:
    said = desk.did("bundle", "inspect", build(desk))
    assert "sip-password" in said
    assert "swordfish-7" not in said
    desk.did("bundle", "seal", desk.site, "--to-code")
    assert "in clear" not in desk.did("bundle", "inspect", build(desk))


def test_secrets_for_others_than_the_bundle_is_for_are_warned_of(desk: InstallerDesk) -> None:
    BlankHandset("10000000abcd0001").leave_identity(desk.stick)
    desk.did("bundle", "seal", desk.site, "--to", desk.stick)
    said = desk.did("bundle", "inspect", build(desk, "--serial", "10000000abcd0001", "--serial", "10000000abcd0002"))
    assert "sealed to others than 10000000abcd0002" in said


def test_a_changed_bundle_is_not_looked_into(desk: InstallerDesk) -> None:
    file = build(desk)
    content = bytearray(file.read_bytes())
    content[-30] ^= 1
    file.write_bytes(content)
    said = desk.refused("bundle", "inspect", file)
    assert "signature does not fit" in said
    assert "hotel" not in said


def test_a_draft_says_that_nobody_has_signed_it(desk: InstallerDesk) -> None:
    desk.did("bundle", "build", desk.site)
    assert "not yet" in desk.did("bundle", "inspect", desk.folder / "site.draft")


def test_keys_have_the_same_words_wherever_they_are_shown(desk: InstallerDesk) -> None:
    words = " ".join(key_words(decode_public_key(desk.public)))
    assert words in desk.trust_lines
    for path in (desk.key, desk.configuration_path, desk.site, build(desk)):
        said = desk.did("bundle", "keys", path)
        assert words in said
        assert desk.public in said


def test_the_keys_of_a_configuration_that_is_not_finished_are_shown(desk: InstallerDesk) -> None:
    text = desk.configuration_path.read_text()
    desk.configuration_path.write_text(text.replace('domain = "sip.example.org"', 'domain = ""'))
    assert desk.public in desk.did("bundle", "keys", desk.site)


def test_keys_says_what_each_may_sign_and_where_there_is_none(desk: InstallerDesk) -> None:
    assert "bundle, catalogue, notice, policy" in desk.did("bundle", "keys", desk.site)
    desk.configuration_path.write_text(desk.configuration_path.read_text().replace(desk.trust_lines, ""))
    assert "trusts no key" in desk.did("bundle", "keys", desk.site)
