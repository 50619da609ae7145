"""A memory card: an image with a file system of its own, which a handset writes to and a thief reads."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.patience import wait_until

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
    def mounted(self, *, read_only: bool = False) -> Iterator[Path]:
        """Give the folder in which the card is seen; all of it is in the image when that ends."""
        options = "loop,ro,noload" if read_only else "loop"
        # Somebody else may have gone into a mount namespace of their own while the card was mounted before, and then it
        # stays mounted there until they end.
        wait_until(lambda: self._mount(options), f"{self.image} is mounted")
        try:
            yield self._mounted_at
        finally:
            # For where it stays mounted with somebody else, as above.
            subprocess.run([*AS_ROOT, "sync", "-f", self._mounted_at], check=True)
            subprocess.run([*AS_ROOT, "umount", self._mounted_at], check=True)

    def _mount(self, options: str) -> bool:
        return not subprocess.run(
            [*AS_ROOT, "mount", "-o", options, self.image, self._mounted_at], check=False
        ).returncode
