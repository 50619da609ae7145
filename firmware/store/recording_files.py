"""The files of recordings: a chunk of sound in each sealed frame, on the disk before the next one is begun.

A chunk begins with how many samples it makes the recording longer, so that a file that was cut says by itself how much
of it can be played.
"""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NoReturn

from firmware.base.durable import sync_folder
from firmware.base.errors import StorageError
from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId
from firmware.ports.recording import RecordingSink, SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.database import Row
from firmware.store.errors import StoreFullError
from firmware.store.sealed_files import Ending, SealedReader, SealedWriter

COLUMNS: Final = (
    "recording_id, call_id, number, name, sound_format, began_at, clock_synced, state, duration_s, lost_s, size_bytes, "
    "kept, kept_until, message"
)

_SAMPLES: Final = struct.Struct(">I")


class RecordingState(StrEnum):
    """How a recording stands.

    Attributes:
        RUNNING: it is being recorded, or its writer has died and nobody has looked since.
        COMPLETE: it has its end.
        INCOMPLETE: it ends before its call or the person wanted: the power went, or the card was full.
    """

    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """What is known of a recording.

    Attributes:
        recording_id: names it.
        call_id: the call that it is of, whether the call log still has that or not.
        number, name: the other end's; the name is the address book's where it has one.
        sound_format: what its file holds.
        began_at: seconds since the epoch; `clock_synced` says whether the clock was right.
        state: how it stands.
        duration_s: how long it plays.
        lost_s: how much of that is silence because the recorder was behind.
        size_bytes: what it takes on the card.
        kept: it makes no room for others, `kept_until` a moment or for good.
        message: what the answering machine took: "new" or "heard"; empty for the recording of a call.
    """

    recording_id: RecordingId
    call_id: CallId
    number: str
    name: str
    sound_format: SoundFormat
    began_at: float
    clock_synced: bool
    state: RecordingState
    duration_s: float
    lost_s: float
    size_bytes: int
    kept: bool
    kept_until: float | None
    message: str = ""


def recording_in(row: Row) -> StoredRecording:
    """Return the recording that a row of COLUMNS tells of."""
    recording_id, call_id, number, name, sound_format, began_at, synced, state, *rest = row
    duration_s, lost_s, size_bytes, kept, kept_until, message = rest
    return StoredRecording(
        recording_id=RecordingId(recording_id),
        call_id=CallId(call_id),
        number=number,
        name=name,
        sound_format=SoundFormat(sound_format),
        began_at=began_at,
        clock_synced=bool(synced),
        state=RecordingState(state),
        duration_s=duration_s,
        lost_s=lost_s,
        size_bytes=size_bytes,
        kept=bool(kept),
        kept_until=kept_until,
        message=message,
    )


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """One chunk of a recording.

    Attributes:
        samples: how much longer it makes the recording, at SOUND_RATE_HZ.
        sound: in the recording's format.
    """

    samples: int
    sound: bytes


@dataclass(frozen=True, slots=True)
class Measure:
    """How much of a recording there is."""

    duration_s: float
    size_bytes: int
    ending: Ending


class RecordingWriter(RecordingSink):
    """Writes one recording; after a failure what was there before it can be played."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Begin the file, whose name is on the disk on return.

        Raises:
            StorageError: it cannot be made.
        """
        self._path = path
        self._samples = 0
        self.size_bytes = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
        except OSError as error:
            _fail(path, error)
        try:
            self._sealed = SealedWriter(self._file, key)
            self._sealed.sync()
            sync_folder(path.parent)
            # Else the folder's own name could be gone after a power cut.
            sync_folder(path.parent.parent)
        except OSError as error:
            self._give_up(error)
        self.size_bytes = self._file.tell()

    @property
    def duration_s(self) -> float:
        """How much can be played."""
        return self._samples / SOUND_RATE_HZ

    def write(self, chunk: bytes, samples: int) -> None:
        try:
            self._sealed.append(_SAMPLES.pack(samples) + chunk)
            self._sealed.sync()
            self.size_bytes = self._file.tell()
        except OSError as error:
            self._give_up(error)
        self._samples += samples

    def finish(self) -> None:
        try:
            self._sealed.finish()
            self.size_bytes = self._file.tell()
            self._file.close()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Leave the file as it is; nothing more comes."""
        with suppress(OSError):
            self._file.close()

    def _give_up(self, error: OSError) -> NoReturn:
        """Leave the file without what could not be written, which would be noise at its end."""
        self.close()
        with suppress(OSError):
            os.truncate(self._path, self.size_bytes)
        _fail(self._path, error)


class RestoredFile:
    """The file of a recording that comes back from a copy; until its row is written nobody can read it."""

    def __init__(self, path: Path, key: bytes, room_bytes: int) -> None:
        """Begin the file, in place of one that came to nothing.

        Raises:
            StorageError: it cannot be made.
        """
        self.path, self.key = path, key
        self._room_bytes = room_bytes
        self._samples = self.size_bytes = 0
        self._is_kept = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
            self._sealed = SealedWriter(self._file, key)
        except OSError as error:
            _fail(path, error)

    @property
    def duration_s(self) -> float:
        """How much can be played."""
        return self._samples / SOUND_RATE_HZ

    def add(self, samples: int, sound: bytes) -> None:
        """Add a chunk.

        Raises:
            StorageError: there is no room for it.
        """
        self._room_bytes -= len(sound)
        if self._room_bytes < 0:
            raise StoreFullError("There is no room for a recording that comes back from a copy. Delete others first.")
        try:
            self._sealed.append(_SAMPLES.pack(samples) + sound)
        except OSError as error:
            _fail(self.path, error)
        self._samples += samples

    def finish(self) -> None:
        """Bring all of it to the disk, its name included.

        Raises:
            StorageError: there is no room for it.
        """
        try:
            self._sealed.finish()
            self.size_bytes = self._file.tell()
            sync_folder(self.path.parent)
            # Else the folder's own name could be gone after a power cut.
            sync_folder(self.path.parent.parent)
        except OSError as error:
            _fail(self.path, error)

    def keep(self) -> None:
        """Say that its row is written."""
        self._is_kept = True

    def discard(self) -> None:
        """Close it, and delete it where it has no row."""
        with suppress(OSError):
            self._file.close()
        if not self._is_kept:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


class RecordingReader:
    """Reads one recording from its beginning.

    Attributes:
        ending: how its file ends, once the last chunk was read; None before.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self.ending: Ending | None = None

    def __iter__(self) -> Iterator[SoundChunk]:
        """Give the chunks, each verified; a file that is gone or cannot be read is one that is damaged there."""
        self.ending = None
        try:
            with self._path.open("rb") as file:
                sealed = SealedReader(file, self._key)
                for chunk in sealed:
                    (samples,) = _SAMPLES.unpack_from(chunk)
                    yield SoundChunk(samples, chunk[_SAMPLES.size :])
                self.ending = sealed.ending
        except OSError:
            self.ending = Ending.DAMAGED

    def measure(self) -> Measure:
        """Read all of it and say how much there is."""
        samples = sum(chunk.samples for chunk in self)
        size_bytes = 0
        with suppress(OSError):
            size_bytes = self._path.stat().st_size
        return Measure(samples / SOUND_RATE_HZ, size_bytes, self.ending or Ending.DAMAGED)


def _fail(path: Path, error: OSError) -> NoReturn:
    message = f"A recording cannot be kept in {path.parent}: {error.strerror}."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        raise StoreFullError(f"{message} Free space on the card, or delete recordings.") from error
    raise StorageError(f"{message} Check the card and the folder's permissions.") from error
