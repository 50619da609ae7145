from datetime import UTC, datetime
from typing import BinaryIO

import pytest
from PIL import Image

from firmware.installer import signing
from firmware.installer.signing import new_manifest, write_draft
from provisioning.bundle import key_words
from provisioning.trust import decode_public_key
from tests.lab.installer_desk import InstallerDesk, configuration_in, opened
from tests.lab.ring_tones import chime


def today(number: int) -> int:
    return int(f"{datetime.now(UTC):%Y%m%d}{number:02}")


def test_a_folder_becomes_a_bundle_that_says_for_whom_it_is(desk: InstallerDesk) -> None:
    out = desk.folder / "hotel.wecall"
    said = desk.did("bundle", "build", desk.site, "-o", out, "--key", desk.key, "--serial", "10000000ABCD0001")
    bundle = opened(out)
    assert bundle.manifest.serials == ("10000000abcd0001",)
    assert bundle.manifest.fleet == "hotel"
    assert (bundle.manifest.not_after - bundle.manifest.issued_at).days == 90
    assert configuration_in(bundle)["accounts"][0]["username"] == "any"
    assert " ".join(key_words(decode_public_key(desk.public))) in said
    assert str(bundle.manifest.number) in said


def test_everything_that_a_bundle_has_is_packed_and_nothing_else(desk: InstallerDesk) -> None:
    for folder in ("pictures", "ring_tones"):
        (desk.site / folder).mkdir()
    Image.new("RGB", (8, 8)).save(desk.site / "pictures" / "hall.png")
    (desk.site / "ring_tones" / "bell.wav").write_bytes(chime(0.1, rate_hz=8000))
    (desk.site / "contacts.vcf").write_text("BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nTEL:101\nEND:VCARD\n")
    for name in ("secrets.toml", "notes.txt", ".hidden", "devices.csv", "devices.csv.made"):
        (desk.site / name).write_text("")
    said = desk.did("bundle", "build", desk.site, "--key", desk.key)
    names = opened(desk.folder / "site.wecall").names
    assert sorted(names) == ["config.toml", "contacts.vcf", "manifest.json", "pictures/hall.png", "ring_tones/bell.wav"]
    assert "notes.txt" in said
    assert not any(name in said for name in ("secrets.toml", ".hidden", "devices.csv"))


def test_numbers_rise_with_each_bundle_and_begin_with_the_day(desk: InstallerDesk) -> None:
    for count in (1, 2, 3):
        desk.did("bundle", "build", desk.site, "--key", desk.key)
        assert opened(desk.folder / "site.wecall").manifest.number == today(count)


def test_a_number_above_the_days_is_never_gone_below(desk: InstallerDesk) -> None:
    desk.did("bundle", "build", desk.site, "--key", desk.key, "--number", "9000000000")
    desk.did("bundle", "build", desk.site, "--key", desk.key)
    assert opened(desk.folder / "site.wecall").manifest.number == 9000000001


def test_a_draft_is_signed_where_the_key_is(desk: InstallerDesk) -> None:
    draft = desk.folder / "site.draft"
    assert f"wecall bundle sign {draft}" in desk.did(
        "bundle", "build", desk.site, "-o", draft, "--note", "For the hall"
    )
    assert "This is not a bundle" in desk.refused("bundle", "sign", desk.configuration_path, "--key", desk.key)
    desk.did("bundle", "sign", draft, "--key", desk.key)
    bundle = opened(desk.folder / "site.wecall")
    assert bundle.signer == decode_public_key(desk.public)
    assert (bundle.manifest.number, bundle.manifest.note) == (today(1), "For the hall")
    assert configuration_in(bundle)["device"]["fleet"] == "hotel"


def test_what_says_no_country_is_not_signed(desk: InstallerDesk) -> None:
    text = desk.configuration_path.read_text().replace('country = "CN"\n', "")
    draft = desk.folder / "old.draft"
    manifest = new_manifest("hotel", 1, (), days=90, note="", now=datetime.now(UTC))
    write_draft(draft, {"config.toml": text.encode()}, manifest)
    assert "does not know its emergency numbers" in desk.refused("bundle", "sign", draft, "--key", desk.key)
    assert not (desk.folder / "old.wecall").exists()


def test_a_draft_is_no_bundle_and_is_not_called_one(desk: InstallerDesk) -> None:
    assert "is a draft" in desk.refused("bundle", "build", desk.site, "-o", desk.folder / "site.wecall")
    assert not (desk.folder / "site.wecall").exists()


def test_a_bundle_is_signed_once_more_for_longer_by_another_key(desk: InstallerDesk) -> None:
    desk.did("bundle", "build", desk.site, "--key", desk.key, "--days", "1")
    other = desk.folder / "other.pem"
    desk.did("key", "new", other, "--no-passphrase")
    said = desk.did(
        "bundle", "sign", desk.folder / "site.wecall", "--key", other, "-o", desk.folder / "b.wecall", "--days", "9"
    )
    assert "does not name the key that signs" in said
    first, second = opened(desk.folder / "site.wecall"), opened(desk.folder / "b.wecall")
    assert first.signer != second.signer
    assert first.read("config.toml") == second.read("config.toml")
    assert (second.manifest.not_after - second.manifest.issued_at).days == 9


def test_the_passphrase_of_a_key_is_asked_for_and_a_wrong_one_makes_nothing(desk: InstallerDesk) -> None:
    guarded = desk.folder / "guarded.pem"
    desk.did("key", "new", guarded, typed="open sesame\nopen sesame\n")
    build = ("bundle", "build", desk.site, "--key", guarded)
    assert "passphrase is wrong" in desk.refused(*build, typed="let me in\n")
    assert not (desk.folder / "site.wecall").exists()
    assert "open sesame" not in desk.did(*build, typed="open sesame\n")
    assert opened(desk.folder / "site.wecall").signer


def test_what_would_lock_everybody_out_is_not_built(desk: InstallerDesk) -> None:
    desk.configuration_path.write_text(desk.configuration_path.read_text().replace(desk.trust_lines, ""))
    assert "no key may sign bundles" in desk.refused("bundle", "build", desk.site, "--key", desk.key)
    assert not (desk.folder / "site.wecall").exists()
    with desk.configuration_path.open("a") as file:
        file.write(desk.did("bundle", "keys", desk.key))
    desk.did("bundle", "build", desk.site, "--key", desk.key)


def test_a_configuration_with_mistakes_is_not_packed_and_all_of_them_are_told(desk: InstallerDesk) -> None:
    with desk.configuration_path.open("a") as file:
        file.write('\n[sip]\nlocal_prot = 5060\nrtp_port = "x"\n')
    said = desk.refused("bundle", "build", desk.site, "--key", desk.key)
    assert "local_prot" in said
    assert "rtp_port" in said


def test_a_private_key_among_the_certificates_never_leaves(desk: InstallerDesk) -> None:
    (desk.site / "certificates").mkdir()
    (desk.site / "certificates" / "broker.pem").write_bytes(desk.key.read_bytes())
    assert "holds a private key" in desk.refused("bundle", "build", desk.site, "--key", desk.key)
    assert not (desk.folder / "site.wecall").exists()


def test_what_was_there_stays_whole_where_the_disk_is_full(
    desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.did("bundle", "build", desk.site, "--key", desk.key)
    before = (desk.folder / "site.wecall").read_bytes()

    def write_half(_contents: object, _manifest: object, _key: object, target: BinaryIO) -> None:
        target.write(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(signing, "write_bundle", write_half)
    assert "No space left on device" in desk.refused("bundle", "build", desk.site, "--key", desk.key)
    assert (desk.folder / "site.wecall").read_bytes() == before
    assert sorted(path.name for path in desk.folder.iterdir()) == ["key.pem", "site", "site.wecall", "stick"]


def test_a_folder_without_a_configuration_is_told_how_to_get_one(desk: InstallerDesk) -> None:
    assert "wecall bundle init" in desk.refused("bundle", "build", desk.stick, "--key", desk.key)
