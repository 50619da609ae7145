"""`wecall bundle init`: a folder to make bundles from."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from firmware.base.durable import replace_durably
from firmware.installer.bundle_folder import CONFIGURATION, SECRETS
from firmware.installer.presets import presets
from firmware.installer.private_keys import signing_key
from provisioning.errors import ProvisioningError
from provisioning.remarks import KeyPath
from provisioning.template import template
from provisioning.trust import Kind

_FOLDERS: Final = ("certificates", "pictures", "ring_tones", "policies", "notices")

_LAYOUT: Final = f"""\
{CONFIGURATION}       what can be set; fill in what it says is to be filled in
{SECRETS}      passwords by name, such as sip-password = "..."; sealed, it goes into no bundle in clear
contacts.vcf      contacts, as vCards
certificates/     certificates as NAME.pem, which the configuration calls certificates/NAME.pem; no private keys
pictures/         pictures for contacts and behind the idle page, as NAME.png or NAME.jpg
ring_tones/       ring tones as NAME.wav, which [ringer] calls ring_tones/NAME.wav
policies/         privacy policies, signed by `wecall policy sign`
notices/          notices, signed by `wecall notice sign`
reset/            the order to erase one handset whose PIN is forgotten, signed by `wecall reset sign`
"""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--device", help="The handset's name in its fleet.")
@click.option("--fleet", help="The handsets that are looked after together.")
@click.option("--country", help="Where they stand, such as AT: it decides the emergency numbers.")
@click.option(
    "--key", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The private key that will sign bundles, from `wecall key new`; its public half is written down.",
)  # fmt: skip
@click.option(
    "--preset", type=click.Choice(list(presets())), help="Begin with what is known of an operator's accounts."
)
def init(  # noqa: PLR0917 - click names them all
    folder: Path, device: str | None, fleet: str | None, country: str | None, key_file: Path | None, preset: str | None
) -> None:
    """Make DIR, with a commented configuration and a place for everything else that a bundle may bring."""
    chosen = presets()[preset] if preset else None
    account = dict(chosen.account) if chosen else {}
    target = begin(folder, device=device, fleet=fleet, country=country, key_file=key_file, account=account)
    click.echo(f"{folder} has a place for:\n\n{_LAYOUT}\nFill in {target}, then: wecall bundle check {folder}")
    if chosen is not None:
        click.echo(f"\n{chosen}")


def begin(
    folder: Path,
    *,
    device: str | None,
    fleet: str | None,
    country: str | None,
    key_file: Path | None,
    account: Mapping[str, Any],
) -> Path:
    """Make a folder that bundles are made from; what is None is left to be filled in.

    Returns:
        The configuration in it.

    Raises:
        ProvisioningError: there is a configuration already, or the key cannot be read.
        OSError: it cannot be written.
    """
    target = folder / CONFIGURATION
    if target.exists():
        raise ProvisioningError(f"There is a {CONFIGURATION} in {folder} already, and one is never overwritten.")
    public = signing_key(key_file).public_key().public_bytes_raw() if key_file is not None else None
    known: dict[KeyPath, Any] = {("accounts", 0, name): value for name, value in account.items()}
    text = template({**known, **_filled(device, fleet, country, public)}, {("trust", "keys")})
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    replace_durably(target, text.encode())
    target.chmod(0o644)
    return target


def _filled(device: str | None, fleet: str | None, country: str | None, public: bytes | None) -> dict[KeyPath, Any]:
    given: dict[KeyPath, str | None] = {
        ("device", "id"): device,
        ("device", "country"): country or "",
        ("device", "fleet"): fleet,
        ("trust", "keys", 0, "public"): base64.b64encode(public).decode() if public else None,
    }
    signs = [kind for kind in Kind if kind not in {Kind.FIRMWARE, Kind.UPDATE}]
    return {("trust", "keys", 0, "signs"): signs, **{path: value for path, value in given.items() if value is not None}}
