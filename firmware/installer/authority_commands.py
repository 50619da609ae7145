"""`wecall fleet ca`: the authority that the broker trusts."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from firmware.base.durable import replace_durably
from firmware.base.late_group import LateGroup
from firmware.installer.authority_folder import (
    AuthorityFolder,
    DeviceHasAnotherKeyError,
    Issued,
    KeyBelongsToAnotherError,
)
from firmware.installer.columns import device_ids
from firmware.installer.identities import read_identities
from provisioning.authority import Authority, Reason, read_request
from provisioning.errors import ProvisioningError
from provisioning.identity import certificate_request, load_broker_key, new_broker_key, private_pem
from provisioning.section import Identifier

_IDENTIFIER: Final = TypeAdapter[str](Identifier)
AUTHORITY: Final = click.Path(file_okay=False, path_type=Path)
_BROKER: Final = "broker"
# A canary is a handset to the broker, and so has no dot.
SERVICE: Final = re.compile(r"((broker|collector|operator)\.|canary-)[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
SERVICE_DAYS: Final = 730
AUTHORITY_DAYS: Final = 7300
_REASONS: Final = {"lost": Reason.LOST, "replaced": Reason.REPLACED, "retired": Reason.RETIRED}


@click.group(cls=LateGroup, modules={"acl": "fleet.access_list"})
def ca() -> None:
    """Sign what handsets and services show to the broker, and take it back."""


@ca.command(name="init")
@click.argument("authority", type=AUTHORITY)
@click.option("--name", default="WeCall fleet", show_default=True, help="What it is called in its certificates.")
@click.option(
    "--days", type=click.IntRange(1, 36500), default=AUTHORITY_DAYS, show_default=True, help="How long it lasts."
)
def init(authority: Path, name: str, days: int) -> None:
    """Make an authority in the folder AUTHORITY; its key is encrypted with a passphrase.

    Whoever has the folder and the passphrase decides which handsets the broker lets in. Keep a copy of it elsewhere.
    """
    folder = AuthorityFolder(authority)
    if folder.certificate_path.exists():
        raise ProvisioningError(f"There is an authority in {authority} already, and one is never overwritten.")
    folder.found(name, new_passphrase(), days=days, now=datetime.now(UTC))
    click.echo(f"The authority is made. For mosquitto (fleet/broker has the whole of it):\n\n{_broker_lines(folder)}")


def new_passphrase() -> str:
    """Ask twice for the passphrase of an authority that is to be made."""
    passphrase = ""
    while not passphrase:
        passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return passphrase


@ca.command(name="issue")
@click.argument("authority", type=AUTHORITY)
@click.argument("identities", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--device", help="The device id, where there is one identity.  [default: the serial]")
@click.option(
    "--devices", "table", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The table of `wecall bundle mass`, which has the device id of each serial.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path),
    help="Where to: a file such as certificates/broker.pem, or a folder that gets a file for each serial.  "
    "[default: the folder certificates]",
)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 36500), default=1825, show_default=True, help="How long each lasts.")
@click.option("--replace", is_flag=True, help="A handset takes the place of another with the same device id.")
def issue(  # noqa: PLR0917 - click names them all
    authority: Path,
    identities: tuple[Path, ...],
    device: str | None,
    table: Path | None,
    out: Path | None,
    days: int,
    replace: bool,
) -> None:
    """Answer the requests in IDENTITIES: files that handsets left on a stick, or folders of such.

    A handset that has a certificate which is good for long gets the same once more. The certificates are no secret.
    """
    handsets = read_identities(identities)
    if device is not None and (len(handsets) > 1 or table is not None):
        raise click.UsageError("--device is for one identity; name the devices of several in a table with --devices.")
    names = device_ids(table) if table is not None else {}
    devices = {serial: device or names.get(serial, "" if table else serial) for serial in handsets}
    if unnamed := sorted(serial for serial, name in devices.items() if not name):
        raise ProvisioningError(f"These handsets have no row in {table}: {', '.join(unnamed)}.")
    for name in devices.values():
        check_identifier(name)
    out = out or Path("certificates")
    single = out.suffix == ".pem"
    if single and len(handsets) > 1:
        raise click.UsageError(f"There are {len(handsets)} identities; --out names a folder for their certificates.")
    (out.parent if single else out).mkdir(parents=True, exist_ok=True)
    folder = AuthorityFolder(authority)
    now = datetime.now(UTC)
    unlocked = folder.unlock(now)
    refused: list[str] = []
    for serial, identity in handsets.items():
        try:
            certificate = folder.issue(
                unlocked, read_request(identity.certificate_request), devices[serial], days=days, replaces=replace,
                now=now,
            )  # fmt: skip
        except (DeviceHasAnotherKeyError, KeyBelongsToAnotherError) as error:
            refused.append(f"{serial}: {error}")
            continue
        target = out if single else out / f"{serial}.pem"
        replace_durably(target, certificate.public_bytes(Encoding.PEM))
        click.echo(f"{target}: {devices[serial]}, until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if refused:
        raise ProvisioningError(f"{len(refused)} of {len(handsets)} got no certificate.", tuple(refused))
    if replace:
        click.echo(
            f"Where others were replaced, the broker reads it in {folder.list_path}; see `wecall fleet ca revoke`."
        )


@ca.command()
@click.argument("authority", type=AUTHORITY)
@click.argument("name")
@click.option("--host", "hosts", multiple=True, help="For a broker: a name or an address of it; can be given again.")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("certificates"), show_default=True,
    help="The folder that gets NAME.pem and NAME.key.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, 36500), default=SERVICE_DAYS, show_default=True, help="How long it lasts."
)
@click.option("--replace", is_flag=True, help="Make a new key; the certificates before it are taken back.")
def service(  # noqa: PLR0917 - click names them all
    authority: Path, name: str, hosts: tuple[str, ...], out: Path, days: int, replace: bool
) -> None:
    """Make a key and a certificate for NAME: collector.main, operator.anna, or broker.main with its --host.

    The dot tells services from handsets, whose ids have none; canary-main is a handset that there is none of, for
    `wecall fleet check`. Whoever has the key is that service: the file is for its owner's eyes only, and unencrypted,
    because a service starts while nobody is there to type.
    """
    _check_service(name, hosts)
    folder = AuthorityFolder(authority)
    now = datetime.now(UTC)
    unlocked = folder.unlock(now)
    certificate = make_service(folder, unlocked, name, out, hosts=hosts, days=days, replaces=replace, now=now)
    certificate_path, key_path = out / f"{name}.pem", out / f"{name}.key"
    click.echo(f"{certificate_path} and {key_path}: {name}, until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if replace:
        click.echo(f"Install them, then copy {folder.list_path} to the broker and restart it.")


def make_service(
    folder: AuthorityFolder, authority: Authority, name: str, out: Path, *, hosts: tuple[str, ...] = (),
    days: int = SERVICE_DAYS, replaces: bool = False, now: datetime,
) -> x509.Certificate:  # fmt: skip
    """Write a service's key and certificate into a folder; a key that is there already stays.

    Args:
        folder: where the certificate goes on record.
        authority: from `folder.unlock`.
        name: of the service.
        out: the folder that gets NAME.pem and NAME.key.
        hosts: of a broker, one at least.
        days: how long a new certificate lasts.
        replaces: a new key is made, and what was issued before is taken back.
        now: the time.

    Raises:
        ProvisioningError: the name has another key, or the authority is over.
    """
    out.mkdir(parents=True, exist_ok=True)
    key_path = out / f"{name}.key"
    found = None if replaces else _key_of_before(key_path)
    key = found or new_broker_key()
    try:
        certificate = folder.issue(
            authority,
            read_request(certificate_request(key, name)),
            name,
            days=days,
            replaces=replaces,
            now=now,
            hosts=hosts or None,
        )
    except DeviceHasAnotherKeyError:
        raise ProvisioningError(
            f"There is a certificate for {name} already, and its key is not in {key_path}. Say where it is with --out, "
            "or say --replace: then it gets a new key, and what it had before is taken back."
        ) from None
    if found is None:
        replace_durably(key_path, private_pem(key))
    replace_durably(out / f"{name}.pem", certificate.public_bytes(Encoding.PEM))
    return certificate


@ca.command(name="revoke")
@click.argument("authority", type=AUTHORITY)
@click.argument("devices", nargs=-1)
@click.option("--reason", type=click.Choice(list(_REASONS)), default="lost", show_default=True, help="Why.")
def revoke(authority: Path, devices: tuple[str, ...], reason: str) -> None:
    """Take all certificates of DEVICES back: the broker lets them in no more.

    Without DEVICES only the broker's list is written anew.
    """
    folder = AuthorityFolder(authority)
    issued = folder.issued()
    known = {each.device for each in issued}
    if unknown := sorted(set(devices) - known):
        raise ProvisioningError(f"No certificate was issued to {', '.join(unknown)}. See: wecall fleet ca list")
    taken = [each for each in issued if each.device in devices and each.revocation is None]
    now = datetime.now(UTC)
    unlocked = folder.unlock(now)
    folder.revoke(unlocked, taken, _REASONS[reason], now)
    click.echo(f"{len(taken)} certificate(s) taken back. The list is {folder.list_path}.")
    click.echo(
        "Copy it to where crlfile in mosquitto.conf says, and restart the broker: reloading keeps out new comers only."
    )


@ca.command(name="list")
@click.argument("authority", type=AUTHORITY)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_certificates(authority: Path, as_json: bool) -> None:
    """List the certificates that were issued; needs no passphrase."""
    issued = AuthorityFolder(authority).issued()
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([_as_json(each, now) for each in issued], indent=2))
        return
    _show(issued, now)


def _show(issued: Iterable[Issued], now: datetime) -> None:
    table = Table("device", "issued", "until", "state", "serial number", box=None)
    for each in issued:
        begins, ends = each.certificate.not_valid_before_utc, each.certificate.not_valid_after_utc
        table.add_row(
            each.device, f"{begins:%Y-%m-%d}", f"{ends:%Y-%m-%d}", _state(each, now),
            f"{each.certificate.serial_number:040x}",
        )  # fmt: skip
    Console().print(table if table.row_count else "No certificate was issued yet.")


def _state(each: Issued, now: datetime) -> str:
    if each.revocation is not None:
        reason = next(word for word, reason in _REASONS.items() if reason is each.revocation.reason)
        return f"{reason} {each.revocation.at:%Y-%m-%d}"
    return "counts" if each.counts(now) else "over"


def _as_json(each: Issued, now: datetime) -> dict[str, str]:
    return {
        "device": each.device,
        "serial_number": f"{each.certificate.serial_number:040x}",
        "not_before": each.certificate.not_valid_before_utc.isoformat(),
        "not_after": each.certificate.not_valid_after_utc.isoformat(),
        "state": _state(each, now).split(" ", 1)[0],
    }


def _broker_lines(folder: AuthorityFolder) -> str:
    lines = (
        f"cafile {folder.certificate_path.absolute()}",
        f"crlfile {folder.list_path.absolute()}",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
    )
    return "\n".join(f"    {line}" for line in lines)


def check_identifier(name: str, what: str = "a device id") -> None:
    """See that a handset or a fleet can be called so.

    Raises:
        ProvisioningError: it cannot.
    """
    try:
        _IDENTIFIER.validate_python(name)
    except ValidationError:
        raise ProvisioningError(
            f"{name!r} cannot be {what}: one has 1 to 64 lower-case letters, digits and hyphens."
        ) from None


def _check_service(name: str, hosts: tuple[str, ...]) -> None:
    if not SERVICE.fullmatch(name):
        raise ProvisioningError(
            f"{name!r} is no service: there are broker.NAME, collector.NAME, operator.NAME and canary-NAME, in "
            "lower-case letters, digits and hyphens. Handsets get theirs from `wecall fleet ca issue`, and people at "
            "dashboards passwords."
        )
    if name.startswith(f"{_BROKER}.") is not bool(hosts):
        raise ProvisioningError(
            "A broker's certificate names the hosts that clients reach it under, and no other does: give --host for "
            f"{_BROKER}.NAME alone."
        )


def _key_of_before(path: Path) -> EllipticCurvePrivateKey | None:
    """Return the key of an earlier time; None where there is none, so that a command cut short can be said again."""
    with suppress(FileNotFoundError):
        return load_broker_key(path.read_bytes())
    return None
