"""The country that somebody has chosen on the handset itself, because its configuration says none.

It is about where the handset stands and not about its holder, and SIP needs it before the store is open. So it is a
file of its own beside the store. A factory reset takes it away: the next holder may be somewhere else.
"""

import logging
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably
from firmware.base.errors import StorageError
from provisioning.countries import COUNTRY_CODES
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

COUNTRY_NAME: Final = "country"
_MOST_BYTES: Final = 16


def read_country(state_dir: Path) -> str:
    """Return the code of the country that was chosen, empty where none was or where the file holds none."""
    path = state_dir / COUNTRY_NAME
    text = ""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("The chosen country in %s cannot be read: %s. The phone asks again.", path, type(error).__name__)
        return ""
    if text not in COUNTRY_CODES:
        _log.warning("What is in %s is no country's code. The phone asks again.", path)
        return ""
    return text


def keep_country(state_dir: Path, code: str) -> None:
    """Keep what was chosen; on the disk when this returns.

    Raises:
        StorageError: there is no such country, or it cannot be written.
    """
    if code not in COUNTRY_CODES:
        raise StorageError("There is no country of this code, so none was kept. Choose another one.")
    try:
        replace_durably(state_dir / COUNTRY_NAME, f"{code}\n".encode())
    except OSError as error:
        raise StorageError(f"The country cannot be kept in {state_dir}: {error.strerror}.") from error


def in_country(configuration: Configuration, code: str) -> Configuration:
    """Return a configuration that says no country as if it said this one."""
    return configuration.model_copy(update={"device": configuration.device.model_copy(update={"country": code})})
