"""`wecall bundle mass`: one stick for a whole site, and the labels that go with it."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firmware.base.durable import replace_durably
from firmware.installer.batch import Batch, Done
from firmware.installer.bundle_folder import CONFIGURATION, BundleFolder
from firmware.installer.check_command import line_of
from firmware.installer.codes import Traces, codes_for
from firmware.installer.columns import Columns, columns_of
from firmware.installer.device_table import DeviceTable, read_table, told
from firmware.installer.identities import read_identities
from firmware.installer.labels import sheet
from firmware.installer.mass_record import MassRecord
from firmware.installer.private_keys import OTHERS, signing_key
from firmware.installer.sealed_secrets import SealedSecrets, TableKey, seal_table
from firmware.installer.serials import Filled, fill_serials, serial_warnings
from firmware.installer.signing import BUNDLE_SUFFIX, check_signer, warn, words_line
from firmware.installer.site import Handset, certificates_of, check_common, check_files, read_site
from provisioning.bundle import key_words
from provisioning.identity import Identity

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_IDENTITIES: Final = click.Path(exists=True, path_type=Path)
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("table", metavar="DEVICES.CSV", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--stick", type=_FOLDER, help="Where to: the stick's folder.")
@click.option("--key", "key_file", type=_FILE, help="The private key that signs, from `wecall key new`.")
@click.option(
    "--folder", type=_FOLDER, help="What all have in common, from `wecall bundle init`.  [default: the table's]"
)
@click.option(
    "--to",
    "identities",
    multiple=True,
    type=_IDENTITIES,
    help="Seal passwords to the handsets of these identity-<serial>.json, or of all in this folder; for others a code "
    "is made up, to be typed on the keypad.",
)
@click.option(
    "--certificates",
    "certificate_folder",
    type=_FOLDER,
    help="Each handset's certificate for the broker, <serial>.pem, from `wecall fleet ca issue`.",
)
@click.option(
    "--labels", type=click.Path(dir_okay=False, path_type=Path), help="The sheet.  [default: beside the table]"
)
@click.option("--number", type=click.IntRange(1, 2**53 - 1), help="Of new bundles.  [default: by the date, and rising]")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="For so long handsets take it."
)
@click.option("--note", default="", help="A line for the people who handle it.")
@click.option("--anew", is_flag=True, help="Make those too that are there already, with other codes.")
@click.option(
    "--from",
    "serials_from",
    multiple=True,
    type=_IDENTITIES,
    help="Only write the serials of these identities, or of all in this folder, into rows of DEVICES.CSV that have "
    "none; where there is no such file, begin it.",
)
@click.option("--check", "only_check", is_flag=True, help="Only look for mistakes; makes nothing.")
def mass(  # noqa: PLR0917 - click names them all
    table: Path,
    stick: Path | None,
    key_file: Path | None,
    folder: Path | None,
    identities: tuple[Path, ...],
    certificate_folder: Path | None,
    labels: Path | None,
    number: int | None,
    days: int,
    note: str,
    anew: bool,
    serials_from: tuple[Path, ...],
    only_check: bool,
) -> None:
    """Make a bundle for each handset in DEVICES.CSV, and a sheet of labels.

    Each column is a setting: serial, device_id, username, password, label, or whatever the configuration has, such as
    accounts.0.domain or sip.local_port. A column called place is printed on the label, one that begins with # is
    yours. What a cell leaves empty is as the folder has it.

    Passwords leave the table for DEVICES.CSV.sealed, which opens with the key that signs: an empty cell is as sealed,
    and one that is filled in again replaces that.

    The same command goes on where it was cut off, and makes only what has changed.
    """
    if serials_from:
        _tell_filled(table, fill_serials(table, read_identities(serials_from)))
        return
    target = None if only_check else _target(stick, key_file)
    devices = read_table(table)
    columns = columns_of(devices)
    known = read_identities(identities) if identities else {}
    for warning in told(serial_warnings(devices, columns, known)):
        warn(warning)
    sealed = SealedSecrets(table)
    sealed.read()
    if target is not None:
        sealed.open(TableKey.of(target.key))
    source = BundleFolder(folder or table.absolute().parent)
    site = read_site(source, devices, columns, sealed)
    handsets = site.handsets
    contents = {
        name: path
        for name, path in source.contents().items()
        if name != CONFIGURATION and not name.startswith("sealed/")
    }
    certificates = certificates_of(handsets, certificate_folder)
    check_files(handsets, contents, certificates)
    remarks = check_common(source, handsets[0], has_certificates=bool(certificates))
    for warning in site.warnings:
        warn(warning)
    if target is None:
        for remark in remarks:
            click.echo(line_of(remark), err=True)
        _warn_of_readers(devices, columns)
        click.echo(f"{len(handsets)} handset(s), no mistake.{_who_types(handsets, known)}")
        return
    stick, key = target
    check_signer({handset.configuration.trust for handset in handsets}, key)
    table_key = TableKey.of(key)
    if count := seal_table(devices, columns, sealed, table_key):
        click.echo(f"{count} password(s) left {table.name} for {sealed.path.name}: a cell that is empty is as sealed.")
    record = MassRecord(table)
    record.read()
    labels = labels or table.with_name(f"{table.stem}-labels.html")
    wanted = [handset.serial for handset in handsets if handset.secrets and handset.serial not in known]
    codes = codes_for(wanted, sealed, Traces(record, labels, stick), anew=anew)
    # A code is kept before there is anything that it opens.
    sealed.keep_codes(codes.of, table_key)
    now = datetime.now(UTC).replace(microsecond=0)
    number = number or source.next_number(now)
    source.remember_number(number)
    text = source.configuration_text()
    batch = Batch(
        text, contents, known, certificates, key, table_key, codes.of, number, days, note, now, anew, record, stick
    )
    done = _run(batch, handsets)
    words = key_words(key.public_key().public_bytes_raw())
    page = sheet([each.handset.label(each.code) for each in done], words, f"{table.stem} {now:%Y-%m-%d}")
    replace_durably(labels, page.encode())
    _tell(done, stick, labels, codes.new)
    click.echo(words_line(key))


class _Target(NamedTuple):
    """Where bundles go, and who signs them."""

    stick: Path
    key: Ed25519PrivateKey


def _target(stick: Path | None, key_file: Path | None) -> _Target:
    if stick is None or key_file is None:
        raise click.UsageError("Say where to with --stick, and who signs with --key; or only --check.")
    return _Target(stick, signing_key(key_file))


def _warn_of_readers(table: DeviceTable, columns: Columns) -> None:
    if os.name == "posix" and table.path.stat().st_mode & OTHERS and any(map(columns.secrets_in, table.rows)):
        warn(f"Others can read the passwords in {table.path}. Make it yours alone with: chmod 600 {table.path}")


def _tell_filled(table: Path, filled: Filled) -> None:
    click.echo(f"{len(filled.serials)} serial(s) written into {table}.")
    if filled.empty:
        click.echo(f"{filled.empty} row(s) have none yet: there is no identity for them.")
    if filled.left:
        click.echo(f"No row was left for: {', '.join(filled.left)}.")


def _run(batch: Batch, handsets: Sequence[Handset]) -> list[Done]:
    done: list[Done] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("Bundles", total=len(handsets))
            for each in batch.run(handsets):
                done.append(each)
                shown.update(task, advance=1, description=each.handset.device)
    except (KeyboardInterrupt, OSError):
        click.echo(f"{len(done)} of {len(handsets)} bundles are made. The same command goes on from there.", err=True)
        raise
    return done


def _tell(done: Sequence[Done], stick: Path, labels: Path, new_codes: int) -> None:
    there = sum(each.was_there for each in done)
    codes = sum(bool(each.code) for each in done)
    click.echo(f"{len(done) - there} bundle(s) written to {stick}, {there} were there already.")
    ours = {f"{each.handset.serial}{BUNDLE_SUFFIX}" for each in done}
    if others := sum(path.name not in ours for path in stick.glob(f"*{BUNDLE_SUFFIX}")):
        click.echo(f"{others} other bundle(s) are on the stick; of two for one handset the higher number counts.")
    new = f" ({new_codes} of them new)" if new_codes else ""
    click.echo(f"{labels}: {len(done)} label(s), {codes} with a code{new}, and on each page the six words of the key.")
    if codes:
        click.echo(
            f"Whoever has a code and the stick has that handset's passwords. Once the sheet is printed, delete "
            f"{labels.name}; the same command writes it again."
        )


def _who_types(handsets: Sequence[Handset], known: Mapping[str, Identity]) -> str:
    count = sum(bool(handset.secrets) and handset.serial not in known for handset in handsets)
    return f" At {count} of them a code has to be typed, once." if count else ""
