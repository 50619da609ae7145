"""Files that a crash or a power cut leaves whole, folders whose changes outlast it, and files that go for good."""

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 1 << 20


def replace_durably(target: Path, content: bytes, *, replace: Callable[[Path, Path], object] = os.replace) -> None:
    """Write a file so that a crash leaves either the old content or the new, readable by its owner only.

    Raises:
        OSError: the disk is full, read-only or broken; the old content stands.
    """
    draft = target.with_name(f".{target.name}.new")
    # A crash may have left one, and whoever owns the folder may have put a link there for root to write through.
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    replace(draft, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: a file made, renamed or deleted is so for good when this returns.

    Windows, where an installer's tools run too, opens no folders: there the file system's own journal has to do.

    Raises:
        OSError: the folder cannot be opened, or the disk is broken.
    """
    only_folders = getattr(os, "O_DIRECTORY", None)
    if only_folders is None:
        return
    descriptor = os.open(folder, os.O_RDONLY | only_folders | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def shred(path: Path) -> None:
    """Overwrite a file where it lies on the disk, then delete it; one that is not there is gone already.

    A card may keep copies of what it was told to overwrite, where only a laboratory reads them.

    Raises:
        OSError: the disk is read-only or broken.
    """
    with suppress(FileNotFoundError), path.open("r+b", buffering=0) as file:
        overwrite(file.fileno())
    path.unlink(missing_ok=True)


def delete_all_but(folder: Path, known: Collection[str]) -> None:
    """Delete the files of a folder whose names nobody knows; what cannot be deleted now stays until the next time."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name not in known:
                with suppress(OSError):
                    path.unlink()


def overwrite(descriptor: int) -> None:
    """Write zeros over all of an open file, on the disk when this returns.

    Raises:
        OSError: the disk is read-only or broken.
    """
    left = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    while left > 0:
        left -= os.write(descriptor, bytes(min(left, _BLOCK_BYTES)))
    os.fsync(descriptor)
