"""The passwords of a table: they leave it for a file that opens with the key that signs, and are never lost."""

from pathlib import Path

import pytest

from firmware.installer import batch, json_lines
from tests.lab.installer_desk import BlankHandset, InstallerDesk, configuration_in, opened, seal_cheaply

HEADINGS = ("serial", "username", "password", "network.wifi.0.ssid", "network.wifi.0.password")
FIRST = ("10000000abcd0001", "101", "one-secret", "phones", "wireless-1")
SECOND = ("10000000abcd0002", "102", "two-secret", "phones", "wireless-2")
SECRETS = (FIRST[2], FIRST[4], SECOND[2], SECOND[4])


@pytest.fixture
def desk(desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch) -> InstallerDesk:
    monkeypatch.setattr(batch, "seal_to_code", seal_cheaply)
    desk.write_table(HEADINGS, FIRST, SECOND)
    return desk


def sealed_path(desk: InstallerDesk) -> Path:
    return desk.site / "devices.csv.sealed"


def handset(desk: InstallerDesk, serial: str) -> BlankHandset:
    """Return a handset that the next bundles can be sealed to."""
    found = BlankHandset(serial)
    found.leave_identity(desk.stick)
    return found


def test_passwords_leave_the_table_for_a_file_that_is_its_owners_alone(desk: InstallerDesk) -> None:
    desk.table.chmod(0o644)
    said = desk.mass()
    assert "4 password(s) left devices.csv for devices.csv.sealed: a cell that is empty is as sealed." in said
    assert desk.table.read_text().splitlines() == [
        ",".join(HEADINGS), "10000000abcd0001,101,,phones,", "10000000abcd0002,102,,phones,",
    ]  # fmt: skip
    assert desk.table.stat().st_mode & 0o777 == sealed_path(desk).stat().st_mode & 0o777 == 0o600
    beside = b"".join(path.read_bytes() for path in desk.site.iterdir() if path.is_file())
    assert not any(secret.encode() in beside for secret in SECRETS)


def test_the_next_run_has_them_and_makes_nothing_anew(desk: InstallerDesk) -> None:
    desk.mass()
    assert "no mistake" in desk.did("bundle", "mass", desk.table, "--check")
    said = desk.mass()
    assert "0 bundle(s) written" in said
    assert "left devices.csv" not in said


def test_a_sealed_password_reaches_the_handset(desk: InstallerDesk) -> None:
    desk.mass()
    phone = handset(desk, FIRST[0])
    desk.mass("--to", desk.stick)
    bundle = opened(desk.stick / f"{FIRST[0]}.wecall")
    assert phone.unseal(bundle) == {"sip-password": FIRST[2], "wifi-password-1": FIRST[4]}
    assert "password" not in configuration_in(bundle)["accounts"][0]


def test_a_password_that_is_typed_anew_replaces_the_sealed_one_alone(desk: InstallerDesk) -> None:
    desk.mass()
    desk.write_table(HEADINGS, (*FIRST[:2], "other-secret", "phones", ""), (*SECOND[:2], "", "phones", ""))
    phones = [handset(desk, row[0]) for row in (FIRST, SECOND)]
    assert "1 password(s) left" in desk.mass("--to", desk.stick)
    found = [phone.unseal(opened(desk.stick / f"{phone.serial}.wecall")) for phone in phones]
    assert found == [
        {"sip-password": "other-secret", "wifi-password-1": FIRST[4]},
        {"sip-password": SECOND[2], "wifi-password-1": SECOND[4]},
    ]


def test_another_handset_in_the_place_of_one_has_its_passwords(desk: InstallerDesk) -> None:
    desk.mass()
    desk.write_table(HEADINGS, ("10000000abcd0009", "101", "", "phones", ""), (*SECOND[:2], "", "phones", ""))
    phone = handset(desk, "10000000abcd0009")
    desk.mass("--to", desk.stick)
    found = phone.unseal(opened(desk.stick / "10000000abcd0009.wecall"))
    assert found == {"sip-password": FIRST[2], "wifi-password-1": FIRST[4]}


def test_passwords_go_back_into_the_table_also_where_their_column_is_gone(desk: InstallerDesk) -> None:
    before = desk.table.read_text()
    desk.mass()
    assert "4 password(s) put back" in desk.did("bundle", "unseal", desk.table, "--key", desk.key)
    assert desk.table.read_text() == before
    desk.write_table((*HEADINGS[:2], *HEADINGS[3:]), (*FIRST[:2], *FIRST[3:]), (*SECOND[:2], *SECOND[3:]))
    assert "no mistake" in desk.did("bundle", "mass", desk.table, "--check")
    desk.did("bundle", "unseal", desk.table, "--key", desk.key)
    assert desk.table.read_text().splitlines()[:2] == [
        "serial,username,network.wifi.0.ssid,network.wifi.0.password,accounts.0.password",
        "10000000abcd0001,101,phones,wireless-1,one-secret",
    ]


def test_another_key_opens_nothing_and_takes_nothing(desk: InstallerDesk) -> None:
    desk.mass()
    other = desk.folder / "other.pem"
    desk.did("key", "new", other, "--no-passphrase")
    before = {path: path.read_bytes() for path in desk.site.iterdir() if path.is_file()}
    for command in (("mass", desk.table, "--stick", desk.stick), ("unseal", desk.table)):
        assert "are sealed with the key" in desk.refused("bundle", *command, "--key", other)
    assert {path: path.read_bytes() for path in desk.site.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("damage", [b"no line", b'{"serial": "10000000abcd0001"}'])
def test_a_damaged_file_is_told_and_never_overwritten(desk: InstallerDesk, damage: bytes) -> None:
    desk.mass()
    sealed_path(desk).write_bytes(damage)
    said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "devices.csv.sealed, line 1, is damaged" in said
    assert sealed_path(desk).read_bytes() == damage


def test_sealed_values_that_were_changed_are_told(desk: InstallerDesk) -> None:
    desk.mass()
    first, second = sealed_path(desk).read_text().splitlines()
    sealed_path(desk).write_text(first.replace("0001", "0002") + "\n")
    said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "The passwords of 10000000abcd0002" in said
    assert "do not open" in said
    assert second


def test_where_the_sealed_file_is_gone_the_cells_are_asked_for(desk: InstallerDesk) -> None:
    desk.write_table(("serial", "username", "password"), FIRST[:3], SECOND[:3])
    text = desk.configuration_path.read_text()
    desk.configuration_path.write_text(text.replace('password = "swordfish-7"  # until it is sealed\n', ""))
    desk.mass()
    sealed_path(desk).unlink()
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "rows 2 to 3, column C (password): this cell must be filled in" in said


def test_the_table_keeps_its_passwords_where_they_cannot_be_sealed(
    desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk.table.read_bytes()

    def full(target: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(json_lines, "replace_durably", full)
    said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "devices.csv.sealed cannot be used: No space left on device" in said
    assert desk.table.read_bytes() == before


def test_the_table_keeps_its_passwords_where_the_disk_has_lost_what_was_sealed(
    desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = desk.table.read_bytes()
    monkeypatch.setattr(json_lines, "replace_durably", lambda _target, _content: None)
    said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "devices.csv.sealed does not hold what was written to it" in said
    assert desk.table.read_bytes() == before


def test_a_check_says_who_else_can_read_the_passwords_and_changes_nothing(desk: InstallerDesk) -> None:
    desk.table.chmod(0o644)
    before = desk.table.read_bytes()
    assert f"chmod 600 {desk.table}" in desk.did("bundle", "mass", desk.table, "--check")
    assert desk.table.read_bytes() == before
    desk.table.chmod(0o600)
    assert "chmod" not in desk.did("bundle", "mass", desk.table, "--check")
    desk.mass()
    desk.table.chmod(0o644)
    assert "chmod" not in desk.did("bundle", "mass", desk.table, "--check")
