"""A USB stick as they are sold: one FAT partition, in a file."""

import os
import struct
import subprocess
from pathlib import Path
from typing import Final

_SECTOR_BYTES: Final = 512
_START_SECTOR: Final = 2048
_FAT32_LBA: Final = 0x0C


class UsbStick:
    """A stick, written and read while no machine has it."""

    def __init__(self, image: Path, *, size_mib: int = 48, label: str = "INSTALLER") -> None:
        """Make a blank one.

        Args:
            image: the file that it is.
            size_mib: how much fits on it, with what the file system itself takes.
            label: its name.
        """
        self.image = image
        sectors = size_mib * 1024 * 1024 // _SECTOR_BYTES - _START_SECTOR
        with image.open("wb") as file:
            file.truncate(size_mib * 1024 * 1024)
            # The one entry of the table at the end of the first sector; cylinders and heads are no longer counted.
            entry = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", _FAT32_LBA, b"\xfe\xff\xff", _START_SECTOR, sectors)
            file.seek(446)
            file.write(entry + bytes(48) + b"\x55\xaa")
        self._mtools(
            "mformat", "-F", "-v", label, "-T", str(sectors), "-h", "64", "-s", "32", "-H", str(_START_SECTOR), "::"
        )

    def write(self, name: str, content: bytes) -> None:
        """Put a file on it."""
        self._mtools("mcopy", "-D", "o", "-", f"::{name}", stdin=content)

    def make_folder(self, name: str) -> None:
        """Make a folder on it."""
        self._mtools("mmd", f"::{name}")

    def read(self, name: str) -> bytes:
        """Return what a file on it holds."""
        return self._mtools("mtype", f"::{name}")

    def names(self) -> set[str]:
        """Return the names of the files on it."""
        return {line.removeprefix("::/") for line in self._mtools("mdir", "-b", "::").decode().split("\n") if line}

    def remove(self, name: str) -> None:
        """Take a file away."""
        self._mtools("mdel", f"::{name}")

    def _mtools(self, tool: str, *words: str, stdin: bytes = b"") -> bytes:
        offset = _START_SECTOR * _SECTOR_BYTES
        # The offset in the image's name is mtools' own way to say where a partition is.
        done = subprocess.run(
            [tool, "-i", f"{self.image}@@{offset}", *words],
            input=stdin,
            capture_output=True,
            env={**os.environ, "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"},
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"`{tool} {' '.join(words)}` failed on the stick: {done.stderr.decode()}")
        return done.stdout
