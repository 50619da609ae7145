"""Requests about the holder's pictures."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware.base.errors import HandsetError, NotGrantedError, PictureError
from firmware.base.words import Word, counted, word
from firmware.phone.contact import cleaned_name
from firmware.phone.my_data import DataCategory
from firmware.phone.request import Outcome
from firmware.phone.requests.pictures import DeletePicture, ListPictures, Pictures
from firmware.services import exchange
from firmware.services.folder import Progress
from firmware.services.import_gate import ImportGate
from firmware.services.photos import read_picture
from firmware.services.runner import Handlers
from firmware.store.errors import ErasedMeanwhileError
from firmware.store.pictures import StoredPictures

_log = logging.getLogger(__name__)

_MOST_FILES: Final = 500
"""A folder with more is not looked through to its end."""


class PictureErrands:
    """Lists, deletes and imports pictures."""

    def __init__(self, pictures: StoredPictures, gate: ImportGate, when_changed: Callable[[], None]) -> None:
        """Set up.

        Args:
            pictures: those that are kept.
            gate: says whether pictures may come in.
            when_changed: called when a picture was deleted.
        """
        self._pictures = pictures
        self._gate = gate
        self._when_changed = when_changed

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {ListPictures: self._list, DeletePicture: self._delete}

    async def import_from(self, folder: Path, progress: Progress) -> Outcome:
        """Keep every picture of a folder; one that cannot be read is no reason to leave the others.

        Raises:
            NotGrantedError: the holder has not agreed to that; what came in before a withdrawal stays.
            ErasedMeanwhileError: contacts or pictures were erased, so no more of them is kept.
        """
        since = self._pictures.erasures
        await self._gate.require_consent()
        paths = await asyncio.to_thread(_picture_files, folder)
        kept, refused, reason = 0, 0, None
        for done, path in enumerate(paths):
            progress(100 * done // len(paths))
            try:
                # A file's name may hold what cannot be seen, or what is no text at all.
                name = cleaned_name(path.stem) or path.suffix[1:]
                picture = await asyncio.to_thread(read_picture, path)
                await self._gate.require_consent()
                await self._pictures.add(name, picture, since=since)
            except PictureError as error:
                refused, reason = refused + 1, error.words
            except OSError as error:
                _log.warning("A picture file cannot be read: %s", error.strerror)
                refused += 1
            except (NotGrantedError, ErasedMeanwhileError):
                raise
            except HandsetError as error:
                _log.warning("A picture was not kept: %s", error)
                refused, reason = refused + 1, word("There is no room for more pictures. Delete some first.")
                break
            else:
                kept += 1
        return Outcome(bool(kept) and not refused, _words(kept, refused, reason))

    async def _list(self, _request: ListPictures) -> Pictures:
        return tuple((kept.picture, kept.name) for kept in await self._pictures.list())

    async def _delete(self, request: DeletePicture) -> None:
        await self._pictures.remove(request.picture)
        self._when_changed()


def _picture_files(folder: Path) -> list[Path]:
    return exchange.files_of(folder, DataCategory.PICTURES)[:_MOST_FILES]


def _words(kept: int, refused: int, reason: Word | None) -> Word:
    if not kept and not refused:
        return word("There are no pictures in the folder.")
    imported = counted("{count} picture imported.", "{count} pictures imported.", kept)
    if not refused:
        return imported
    left = counted("{count} was not:", "{count} were not:", refused)
    return word("{imported} {left} {reason}", imported=imported, left=left,
                reason=reason or word("The files cannot be read or written."))  # fmt: skip
