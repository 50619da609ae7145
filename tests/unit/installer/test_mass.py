import re
import time
from pathlib import Path

import pytest

from firmware.installer import batch, seal_command
from firmware.phone.bundle_news import BundleSignerShown
from firmware.phone.menu_views import NoticeView
from firmware.setup.bundles.examine import check_secrets, read_configuration
from provisioning.bundle import key_words, open_bundle
from provisioning.sealing import unseal_with_code, unseal_with_key
from provisioning.trust import Kind, TrustedKey, decode_public_key
from tests.lab.installer_desk import BlankHandset, InstallerDesk, configuration_in, opened, seal_cheaply
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import said

HEADINGS = ("serial", "device_id", "username", "password", "label", "place")
FIRST = ("10000000abcd0001", "desk-1", "101", "one-secret", "Reception", "Hall")
SECOND = ("10000000abcd0002", "desk-2", "102", "two-secret", "Kitchen", "Cellar")
THIRD = ("10000000abcd0003", "", "103", "three-secret", "", "")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallerDesk:
    monkeypatch.setattr(batch, "seal_to_code", seal_cheaply)
    monkeypatch.setattr(seal_command, "seal_to_code", seal_cheaply)
    return InstallerDesk(tmp_path)


def bundle_path(desk: InstallerDesk, serial: str) -> Path:
    return desk.stick / f"{serial}.wecall"


def codes(desk: InstallerDesk) -> list[str]:
    page = (desk.site / "devices-labels.html").read_text()
    return [code.replace(" ", "") for code in re.findall(r"</small> ([0-9 ]+)<", page)]


def test_each_handset_gets_a_bundle_of_its_own_with_what_its_row_says(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND, THIRD)
    desk.mass()
    for serial, device, username, _, label, _ in (FIRST, SECOND, THIRD):
        bundle = opened(bundle_path(desk, serial))
        said = configuration_in(bundle)
        assert bundle.manifest.serials == (serial,)
        assert said["device"]["id"] == (device or serial)
        assert said["accounts"][0]["username"] == username
        assert said["accounts"][0].get("label", "") == label
        assert said["accounts"][0]["domain"] == "sip.example.org"
    assert "# The exchange in the cellar." in opened(bundle_path(desk, FIRST[0])).read("config.toml").decode()


def test_each_password_opens_with_the_code_on_its_own_label_only(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.mass()
    first, second = codes(desk)
    assert first != second
    for row, code in ((FIRST, first), (SECOND, second)):
        bundle = opened(bundle_path(desk, row[0]))
        assert unseal_with_code(bundle.read("sealed/code"), code) == {"sip-password": row[3]}
    on_the_stick = b"".join(path.read_bytes() for path in desk.stick.iterdir())
    for secret in (FIRST[3], SECOND[3], first, second):
        assert secret.encode() not in on_the_stick


def test_what_is_made_is_what_a_handset_takes(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.mass()
    trusted = TrustedKey(public=desk.public, signs=frozenset({Kind.BUNDLE}))
    for row, code in zip((FIRST, SECOND), codes(desk), strict=True):
        with bundle_path(desk, row[0]).open("rb") as file:
            bundle = open_bundle(file, [trusted])
            bundle.manifest.check_scope(row[0], "hotel")
            bundle.manifest.check_time(time.time(), synced=True)
            found = read_configuration(bundle)
            check_secrets(found.configuration, unseal_with_code(bundle.read("sealed/code"), code))
        assert found.configuration.device.id == row[1]


def test_handsets_whose_identity_is_known_need_no_code(desk: InstallerDesk) -> None:
    known = BlankHandset(FIRST[0])
    known.leave_identity(desk.stick)
    desk.write_table(HEADINGS, FIRST, SECOND)
    assert "1 with a code" in desk.mass("--to", desk.stick)
    bundle = opened(bundle_path(desk, FIRST[0]))
    assert bundle.within("sealed") == (f"sealed/{FIRST[0]}",)
    assert unseal_with_key(bundle.read(f"sealed/{FIRST[0]}"), known.sealing_key, serial=FIRST[0]) == {
        "sip-password": FIRST[3]
    }
    assert opened(bundle_path(desk, SECOND[0])).within("sealed") == ("sealed/code",)


def test_the_question_of_the_display_is_answered_by_the_sheet_where_nobody_types_a_code_too(
    desk: InstallerDesk,
) -> None:
    known = BlankHandset(FIRST[0])
    known.leave_identity(desk.stick)
    desk.write_table(HEADINGS, FIRST)
    assert "0 with a code" in desk.mass("--to", desk.stick)
    page = (desk.site / "devices-labels.html").read_text()
    words = key_words(decode_public_key(desk.public))
    phone = Desk()
    phone.handle(BundleSignerShown(words))
    assert isinstance(phone.view.menu, NoticeView)
    assert f"<h1>{said(phone.view.menu.title)}</h1>" in page
    assert "".join(f"<li>{word}</li>" for word in words) in page


def test_the_same_command_once_more_makes_nothing_anew_and_prints_the_same_labels(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.mass()
    before = {path: path.read_bytes() for path in desk.stick.iterdir()}
    printed = codes(desk)
    assert "0 bundle(s) written" in desk.mass()
    assert {path: path.read_bytes() for path in desk.stick.iterdir()} == before
    assert codes(desk) == printed


def test_only_what_changed_is_made_again_with_a_higher_number_and_its_old_code(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.mass()
    before, printed = opened(bundle_path(desk, SECOND[0])).manifest.number, codes(desk)
    untouched = bundle_path(desk, FIRST[0]).read_bytes()
    desk.write_table(HEADINGS, FIRST, (*SECOND[:4], "Bar", "Cellar"))
    assert "1 bundle(s) written" in desk.mass()
    after = opened(bundle_path(desk, SECOND[0]))
    assert after.manifest.number > before
    assert configuration_in(after)["accounts"][0]["label"] == "Bar"
    assert bundle_path(desk, FIRST[0]).read_bytes() == untouched
    assert codes(desk) == printed


def test_a_run_that_was_cut_off_goes_on_and_keeps_the_codes_that_it_gave(
    desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND, THIRD)
    written: list[Path] = []

    def full_after_one(target: Path, content: bytes) -> None:
        if len(written) == 1:
            raise OSError(28, "No space left on device", str(target))
        written.append(target)
        target.write_bytes(content)

    with monkeypatch.context() as cut:
        cut.setattr(batch, "replace_durably", full_after_one)
        said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "1 of 3 bundles are made" in said
    assert "No space left on device" in said
    first = bundle_path(desk, FIRST[0]).read_bytes()
    assert "2 bundle(s) written" in desk.mass()
    assert bundle_path(desk, FIRST[0]).read_bytes() == first
    for row, code in zip((FIRST, SECOND, THIRD), codes(desk), strict=True):
        bundle = opened(bundle_path(desk, row[0]))
        assert unseal_with_code(bundle.read("sealed/code"), code) == {"sip-password": row[3]}


def test_a_damaged_bundle_on_the_stick_and_a_second_stick_are_written_with_the_same_codes(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.mass()
    printed, number = codes(desk), opened(bundle_path(desk, FIRST[0])).manifest.number
    bundle_path(desk, FIRST[0]).write_bytes(b"damaged")
    assert "1 bundle(s) written" in desk.mass()
    assert opened(bundle_path(desk, FIRST[0])).manifest.number == number
    second = desk.folder / "second"
    second.mkdir()
    assert "2 bundle(s) written" in desk.mass("--stick", second)
    assert codes(desk) == printed


def test_everything_can_be_made_anew_with_other_codes(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST)
    desk.mass()
    before, number = codes(desk), opened(bundle_path(desk, FIRST[0])).manifest.number
    desk.mass("--anew")
    assert codes(desk) != before
    assert opened(bundle_path(desk, FIRST[0])).manifest.number > number


def test_what_holds_codes_is_its_owners_alone(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST)
    desk.mass()
    for name in ("devices-labels.html", "devices.csv.made"):
        assert (desk.site / name).stat().st_mode & 0o777 == 0o600


def test_all_mistakes_of_table_and_folder_are_told_at_once_each_in_its_place(desk: InstallerDesk) -> None:
    desk.write_table(
        ("serial", "device_id", "username", "password", "accounts.0.port", "accounts.0.transport"),
        ("10000000abcd0001", "desk-1", "101", "x", "5060", "udp"),
        ("1.00E+15", "desk-2", "102", "x", "5060", "udp"),
        ("short", "Desk 3", "103", "x", "many", "tpc"),
        ("10000000abcd0001", "desk-1", "101", "", "", ""),
    )
    with desk.configuration_path.open("a") as file:
        file.write("\n[sip]\nlocal_prot = 5060\n")
    said = desk.refused("bundle", "mass", desk.table, "--check")
    for part in (
        "row 3, column A (serial): a spreadsheet has made a number of it",
        "row 4, column A (serial): 'short' is no serial",
        "row 4, column B (device_id): ",
        "row 4, column E (accounts.0.port): ",
        "row 4, column F (accounts.0.transport): ",
        "config.toml: ",
        "local_prot",
    ):
        assert part in said
    assert said.count("local_prot") == 1


def test_what_is_wrong_in_the_same_way_with_many_rows_is_told_once_with_all_of_them(desk: InstallerDesk) -> None:
    rows = [(f"10000000abcd{number:04}", f"Desk {number}", f"{number}", "x", "", "") for number in range(2, 9)]
    rows[4] = (*rows[4][:1], "desk-6", *rows[4][2:])
    desk.write_table(HEADINGS, *rows)
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "There are 6 mistakes." in said
    assert "rows 2 to 5, 7 to 8, column B (device_id): " in said
    assert said.count("column B") == 1


def test_a_number_that_the_dial_plan_forbids_is_told_in_its_cell(desk: InstallerDesk) -> None:
    desk.write_table((*HEADINGS, "calls.forward_busy"), (*FIRST, ""), (*SECOND, SECOND[2]))
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "row 3, column G (calls.forward_busy): " in said
    assert "own number" in said


def test_what_two_rows_cannot_both_have_is_told_in_the_second_whatever_else_is_wrong_there(desk: InstallerDesk) -> None:
    first = (*FIRST[:2], "not a user", *FIRST[3:])
    desk.write_table(HEADINGS, first, (SECOND[0], *first[1:]), (FIRST[0].upper(), *THIRD[1:]))
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "row 3, column B (device_id): row 2 has this device id already" in said
    assert "row 4, column A (serial): row 2 has this serial already" in said
    assert "rows 2 to 3, column C (username): " in said


def test_handsets_may_share_an_account_but_that_is_pointed_out(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, (*SECOND[:2], FIRST[2], *SECOND[3:]))
    said = desk.mass()
    assert "row 3, column C (username): row 2 has the account 101@sip.example.org too" in said
    assert len(list(desk.stick.iterdir())) == 2


def test_a_password_that_is_missing_is_told_where_nothing_stands_in_for_it(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, (*SECOND[:3], "", *SECOND[4:]))
    assert "no mistake" in desk.did("bundle", "mass", desk.table, "--check")
    desk.did("bundle", "seal", desk.site, "--to-code", "--forget")
    assert "row 3, column D (password): this cell must be filled in" in desk.refused(
        "bundle", "mass", desk.table, "--check"
    )


def test_a_password_is_never_in_what_is_told(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, (*FIRST[:3], "p\u00e4ss\x7fword" * 40, *FIRST[4:]), ("short", *SECOND[1:]))
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "p\u00e4ss" not in said
    assert SECOND[3] not in said


def test_checking_makes_nothing_and_asks_for_no_key(desk: InstallerDesk) -> None:
    desk.write_table(HEADINGS, FIRST, SECOND)
    desk.table.chmod(0o600)
    before = sorted(desk.site.iterdir())
    said = desk.did("bundle", "mass", desk.table, "--check")
    assert said == "2 handset(s), no mistake. At 2 of them a code has to be typed, once.\n"
    assert sorted(desk.site.iterdir()) == before
    assert list(desk.stick.iterdir()) == []
    assert "--stick" in desk.refused("bundle", "mass", desk.table)


def test_passwords_that_all_have_in_common_come_from_the_folder_sealed(desk: InstallerDesk) -> None:
    with desk.configuration_path.open("a") as file:
        file.write('\n[[network.wifi]]\nssid = "phones"\npassword = "wireless"\n')
    desk.did("bundle", "seal", desk.site, "--to-code")
    desk.write_table(HEADINGS, FIRST)
    desk.mass()
    bundle = opened(bundle_path(desk, FIRST[0]))
    (code,) = codes(desk)
    assert unseal_with_code(bundle.read("sealed/code"), code) == {
        "sip-password": FIRST[3],
        "wifi-password-1": "wireless",
    }


def test_each_handset_gets_its_own_certificate_and_never_anothers(desk: InstallerDesk) -> None:
    with desk.configuration_path.open("a") as file:
        file.write('\n[sync]\nhost = "broker.example"\ncertificate = "certificates/broker.pem"\n')
    desk.write_table(HEADINGS, FIRST, SECOND)
    assert "certificates/broker.pem is not in the bundle" in desk.refused("bundle", "mass", desk.table, "--check")
    ca, made = desk.folder / "ca", desk.folder / "certificates"
    desk.did("fleet", "ca", "init", ca, typed="words\nwords\n")
    for serial in (FIRST[0], SECOND[0]):
        BlankHandset(serial).leave_identity(desk.stick)
    desk.did("fleet", "ca", "issue", ca, desk.stick, "--devices", desk.table, "-o", made, typed="words\n")
    desk.mass("--certificates", made)
    for row in (FIRST, SECOND):
        assert (
            opened(bundle_path(desk, row[0])).read("certificates/broker.pem") == (made / f"{row[0]}.pem").read_bytes()
        )
    (made / f"{FIRST[0]}.pem").write_bytes((made / f"{SECOND[0]}.pem").read_bytes())
    (made / f"{SECOND[0]}.pem").unlink()
    said = desk.refused("bundle", "mass", desk.table, "--check", "--certificates", made)
    assert "is for desk-2, and this handset is desk-1" in said
    assert "there is no" in said


def test_bundles_of_others_on_the_stick_are_mentioned_and_left_alone(desk: InstallerDesk) -> None:
    (desk.stick / "old.wecall").write_bytes(b"old")
    desk.write_table(HEADINGS, FIRST)
    assert "1 other bundle(s) are on the stick" in desk.mass()
    assert (desk.stick / "old.wecall").read_bytes() == b"old"


def test_a_row_without_a_country_is_told_where_the_folder_has_none(desk: InstallerDesk) -> None:
    text = desk.configuration_path.read_text()
    desk.configuration_path.write_text(text.replace('country = "CN"\n', ""))
    desk.write_table((*HEADINGS, "country"), (*FIRST, "AT"), (*SECOND, "US"))
    desk.mass()
    assert configuration_in(opened(bundle_path(desk, SECOND[0])))["device"]["country"] == "US"
    desk.write_table((*HEADINGS, "country"), (*FIRST, "AT"), (*SECOND, ""))
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "row 3, column G (country): this cell must be filled in" in said
    desk.write_table(HEADINGS, FIRST, SECOND)
    assert 'write where it stands, such as country = "AT"' in desk.refused("bundle", "mass", desk.table, "--check")
    desk.write_table((*HEADINGS, "country"), (*FIRST, "AT"), (*SECOND, "UK"))
    said = desk.refused("bundle", "mass", desk.table, "--check")
    assert "row 3, column G (country): there is no country of this code" in said
    assert 'did you mean "GB"?' in said
