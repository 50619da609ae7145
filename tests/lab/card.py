"""A memory card: an image with a file system of its own, which a handset writes to and a thief reads."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
_SIZE_BYTES = 96 << 20


class Card:
    """An ext4 file system in a file, as a card's is.

    Attributes:
        image: every byte of the card, also those that belong to no file any more.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.image = folder / "card.img"
        self._mounted_at = folder / "mounted"
        self._mounted_at.mkdir()
        with self.image.open("wb") as file:
            file.truncate(_SIZE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-E", f"root_owner={os.getuid()}:{os.getgid()}", self.image], check=True)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Give the folder in which the card is seen; all of it is in the image when that ends."""
        with _mounted(self.image, "loop", self._mounted_at):
            try:
                yield self._mounted_at
            finally:
                # Where somebody has gone into a mount namespace of their own meanwhile, the card stays mounted there
                # until they end. Freezing puts what the journal has into its place, too.
                for how in ("--freeze", "--unfreeze"):
                    subprocess.run([*AS_ROOT, "fsfreeze", how, self._mounted_at], check=True)

    @contextmanager
    def read(self) -> Iterator[Path]:
        """Give the folder in which a copy of the card is seen: the card itself may still be mounted, as above."""
        copy = self.image.with_suffix(".copy")
        subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
        with _mounted(copy, "loop,ro,noload", self._mounted_at):
            yield self._mounted_at


@contextmanager
def _mounted(image: Path, options: str, at: Path) -> Iterator[None]:
    subprocess.run([*AS_ROOT, "mount", "-o", options, image, at], check=True)
    try:
        yield
    finally:
        subprocess.run([*AS_ROOT, "umount", at], check=True)
