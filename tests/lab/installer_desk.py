"""An installer's desk: a folder for a site, a key, a stick, and handsets that left their identities on it."""

import re
import tomllib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from firmware.cli import main
from provisioning.bundle import Bundle, open_bundle
from provisioning.identity import Identity, new_broker_key, new_sealing_key
from provisioning.sealing import CodeCost, seal_to_code, unseal_with_key

CONFIGURATION = """\
# The hotel's phones.
[device]
id = "any"
fleet = "hotel"
country = "CN"

[[accounts]]
# The exchange in the cellar.
username = "any"
domain = "sip.example.org"
password = "swordfish-7"  # until it is sealed

"""

seal_cheaply: Final = partial(seal_to_code, cost=CodeCost(memory_kib=64, passes=1))
"""As in earnest, but for what a guess at a code costs."""


class BlankHandset:
    """A handset that nobody has set up yet, with the keys that it made."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.sealing_key = new_sealing_key()
        self.broker_key = new_broker_key()

    def leave_identity(self, folder: Path) -> Path:
        """Write who it is onto a stick."""
        identity = Identity.of(self.serial, self.sealing_key, self.broker_key, "0.1.0")
        path = folder / identity.file_name
        path.write_text(identity.as_json())
        return path

    def unseal(self, bundle: Bundle) -> dict[str, str]:
        """Return the secrets that a bundle has for it."""
        return unseal_with_key(bundle.read(f"sealed/{self.serial}"), self.sealing_key, serial=self.serial)


class CommandLine:
    """Runs commands of `wecall`, and is sure of how they end."""

    def run(self, *arguments: str | Path, typed: str = "") -> Result:
        """Run `wecall` with these arguments and with this input."""
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed)

    def did(self, *arguments: str | Path, typed: str = "") -> str:
        """Run it, be sure that it worked, and return what it said."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: str | Path, typed: str = "") -> str:
        """Run it, be sure that it refused, and return what it said."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code != 0, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output


class InstallerDesk(CommandLine):
    """A folder, a key and a stick; commands are those of `wecall`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.stick = folder / "stick"
        self.site.mkdir()
        self.stick.mkdir()
        self.key = folder / "key.pem"
        made = self.run("key", "new", self.key, "--no-passphrase")
        assert made.exit_code == 0, made.output
        self.trust_lines = made.stdout
        (self.public,) = re.findall(r'public = "(.+)"', made.stdout)
        self.configuration_path = self.site / "config.toml"
        self.configuration_path.write_text(CONFIGURATION + self.trust_lines)
        self.table = self.site / "devices.csv"

    def write_table(self, *rows: Sequence[str]) -> Path:
        """Write the table of handsets; the first row names the columns."""
        self.table.write_text("".join(",".join(row) + "\n" for row in rows))
        return self.table

    def mass(self, *arguments: str | Path) -> str:
        """Make the bundles of the table."""
        return self.did("bundle", "mass", self.table, "--stick", self.stick, "--key", self.key, *arguments)


def opened(path: Path) -> Bundle:
    """Open a bundle whoever signed it; its file stays open as long as it is used."""
    return open_bundle(path.open("rb"), None)


def configuration_in(bundle: Bundle) -> dict[str, Any]:
    """Return what the configuration in a bundle says."""
    return tomllib.loads(bundle.read("config.toml").decode())
