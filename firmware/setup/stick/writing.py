"""What is laid out while a stick is looked at, and written to it afterwards by a process that does nothing else."""

from pathlib import Path
from typing import Final

from firmware.setup.stick.folder import StickFolder

WRITTEN_MARK: Final = ".written"
"""Stands among what is laid out once all of it is on the stick."""

READING_MARK: Final = ".reading"
"""Stands among what is laid out as long as the stick is read."""

ORDERED_MARK: Final = ".ordered"
"""Stands among what is laid out where the holder has ordered something, too."""


class Outgoing:
    """A folder of our own, for what is to be written while the stick cannot be written yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lay_out(self, name: str, text: str) -> None:
        """Have a file written to the stick."""
        (self._path / name).write_text(text, encoding="utf-8")

    def mark_ordered(self) -> None:
        """Have what the holder ordered fetched, too."""
        (self._path / ORDERED_MARK).touch()

    def mark_reading(self, *, going_on: bool) -> None:
        """Have it known that the stick is read from now on, or any more."""
        if going_on:
            (self._path / READING_MARK).touch()
        else:
            (self._path / READING_MARK).unlink(missing_ok=True)

    @property
    def is_being_read(self) -> bool:
        """Whether the stick is read still, or was when whoever did so was ended or could not go on."""
        return (self._path / READING_MARK).exists()

    @property
    def is_something_ordered(self) -> bool:
        """Whether the handset has something to be fetched."""
        return (self._path / ORDERED_MARK).exists()

    @property
    def is_written(self) -> bool:
        """Whether all that was laid out is on the stick."""
        return (self._path / WRITTEN_MARK).exists()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was laid out."""
        return not self._files()

    def write_to(self, folder: StickFolder) -> None:
        """Write all of it; where there is nothing to write, whoever looked at the stick did not come to an end.

        Raises:
            StickError: the stick is full, write-protected or broken, or was taken out.
        """
        if self.is_empty and not self.is_something_ordered:
            return
        for path in self._files():
            with folder.writing(path.name) as file:
                file.write(path.read_bytes())
        (self._path / WRITTEN_MARK).touch()

    def _files(self) -> list[Path]:
        return sorted(self._path.glob("[!.]*"))
