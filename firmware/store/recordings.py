"""Recordings of calls: sealed files beside the store, with what is known of them and their keys in it."""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from contract.consent import Purpose
from firmware.base.durable import delete_all_but, sync_folder
from firmware.base.errors import StorageError
from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId
from firmware.ports.recording import SoundFormat
from firmware.store.call_log import Clocks
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database, Row
from firmware.store.ledger import read_state
from firmware.store.recording_files import (
    COLUMNS,
    RecordingReader,
    RecordingState,
    RecordingWriter,
    RestoredFile,
    StoredRecording,
    recording_in,
)
from firmware.store.sealed_files import Ending, new_key
from firmware.store.store import Store

FOLDER_NAME: Final = "recordings"
# A moment has not come while the clock may be wrong: then it is compared with NULL.
_MAY_GO: Final = f"state <> '{RecordingState.RUNNING}' AND (kept = 0 OR kept_until < ?)"
NEW: Final = "new"
"""A message that nobody has listened to."""
Joined = Callable[[SoundFormat, Iterator[bytes]], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How much recordings may take.

    Attributes:
        limit_bytes: all of them together.
        reserve_bytes: what they leave free on the card, for the records of calls.
    """

    limit_bytes: int
    reserve_bytes: int


@dataclass(frozen=True, slots=True)
class MadeRoom:
    """What was deleted to make room, and whether there is enough of it now."""

    deleted: int
    is_enough: bool


class StoredRecordings:
    """Recordings, newest last. The row with the key comes before the file and goes before it.

    So whatever a power cut leaves is either a file with its row, of which every whole second can be played, or a file
    that nobody can read and that is swept away when the store opens.
    """

    def __init__(
        self,
        store: Store,
        contacts: StoredContacts,
        state_dir: Path,
        *,
        clocks: Clocks,
        limits: RoomLimits,
        joined: Joined,
    ) -> None:
        """Set up.

        Args:
            store: where the rows are kept.
            contacts: for the names of those who were recorded.
            state_dir: where the folder of the files is.
            clocks: what the time is, and how well that is known.
            limits: how much room there is.
            joined: makes one file of a recording's chunks, which any player takes.
        """
        self._store = store
        self._contacts = contacts
        self._folder = state_dir / FOLDER_NAME
        self._clocks = clocks
        self._joined = joined
        self._writers: dict[RecordingId, RecordingWriter] = {}
        self._begun_here: set[str] = set()
        self.limits = limits

    # --- recording ----------------------------------------------------------------------------------------------------

    async def begin(
        self, call_id: CallId, number: str, name: str, sound_format: SoundFormat, *, message: bool = False
    ) -> tuple[RecordingId, RecordingWriter]:
        """Begin a recording: its row and key are on the disk, then its file, and nothing else yet.

        Raises:
            StorageError: the holder does not agree to recordings, or there is no room, or the store is not open.
        """
        recording_id, key = RecordingId(secrets.token_hex(8)), new_key()
        self._begun_here.add(recording_id)

        def insert(database: Database) -> None:
            state = read_state(database)
            # Asked here once more: nothing that was withdrawn a moment ago is recorded.
            if not state.granted(Purpose.RECORDING):
                raise StorageError("The holder does not agree to recordings, so the call is not recorded.")
            database.execute(
                "INSERT INTO recordings (recording_id, call_id, number, name, sealing_key, sound_format, began_at, "
                "clock_synced, boot_id, ledger_entries, state, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                recording_id,
                call_id,
                number,
                name,
                key,
                sound_format.value,
                self._clocks.wall_s(),
                int(self._clocks.is_synced()),
                self._clocks.boot_id,
                state.head.entries,
                RecordingState.RUNNING.value,
                NEW if message else "",
            )

        await self._store.transact(insert)
        try:
            writer = await asyncio.to_thread(RecordingWriter, self._path(recording_id), key)
        except StorageError:
            await self.delete(recording_id)
            raise
        self._writers[recording_id] = writer
        return recording_id, writer

    async def end(self, recording_id: RecordingId, *, complete: bool, lost_s: float) -> None:
        """Write how a recording ended, whose writer has written its last; one of which nothing can be played goes.

        Raises:
            StorageError: the store cannot take it now; the next start reads it from the file.
        """
        writer = self._writers.pop(recording_id)
        await asyncio.to_thread(writer.close)
        if not writer.duration_s:
            await self.delete(recording_id)
            return
        known = await self._store.transact(
            lambda database: database.execute(
                "UPDATE recordings SET state = ?, duration_s = ?, lost_s = ?, size_bytes = ? WHERE recording_id = ?",
                (RecordingState.COMPLETE if complete else RecordingState.INCOMPLETE).value,
                writer.duration_s,
                lost_s,
                writer.size_bytes,
                recording_id,
            )
        )
        if not known:
            # It was deleted while it was being made.
            await asyncio.to_thread(self._unlink, recording_id)

    async def make_room(self) -> MadeRoom:
        """Delete the oldest recordings that are not kept until there is room for more.

        None is deleted in vain: where those that are kept, or other things on the card, leave no room in any case.
        """
        missing_bytes = await self._missing_bytes()
        if missing_bytes > 0 and missing_bytes > await self._bytes_to_gain():
            return MadeRoom(0, is_enough=False)
        count = 0
        while await self._missing_bytes() > 0:
            oldest = await self._oldest_to_go()
            if oldest is None:
                return MadeRoom(count, is_enough=False)
            await self.delete(oldest)
            count += 1
        return MadeRoom(count, is_enough=True)

    async def begin_restoring(self, recording_id: RecordingId) -> RestoredFile | None:
        """Begin the file of a recording that comes back from a copy; None where the recording is here.

        Raises:
            StorageError: there is no room, or the card cannot be written.
        """
        if await self.read(recording_id) is not None:
            return None
        room_bytes = -await self._missing_bytes()
        self._begun_here.add(recording_id)
        return await asyncio.to_thread(RestoredFile, self._path(recording_id), new_key(), room_bytes)

    async def end_restoring(self, recording: StoredRecording, file: RestoredFile) -> None:
        """Write what is known of a recording whose file is whole; it stands behind all that are here.

        A copy holds them newest first, so they keep their order, and the oldest is the first to make room.

        Raises:
            StorageError: the holder agrees to no recordings, or there is no room; its file goes with `discard`.
        """
        await asyncio.to_thread(file.finish)

        def insert(database: Database) -> None:
            state = read_state(database)
            if not state.granted(Purpose.RECORDING):
                raise StorageError("The holder does not agree to recordings, so none comes back from a copy.")
            database.execute(
                "INSERT INTO recordings (position, recording_id, call_id, number, name, sealing_key, sound_format, "
                "began_at, clock_synced, boot_id, ledger_entries, state, duration_s, lost_s, size_bytes, kept, "
                "kept_until) SELECT coalesce(min(position), 1) - 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
                "FROM recordings",
                recording.recording_id,
                recording.call_id,
                recording.number,
                recording.name,
                file.key,
                recording.sound_format.value,
                recording.began_at,
                int(recording.clock_synced),
                self._clocks.boot_id,
                state.head.entries,
                recording.state.value,
                file.duration_s,
                recording.lost_s,
                file.size_bytes,
                int(recording.kept),
                recording.kept_until,
            )

        await self._store.transact(insert)
        file.keep()

    # --- what there is ------------------------------------------------------------------------------------------------

    async def listed(self, first: int, limit: int, *, messages: bool = False) -> tuple[int, Sequence[StoredRecording]]:
        """Return how many recordings there are, or messages, and a stretch of them, newest first."""
        which = "FROM recordings WHERE message <> ''" if messages else "FROM recordings"

        def read(database: Database) -> tuple[int, Sequence[StoredRecording]]:
            [(total,)] = database.query(f"SELECT count(*) {which}")
            rows = database.query(
                f"SELECT {COLUMNS} {which} ORDER BY position DESC LIMIT ? OFFSET ?",
                limit,
                first,
            )
            return total, tuple(self._recording(database, row) for row in rows)

        return await self._store.run(read)

    async def of_call(self, call_id: CallId) -> Sequence[StoredRecording]:
        """Return the recordings of a call, newest first."""

        def read(database: Database) -> Sequence[StoredRecording]:
            rows = database.query(
                f"SELECT {COLUMNS} FROM recordings WHERE call_id = ? ORDER BY position DESC",  # noqa: S608 - a constant
                call_id,
            )
            return tuple(self._recording(database, row) for row in rows)

        return await self._store.run(read)

    async def read(self, recording_id: RecordingId) -> StoredRecording | None:
        """Return what is known of one recording, None where there is none."""

        def read(database: Database) -> StoredRecording | None:
            rows = database.query(
                f"SELECT {COLUMNS} FROM recordings WHERE recording_id = ?",  # noqa: S608 - a constant
                recording_id,
            )
            return self._recording(database, rows[0]) if rows else None

        return await self._store.run(read)

    async def unheard(self) -> int:
        """Return how many messages nobody has listened to; one that is being left does not count yet."""
        rows = await self._store.run(
            lambda database: database.query("SELECT recording_id FROM recordings WHERE message = ?", NEW)
        )
        return sum(recording_id not in self._writers for (recording_id,) in rows)

    async def mark_heard(self, recording_id: RecordingId) -> None:
        """Know that somebody has listened to a message; there may be none of that name."""
        await self._store.transact(
            lambda database: database.execute(
                "UPDATE recordings SET message = 'heard' WHERE recording_id = ? AND message = ?", recording_id, NEW
            )
        )

    async def size_bytes(self) -> int:
        """Return what all recordings together take, those that are being made included."""
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT coalesce(sum(size_bytes), 0) FROM recordings WHERE state <> ?", RecordingState.RUNNING.value
            )
        )
        return int(rows[0][0]) + sum(writer.size_bytes for writer in self._writers.values())

    async def open(self, recording_id: RecordingId) -> RecordingReader | None:
        """Return what reads a recording's chunks, in any thread; None where there is no such recording."""
        rows = await self._store.run(
            lambda database: database.query("SELECT sealing_key FROM recordings WHERE recording_id = ?", recording_id)
        )
        return RecordingReader(self._path(recording_id), rows[0][0]) if rows else None

    async def read_ogg(self, recording_id: RecordingId) -> Iterator[bytes]:
        """Return a recording, or as much of it as there is, as the content of a file that any player takes.

        The file's name should end in the recording's `sound_format`. Reading it may be done in any thread.

        Raises:
            StorageError: there is no such recording.
        """
        recording, reader = await self.read(recording_id), await self.open(recording_id)
        if recording is None or reader is None:
            raise StorageError("A recording that was asked for is gone; read the list of them again.")
        return self._joined(recording.sound_format, (chunk.sound for chunk in reader))

    async def keep(self, recording_id: RecordingId, *, keep: bool, until: float | None = None) -> None:
        """Keep a recording from making room for others, until a moment or for good; or no longer."""
        await self._store.transact(
            lambda database: database.execute(
                "UPDATE recordings SET kept = ?, kept_until = ? WHERE recording_id = ?",
                int(keep),
                until if keep else None,
                recording_id,
            )
        )

    async def delete(self, recording_id: RecordingId) -> bool:
        """Destroy a recording: first its key, then its file. False where there was none."""
        known = await self._store.erase(
            lambda database: database.execute("DELETE FROM recordings WHERE recording_id = ?", recording_id) > 0,
            urgent=True,
        )
        # The write-ahead log would keep the page with the file's key for a while.
        await self._store.overwrite_log()
        await self.delete_files((recording_id,))
        return known

    async def delete_files(self, recording_ids: Iterable[RecordingId]) -> None:
        """Delete the files of recordings whose rows are gone; what cannot be deleted now is swept away at a start."""

        def delete() -> None:
            for recording_id in recording_ids:
                self._unlink(recording_id)

        await asyncio.to_thread(delete)

    # --- after a power cut --------------------------------------------------------------------------------------------

    async def sweep(self) -> tuple[RecordingId, ...]:
        """Delete the files that have no row; return the recordings whose writer has died, for `recover`."""
        rows = await self._store.run(lambda database: database.query("SELECT recording_id, state FROM recordings"))
        known = {recording_id for recording_id, _ in rows} | self._begun_here
        await asyncio.to_thread(delete_all_but, self._folder, known)
        return tuple(
            RecordingId(recording_id)
            for recording_id, state in rows
            if state == RecordingState.RUNNING and recording_id not in self._begun_here
        )

    async def recover(self, recording_id: RecordingId) -> None:
        """Write of a recording whose writer has died how much of it there is, which takes reading it.

        One of which nothing can be played goes.
        """
        if (reader := await self.open(recording_id)) is None:
            return
        measure = await asyncio.to_thread(reader.measure)
        if not measure.duration_s:
            await self.delete(recording_id)
            return
        state = RecordingState.COMPLETE if measure.ending is Ending.WHOLE else RecordingState.INCOMPLETE
        await self._store.transact(
            lambda database: database.execute(
                "UPDATE recordings SET state = ?, duration_s = ?, size_bytes = ? WHERE recording_id = ?",
                state.value,
                measure.duration_s,
                measure.size_bytes,
                recording_id,
            )
        )

    # --- the folder ---------------------------------------------------------------------------------------------------

    def _path(self, recording_id: RecordingId) -> Path:
        return self._folder / recording_id

    def _unlink(self, recording_id: RecordingId) -> None:
        # Without its key it is noise; what cannot be deleted now is swept away at the next start.
        with suppress(OSError):
            self._path(recording_id).unlink()
            sync_folder(self._folder)

    async def _missing_bytes(self) -> int:
        """Return how much has to go for another second to have room; nothing where that is less than one."""
        free_bytes = await asyncio.to_thread(self._free_bytes)
        return max(
            await self.size_bytes() + 1 - self.limits.limit_bytes,
            self.limits.reserve_bytes - free_bytes,
        )

    async def _bytes_to_gain(self) -> int:
        rows = await self._store.run(
            lambda database: database.query(
                f"SELECT coalesce(sum(size_bytes), 0) FROM recordings WHERE {_MAY_GO}",  # noqa: S608 - a constant
                self._now_s(),
            )
        )
        return int(rows[0][0])

    def _now_s(self) -> float | None:
        """Return what time it is, None while the clock may be wrong."""
        return self._clocks.wall_s() if self._clocks.is_synced() else None

    def _free_bytes(self) -> int:
        try:
            disk = os.statvfs(self._folder.parent)
        except OSError as error:
            raise StorageError(f"The card does not say how much room it has: {error.strerror}. Check it.") from error
        return disk.f_bavail * disk.f_frsize

    async def _oldest_to_go(self) -> RecordingId | None:
        rows = await self._store.run(
            lambda database: database.query(
                f"SELECT recording_id FROM recordings WHERE {_MAY_GO} ORDER BY position LIMIT 1",  # noqa: S608 - likewise
                self._now_s(),
            )
        )
        return RecordingId(rows[0][0]) if rows else None

    def _recording(self, database: Database, row: Row) -> StoredRecording:
        recording = recording_in(row)
        if (contact := self._contacts.contact_in(database, recording.number)) is not None:
            recording = replace(recording, name=contact.name)
        if (writer := self._writers.get(recording.recording_id)) is not None:
            recording = replace(recording, duration_s=writer.duration_s, size_bytes=writer.size_bytes)
        return recording
