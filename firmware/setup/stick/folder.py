"""What lies on a stick, whoever has prepared it: looked at within limits, and written whole or not at all."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from firmware.base.durable import sync_folder
from firmware.base.errors import StickError

ENDING: Final = ".wecall"
_UPDATE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}\.raucb", re.IGNORECASE)
RELEASE_KEYS_NAME: Final = "release-keys"
MOST_UPDATES: Final = 8
"""So many updates of a stick are offered: a release has one for each kind of hardware."""
_COPY: Final = re.compile(r"wecall-[0-9]{8}-[0-9]{6}\.(tar|tar\.age|key\.age)")

MOST_NAMES: Final = 65_536
"""So many names of the top folder are looked at: no folder of FAT has more, whatever else its owner keeps there."""


class StickFolder:
    """The top folder of a stick; no other one is looked into."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def bundle_names(self) -> tuple[str, ...]:
        """Return the names that bundles have; what only looks like one is found out when it is opened.

        Names with a dot in front are left out: some systems put such a file, which is none, beside each that they copy.

        Raises:
            StickError: the folder cannot be read, or was taken out.
        """
        try:
            with os.scandir(self._path) as entries:
                names = (entry.name for entry in islice(entries, MOST_NAMES))
                bundles = (name for name in names if name.casefold().endswith(ENDING) and not name.startswith("."))
                return tuple(bundles)
        except OSError as error:
            raise StickError(f"The stick cannot be read: {error.strerror}.") from error

    def update_names(self) -> tuple[str, ...]:
        """Return the names that updates of the firmware have, the highest first, as names sort.

        Raises:
            StickError: the folder cannot be read, or was taken out.
        """
        try:
            with os.scandir(self._path) as entries:
                names = [entry.name for entry in islice(entries, MOST_NAMES) if _UPDATE.fullmatch(entry.name)]
        except OSError as error:
            raise StickError(f"The stick cannot be read: {error.strerror}.") from error
        return tuple(sorted(names, reverse=True)[:MOST_UPDATES])

    def read_beside(self, name: str, most_bytes: int) -> bytes:
        """Return what is in a small file of the folder; nothing where it is not there.

        Raises:
            StickError: it is longer, is no plain file, or cannot be read.
        """
        try:
            with self.open(name) as file:
                content = file.read(most_bytes + 1)
        except StickError:
            if (self._path / name).exists():
                raise
            return b""
        except OSError as error:
            raise StickError(f"A file on the stick cannot be read: {error.strerror}.") from error
        if len(content) > most_bytes:
            raise StickError(f"A file on the stick has more than {most_bytes} bytes.")
        return content

    def newest_copy(self) -> tuple[str, str]:
        """Return the names of the newest copy of a holder's data and of its key; none where there is no copy.

        A copy that is open to all has no key, and one that lacks its key is none.

        Raises:
            StickError: the folder cannot be read, or was taken out.
        """
        try:
            with os.scandir(self._path) as entries:
                names = {entry.name for entry in islice(entries, MOST_NAMES) if _COPY.fullmatch(entry.name)}
        except OSError as error:
            raise StickError(f"The stick cannot be read: {error.strerror}.") from error
        for name in sorted(names, reverse=True):
            if name.endswith(".tar"):
                return name, ""
            if name.endswith(".tar.age") and (key := f"{name.removesuffix('.tar.age')}.key.age") in names:
                return name, key
        return "", ""

    def open(self, name: str) -> BinaryIO:
        """Open a plain file of the folder for reading; a link or a pipe is none.

        Raises:
            StickError: it is none, or cannot be opened.
        """
        try:
            # Opening a pipe would wait for somebody to write to it.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            descriptor = os.open(self._path / name, flags)
        except OSError as error:
            raise StickError(f"A file on the stick cannot be opened: {error.strerror}.") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StickError("A file on the stick is no plain file.")
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Give a file to write, which is on the stick under its name once this has ended well, and not before.

        Raises:
            StickError: the stick is full, write-protected or broken, or was taken out; what was there before stands.
        """
        draft = self._path / f"{name}.new"
        try:
            draft.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path / name)
            sync_folder(self._path)
        except OSError as error:
            raise StickError(f"The stick cannot be written: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
