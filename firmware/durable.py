"""Files that a crash or a power cut leaves whole, and folders whose changes outlast it."""

import os
from collections.abc import Callable
from pathlib import Path


def replace_durably(target: Path, content: bytes, *, replace: Callable[[Path, Path], object] = os.replace) -> None:
    """Write a file so that a crash leaves either the old content or the new, readable by its owner only.

    Raises:
        OSError: the disk is full, read-only or broken; the old content stands.
    """
    draft = target.with_name(f".{target.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    replace(draft, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: a file made, renamed or deleted is so for good when this returns.

    Raises:
        OSError: the folder cannot be opened, or the disk is broken.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
