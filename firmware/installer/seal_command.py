"""`wecall bundle seal`: passwords leave the configuration, and only handsets get at them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from firmware.base.durable import replace_durably
from firmware.installer.bundle_folder import SECRETS, BundleFolder
from firmware.installer.configuration_text import change_text
from firmware.installer.credentials import secrets_in, write_secrets
from firmware.installer.identities import read_identities
from provisioning.errors import ProvisioningError
from provisioning.sealing import new_code, seal_to_code, seal_to_device

_CODE: Final = "code"
_PAIR: Final = 5


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    "identities",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Seal to the handset of this identity-<serial>.json, or to all in this folder; can be given several times.",
)
@click.option("--to-code", is_flag=True, help="Seal to a new code, which is shown once and typed on the keypad.")
@click.option("--forget", is_flag=True, help=f"Keep no {SECRETS}; passwords have to be typed anew to seal them again.")
def seal(folder: Path, identities: tuple[Path, ...], to_code: bool, forget: bool) -> None:
    """Take the passwords out of DIR's config.toml and seal them.

    They move into secrets.toml, which stays on this computer, and sealed into the folder `sealed`, which the bundle
    carries. What was sealed before is replaced.
    """
    if not identities and not to_code:
        raise click.UsageError("Say whom to seal to: --to FOLDER for handsets whose identity you have, or --to-code.")
    source = BundleFolder(folder)
    source.configuration()
    text = source.configuration_text()
    found = tuple(secrets_in(tomllib.loads(text)))
    secrets = {**source.secrets(), **{secret.name: secret.value for secret in found}}
    if not secrets:
        raise ProvisioningError(f"There is no password in {source.configuration_path} to be sealed.")
    handsets = read_identities(identities) if identities else {}
    blobs = {serial: seal_to_device(secrets, each.public_bytes, serial=serial) for serial, each in handsets.items()}
    code = new_code() if to_code else ""
    if code:
        blobs[_CODE] = seal_to_code(secrets, code)
    # In this order a cut leaves each password in at least one place.
    if not forget:
        replace_durably(source.secrets_path, write_secrets(secrets).encode())
    _replace_all(folder / "sealed", blobs)
    without = change_text(text, (), [secret.path for secret in found])
    replace_durably(source.configuration_path, without.encode())
    if forget:
        source.secrets_path.unlink(missing_ok=True)
    click.echo(f"{len(secrets)} password(s) sealed {_to_whom(len(handsets), code)}; config.toml has none any more.")
    if code:
        click.echo(f"The code, shown this once: {code[:_PAIR]} {code[_PAIR:]}")


def _replace_all(folder: Path, blobs: Mapping[str, bytes]) -> None:
    """Write what is sealed now, and delete what was sealed before: it may hold other passwords."""
    folder.mkdir(exist_ok=True)
    for name, blob in blobs.items():
        replace_durably(folder / name, blob)
    for path in folder.iterdir():
        if path.name not in blobs:
            path.unlink()


def _to_whom(handsets: int, code: str) -> str:
    whom = [f"to {handsets} handset(s)"] if handsets else []
    whom += ["to a code"] if code else []
    return " and ".join(whom)
