"""The bundles that lie on a stick or in a folder, whoever has put them there."""

from pathlib import Path

from firmware.installer.bundle_folder import CONFIGURATION
from firmware.installer.signing import BUNDLE_SUFFIX
from provisioning.bundle import Bundle
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration


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


def device_in(bundle: Bundle) -> str:
    """Return the device id that a bundle's configuration gives a handset.

    Raises:
        ProvisioningError: it has no configuration, or one with mistakes.
    """
    if CONFIGURATION not in bundle.names:
        raise ProvisioningError(f"There is no {CONFIGURATION} in it.")
    try:
        text = bundle.read(CONFIGURATION).decode()
    except UnicodeDecodeError as error:
        raise ProvisioningError(f"{CONFIGURATION} in it is not UTF-8 text.") from error
    return parse_configuration(text).device.id


def printable(text: str) -> str:
    """Return text from a stick as a terminal may show it: no control character, no change of direction."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
