"""The folder that an installer makes a bundle from: `config.toml` and whatever else goes into it, by its name.

Beside that it may hold `secrets.toml`, which never goes into a bundle, and remembers the number of the last one.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably
from firmware.installer.credentials import read_secrets
from provisioning.bundle import size_limit
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.schema import Configuration

CONFIGURATION: Final = "config.toml"
SECRETS: Final = "secrets.toml"
_LAST_NUMBER: Final = "last-number.txt"
_NOT_PACKED: Final = frozenset({SECRETS, _LAST_NUMBER})
_OF_TABLES: Final = (".csv", ".csv.made", ".csv.sealed", "-labels.html")
"""How the names end of what `wecall bundle mass` reads and writes."""

_PRIVATE_KEY: Final = b"PRIVATE KEY-----"


class BundleFolder:
    """A folder that bundles are made from."""

    def __init__(self, folder: Path) -> None:
        """Set up.

        Raises:
            ProvisioningError: there is no configuration in it.
        """
        self.folder = folder
        if not self.configuration_path.is_file():
            raise ProvisioningError(f"There is no {CONFIGURATION} in {folder}. Make one: wecall bundle init {folder}")

    @property
    def configuration_path(self) -> Path:
        """Its `config.toml`."""
        return self.folder / CONFIGURATION

    @property
    def secrets_path(self) -> Path:
        """Its `secrets.toml`, which need not be there."""
        return self.folder / SECRETS

    def configuration(self) -> Configuration:
        """Read the configuration.

        Raises:
            ProvisioningError: it cannot be read, or has mistakes.
        """
        return parse_configuration(self.configuration_text())

    def configuration_text(self) -> str:
        """Return what stands in `config.toml`.

        Raises:
            ProvisioningError: it cannot be read.
        """
        return read_text(self.configuration_path)

    def secrets(self) -> Mapping[str, str]:
        """Return what stands in `secrets.toml`; nothing where there is none.

        Raises:
            ProvisioningError: it cannot be read.
        """
        return read_secrets(read_text(self.secrets_path)) if self.secrets_path.exists() else {}

    def contents(self) -> Mapping[str, Path]:
        """Return what goes into a bundle, under which name.

        Raises:
            ProvisioningError: something in it must not leave, or is larger than a handset takes.
        """
        contents: dict[str, Path] = {}
        mistakes: list[str] = []
        for name, path in self.files():
            most_bytes = size_limit(name)
            if most_bytes is None:
                continue
            if (size_bytes := path.stat().st_size) > most_bytes:
                mistakes.append(f"{path} has {size_bytes} bytes; in a bundle it has {most_bytes} at most.")
            elif name.startswith("certificates/") and _PRIVATE_KEY in path.read_bytes():
                mistakes.append(f"{path} holds a private key, which a bundle never carries. Put the certificate alone.")
            contents[name] = path
        if mistakes:
            raise ProvisioningError(f"{self.folder} cannot be packed.", tuple(mistakes))
        return contents

    def next_number(self, today: datetime) -> int:
        """Return a number that rises: with each bundle, and with each day, so that another folder's are older.

        It reads like the serial numbers of name servers: the year, the month, the day and two digits.
        """
        of_today = int(f"{today:%Y%m%d}01")
        return max(of_today, self._last_number() + 1)

    def remember_number(self, number: int) -> None:
        """Keep the number that was used.

        Raises:
            OSError: the disk is full, read-only or broken.
        """
        if number > self._last_number():
            replace_durably(self.folder / _LAST_NUMBER, f"{number}\n".encode())

    def _last_number(self) -> int:
        try:
            return int(self.folder.joinpath(_LAST_NUMBER).read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except (ValueError, OSError):
            raise ProvisioningError(
                f"{self.folder / _LAST_NUMBER} should hold the number of the last bundle. Write it there, or delete "
                "the file."
            ) from None

    def files(self) -> list[tuple[str, Path]]:
        """Return what lies in it, without what stays here by its nature, whose name begins with a dot or is known."""
        found = []
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            hidden = any(part.startswith(".") for part in Path(name).parts)
            stays = name in _NOT_PACKED or ("/" not in name and name.endswith(_OF_TABLES))
            if path.is_file() and not hidden and not stays:
                found.append((name, path))
        return found


def read_text(path: Path) -> str:
    """Read a file of text.

    Raises:
        ProvisioningError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text; save it as UTF-8"
        raise ProvisioningError(f"{path} cannot be read: {reason}.") from error
