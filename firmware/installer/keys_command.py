"""`wecall bundle keys`: public keys, and the words by which people know them."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from firmware.installer.bundle_folder import CONFIGURATION, read_text
from firmware.installer.private_keys import signing_key
from firmware.installer.signing import read_packed, trust_lines
from provisioning.bundle import key_words
from provisioning.errors import ProvisioningError
from provisioning.examination import trusted_keys
from provisioning.trust import decode_public_key

_PEM_MARK: Final = b"-----BEGIN"


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
