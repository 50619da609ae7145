"""A mark beside the store that a guardian answers for the holder, for as long as the store, which knows, is closed.

It holds nothing, and is on the card before a guardian's PIN counts and until after that counts no more: a power cut may
leave one mark too many, and never one too few. A store that opens corrects it. Whoever can write to the card's folder
can take it away, and the store with it.
"""

from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably, sync_folder
from firmware.base.errors import StorageError

GUARDED_NAME: Final = "guarded"


class GuardianMark:
    """The mark of one store."""

    def __init__(self, state_dir: Path) -> None:
        """`state_dir` is where the store is."""
        self._path = state_dir / GUARDED_NAME

    @property
    def is_set(self) -> bool:
        """Whether a guardian answers, as far as anybody knows without the store."""
        return self._path.exists()

    def set(self) -> None:
        """Say that a guardian answers; on the disk when this returns, which takes the card's time.

        Raises:
            StorageError: it cannot be written.
        """
        if self.is_set:
            return
        try:
            replace_durably(self._path, b"")
        except OSError as error:
            raise self._failure(error) from error

    def clear(self) -> None:
        """Say that none does; on the disk when this returns, which takes the card's time.

        Raises:
            StorageError: it cannot be taken away.
        """
        if not self.is_set:
            return
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(
            f"The mark of a guardian, {self._path}, cannot be changed: {error.strerror}. Free space on the card, or "
            "check it."
        )
