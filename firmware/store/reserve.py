"""Room on the disk that is kept for what has to be written whatever fills it: that a yes was taken back."""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_LEAST_BYTES: Final = 128 * 1024
"""A withdrawal with all that follows from it takes less."""


class Reserve:
    """A file that nothing stands in, beside the store, to be let go when there is no other room."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """`size_bytes` is how much is kept; 0 for none."""
        self._path = path
        self._size_bytes = size_bytes

    def lay_by(self) -> None:
        """Keep the room, or as much of it as there is; without any the store works as well."""
        size_bytes = self._size_bytes
        while size_bytes >= _LEAST_BYTES:
            try:
                self._allocate(size_bytes)
            except OSError as error:
                _log.info("%d bytes cannot be kept beside the store: %s", size_bytes, error.strerror)
                self.give_up()
                size_bytes //= 2
            else:
                return

    def give_up(self) -> bool:
        """Let the room go; return whether there was any."""
        with suppress(OSError):
            self._path.unlink()
            return True
        return False

    def _allocate(self, size_bytes: int) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        finally:
            os.close(descriptor)
