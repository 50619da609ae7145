"""`wecall bundle inspect` and `keys`: what a file is, by whose key it was signed, and what will surprise."""

import base64
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from firmware.installer.bundle_folder import CONFIGURATION, read_text
from firmware.installer.private_keys import signing_key
from firmware.installer.signing import Packed, read_packed, trust_lines
from provisioning.bundle import FIRMWARE, FIRMWARE_COMES_OTHERWISE, MANIFEST, key_words
from provisioning.errors import BundleRefusedError, ProvisioningError
from provisioning.examination import trusted_keys
from provisioning.parsing import parse_configuration
from provisioning.risks import manifest_risks, risks
from provisioning.sealing import SEALED_TO_CODE
from provisioning.secret_names import secrets_of
from provisioning.trust import Kind, decode_public_key, may_sign

_PEM_MARK: Final = b"-----BEGIN"
_SEALED: Final = "sealed/"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(file: Path, as_json: bool) -> None:
    """Check the signature of the bundle in FILE, then say what it is: for whom, what is in it, what to look at.

    Whoever signed it may be anybody: compare the six words with those that the signer reads out.
    """
    packed = read_packed(file)
    warnings = tuple(_warnings(packed))
    if as_json:
        click.echo(json.dumps(_as_json(packed, warnings), indent=2, ensure_ascii=False))
        return
    manifest = packed.manifest
    click.echo(f"bundle {manifest.number} for the fleet {manifest.fleet}")
    click.echo(f"  for        {', '.join(manifest.serials) or 'every handset of the fleet'}")
    if packed.signer is None:
        click.echo("  signed     not yet: this is a draft, which no handset takes")
    else:
        click.echo(f"  signed     {manifest.issued_at:%Y-%m-%d %H:%M} UTC by the key of the words")
        click.secho(f"             {' '.join(key_words(packed.signer))}", bold=True)
    click.echo(f"  taken      until {manifest.not_after:%Y-%m-%d}")
    if manifest.note:
        click.echo(f"  note       {manifest.note}")
    for number, (name, content) in enumerate(packed.contents.items()):
        click.echo(f"  {'contains' if not number else '':10} {name} ({len(content):,} bytes)")
    for warning in warnings:
        click.echo(f"{click.style('warning:', fg='yellow')} {warning}")


def _warnings(packed: Packed) -> Iterator[str]:
    try:
        packed.manifest.check_time(time.time(), synced=True)
    except BundleRefusedError as error:
        yield str(error)
    if any(name.startswith(f"{FIRMWARE}/") for name in packed.contents):
        yield f"There is firmware in it, so no handset takes it. {FIRMWARE_COMES_OTHERWISE}"
    if CONFIGURATION not in packed.contents:
        return
    text = packed.contents[CONFIGURATION].decode(errors="replace")
    try:
        configuration = parse_configuration(text)
    except ProvisioningError as error:
        yield f"{CONFIGURATION} cannot be used:"
        yield from error.mistakes
        return
    yield from (f"{CONFIGURATION}: {remark.sentence}" for remark in risks(configuration, packed=True))
    yield from (f"{MANIFEST}: {remark.sentence}" for remark in manifest_risks(packed.manifest))
    trust = configuration.trust
    if packed.signer is not None and trust.keys and not may_sign(packed.signer, Kind.BUNDLE, trust.keys):
        yield "[trust] in it does not name its own signer, from whom the handset takes no later bundle."
    if packed.manifest.fleet != configuration.device.fleet:
        yield f"Its manifest says fleet {packed.manifest.fleet}, its configuration {configuration.device.fleet}."
    sealed = {name.removeprefix(_SEALED) for name in packed.contents if name.startswith(_SEALED)}
    missing = [secret.names[0] for secret in secrets_of(configuration) if secret.in_clear is None]
    if missing and not sealed:
        yield f"Not in it, sealed or in clear: {', '.join(missing)}. Handsets that lack them refuse it."
    if sealed and SEALED_TO_CODE not in packed.contents and (left_out := set(packed.manifest.serials) - sealed):
        yield f"Its secrets are sealed to others than {', '.join(sorted(left_out))}, who cannot take it."


def _as_json(packed: Packed, warnings: tuple[str, ...]) -> dict[str, Any]:
    signer = packed.signer
    return {
        "manifest": packed.manifest.model_dump(mode="json"),
        "signer": signer
        and {
            "public": base64.b64encode(signer).decode("ascii"),
            "words": list(key_words(signer)),
        },
        "contents": {name: len(content) for name, content in packed.contents.items()},
        "sealed_to": sorted(name.removeprefix(_SEALED) for name in packed.contents if name.startswith(_SEALED)),
        "inspected_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "warnings": list(warnings),
    }


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def keys(files: tuple[Path, ...]) -> None:
    """Show the public keys in FILES, with the six words that a handset's display shows for each.

    FILES are private keys from `wecall key new`, configurations or the folders that they are in, and bundles: of a
    configuration the keys that it trusts, of a bundle its signer and those.
    """
    for number, path in enumerate(files):
        if number:
            click.echo()
        if len(files) > 1:
            click.echo(f"{path}:")
        _show(path)


def _show(path: Path) -> None:
    if path.is_dir():
        path /= CONFIGURATION
        if not path.is_file():
            raise ProvisioningError(f"There is no {path}.")
    with path.open("rb") as file:
        begins = file.read(len(_PEM_MARK))
    if begins == _PEM_MARK:
        click.echo(trust_lines(signing_key(path)))
        click.echo('# Where it announces updates, and signs nothing else: signs = ["update"]')
        return
    if path.suffix == ".toml":
        _show_trusted(read_text(path))
        return
    packed = read_packed(path)
    if packed.signer is not None:
        _echo("signer", packed.signer, ())
    if CONFIGURATION in packed.contents:
        _show_trusted(packed.contents[CONFIGURATION].decode(errors="replace"))


def _show_trusted(text: str) -> None:
    trusted = trusted_keys(text)
    for key in trusted:
        _echo("trusts", decode_public_key(key.public), sorted(key.signs))
    if not trusted:
        click.echo("trusts no key")


def _echo(role: str, public: bytes, signs: Iterable[str]) -> None:
    click.echo(f"{role:7} {' '.join(key_words(public))}")
    click.echo(f"        {base64.b64encode(public).decode('ascii')}  {', '.join(signs)}".rstrip())
