"""`wecall release keys` and `announce`: who may sign releases, and the document by which phones hear of one."""

import base64
import os
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel, Field, ValidationError

from firmware.base.durable import replace_durably
from firmware.installer.bundle_folder import read_text
from firmware.installer.private_keys import signing_key
from firmware.installer.release_folder import ReleaseFolder, read_certificate
from provisioning.errors import ProvisioningError
from provisioning.release_keys import ReleaseKeys, read_release_keys
from provisioning.section import sentences_of
from provisioning.signed import Statement, sign
from provisioning.trust import Kind
from provisioning.update import UpdateContent

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_NEW_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_RAUC_TIMEOUT_S: Final = 600
_FORMAT: Final = "verity"


class _Update(BaseModel):
    version: str
    compatible: str


class _Bundle(BaseModel):
    format: str


class _Manifest(BaseModel):
    """What `rauc info --output-format=json-2` says of a bundle whose signature holds."""

    update: _Update
    bundle: _Bundle
    manifest_sha256: str = Field(alias="manifest-hash")


@click.group()
def keys() -> None:
    """Make the keys that sign releases, and the list of those that phones take."""


@keys.command(name="new")
@click.argument("folder", type=_FOLDER)
@click.option("--passphrase/--no-passphrase", default=True, show_default=True, help="Whether root.key is encrypted.")
def new_keys(folder: Path, passphrase: bool) -> None:
    """Make the root key in FOLDER, where there is none yet, and one more key that signs releases.

    Whoever has the root key decides what phones run: keep root.key where no network comes, with a copy elsewhere.
    """
    made = ReleaseFolder(folder)
    if not made.root_key.exists():
        # Typed, and nothing else: a command line and an environment can be read by others.
        words = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True) if passphrase else ""
        made.new_root(words)
        click.echo(f"{made.root_key}: signs the list of who may sign releases; {made.root_public} goes into the image")
    certificate = made.new_signer()
    click.echo(f"{certificate} and {certificate.with_suffix('.key')}: sign releases, once they are on the list")
    click.echo(f"Put them on it: wecall release keys sign {folder}")


@keys.command(name="sign")
@click.argument("folder", type=_FOLDER)
@click.option("--revoke", "revoked", type=_FILE, multiple=True, help="Take this certificate back, for good.")
@click.option("--floor", help="No phone goes below this version.  [default: what the list before says]")
def sign_keys(folder: Path, revoked: tuple[Path, ...], floor: str | None) -> None:
    """Sign the next list of who may sign releases: all certificates in FOLDER but those that were taken back."""
    made = ReleaseFolder(folder)
    listed = made.sign([read_certificate(path) for path in revoked], floor, datetime.now(UTC).replace(microsecond=0))
    click.echo(
        f"{made.list_path}: number {listed.number}, {len(listed.certificates)} certificate(s), {len(listed.revoked)} "
        f"taken back, no version below {listed.security_floor}."
    )
    click.echo("The next image has it, and phones in use get it with the next update that is announced.")


@click.command()
@click.option("--bundle", "bundles", type=_FILE, multiple=True, required=True, help="A .raucb; one for each hardware.")
@click.option("--address", "addresses", multiple=True, required=True, help="Where phones find it; one for each bundle.")
@click.option("--proof", "proofs", type=_FILE, multiple=True, help="Its Sigsum proof; none, or one for each bundle.")
@click.option(
    "--kind",
    type=click.Choice(["security", "feature"]),
    required=True,
    help="How long holders may postpone it depends on it.",
)
@click.option("--not-before", type=click.DateTime(), help="UTC; no phone installs it before.  [default: now]")
@click.option("--authority", type=_FILE, help="PEM; who signs the server's certificate.  [default: whom phones trust]")
@click.option("--release-keys", type=_FILE, required=True, help="The newest list, from `wecall release keys sign`.")
@click.option("--root", type=_FILE, required=True, help="The root.pub that the image has.")
@click.option("--key", "key_file", type=_FILE, required=True, help="From `wecall key new --for-updates`.")
@click.option("--number", type=click.IntRange(1), required=True, help="Higher than of any update before.")
@click.option("--fleet", required=True, help="The handsets that it is for.")
@click.option("--device", "devices", multiple=True, help="Only this one of them; can be given several times.")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="For so long handsets take it."
)
@click.option("-o", "--out", type=_NEW_FILE, required=True, help="Where to: update-N.wecall-update.")
def announce(  # noqa: PLR0917 - click names them all
    bundles: tuple[Path, ...], addresses: tuple[str, ...], proofs: tuple[Path, ...], kind: str,
    not_before: datetime | None, authority: Path | None, release_keys: Path, root: Path, key_file: Path, number: int,
    fleet: str, devices: tuple[str, ...], days: int, out: Path,
) -> None:  # fmt: skip
    """Sign the document that announces a release; `wecall fleet publish update` sends it.

    What the bundles are is read from them by rauc, once their signature was found good by the list.
    """
    if len(addresses) != len(bundles) or len(proofs) not in {0, len(bundles)}:
        raise click.UsageError("Each bundle has one --address, and one --proof or none has one, in the same order.")
    signed_list = release_keys.read_bytes()
    listed = read_release_keys(signed_list, read_text(root))
    manifests = [_read_bundle(bundle, listed) for bundle in bundles]
    versions = {manifest.update.version for manifest in manifests}
    if len(versions) != 1:
        raise ProvisioningError(f"These bundles are of several versions: {', '.join(sorted(versions))}. Name one's.")
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        content = UpdateContent.model_validate(
            {
                "version": versions.pop(),
                "kind": kind,
                "not_before": not_before.replace(tzinfo=UTC) if not_before else now,
                "bundles": [
                    {
                        "compatible": manifest.update.compatible,
                        "address": address,
                        "size_bytes": bundle.stat().st_size,
                        "manifest_sha256": manifest.manifest_sha256,
                        "proof": proof,
                    }
                    for bundle, manifest, address, proof in zip(
                        bundles,
                        manifests,
                        addresses,
                        map(read_text, proofs) if proofs else [""] * len(bundles),
                        strict=True,
                    )
                ],
                "authority": read_text(authority) if authority else "",
                "release_keys": base64.b64encode(signed_list).decode("ascii"),
            }
        )
        statement = Statement(
            number=number,
            fleet=fleet,
            devices=devices,
            issued_at=now,
            not_after=now + timedelta(days=days),
            content=content.model_dump(mode="json"),
        )
    except ValidationError as error:
        raise ProvisioningError("This release cannot be announced.", sentences_of(error)) from None
    if not listed.is_above_floor(content.version):
        raise ProvisioningError(
            f"Release {content.version} is below {listed.security_floor}, the lowest version that the list calls safe. "
            "No phone would take it."
        )
    replace_durably(out, sign(Kind.UPDATE, statement, signing_key(key_file)))
    hardware = ", ".join(bundle.compatible for bundle in content.bundles)
    click.echo(f"{out}: {content.kind} update {content.version}, number {number} for {fleet}, for {hardware}.")


def _read_bundle(path: Path, listed: ReleaseKeys) -> _Manifest:
    """Have rauc say what a bundle is, which one of these signed.

    Raises:
        ProvisioningError: rauc is not there, or finds something wrong.
    """
    with tempfile.TemporaryDirectory() as folder:
        keyring, configuration = Path(folder, "keyring.pem"), Path(folder, "system.conf")
        keyring.write_text(listed.keyring(), "ascii")
        # RAUC 1.13 knows the purpose by its configuration alone; the rest is what it wants to have there.
        configuration.write_text(
            f"[system]\ncompatible=wecall\nbootloader=noop\n[keyring]\npath={keyring}\ncheck-purpose=codesign\n",
            "utf-8",
        )
        command = ["rauc", f"--conf={configuration}", "info", "--output-format=json-2", str(path.resolve())]
        try:
            done = subprocess.run(  # noqa: S603 - ours but for a path, and no shell reads it
                command, capture_output=True, text=True, check=False, timeout=_RAUC_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C"},
            )  # fmt: skip
        except FileNotFoundError:
            raise ProvisioningError(
                "What a bundle is, the program rauc says, which is not here. On Debian: apt install rauc"
            ) from None
        except subprocess.TimeoutExpired:
            raise ProvisioningError(f"rauc does not come to an end with {path}.") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ProvisioningError(f"rauc refuses {path}: {reason}. Is its signer's certificate on the list?")
    try:
        manifest = _Manifest.model_validate_json(done.stdout)
    except ValidationError as error:
        raise ProvisioningError(f"What rauc says of {path} is not understood.", sentences_of(error)) from None
    if manifest.bundle.format != _FORMAT:
        raise ProvisioningError(
            f"{path} is a bundle of RAUC's format {manifest.bundle.format}, which no phone takes. Make it with "
            f"format={_FORMAT} in its manifest."
        )
    return manifest
