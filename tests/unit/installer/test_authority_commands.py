import json
from pathlib import Path

import pytest
from cryptography import x509

from firmware.installer import authority_folder
from fleet.access_list import AccessList
from provisioning.authority import common_name
from tests.lab.installer_desk import BlankHandset, InstallerDesk

SERIAL = "10000000abcd0001"


class Office(InstallerDesk):
    """A desk with an authority."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = folder / "authority"
        self.certificates = folder / "certificates"
        self.did("fleet", "ca", "init", self.authority, typed="words\nwords\n")

    def issue(self, *arguments: str | Path) -> str:
        return self.did("fleet", "ca", "issue", self.authority, *arguments, "-o", self.certificates, typed="words\n")

    def certificate(self, serial: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.certificates / f"{serial}.pem").read_bytes())

    def revoked(self) -> set[int]:
        found = x509.load_pem_x509_crl((self.authority / "revoked.pem").read_bytes())
        return {each.serial_number for each in found}

    def listed(self) -> list[dict[str, str]]:
        listed: list[dict[str, str]] = json.loads(self.did("fleet", "ca", "list", self.authority, "--json"))
        return listed


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_an_authority_keeps_its_key_encrypted_and_is_never_overwritten(office: Office) -> None:
    key = office.authority / "ca.key"
    assert key.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert "already" in office.refused("fleet", "ca", "init", office.authority, typed="other\nother\n")
    assert key.read_bytes() == before
    assert office.revoked() == set()


def test_a_request_is_answered_with_a_certificate_for_the_device_in_the_table(office: Office) -> None:
    handset = BlankHandset(SERIAL)
    handset.leave_identity(office.stick)
    office.write_table(("serial", "device_id", "username"), (SERIAL.upper(), "desk-1", "101"))
    office.issue(office.stick, "--devices", office.table)
    certificate = office.certificate(SERIAL)
    assert common_name(certificate) == "desk-1"
    assert certificate.public_key() == handset.broker_key.public_key()
    (listed,) = office.listed()
    assert (listed["device"], listed["state"]) == ("desk-1", "counts")
    assert "desk-1" in office.did("fleet", "ca", "list", office.authority)


def test_without_a_table_the_device_id_is_the_serial_or_what_is_said(office: Office) -> None:
    identity = BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(identity)
    assert common_name(office.certificate(SERIAL)) == SERIAL
    identity = BlankHandset("10000000abcd0002").leave_identity(office.stick)
    file = office.site / "certificates" / "broker.pem"
    office.did("fleet", "ca", "issue", office.authority, identity, "--device", "hall", "-o", file, typed="words\n")
    assert common_name(x509.load_pem_x509_certificate(file.read_bytes())) == "hall"
    assert "device id" in office.refused("fleet", "ca", "issue", office.authority, identity, "--device", "The Hall")


def test_a_handset_that_asks_again_gets_the_certificate_that_it_has(office: Office) -> None:
    BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(office.stick)
    first = office.certificate(SERIAL)
    office.issue(office.stick)
    assert office.certificate(SERIAL) == first
    assert len(office.listed()) == 1


def test_a_certificate_that_is_soon_over_is_replaced(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(office.stick)
    first = office.certificate(SERIAL)
    monkeypatch.setattr(authority_folder, "_STILL_GOOD", 1)
    office.issue(office.stick)
    assert office.certificate(SERIAL) != first
    assert office.revoked() == set()


def test_a_device_id_goes_to_another_handset_only_by_order_and_the_first_loses_it(office: Office) -> None:
    office.issue(BlankHandset(SERIAL).leave_identity(office.stick), "--device", "desk-1")
    first = office.certificate(SERIAL)
    spare = BlankHandset("10000000abcd0002").leave_identity(office.stick)
    order = ("fleet", "ca", "issue", office.authority, spare, "--device", "desk-1", "-o", office.certificates)
    assert "--replace" in office.refused(*order, typed="words\n")
    assert not (office.certificates / "10000000abcd0002.pem").exists()
    office.did(*order, "--replace", typed="words\n")
    assert office.revoked() == {first.serial_number}
    assert sorted(each["state"] for each in office.listed()) == ["counts", "replaced"]


def test_a_key_is_one_handset_s_whatever_other_device_id_or_serial_it_comes_with(office: Office) -> None:
    handset, copied = BlankHandset(SERIAL), BlankHandset("10000000abcd0002")
    copied.broker_key = handset.broker_key
    identity = handset.leave_identity(office.stick)
    office.issue(identity, "--device", "desk-7")
    order = ("fleet", "ca", "issue", office.authority, "-o", office.certificates)
    for other in ((identity, "--device", "desk-8"), (copied.leave_identity(office.stick), "--device", "desk-9")):
        said = office.refused(*order, *other, typed="words\n")
        assert "This key belongs to desk-7." in said
        assert f"wecall fleet ca revoke {office.authority} desk-7 --reason replaced" in said
    assert "This key belongs to desk-7." in office.refused(*order, identity, "--replace", typed="words\n")
    assert [each["device"] for each in office.listed()] == ["desk-7"]
    assert not (office.certificates / f"{copied.serial}.pem").exists()


def test_of_two_identities_with_one_key_the_second_is_refused_in_the_same_command_too(office: Office) -> None:
    handset, copied, third = (BlankHandset(f"10000000abcd000{number}") for number in (1, 2, 3))
    copied.broker_key = handset.broker_key
    for each in (handset, copied, third):
        each.leave_identity(office.stick)
    said = office.refused(
        "fleet", "ca", "issue", office.authority, office.stick, "-o", office.certificates, typed="words\n"
    )
    assert f"{copied.serial}: This key belongs to {SERIAL}." in said
    assert {each["device"] for each in office.listed()} == {SERIAL, third.serial}


def test_a_handset_gets_another_name_once_the_first_was_taken_back(office: Office) -> None:
    identity = BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(identity, "--device", "desk-7")
    office.did("fleet", "ca", "revoke", office.authority, "desk-7", "--reason", "replaced", typed="words\n")
    office.issue(identity, "--device", "hall")
    assert common_name(office.certificate(SERIAL)) == "hall"


def test_revoking_takes_back_all_of_a_device_and_nothing_of_others(office: Office) -> None:
    for number in (1, 2):
        BlankHandset(f"10000000abcd000{number}").leave_identity(office.stick)
    office.issue(office.stick)
    said = office.did("fleet", "ca", "revoke", office.authority, SERIAL, typed="words\n")
    assert str(office.authority / "revoked.pem") in said
    assert office.revoked() == {office.certificate(SERIAL).serial_number}
    assert {each["device"]: each["state"] for each in office.listed()} == {SERIAL: "lost", "10000000abcd0002": "counts"}


def test_a_revoked_handset_is_given_a_new_certificate_and_the_old_one_stays_on_the_list(office: Office) -> None:
    BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(office.stick)
    first = office.certificate(SERIAL)
    office.did("fleet", "ca", "revoke", office.authority, SERIAL, "--reason", "retired", typed="words\n")
    office.issue(office.stick)
    assert office.certificate(SERIAL).serial_number != first.serial_number
    assert office.revoked() == {first.serial_number}


def test_a_list_that_was_lost_is_made_again_from_the_records(office: Office) -> None:
    BlankHandset(SERIAL).leave_identity(office.stick)
    office.issue(office.stick)
    office.did("fleet", "ca", "revoke", office.authority, SERIAL, typed="words\n")
    (office.authority / "revoked.pem").unlink()
    office.did("fleet", "ca", "revoke", office.authority, typed="words\n")
    assert office.revoked() == {office.certificate(SERIAL).serial_number}


def test_a_wrong_passphrase_signs_and_revokes_nothing(office: Office) -> None:
    identity = BlankHandset(SERIAL).leave_identity(office.stick)
    order = ("fleet", "ca", "issue", office.authority, identity, "-o", office.certificates)
    assert "passphrase is wrong" in office.refused(*order, typed="guess\n")
    assert office.listed() == []
    office.issue(identity)
    assert "passphrase is wrong" in office.refused("fleet", "ca", "revoke", office.authority, SERIAL, typed="guess\n")
    assert office.revoked() == set()


def test_what_is_not_there_is_told_with_what_to_do(office: Office) -> None:
    identity = BlankHandset(SERIAL).leave_identity(office.stick)
    assert "wecall fleet ca init" in office.refused("fleet", "ca", "list", office.site)
    assert "wecall fleet ca init" in office.refused("fleet", "ca", "issue", office.site, identity, typed="words\n")
    assert "on a stick that has neither bundles nor updates" in office.refused(
        "fleet", "ca", "issue", office.authority, office.certificates.parent / "site"
    )
    assert "No certificate was issued to desk-9" in office.refused("fleet", "ca", "revoke", office.authority, "desk-9")
    office.write_table(("serial", "device_id"), ("10000000abcd0002", "desk-2"))
    said = office.refused("fleet", "ca", "issue", office.authority, identity, "--devices", office.table)
    assert f"no row in {office.table}: {SERIAL}" in said


def test_the_access_list_has_a_block_for_each_handset_whose_certificate_counts(office: Office) -> None:
    acl = office.folder / "acl"
    acl.write_text((Path(__file__).parents[3] / "fleet" / "broker" / "acl").read_text())
    for number in range(1, 5):
        BlankHandset(f"10000000abcd000{number}").leave_identity(office.stick)
    rows = [(f"10000000abcd000{number}", f"desk-{number}", f"10{number}") for number in range(1, 5)]
    office.write_table(("serial", "device_id", "username"), *rows)
    office.issue(office.stick, "--devices", office.table)
    to = ("-o", office.certificates)
    office.did("fleet", "ca", "service", office.authority, "collector.main", *to, typed="words\n")
    order = ("fleet", "ca", "acl", office.authority, acl, "--fleet")
    assert "4 new in north, 0 moved" in office.did(*order, "north")
    office.write_table(("serial", "device_id", "username"), *rows[:2])
    assert "2 moved there from another fleet" in office.did(*order, "south", "--devices", office.table)
    office.did("fleet", "ca", "revoke", office.authority, "desk-1", "desk-3", typed="words\n")
    office.did(*order, "north")
    text = acl.read_text()
    assert AccessList.read(text).fleets == {"desk-2": "south", "desk-4": "north"}
    assert "%u" not in text
    assert text.count("user collector.main\n") == 1
    assert "These have no certificate that counts: desk-1." in office.refused(
        *order, "south", "--devices", office.table
    )
    assert "cannot be a fleet" in office.refused(*order, "The Hotel")
    assert acl.read_text() == text
