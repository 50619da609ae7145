"""`wecall bundle build` and `sign`: a folder becomes a file that handsets take."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.installer.bundle_folder import CONFIGURATION, BundleFolder
from firmware.installer.check_command import line_of
from firmware.installer.folder_check import check_folder
from firmware.installer.private_keys import signing_key
from firmware.installer.signing import (
    BUNDLE_SUFFIX,
    DRAFT_SUFFIX,
    check_signer,
    new_manifest,
    read_packed,
    renewed,
    warn,
    words_line,
    write_draft,
    write_signed,
)
from provisioning.errors import ProvisioningError
from provisioning.manifest import Manifest
from provisioning.parsing import parse_configuration
from provisioning.remarks import counted
from provisioning.risks import NO_COUNTRY

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", type=_OUT, help="Where to.  [default: beside DIR, called as it is]")
@click.option("--key", "key_file", type=_FILE, help="Sign it at once with this private key, from `wecall key new`.")
@click.option(
    "--serial",
    "serials",
    multiple=True,
    help="Only for this handset of the fleet; can be given several times.  [default: all of it]",
)
@click.option(
    "--number", type=click.IntRange(1, 2**53 - 1), help="Higher than any before.  [default: by the date, and rising]"
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="For so long handsets take it; what they took stays.",
)
@click.option("--note", default="", help="A line for the people who handle it.")
def build(  # noqa: PLR0917 - click names them all
    folder: Path,
    out: Path | None,
    key_file: Path | None,
    serials: tuple[str, ...],
    number: int | None,
    days: int,
    note: str,
) -> None:
    """Check the folder DIR and pack it into a bundle.

    Without --key the file is a draft, for `wecall bundle sign` where the key is.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    source = BundleFolder(folder)
    _check(folder, now)
    configuration = source.configuration()
    contents = dict(source.contents())
    suffix = BUNDLE_SUFFIX if key_file else DRAFT_SUFFIX
    out = out or folder.resolve().with_suffix(suffix)
    if key_file is None and out.suffix == BUNDLE_SUFFIX:
        raise click.UsageError(f"Without --key it is a draft. Name a key, or call it {out.stem}{DRAFT_SUFFIX}.")
    manifest = new_manifest(
        configuration.device.fleet, number or source.next_number(now), serials, days=days, note=note, now=now
    )
    if key_file is None:
        source.remember_number(manifest.number)
        write_draft(out, contents, manifest)
        click.echo(f"{out}: {summary(manifest)}\nIt is not signed yet: wecall bundle sign {out} --key KEY")
        return
    key = signing_key(key_file)
    check_signer([configuration.trust], key)
    # A number that is skipped does no harm; one that is given twice does.
    source.remember_number(manifest.number)
    write_signed(out, contents, manifest, key)
    _tell(out, manifest, key)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key, from `wecall key new`.")
@click.option("-o", "--out", type=_OUT, help="Where to.  [default: beside FILE]")
@click.option("--days", type=click.IntRange(1, 3650), help="For so long handsets take it.  [default: as it was built]")
def sign(file: Path, key_file: Path, out: Path | None, days: int | None) -> None:
    """Sign the draft in FILE; or a bundle once more, with another key or for longer."""
    packed = read_packed(file)
    manifest = renewed(packed.manifest, datetime.now(UTC).replace(microsecond=0), days)
    key = signing_key(key_file)
    if CONFIGURATION in packed.contents:
        configuration = parse_configuration(packed.contents[CONFIGURATION].decode(errors="replace"))
        if configuration.device.country is None:
            raise ProvisioningError(f"{file} was not signed: there is a mistake in it.", (NO_COUNTRY.sentence,))
        check_signer([configuration.trust], key)
    out = out or file.with_suffix(BUNDLE_SUFFIX)
    write_signed(out, packed.contents, manifest, key)
    _tell(out, manifest, key)


def _check(folder: Path, now: datetime) -> None:
    """Say what is wrong with the folder, or risky.

    Raises:
        ProvisioningError: something has to be corrected first.
    """
    findings = check_folder(folder, now)
    for remark in findings.remarks:
        click.echo(line_of(remark), err=True)
    if findings.mistakes:
        raise ProvisioningError(f"Nothing was built: there {_are(len(findings.mistakes))} to be corrected first.")
    if findings.to_seal and not any(name.startswith("sealed/") for name, _ in BundleFolder(folder).files()):
        warn(f"Not in it, sealed or in clear: {', '.join(findings.to_seal)}. Handsets that lack them refuse it.")


def _are(mistakes: int) -> str:
    return f"is {counted(mistakes, 'mistake')}" if mistakes == 1 else f"are {counted(mistakes, 'mistake')}"


def _tell(out: Path, manifest: Manifest, key: Ed25519PrivateKey) -> None:
    click.echo(f"{out}: {summary(manifest)}\n{words_line(key)}")


def summary(manifest: Manifest) -> str:
    """Say in a line what a bundle is."""
    count = len(manifest.serials)
    who = f"{count} handset{'s' if count > 1 else ''} of" if count else "all of"
    return f"bundle {manifest.number} for {who} the fleet {manifest.fleet}, taken until {manifest.not_after:%Y-%m-%d}"
