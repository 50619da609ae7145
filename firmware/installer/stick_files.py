"""Bundles and reports that lie on a stick or in a folder, whoever has put them there."""

from pathlib import Path
from typing import BinaryIO

from firmware.installer.bundle_folder import CONFIGURATION
from firmware.installer.signing import BUNDLE_SUFFIX
from provisioning.bundle import Bundle
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.report import MAX_REPORT_BYTES, Report, read_report
from provisioning.schema import Configuration


def bundle_paths(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that are called as bundles are, as a handset looks for them.

    Raises:
        OSError: the folder cannot be read.
    """
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if path.name.casefold().endswith(BUNDLE_SUFFIX) and not path.name.startswith(".")
    )


def configuration_in(bundle: Bundle) -> Configuration:
    """Return a bundle's configuration.

    Raises:
        ProvisioningError: it has no configuration, or one with mistakes.
    """
    if CONFIGURATION not in bundle.names:
        raise ProvisioningError(f"There is no {CONFIGURATION} in it.")
    try:
        text = bundle.read(CONFIGURATION).decode()
    except UnicodeDecodeError as error:
        raise ProvisioningError(f"{CONFIGURATION} in it is not UTF-8 text.") from error
    return parse_configuration(text)


def read_report_file(path: Path) -> Report:
    """Read a report, which must be called as its handset calls it.

    Raises:
        ProvisioningError: it is none.
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        report = read_report(file.read(MAX_REPORT_BYTES + 1))
    if path.name != f"{report.file_stem}.json":
        raise ProvisioningError(f"This is the report of another handset, {report.serial}.")
    return report


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        ProvisioningError: it is a folder or a pipe, which would wait for somebody to write to it.
        OSError: it cannot be read.
    """
    if not path.is_file():
        raise ProvisioningError("This is no plain file.")
    return path.open("rb")


def printable(text: str) -> str:
    """Return text from a stick as a terminal may show it: no control character, no change of direction."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
