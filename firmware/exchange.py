"""The folder from which the menu imports; what was put into it is its holder's, and goes with what came of it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from firmware.durable import shred, sync_folder
from firmware.errors import StorageError
from firmware.phone.my_data import DataCategory

FOLDER_NAME: Final = "exchange"

SUFFIXES: Final[Mapping[DataCategory, Collection[str]]] = {
    DataCategory.CONTACTS: frozenset({".vcf", ".vcard"}),
    DataCategory.PICTURES: frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"}),
}
"""How the names of files end that are imported, by what comes of them."""

# An older firmware wrote copies of everything here, where they stayed.
_OLD_EXPORTS: Final = ("wecall-*.tar", "wecall-*.age", ".wecall-*.new", ".contacts.vcf.new")


def files_of(folder: Path, category: DataCategory) -> list[Path]:
    """Return what of the folder can be imported as a category, by name; nothing where there is no folder."""
    return sorted(path for path in _entries(folder) if path.suffix.lower() in SUFFIXES[category])


def forget(folder: Path, categories: Collection[DataCategory]) -> None:
    """Destroy what was put there for categories that are erased.

    Raises:
        StorageError: something cannot be deleted.
    """
    _shred(folder, [path for each in SUFFIXES.keys() & set(categories) for path in files_of(folder, each)])


def forget_old_exports(folder: Path) -> None:
    """Destroy the copies that an older firmware left, which anybody may be able to read.

    Raises:
        StorageError: something cannot be deleted.
    """
    _shred(folder, [path for pattern in _OLD_EXPORTS for path in folder.glob(pattern)])


def forget_all(folder: Path) -> None:
    """Destroy whatever was put there, and the folder.

    Raises:
        OSError: the card cannot be written.
    """
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in _entries(folder):
        if path.is_dir() and not path.is_symlink():
            forget_all(path)
        else:
            _destroy(path)
    folder.rmdir()


def _entries(folder: Path) -> Iterator[Path]:
    return iter(list(folder.iterdir()) if folder.is_dir() else ())


def _shred(folder: Path, paths: Collection[Path]) -> None:
    try:
        for path in paths:
            _destroy(path)
        if paths:
            sync_folder(folder)
    except OSError as error:
        raise StorageError(
            f"Files in {folder} cannot be deleted: {error.strerror}. Delete them there, and erase again."
        ) from error


def _destroy(path: Path) -> None:
    # A link's target is not the phone's, and a pipe cannot be overwritten.
    if path.is_file() and not path.is_symlink():
        shred(path)
    else:
        path.unlink(missing_ok=True)
