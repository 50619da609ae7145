"""What was made for each handset of a table, kept beside it: what need not be made again.

A line of JSON for each handset, on the disk before its bundle is. Without it all are made anew, to the same codes.
"""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from firmware.installer.json_lines import read_lines, write_lines
from provisioning.manifest import BundleNumber, Serial
from provisioning.section import Section

_SUFFIX: Final = ".made"
CODE_IS_SEALED: Final = "sealed"
"""The code stands among the sealed secrets of the table."""


class Made(Section):
    """A bundle that was made, or was about to be.

    Attributes:
        serial: the handset's.
        inputs: HMAC-SHA-256 of all that went into it but number and times; passwords are among that.
        number: the bundle's.
        code: CODE_IS_SEALED, or the code itself in the records of older tools, where its secrets are sealed to one; ""
            where they are sealed to the handset, or there are none.
        digest: SHA-256 of the file.
        until: handsets take it.
    """

    serial: Serial
    inputs: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    number: BundleNumber
    code: Annotated[str, Field(pattern=f"^([0-9]{{10}}|{CODE_IS_SEALED})?$")]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    until: AwareDatetime


class MassRecord:
    """The record of one table."""

    def __init__(self, table: Path) -> None:
        """Set up.

        Args:
            table: the file, such as devices.csv; the record is beside it.
        """
        self.path = table.with_name(f"{table.name}{_SUFFIX}")
        self._latest: dict[str, Made] = {}

    def read(self) -> None:
        """Read it where there is one.

        Raises:
            ProvisioningError: it cannot be read.
        """
        for made in read_lines(self.path, Made, "Delete the file to make all anew, to the same codes."):
            self._latest[made.serial] = made

    def latest(self, serial: str) -> Made | None:
        """Return what was made for a handset last."""
        return self._latest.get(serial)

    def add(self, made: Made) -> None:
        """Write it down; it is on the disk when this returns.

        Raises:
            OSError: the disk is full, read-only or broken.
        """
        self._latest[made.serial] = made
        write_lines(self.path, self._latest.values())
