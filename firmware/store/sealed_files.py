"""Files that nobody reads or changes without their key: chunks sealed one by one, appended as they come.

Each file has a random key of its own, which is used for nothing else. It consists of a header and frames; a frame is
the length of what follows (4 bytes, big endian) and one chunk under ChaCha20-Poly1305 (RFC 8439), whose nonce is the
frame's number and, in its last byte, whether it is the last one. This is the STREAM construction (Hoang, Reyhanitabar,
Rogaway and Vizár, 2015): a frame that was changed, moved, repeated or taken out does not verify, and a file that was
cut lacks its last frame. ChaCha20 because a Pi before model 5 has no instructions for AES.

A file is never continued once it was closed or its writer died: the frame that a power cut tore would be written again
with other content under the same nonce. What goes on begins another file.
"""

import os
import secrets
import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from firmware.base.errors import StorageError

KEY_BYTES: Final = 32
MAX_CHUNK_BYTES: Final = 1 << 20
"""The longest chunk; a reader keeps no more than one in memory."""

_HEADER: Final = b"wecall sealed 1\n"
_LENGTH: Final = struct.Struct(">I")
_TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 11
_MORE: Final = b"\0"
_LAST: Final = b"\1"


def new_key() -> bytes:
    """Return a random key for one file."""
    return secrets.token_bytes(KEY_BYTES)


class SealedWriter:
    """Writes one file from its beginning; what was synced survives whatever comes after it."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        """Begin an empty file.

        Args:
            file: opened for binary writing, empty, and closed by the caller.
            key: from `new_key`, never used before.
        """
        self._file = file
        self._cipher = ChaCha20Poly1305(key)
        self._frames = 0
        self._file.write(_HEADER)

    def append(self, chunk: bytes) -> None:
        """Add a chunk of at most MAX_CHUNK_BYTES; it is on the disk after the next `sync`."""
        self._append(chunk, _MORE)

    def sync(self) -> None:
        """Bring what was added to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Say that the file is whole, and bring it to the disk."""
        self._append(b"", _LAST)
        self.sync()

    def _append(self, chunk: bytes, mark: bytes) -> None:
        if len(chunk) > MAX_CHUNK_BYTES:
            raise ValueError(f"A chunk of a sealed file has at most {MAX_CHUNK_BYTES} bytes, not {len(chunk)}.")
        length = _LENGTH.pack(len(chunk) + _TAG_BYTES)
        # One write for each frame: what a crash tears is the end of the file, never its middle.
        self._file.write(length + self._cipher.encrypt(_nonce(self._frames, mark), chunk, _HEADER))
        self._frames += 1


class Ending(StrEnum):
    """How a sealed file ends.

    Attributes:
        WHOLE: as its writer finished it.
        CUT: its writer died, or somebody cut it between two frames or within the last one.
        DAMAGED: a frame does not verify; what was read before it is genuine.
    """

    WHOLE = "whole"
    CUT = "cut"
    DAMAGED = "damaged"


class SealedReader:
    """Reads the chunks of one file, each verified before it is given out.

    Attributes:
        ending: how the file ends, once the last chunk was read; None before.
    """

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        """`file` is opened for binary reading, at its beginning, and closed by the caller."""
        self._file = file
        self._cipher = ChaCha20Poly1305(key)
        self.ending: Ending | None = None

    def __iter__(self) -> Iterator[bytes]:
        header = self._file.read(len(_HEADER))
        if header != _HEADER:
            self.ending = Ending.CUT if _HEADER.startswith(header) else Ending.DAMAGED
            return
        frames = 0
        while (sealed := self._next_frame()) is not None:
            mark = _MORE
            try:
                chunk = self._cipher.decrypt(_nonce(frames, mark), sealed, _HEADER)
            except InvalidTag:
                self.ending = self._end_of(sealed, frames)
                return
            frames += 1
            yield chunk

    def read_whole(self, limit_bytes: int) -> bytes:
        """Return all chunks together.

        Raises:
            StorageError: the file is cut or damaged, or holds more than the limit.
        """
        content = bytearray()
        for chunk in self:
            content += chunk
            if len(content) > limit_bytes:
                raise StorageError("A sealed file holds more than it should; delete what it belongs to.")
        if self.ending is not Ending.WHOLE:
            raise StorageError(f"A sealed file is {self.ending}; delete what it belongs to, and add it again.")
        return bytes(content)

    def _next_frame(self) -> bytes | None:
        head = self._file.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            self.ending = Ending.CUT
            return None
        (length,) = _LENGTH.unpack(head)
        if not _TAG_BYTES <= length <= MAX_CHUNK_BYTES + _TAG_BYTES:
            self.ending = Ending.DAMAGED
            return None
        sealed = self._file.read(length)
        if len(sealed) < length:
            self.ending = Ending.CUT
            return None
        return sealed

    def _end_of(self, sealed: bytes, frames: int) -> Ending:
        """Say whether a frame that is not one of many is the last one, and nothing comes after it."""
        try:
            self._cipher.decrypt(_nonce(frames, _LAST), sealed, _HEADER)
        except InvalidTag:
            return Ending.DAMAGED
        return Ending.DAMAGED if self._file.read(1) else Ending.WHOLE


def read_chunk(file: BinaryIO, key: bytes, number: int, chunk_bytes: int) -> bytes:
    """Return one chunk, counted from 0, of a file whose chunks before it all have `chunk_bytes` bytes.

    Raises:
        StorageError: what is there is not what was written.
        OSError: the file cannot be read.
    """
    frame_bytes = _LENGTH.size + chunk_bytes + _TAG_BYTES
    frame = os.pread(file.fileno(), frame_bytes, len(_HEADER) + number * frame_bytes)
    try:
        return ChaCha20Poly1305(key).decrypt(_nonce(number, _MORE), frame[_LENGTH.size :], _HEADER)
    except InvalidTag as error:
        raise StorageError("A sealed file is damaged; make it once more.") from error


def _nonce(frame: int, mark: bytes) -> bytes:
    return frame.to_bytes(_COUNTER_BYTES, "big") + mark
