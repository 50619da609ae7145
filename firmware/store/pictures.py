"""The holder's pictures: sealed files beside the store, with their names and keys in it."""

import asyncio
import errno
import os
import secrets
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.base.durable import delete_all_but, sync_folder
from firmware.base.errors import StorageError
from firmware.pictures.pixels import MAX_BYTES, Pixels
from firmware.store.database import Database
from firmware.store.errors import StoreFullError
from firmware.store.sealed_files import SealedReader, SealedWriter, new_key
from firmware.store.store import Store

FOLDER_NAME: Final = "pictures"
MAX_PICTURES: Final = 200
MAX_PHOTOS: Final = 500
"""Of contacts, beside the pictures that the holder has chosen."""
_MAX_NAME: Final = 60

_SIZE: Final = struct.Struct(">HH")
_CHUNK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture that is kept: what names it, and what the person calls it."""

    picture: str
    name: str


class StoredPictures:
    """Pictures; a file whose row is gone can be read by nobody, and is swept away when the store opens."""

    def __init__(self, store: Store, state_dir: Path) -> None:
        self._store = store
        self._folder = state_dir / FOLDER_NAME

    @property
    def erasures(self) -> int:
        """How often contacts or pictures were erased; what an import takes in meanwhile could bring them back."""
        return self._store.erasures

    async def add(self, name: str, pixels: Pixels, *, since: int | None = None) -> StoredPicture:
        """Keep a picture; on the disk when this returns.

        Args:
            name: what it is called.
            pixels: the picture.
            since: what `erasures` was when the import began that it is a part of.

        Raises:
            ErasedMeanwhileError: something was erased since then, so it is not kept.
            StorageError: there are too many, or there is no room.
        """
        await self._store.run(_check_room)
        picture, key = StoredPicture(secrets.token_hex(8), name[:_MAX_NAME]), new_key()
        await asyncio.to_thread(self._write, picture.picture, key, pixels)
        try:
            await self._store.transact(lambda database: _insert(database, picture, key), since=since)
        except BaseException:
            self._path(picture.picture).unlink(missing_ok=True)
            raise
        return picture

    async def restore(
        self, picture: str, name: str, pixels: Pixels, contact_ids: Sequence[int], *, since: int | None
    ) -> bool:
        """Keep a picture of a copy under the name that it had, unless it is here; contacts without one get it.

        Args:
            picture: what settings and contacts name it.
            name: what it is called.
            pixels: the picture.
            contact_ids: who had it.
            since: as in `add`.

        Raises:
            ErasedMeanwhileError: something was erased since then, so it is not kept.
            StorageError: there are too many, or there is no room.
        """
        is_here = picture in await self.names()
        key = new_key()
        if not is_here:
            await self._store.run(_check_room)
            await asyncio.to_thread(self._write, picture, key, pixels)

        def insert(database: Database) -> None:
            if not is_here:
                _insert(database, StoredPicture(picture, name[:_MAX_NAME]), key)
            for contact_id in contact_ids:
                database.execute(
                    "UPDATE contacts SET picture = ? WHERE contact_id = ? AND picture = ''", picture, contact_id
                )

        await self._store.transact(insert, since=since)
        return not is_here

    async def add_photo(self, contact_id: int, pixels: Pixels) -> bool:
        """Keep a contact's photo, which goes with the contact; False where it has a picture by now, or is gone.

        Raises:
            StorageError: there are too many, or there is no room.
        """
        await self._store.run(_check_room_for_photos)
        picture, key = secrets.token_hex(8), new_key()
        await asyncio.to_thread(self._write, picture, key, pixels)

        def insert(database: Database) -> bool:
            wanted = database.execute(
                "UPDATE contacts SET picture = ? WHERE contact_id = ? AND picture = ''", picture, contact_id
            )
            if wanted:
                database.execute(
                    "INSERT INTO pictures (picture, name, sealing_key, contact_id) VALUES (?, '', ?, ?)",
                    picture,
                    key,
                    contact_id,
                )
            return bool(wanted)

        kept = False
        try:
            kept = await self._store.transact(insert)
        finally:
            if not kept:
                self._path(picture).unlink(missing_ok=True)
        return kept

    async def list(self) -> tuple[StoredPicture, ...]:
        """Return the holder's own pictures, in the order in which they came."""
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT picture, name FROM pictures WHERE contact_id IS NULL ORDER BY position"
            )
        )
        return tuple(StoredPicture(*row) for row in rows)

    async def names(self) -> tuple[str, ...]:
        """Return what names each picture, those of contacts included."""
        rows = await self._store.run(lambda database: database.query("SELECT picture FROM pictures ORDER BY position"))
        return tuple(row[0] for row in rows)

    async def read(self, picture: str) -> Pixels | None:
        """Return a picture, None where there is none of that name.

        Raises:
            StorageError: its file is gone or damaged.
        """
        rows = await self._store.run(
            lambda database: database.query("SELECT sealing_key FROM pictures WHERE picture = ?", picture)
        )
        return await asyncio.to_thread(self._read, picture, rows[0][0]) if rows else None

    async def remove(self, picture: str) -> bool:
        """Forget a picture; False where there was none."""

        def forget(database: Database) -> bool:
            known = database.execute("DELETE FROM pictures WHERE picture = ?", picture) > 0
            database.execute("UPDATE contacts SET picture = '' WHERE picture = ?", picture)
            return known

        if not await self._store.erase(forget, importable=True):
            return False
        # The write-ahead log would keep the page with the file's key for a while.
        await self._store.overwrite_log()
        await asyncio.to_thread(self._path(picture).unlink, missing_ok=True)
        return True

    async def delete_files(self, pictures: Iterable[str]) -> None:
        """Delete the files of pictures whose rows are gone; what cannot be deleted is swept away at the next start."""

        def delete() -> None:
            for picture in pictures:
                with suppress(OSError):
                    self._path(picture).unlink(missing_ok=True)

        await asyncio.to_thread(delete)

    async def contact_named(self, contact: str) -> int:
        """Return the id of the contact of that name or id.

        Raises:
            StorageError: there is none, or there are several of that name.
        """
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT contact_id FROM contacts WHERE name = ?1 OR CAST(contact_id AS TEXT) = ?1", contact
            )
        )
        if len(rows) != 1:
            raise StorageError(f"There are {len(rows)} contacts of that name; give its name in full, or its id.")
        return int(rows[0][0])

    async def give_to(self, contact_id: int, picture: str) -> None:
        """Make a picture a contact's own, in place of the one that it had; a photo of its card is forgotten."""

        def give(database: Database) -> list[tuple[str]]:
            database.execute("UPDATE contacts SET picture = ? WHERE contact_id = ?", picture, contact_id)
            return database.query(
                "DELETE FROM pictures WHERE contact_id = ? AND picture <> ? RETURNING picture", contact_id, picture
            )

        await self.delete_files([name for (name,) in await self._store.erase(give)])

    async def sweep(self) -> None:
        """Delete the files that have no row, as a power cut leaves them behind."""
        await asyncio.to_thread(delete_all_but, self._folder, set(await self.names()))

    def _path(self, picture: str) -> Path:
        return self._folder / picture

    def _write(self, picture: str, key: bytes, pixels: Pixels) -> None:
        draft = self._folder / f".{picture}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
                writer = SealedWriter(file, key)
                writer.append(_SIZE.pack(pixels.width_px, pixels.height_px))
                for start in range(0, len(pixels.rgb), _CHUNK_BYTES):
                    writer.append(pixels.rgb[start : start + _CHUNK_BYTES])
                writer.finish()
            draft.rename(self._path(picture))
            sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            message = f"A picture cannot be kept in {self._folder}: {error.strerror}."
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StoreFullError(f"{message} Free space on the card, or delete pictures.") from error
            raise StorageError(f"{message} Check the card and the folder's permissions.") from error

    def _read(self, picture: str, key: bytes) -> Pixels:
        limit_bytes = _SIZE.size + MAX_BYTES
        try:
            with self._path(picture).open("rb") as file:
                content = SealedReader(file, key).read_whole(limit_bytes)
        except OSError as error:
            raise StorageError(f"A picture in {self._folder} cannot be read: {error.strerror}.") from error
        if len(content) < _SIZE.size:
            raise StorageError(f"A picture in {self._folder} has no size; delete it, and add it again.")
        width_px, height_px = _SIZE.unpack_from(content)
        return Pixels(width_px, height_px, content[_SIZE.size :])


def _check_room(database: Database) -> None:
    [(count,)] = database.query("SELECT count(*) FROM pictures WHERE contact_id IS NULL")
    if count >= MAX_PICTURES:
        raise StorageError(f"There are {count} pictures, which is as many as are kept. Delete some first.")


def _check_room_for_photos(database: Database) -> None:
    [(count,)] = database.query("SELECT count(*) FROM pictures WHERE contact_id IS NOT NULL")
    if count >= MAX_PHOTOS:
        raise StorageError(f"There are photos of {count} contacts, which is as many as are kept.")


def _insert(database: Database, picture: StoredPicture, key: bytes) -> None:
    database.execute(
        "INSERT INTO pictures (picture, name, sealing_key) VALUES (?, ?, ?)", picture.picture, picture.name, key
    )
