"""A table of handsets and the identities that they left: each says what the other lacks, and serials are filled in."""

from pathlib import Path

import pytest

from firmware.installer import device_table
from tests.lab.installer_desk import BlankHandset, InstallerDesk

HEADINGS = ("serial", "username", "password")
SERIALS = ("10000000abcd0001", "10000000abcd0002", "10000000abcd0003")


@pytest.fixture
def identities(desk: InstallerDesk) -> Path:
    folder = desk.folder / "identities"
    folder.mkdir()
    return folder


def write_rows(desk: InstallerDesk, *serials: str) -> None:
    desk.write_table(HEADINGS, *((serial, f"{100 + number}", "x") for number, serial in enumerate(serials)))


def checked(desk: InstallerDesk, *arguments: str | Path) -> list[str]:
    """Return what a check warns of."""
    said = desk.did("bundle", "mass", desk.table, "--check", *arguments)
    warnings = [line.removeprefix("warning: ") for line in said.splitlines() if line.startswith("warning: ")]
    return [warning for warning in warnings if warning.startswith(("devices.csv", "identity-"))]


def leave_all(identities: Path, *serials: str) -> None:
    for serial in serials:
        BlankHandset(serial).leave_identity(identities)


def test_a_table_that_fits_the_identities_is_not_talked_about(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    write_rows(desk, *SERIALS)
    assert checked(desk, "--to", identities) == []


def test_rows_without_an_identity_and_identities_without_a_row_are_named(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, SERIALS[0], "f00dbeef12345678")
    write_rows(desk, *SERIALS)
    of_identity, of_rows = checked(desk, "--to", identities)
    assert of_identity == "identity-f00dbeef12345678.json: no row has this serial, so that no bundle is for it."
    assert of_rows.startswith(
        "devices.csv, rows 3 to 4, column A (serial): no identity is of this handset, so that a code"
    )
    assert checked(desk) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("10000000abcd002", SERIALS[1]),
        ("10000000abcd00022", SERIALS[1]),
        ("10000000abdc0002", SERIALS[1]),
        ("1000000oabcd0002", SERIALS[1]),
        ("12345678", "0000000012345678"),
    ],
    ids=["a digit too few", "one too many", "swapped", "a letter for a zero", "zeros eaten"],
)
def test_the_nearest_serial_that_no_row_has_is_proposed(
    desk: InstallerDesk, identities: Path, typed: str, meant: str
) -> None:
    leave_all(identities, SERIALS[0], meant, "f00dbeef12345678")
    write_rows(desk, SERIALS[0], typed)
    other, first = checked(desk, "--to", identities)
    assert f"row 3, column A (serial): no identity is of {typed}; did you mean {meant}, whose identity no row" in first
    assert other.startswith("identity-f00dbeef12345678.json")


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("10000002", "have 16 letters and digits, and this one has 8; did a spreadsheet eat its zeros?"),
        ("10000000abcd00022", "have 16 letters and digits, and this one has 17."),
        ("1000000oabcd0002", 'have only 0 to 9 and a to f, and this one has "o".'),
    ],
)
def test_a_serial_that_is_unlike_the_others_is_pointed_out_without_identities(
    desk: InstallerDesk, odd: str, reason: str
) -> None:
    write_rows(desk, SERIALS[0], odd, SERIALS[2])
    (said,) = checked(desk)
    assert said.startswith(f"devices.csv, row 3, column A (serial): most serials here {reason}")


def test_no_serial_is_unlike_the_others_where_these_are_all_different(desk: InstallerDesk) -> None:
    write_rows(desk, "kitchen-phone", "10000000abcd0001")
    assert checked(desk) == []


def test_what_an_identity_confirms_is_not_doubted_for_its_form(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS, "kitchen-phone")
    write_rows(desk, *SERIALS, "kitchen-phone")
    assert checked(desk, "--to", identities) == []


def test_warnings_are_there_also_where_the_table_has_mistakes(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    write_rows(desk, SERIALS[0], "1.00E+15")
    said = desk.refused("bundle", "mass", desk.table, "--check", "--to", identities)
    assert "row 3, column A (serial): a spreadsheet has made a number of it" in said
    assert f"identity-{SERIALS[1]}.json: no row has this serial" in said
    assert said.count("row 3") == 1


# --- mass --from ------------------------------------------------------------------------------------------------------


def test_rows_without_a_serial_get_those_of_identities_in_their_orders(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    write_rows(desk, "", SERIALS[1], "")
    said = desk.did("bundle", "mass", desk.table, "--from", identities)
    assert said == f"2 serial(s) written into {desk.table}.\n"
    assert desk.table.read_text().splitlines() == [
        "serial,username,password",
        f"{SERIALS[0]},100,x",
        f"{SERIALS[1]},101,x",
        f"{SERIALS[2]},102,x",
    ]
    assert "no mistake" in desk.did("bundle", "mass", desk.table, "--check", "--to", identities)
    assert "0 serial(s) written" in desk.did("bundle", "mass", desk.table, "--from", identities)


def test_what_a_serial_column_lacks_and_what_is_left_over_is_said(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    write_rows(desk, "", SERIALS[1])
    assert f"No row was left for: {SERIALS[2]}." in desk.did("bundle", "mass", desk.table, "--from", identities)
    write_rows(desk, "", "", "", "")
    assert "1 row(s) have none yet" in desk.did("bundle", "mass", desk.table, "--from", identities)


def test_a_list_of_names_gets_a_column_of_serials(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    desk.table.write_bytes('\ufeffusername;#note\r\n101;"b\u00fcro; oben"\r\n\r\n102;\r\n'.encode())
    desk.did("bundle", "mass", desk.table, "--from", identities)
    assert desk.table.read_bytes().decode() == (
        f'\ufeffusername;#note;serial\r\n101;"b\u00fcro; oben";{SERIALS[0]}\r\n\r\n102;;{SERIALS[1]}\r\n'
    )


def test_where_there_is_no_table_one_is_begun(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS[:2])
    desk.did("bundle", "mass", desk.table, "--from", identities)
    assert desk.table.read_text().splitlines() == [
        "serial,device_id,username,password,label,place", f"{SERIALS[0]},,,,,", f"{SERIALS[1]},,,,,",
    ]  # fmt: skip


def test_a_column_that_is_none_is_told_before_anything_is_written(desk: InstallerDesk, identities: Path) -> None:
    leave_all(identities, *SERIALS)
    desk.write_table(("seriel", "username"), ("", "101"))
    before = desk.table.read_bytes()
    assert 'did you mean "serial"?' in desk.refused("bundle", "mass", desk.table, "--from", identities)
    assert desk.table.read_bytes() == before


def test_a_table_that_somebody_saves_meanwhile_is_left_alone(
    desk: InstallerDesk, identities: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_all(identities, *SERIALS)
    write_rows(desk, "")
    reading = device_table.read_table

    def saved_after_reading(path: Path) -> device_table.DeviceTable:
        found = reading(path)
        path.write_text(path.read_text() + ",102,y\n")
        return found

    monkeypatch.setattr("firmware.installer.serials.read_table", saved_after_reading)
    assert "was changed meanwhile" in desk.refused("bundle", "mass", desk.table, "--from", identities)
    assert desk.table.read_text().endswith(",102,y\n")
