"""`wecall bundle pbx`: the extensions of an Asterisk, and the folder and table for their phones."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from firmware.base.durable import replace_durably, sync_folder
from firmware.configuration.contradictions import dial_plan
from firmware.installer.asterisk_files import KEYS, extensions_conf, pjsip_conf
from firmware.installer.bundle_folder import BundleFolder
from firmware.installer.check_command import line_of
from firmware.installer.columns import SERIAL, columns_of
from firmware.installer.device_table import DeviceTable, refusal
from firmware.installer.extensions import EXTENSION, Extension, as_csv, column_of, read_extensions
from firmware.installer.file_check import Beside, check_file
from firmware.installer.init_command import begin
from firmware.installer.sealed_secrets import SealedSecrets
from firmware.installer.site import read_site
from firmware.phone.dial_plan import DialPlan, Match
from provisioning.errors import ProvisioningError
from provisioning.remarks import Severity, counted

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_CA: Final = "certificates/pbx-ca.pem"
_DEVICES: Final = "devices.csv"


@click.command()
@click.argument("folder", metavar="OUT_DIR", type=click.Path(path_type=Path))
@click.argument("table", metavar="EXTENSIONS.CSV", type=_FILE)
@click.option("--domain", required=True, help="The PBX's name, as its certificate has it.")
@click.option(
    "--ca", type=_FILE, help="Who has signed the PBX's certificate, in PEM.  [default: a public authority has]"
)
@click.option("--fleet", required=True, help="The handsets that are looked after together.")
@click.option("--country", required=True, help="Where they stand, such as AT: it decides the emergency numbers.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=_FILE,
    help="The private key that will sign bundles, from `wecall key new`.",
)
def pbx(  # noqa: PLR0917 - click names them all
    folder: Path, table: Path, domain: str, ca: Path | None, fleet: str, country: str, key_file: Path
) -> None:
    """Make OUT_DIR, with what a fresh Asterisk 22 and its phones need for the extensions in EXTENSIONS.CSV.

    The table has the columns extension and name, and may have serial, device_id and place. Each extension gets a
    password of its own, which is shown nowhere. What OUT_DIR/asterisk has goes to the PBX; OUT_DIR/phones is a folder
    as `wecall bundle init` makes it, with the table that `wecall bundle mass` takes.
    """
    if os.path.lexists(folder):
        raise ProvisioningError(f"There is {folder} already, and it is never overwritten. Name a folder to be made.")
    extensions, devices = read_extensions(table)
    account = {"domain": domain, "srtp": "mandatory"}
    if ca is not None:
        _check_authority(ca)
        account["tls_ca"] = _CA
    with _whole_or_not_at_all(folder) as draft:
        phones = draft / "phones"
        begin(phones, device=None, fleet=fleet, country=country, key_file=key_file, account=account)
        _check_phones(extensions, devices, BundleFolder(phones))
        if ca is not None:
            replace_durably(phones / _CA, ca.read_bytes())
        replace_durably(phones / _DEVICES, as_csv(devices).encode())
        asterisk = draft / "asterisk"
        asterisk.mkdir()
        replace_durably(asterisk / "pjsip.conf", pjsip_conf(extensions).encode())
        replace_durably(asterisk / "extensions.conf", extensions_conf(extensions).encode())
    click.echo(
        f"{folder} has what is needed for {counted(len(extensions), 'extension')}.\n\n"
        f"At the PBX: copy {folder / 'asterisk'}/*.conf to /etc/asterisk, readable by Asterisk alone, and put the "
        f"certificate for {domain} and its key there as {KEYS}/pbx.crt and pbx.key.\n"
        f"For the phones: wecall bundle mass {folder / 'phones' / _DEVICES} --stick STICK --key {key_file}, once each "
        "row has its serial."
    )


@contextmanager
def _whole_or_not_at_all(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, which has its name once all is on the disk; nobody else can look into it."""
    if not folder.parent.is_dir():
        raise ProvisioningError(f"There is no folder {folder.parent} to make {folder.name} in. Make it first.")
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
        draft = Path(place) / folder.name
        draft.mkdir(mode=0o700)
        yield draft
        sync_folder(draft)
        draft.rename(folder)
        sync_folder(folder.parent)


def _check_authority(path: Path) -> None:
    """Refuse what is no certificate, or holds a private key."""
    remarks = check_file(_CA, path, Beside(datetime.now(UTC), None))
    if mistakes := [remark for remark in remarks if remark.severity is Severity.MISTAKE]:
        raise ProvisioningError(
            f"{path} cannot be given to phones.", tuple(line_of(replace(each, file=path.name)) for each in mistakes)
        )


def _check_phones(extensions: Sequence[Extension], phones: DeviceTable, source: BundleFolder) -> None:
    """Refuse what `wecall bundle mass` will refuse, but for missing serials, and extensions that nobody can dial."""
    site = read_site(source, _with_serials(phones), columns_of(phones), SealedSecrets(phones.path))
    plan = dial_plan(site.handsets[0].configuration)
    numbers = replace(column_of(phones, "username"), heading=EXTENSION)
    if mistakes := [
        phones.mistake(f"a phone that dials it calls {help_number} for help.", row, numbers)
        for row, extension in zip(phones.rows, extensions, strict=True)
        if (help_number := _help_instead(plan, extension.number))
    ]:
        raise refusal(mistakes)


def _with_serials(phones: DeviceTable) -> DeviceTable:
    """Return the table with something in the place of serials that are missing yet."""
    position = column_of(phones, SERIAL).position
    rows = [
        row
        if row.cells[position]
        else replace(row, cells=(*row.cells[:position], f"of-row-{row.number}", *row.cells[position + 1 :]))
        for row in phones.rows
    ]
    return replace(phones, rows=tuple(rows))


def _help_instead(plan: DialPlan, extension: str) -> str:
    """Return the emergency number that is called before, or with, the last digit of an extension; "" for none."""
    for length in range(1, len(extension) + 1):
        dialled = extension[:length]
        is_last = length == len(extension)
        if plan.is_emergency(dialled) and (is_last or plan.match(dialled) is Match.COMPLETE):
            return dialled
    return ""
