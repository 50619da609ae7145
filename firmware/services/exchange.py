"""The folder from which the menu imports; what was put into it is its holder's, and goes with what came of it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably, shred, sync_folder
from firmware.base.errors import StorageError
from firmware.phone.my_data import DataCategory

FOLDER_NAME: Final = "exchange"

_LEFT_NAME: Final = "exchange-left"
"""Marks, beside the folder, that files of a holder who has gone are in it and could not be deleted."""

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
        StorageError: something cannot be deleted; all else is.
    """
    _shred(folder, lambda: (path for each in SUFFIXES.keys() & set(categories) for path in files_of(folder, each)))


def forget_old_exports(folder: Path) -> None:
    """Destroy the copies that an older firmware left, which anybody may be able to read.

    Raises:
        StorageError: something cannot be deleted.
    """
    _shred(folder, lambda: (path for pattern in _OLD_EXPORTS for path in folder.glob(pattern)))


def forget_all(folder: Path) -> None:
    """Destroy whatever a holder who goes has put there; what cannot be deleted is marked as left. The folder stays.

    Raises:
        OSError: the mark cannot be written or taken away.
    """
    mark = folder.with_name(_LEFT_NAME)
    try:
        _empty(folder)
    except OSError:
        replace_durably(mark, b"")
    else:
        mark.unlink(missing_ok=True)


def is_left(folder: Path) -> bool:
    """Say whether files are there that a reset was to destroy and could not: nothing may be imported then."""
    return folder.with_name(_LEFT_NAME).exists()


def forget_left(folder: Path) -> None:
    """Destroy what a reset could not, now that somebody may have seen to it.

    Raises:
        StorageError: some of it is still there.
    """
    if not is_left(folder):
        return
    try:
        _empty(folder)
        folder.with_name(_LEFT_NAME).unlink()
    except OSError as error:
        raise StorageError(
            f"Files of the last holder in {folder} cannot be deleted: {error.strerror}. Nothing is imported until they "
            f"are gone: sudo rm -r {folder}, then sudo systemctl restart wecall-handset."
        ) from error


def _entries(folder: Path) -> Iterator[Path]:
    # What a link leads to is not the phone's: no reset would destroy it, so nothing of it is imported either.
    return iter(list(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ())


def _empty(folder: Path) -> None:
    """Destroy all that can be destroyed in a folder, or the file or the link in its place.

    Raises:
        OSError: something stays.
    """
    if not folder.is_dir() or folder.is_symlink():
        _destroy(folder)
        return
    _each(_entries(folder), _remove)
    sync_folder(folder)


def _remove(path: Path) -> None:
    _empty(path)
    if path.is_dir():
        path.rmdir()


def _shred(folder: Path, paths: Callable[[], Iterable[Path]]) -> None:
    try:
        if found := list(paths()):
            _each(found, _destroy)
            sync_folder(folder)
    except OSError as error:
        raise StorageError(
            f"Files in {folder} cannot be deleted: {error.strerror}. Delete them there: sudo rm -r {folder}."
        ) from error


def _each(paths: Iterable[Path], destroy: Callable[[Path], None]) -> None:
    """Destroy each, whatever becomes of the others.

    Raises:
        OSError: why one of them stays.
    """
    failure: OSError | None = None
    for path in paths:
        try:
            destroy(path)
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure


def _destroy(path: Path) -> None:
    # A link's target is not the phone's, and a pipe cannot be overwritten.
    if path.is_file() and not path.is_symlink():
        try:
            shred(path)
        except PermissionError:
            # Root's, say, in a folder of the phone's: it cannot be overwritten, but deleted.
            path.unlink(missing_ok=True)
    else:
        path.unlink(missing_ok=True)
