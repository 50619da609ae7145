"""`wecall release` beside the real rauc: it makes the bundles, and says what they are."""

import random
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from firmware.installer.release_folder import read_certificate
from provisioning.documents import read_content
from provisioning.release_keys import ReleaseKeys, fingerprint, read_release_keys
from provisioning.signed import verify
from provisioning.trust import Kind, TrustedKey
from provisioning.update import UpdateContent
from tests.lab.installer_desk import CommandLine
from tests.lab.releases import AMD64, ARM64

ADDRESS: Final = "https://updates.example/0.3.0"


class Desk(CommandLine):
    """A folder with a root key, a key that signs releases, one that announces them, and a bundle for each hardware."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.list = self.keys / "release-keys"
        self.out = folder / "update-1.wecall-update"
        self.key = folder / "updates.key"
        made = self.did("key", "new", self.key, "--no-passphrase", "--for-updates")
        (self.public,) = re.findall(r'public = "(.+)"', made)
        self.did("release", "keys", "new", self.keys, "--no-passphrase")
        self.did("release", "keys", "sign", self.keys, "--floor", "0.2.0")

    def refused(self, *arguments: str | Path, typed: str = "") -> str:
        """Return it in one line."""
        return " ".join(super().refused(*arguments, typed=typed).split())

    def bundle(
        self, compatible: str, version: str = "0.3.0", *, signer: str = "signing-1", format_: str = "verity"
    ) -> Path:
        """Have rauc make a bundle of a small image."""
        content = self.folder / "content"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        (content / "root.img").write_bytes(random.Random(compatible).randbytes(20_000))
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat={format_}\n"
            "[image.rootfs]\nfilename=root.img\n"
        )
        bundle = self.folder / f"{compatible}-{version}-{signer}-{format_}.raucb"
        certificate = self.keys / f"{signer}.pem"
        command = ["rauc", "bundle", f"--cert={certificate}", f"--key={certificate.with_suffix('.key')}"]
        subprocess.run([*command, content, bundle], check=True, capture_output=True)
        return bundle

    def announce(self, *bundles: Path, more: tuple[str | Path, ...] = ()) -> tuple[str | Path, ...]:
        """Return what is typed to announce bundles."""
        each = [word for bundle in bundles for word in ("--bundle", bundle, "--address", f"{ADDRESS}/{bundle.name}")]
        return (
            "release", "announce", *each, "--kind", "security", "--release-keys", self.list, "--root",
            self.keys / "root.pub", "--key", self.key, "--number", "1", "--fleet", "shop", "--out", self.out, *more,
        )  # fmt: skip

    def listed(self) -> ReleaseKeys:
        return read_release_keys(self.list.read_bytes(), (self.keys / "root.pub").read_text())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_private_keys_are_for_their_owner_alone_and_are_never_overwritten(desk: Desk) -> None:
    for name in ("root.key", "signing-1.key"):
        assert (desk.keys / name).stat().st_mode & 0o777 == 0o600
    before = {path.name: path.read_bytes() for path in desk.keys.iterdir()}
    desk.did("release", "keys", "new", desk.keys)
    assert before.items() <= {path.name: path.read_bytes() for path in desk.keys.iterdir()}.items()
    assert {"signing-2.key", "signing-2.pem"} <= {path.name for path in desk.keys.iterdir()}


def test_the_root_key_is_encrypted_unless_it_is_said_otherwise(tmp_path: Path, desk: Desk) -> None:
    folder = tmp_path / "safe"
    desk.did("release", "keys", "new", folder, typed="long words\nlong words\n")
    assert b"ENCRYPTED" in (folder / "root.key").read_bytes()
    assert "passphrase is wrong" in desk.run("release", "keys", "sign", folder, typed="other words\n").output
    assert "number 1" in desk.did("release", "keys", "sign", folder, typed="long words\n")


def test_each_list_has_a_higher_number_and_what_was_taken_back_stays_so(desk: Desk) -> None:
    assert desk.listed().number == 1
    desk.did("release", "keys", "new", desk.keys)
    desk.did("release", "keys", "sign", desk.keys, "--revoke", desk.keys / "signing-1.pem", "--floor", "0.3.0")
    desk.did("release", "keys", "sign", desk.keys)
    listed = desk.listed()
    first, second = (read_certificate(desk.keys / f"signing-{number}.pem") for number in (1, 2))
    assert (listed.number, listed.security_floor) == (3, "0.3.0")
    assert listed.revoked == (fingerprint(first),)
    assert listed.keyring() == (desk.keys / "signing-2.pem").read_text()
    assert fingerprint(second) not in listed.revoked


def test_the_floor_never_sinks(desk: Desk) -> None:
    before = desk.list.read_bytes()
    assert "never sinks" in desk.refused("release", "keys", "sign", desk.keys, "--floor", "0.1.0")
    assert "security_floor" in desk.refused("release", "keys", "sign", desk.keys, "--floor", "safe")
    assert desk.list.read_bytes() == before


def test_a_list_without_anybody_is_not_signed(desk: Desk) -> None:
    assert "No certificate" in desk.refused(
        "release", "keys", "sign", desk.keys, "--revoke", desk.keys / "signing-1.pem"
    )


def test_a_list_that_the_root_key_did_not_sign_is_not_raised(desk: Desk) -> None:
    signed = bytearray(desk.list.read_bytes())
    signed[-1] ^= 1
    desk.list.write_bytes(signed)
    assert "does not fit" in desk.refused("release", "keys", "sign", desk.keys)


@pytest.mark.feature("updates announced and signed")
def test_a_release_for_two_machines_is_announced_by_one_document(desk: Desk) -> None:
    bundles = desk.bundle(ARM64), desk.bundle(AMD64)
    proofs = [desk.folder / name for name in ("arm64.proof", "amd64.proof")]
    for proof in proofs:
        proof.write_text(f"version=2\n{proof.name}\n")
    said = desk.did(*desk.announce(*bundles, more=("--proof", proofs[0], "--proof", proofs[1], "--days", "30")))
    assert f"security update 0.3.0, number 1 for shop, for {ARM64}, {AMD64}" in said
    keys = [TrustedKey(public=desk.public, signs=frozenset({Kind.UPDATE}))]
    statement = verify(desk.out.read_bytes(), Kind.UPDATE, keys)
    statement.check_time(datetime.now(UTC).timestamp(), synced=True)
    content = read_content(statement, UpdateContent)
    assert (content.version, content.kind, statement.number) == ("0.3.0", "security", 1)
    for bundle, compatible, proof in zip(bundles, (ARM64, AMD64), proofs, strict=True):
        file = content.bundle_for(compatible)
        assert file.size_bytes == bundle.stat().st_size
        assert file.address == f"{ADDRESS}/{bundle.name}"
        assert file.proof == proof.read_text()
        said_by_rauc = subprocess.run(
            ["rauc", "info", "--no-verify", bundle], capture_output=True, text=True, check=True
        ).stdout
        assert file.manifest_sha256 in said_by_rauc
    assert content.release_keys
    assert desk.out.stat().st_size < 16 * 1024


def test_only_what_a_certificate_on_the_list_has_signed_is_announced(desk: Desk) -> None:
    desk.did("release", "keys", "new", desk.keys)
    bundle = desk.bundle(ARM64, signer="signing-2")
    assert "rauc refuses" in desk.refused(*desk.announce(bundle))
    desk.did("release", "keys", "sign", desk.keys)
    desk.did(*desk.announce(bundle))
    desk.did("release", "keys", "sign", desk.keys, "--revoke", desk.keys / "signing-2.pem")
    desk.out.unlink()
    assert "rauc refuses" in desk.refused(*desk.announce(bundle))
    assert not desk.out.exists()


def test_a_bundle_that_was_cut_short_is_not_announced(desk: Desk) -> None:
    bundle = desk.bundle(ARM64)
    bundle.write_bytes(bundle.read_bytes()[:-100])
    assert "rauc refuses" in desk.refused(*desk.announce(bundle))


def test_what_no_phone_would_take_is_not_announced(desk: Desk) -> None:
    bundle = desk.bundle(ARM64)
    assert "below 0.2.0" in desk.refused(*desk.announce(desk.bundle(ARM64, "0.1.0")))
    assert "several versions: 0.3.0, 0.4.0" in desk.refused(*desk.announce(bundle, desk.bundle(AMD64, "0.4.0")))
    assert "more than one file" in desk.refused(*desk.announce(bundle, bundle))
    assert "format plain" in desk.refused(*desk.announce(desk.bundle(ARM64, format_="plain")))
    assert "Each bundle has one --address" in desk.refused(*desk.announce(bundle, more=("--address", ADDRESS)))
    command = [f"{word}".replace("https://", "https://anna@") for word in desk.announce(bundle)]
    assert "has no user, query or fragment" in desk.refused(*command)
    assert not desk.out.exists()


def test_without_rauc_a_sentence_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = desk.bundle(ARM64)
    monkeypatch.setenv("PATH", str(desk.folder))
    assert "apt install rauc" in desk.refused(*desk.announce(bundle))


def test_a_key_that_announces_updates_is_to_be_trusted_with_nothing_else(desk: Desk) -> None:
    made = desk.did("key", "new", desk.folder / "another.key", "--no-passphrase", "--for-updates")
    assert 'signs = ["update"]' in made
    assert "update" not in desk.did("key", "new", desk.folder / "a.key", "--no-passphrase").partition("signs")[2]
