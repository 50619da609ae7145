"""What the holder ordered at the keypad to be taken away on a stick, and for how long a stick may have it."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from firmware.durable import sync_folder
from firmware.errors import StorageError

GRACE_S: Final = 600.0
"""So long after something was ordered, or fetched from: whoever comes later with a stick has not typed the PIN."""


class OrderedFiles:
    """Files that a stick may fetch: those that were ordered in this run of the handset, and not long ago.

    A handset that starts anew hands nothing out: the order was in its memory alone. The files stay where they are.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._names: tuple[str, ...] = ()
        self._until_s = 0.0

    def order(self, names: Sequence[str]) -> None:
        """Let a stick fetch these files of the folder, too."""
        before = self._names if self._is_time() else ()
        self._names = tuple(dict.fromkeys((*before, *names)))
        self._until_s = self._clock() + GRACE_S

    def listed(self) -> Sequence[tuple[str, int]]:
        """Return the names and sizes in bytes of those that may be fetched now."""
        found: list[tuple[str, int]] = []
        for name in self._names if self._is_time() else ():
            with suppress(OSError):
                found.append((name, (self._folder / name).stat(follow_symlinks=False).st_size))
        return found

    def read(self, name: str, offset: int, size_bytes: int) -> bytes:
        """Return bytes of one of them; none beyond its end.

        What is being fetched can be fetched to its end, however slow the stick is.

        Raises:
            StorageError: it was not ordered, or too long ago, or cannot be read.
        """
        if name not in self._names or not self._is_time():
            raise StorageError("This file was not ordered, or too long ago. Order it again in the menu.")
        self._until_s = self._clock() + GRACE_S
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, size_bytes, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(f"A file that the holder ordered cannot be read: {error.strerror}.") from error

    def written(self, names: Sequence[str]) -> None:
        """Delete those that are on the stick now.

        Raises:
            StorageError: one of them cannot be deleted.
        """
        gone = [name for name in names if name in self._names]
        try:
            for name in gone:
                (self._folder / name).unlink(missing_ok=True)
            if gone:
                sync_folder(self._folder)
        except OSError as error:
            raise StorageError(
                f"What is on the stick cannot be deleted here: {error.strerror}. Is the card read-only?"
            ) from error
        self._names = tuple(name for name in self._names if name not in gone)

    def _is_time(self) -> bool:
        return self._clock() <= self._until_s
