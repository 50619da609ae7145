"""`wecall bundle pbx`: a PBX's files and its phones' folder out of a list of extensions, whole or not at all."""

import csv
import stat
import tomllib
from pathlib import Path

import pytest

from firmware.base.durable import replace_durably
from firmware.installer import pbx_command
from tests.lab.certificates import CertificateAuthority
from tests.lab.installer_desk import InstallerDesk, configuration_in, opened

SERIAL = "10000000abcd0001"
TABLE = f"extension,name,serial,place\n201,Büro Süd,{SERIAL},Hall\n2202,O'Neil-Wu 王,,\n"


@pytest.fixture
def table(desk: InstallerDesk) -> Path:
    path = desk.folder / "extensions.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def arguments(desk: InstallerDesk, *more: str | Path) -> tuple[str | Path, ...]:
    command = ("bundle", "pbx", desk.folder / "office", desk.folder / "extensions.csv", "--domain", "pbx.example.com")
    return (*command, "--fleet", "office", "--country", "AT", "--key", desk.key, *more)


def refused(desk: InstallerDesk, *more: str | Path) -> str:
    """Be sure that the command refuses and leaves nothing behind, and return what it says."""
    before = sorted(desk.folder.rglob("*"))
    said = desk.refused(*arguments(desk, *more))
    assert sorted(desk.folder.rglob("*")) == before
    return said


def devices(desk: InstallerDesk) -> list[dict[str, str]]:
    with (desk.folder / "office/phones/devices.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_pbx_and_the_phones_have_the_same_password_of_each_extension_and_nobody_else_reads_it(
    desk: InstallerDesk, table: Path
) -> None:
    said = desk.did(*arguments(desk))
    assert "2 extensions" in said
    office = desk.folder / "office"
    pjsip, rows = (office / "asterisk/pjsip.conf").read_text(), devices(desk)
    passwords = [row["password"] for row in rows]
    assert len(set(passwords)) == len(rows)
    for row, name in zip(rows, ("Büro Süd", "O'Neil-Wu 王"), strict=True):
        assert len(row["password"]) >= 22
        assert row["password"] not in said
        number = row["username"]
        assert f"[{number}](login)\nusername={number}\npassword={row['password']}\n" in pjsip
        assert f'[{number}](phone)\ncallerid="{name}" <{number}>\n' in pjsip
        assert f"\nmailboxes={number}@default\n" in pjsip
    assert stat.S_IMODE(office.stat().st_mode) == 0o700
    for path in ("asterisk/pjsip.conf", "asterisk/extensions.conf", "phones/devices.csv"):
        assert stat.S_IMODE((office / path).stat().st_mode) == 0o600


def test_each_extension_is_called_watched_and_picked_up(desk: InstallerDesk, table: Path) -> None:
    desk.did(*arguments(desk))
    lines = (desk.folder / "office/asterisk/extensions.conf").read_text().splitlines()
    for number in ("201", "2202"):
        assert f"exten => {number},hint,PJSIP/{number}" in lines
        place = lines.index(f"exten => {number},1,Dial(PJSIP/${{EXTEN}},30)")
        assert lines[place + 1] == " same => n,Hangup(${HANGUPCAUSE})"
    assert "exten => _**X.,1,Pickup(${EXTEN:2}@from-internal)" in lines


def test_what_is_made_is_what_mass_takes_once_the_serials_are_there(desk: InstallerDesk, table: Path) -> None:
    authority = CertificateAuthority(desk.folder / "authority")
    desk.did(*arguments(desk, "--ca", authority.ca_path))
    phones = desk.folder / "office/phones"
    assert [(row["device_id"], row["place"]) for row in devices(desk)] == [("phone-201", "Hall"), ("phone-2202", "")]
    made = phones / "devices.csv"
    made.write_text(made.read_text(encoding="utf-8").replace("王,,", "王,10000000abcd0002,"), encoding="utf-8")
    assert "2 handset(s), no mistake." in desk.did("bundle", "mass", made, "--check")
    desk.did("bundle", "mass", made, "--stick", desk.stick, "--key", desk.key)
    bundle = opened(desk.stick / f"{SERIAL}.wecall")
    (account,) = configuration_in(bundle)["accounts"]
    assert account == {
        "username": "201",
        "label": "Büro Süd",
        "domain": "pbx.example.com",
        "srtp": "mandatory",
        "tls_ca": "certificates/pbx-ca.pem",
    }
    assert bundle.read("certificates/pbx-ca.pem") == authority.ca_pem


def test_where_a_public_authority_has_signed_the_phone_trusts_those(desk: InstallerDesk, table: Path) -> None:
    desk.did(*arguments(desk))
    (account,) = tomllib.loads((desk.folder / "office/phones/config.toml").read_text())["accounts"]
    assert "tls_ca" not in account


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "has no headings"),
        ("extension,name\n", "extensions.csv: there is no handset below the headings."),
        ("extension\n201\n", "extensions.csv: no column is called name."),
        ("name\nA\n", "extensions.csv: no column is called extension."),
        ("extension,name,colour\n201,A,red\n", "column C (colour): there is no such column"),
        ("extension,name\n201,A\n202,B\n201,C\n", "row 4, column A (extension): row 2 has this extension already."),
        ("extension,name\n201,A\n\n2,B\n", "row 4, column A (extension): an extension has two to six digits."),
        ("extension,name\n2000001,A\n", "row 2, column A (extension): an extension has two to six digits."),
        ("extension,name\n²²,A\n", "row 2, column A (extension): an extension has two to six digits."),
        ("extension,name\n_XXX,A\n", "row 2, column A (extension): an extension has two to six digits."),
        ("extension,name\n201,\n", "row 2, column B (name): a name has 1 to 32 letters"),
        ("extension,name,serial\n201,A,abc\n", "row 2, column C (serial): 'abc' is no serial"),
        ("extension,name,device_id\n201,A,x\n202,B,x\n", "row 3, column C (device_id): row 2 has this device id"),
        ("extension,name\n112,A\n", "row 2, column A (extension): a phone that dials it calls 112 for help."),
        ("extension,name\n201,A\n1120,B\n", "row 3, column A (extension): a phone that dials it calls 112 for help."),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_place_and_nothing_is_made(
    desk: InstallerDesk, table: Path, rows: str, words: str
) -> None:
    table.write_text(rows, encoding="utf-8")
    assert words in refused(desk)


@pytest.mark.parametrize(
    "name",
    [
        'A" <112>',
        "A;B",
        "A\npassword=x",
        "A\u2028B",
        "A\u202eB",
        "A\0B",
        "[tls]",
        "#exec x",
        "=1+1",
        "-A",
        "'A",
        "${SHELL(x)}",
        "A\\B",
        "A,B",
        "A>B",
        "a" * 33,
        "王" * 27,
    ],
)
def test_a_name_that_could_end_its_value_or_is_cut_by_asterisk_is_refused(
    desk: InstallerDesk, table: Path, name: str
) -> None:
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("extension", "name"), ("201", name)])
    assert "row 2, column B (name): a name has 1 to 32 letters" in refused(desk)


def test_an_extension_that_another_country_has_for_help_is_taken(desk: InstallerDesk, table: Path) -> None:
    table.write_text("extension,name\n144,A\n")
    assert "calls 144 for help" in refused(desk)
    desk.did(*arguments(desk, "--country", "FR"))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--domain", "sip:pbx", "accounts[1].domain: takes a host name"),
        ("--country", "at", "device.country: takes the two capital letters"),
        ("--fleet", "My Office", "device.fleet: takes up to 64 lower-case letters"),
    ],
)
def test_what_no_phone_would_take_is_refused_before_anything_is_made(
    desk: InstallerDesk, table: Path, option: str, value: str, words: str
) -> None:
    assert words in refused(desk, option, value)


def test_a_private_key_or_any_other_file_never_goes_to_the_phones_as_the_authority(
    desk: InstallerDesk, table: Path
) -> None:
    assert "this holds a private key" in refused(desk, "--ca", desk.key)
    assert "this is no certificate in PEM form" in refused(desk, "--ca", table)


@pytest.mark.parametrize("kind", ["empty folder", "link to nowhere"])
def test_what_is_there_is_never_overwritten(desk: InstallerDesk, table: Path, kind: str) -> None:
    office = desk.folder / "office"
    if kind == "empty folder":
        office.mkdir()
    else:
        office.symlink_to(desk.folder / "nowhere")
    assert f"There is {office} already" in refused(desk)


def test_a_folder_that_would_stand_nowhere_is_told(desk: InstallerDesk, table: Path) -> None:
    said = desk.refused("bundle", "pbx", desk.folder / "no/office", table, *arguments(desk)[4:])
    assert f"There is no folder {desk.folder / 'no'}" in said


def test_a_disk_that_fills_up_leaves_nothing_behind(
    desk: InstallerDesk, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(target: Path, content: bytes) -> None:
        if target.name == "extensions.conf":
            raise OSError(28, "No space left on device", str(target))
        assert not (desk.folder / "office").exists()
        replace_durably(target, content)

    monkeypatch.setattr(pbx_command, "replace_durably", fail)
    assert "No space left on device" in refused(desk)
