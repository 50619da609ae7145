"""`wecall fleet ca service`: certificates for what runs beside the handsets, and for the broker itself."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from firmware.base.durable import replace_durably
from firmware.installer.authority_folder import AuthorityFolder, DeviceHasAnotherKeyError
from firmware.installer.signing import ask_passphrase
from provisioning.authority import read_request
from provisioning.errors import ProvisioningError
from provisioning.identity import certificate_request, load_broker_key, new_broker_key, private_pem

_BROKER: Final = "broker"
_NAME: Final = re.compile(r"(broker|collector|operator)\.[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")


@click.command()
@click.argument("authority", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--host", "hosts", multiple=True, help="For a broker: a name or an address of it; can be given again.")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("certificates"), show_default=True,
    help="The folder that gets NAME.pem and NAME.key.",
)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 36500), default=730, show_default=True, help="How long it lasts.")
@click.option("--replace", is_flag=True, help="Make a new key; the certificates before it are taken back.")
def service(  # noqa: PLR0917 - click names them all
    authority: Path, name: str, hosts: tuple[str, ...], out: Path, days: int, replace: bool
) -> None:
    """Make a key and a certificate for NAME: collector.main, operator.anna, or broker.main with its --host.

    The dot tells services from handsets, whose ids have none. Whoever has the key is that service: the file is for its
    owner's eyes only, and unencrypted, because a service starts while nobody is there to type.
    """
    _check(name, hosts)
    folder = AuthorityFolder(authority)
    now = datetime.now(UTC)
    unlocked = folder.unlock(ask_passphrase, now)
    out.mkdir(parents=True, exist_ok=True)
    key_path, certificate_path = out / f"{name}.key", out / f"{name}.pem"
    found = None if replace else _found(key_path)
    key = found or new_broker_key()
    try:
        certificate = folder.issue(
            unlocked,
            read_request(certificate_request(key, name)),
            name,
            days=days,
            replaces=replace,
            now=now,
            hosts=hosts,
        )
    except DeviceHasAnotherKeyError:
        raise ProvisioningError(
            f"There is a certificate for {name} already, and its key is not in {key_path}. Say where it is with --out, "
            "or say --replace: then it gets a new key, and what it had before is taken back."
        ) from None
    if found is None:
        replace_durably(key_path, private_pem(key))
    replace_durably(certificate_path, certificate.public_bytes(Encoding.PEM))
    click.echo(f"{certificate_path} and {key_path}: {name}, until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if replace:
        click.echo(f"Install them, then copy {folder.list_path} to the broker and restart it.")


def _check(name: str, hosts: tuple[str, ...]) -> None:
    if not _NAME.fullmatch(name):
        raise ProvisioningError(
            f"{name!r} is no service: there are broker.NAME, collector.NAME and operator.NAME, in lower-case letters, "
            "digits and hyphens. Handsets get theirs from `wecall fleet ca issue`, and people at dashboards passwords."
        )
    if name.startswith(f"{_BROKER}.") is not bool(hosts):
        raise ProvisioningError(
            "A broker's certificate names the hosts that clients reach it under, and no other does: give --host for "
            f"{_BROKER}.NAME alone."
        )


def _found(path: Path) -> EllipticCurvePrivateKey | None:
    """Return the key of an earlier time; None where there is none, so that a command cut short can be said again."""
    with suppress(FileNotFoundError):
        return load_broker_key(path.read_bytes())
    return None
