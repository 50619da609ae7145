"""A file system that is soon full, and one that nothing can be written to."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount one of so many bytes at a folder, for as long as the context lasts."""
    folder.mkdir()
    options = f"size={size_bytes},mode=0777"
    subprocess.run([*AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*AS_ROOT, "umount", "--lazy", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have nobody write or delete anything in a folder, for as long as the context lasts."""
    subprocess.run([*AS_ROOT, "mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run([*AS_ROOT, "mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run([*AS_ROOT, "umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte free; return what takes the room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for chunk in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(chunk))
            except OSError:
                continue
    return ballast
