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
from pathlib import Path
from typing import Final, NoReturn

from firmware.base.durable import sync_folder
from firmware.base.errors import StorageError
from firmware.ports.recording import RecordingSink
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.errors import StoreFullError
from firmware.store.sealed_files import Ending, SealedReader, SealedWriter

_SAMPLES: Final = struct.Struct(">I")


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
