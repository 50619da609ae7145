"""A zip that holds what it says and nothing else: the part of the format that our own writer uses, and no more of it.

Readers of zip differ in what they make of a damaged or crafted one, and each is right by some reading of the
specification (APPNOTE.TXT 6.3.10). Here nothing is left to differ about. The entries follow each other without gaps,
from the first byte on, in the order of the central directory, which follows them and ends with the file. They are
regular files, stored or deflated, without comments, extra fields or encryption, and their local headers repeat the
central ones to the bit. Names come from a closed list, each with a limit to its size.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, NoReturn
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from contract.results import OutcomeCode
from provisioning.errors import refuse

MAX_ENTRIES: Final = 1200
MAX_NAME_BYTES: Final = 160
MAX_TOTAL_BYTES: Final = 320 * 1024 * 1024
"""Of all entries together, once they are inflated."""

_PIECE_BYTES: Final = 64 * 1024
_UNIX: Final = 3
_REGULAR_FILE: Final = 0o100600 << 16
_DATE: Final = (1980, 1, 1, 0, 0, 0)
# Formats that are compressed already; deflating a wheel once more takes time and gains nothing.
_STORED_ENDINGS: Final = (".whl", ".png", ".jpg")

_LOCAL_MARK: Final = b"PK\x03\x04"
_CENTRAL_MARK: Final = b"PK\x01\x02"
_END_MARK: Final = b"PK\x05\x06"
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")

SizeLimit = Callable[[str], int | None]
"""Gives the most bytes that an entry of this name may have; None for a name that may not be there."""


class _Central(NamedTuple):
    """A header of the central directory, as APPNOTE.TXT section 4.3.12 has it."""

    mark: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed_bytes: int
    size_bytes: int
    name_bytes: int
    extra_bytes: int
    comment_bytes: int
    disk: int
    internal: int
    external: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    deflated: bool
    crc: int
    packed_bytes: int
    size_bytes: int
    data_at: int


class Archive:
    """Reads entries of a zip that begins and ends at places of a file which nobody else may write to.

    Only the central directory is kept, whose size is bounded before it is read; entries are inflated piece by piece,
    and never further than they said.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, limit: SizeLimit) -> None:
        """Read the directory.

        Raises:
            BundleRefusedError: this is not such a zip, or something in it is too large.
        """
        self._file = file
        self._start = start
        self._entries = {entry.name: entry for entry in self._read_entries(end - start, limit)}

    @property
    def sizes(self) -> Mapping[str, int]:
        """The names, in the archive's order, with their sizes in bytes."""
        return {entry.name: entry.size_bytes for entry in self._entries.values()}

    def pieces(self, name: str) -> Iterator[bytes]:
        """Inflate an entry piece by piece; it is whole only when the last piece was fetched.

        Raises:
            KeyError: there is no such entry.
            BundleRefusedError: it is damaged, or is not of the size that it said.
        """
        entry = self._entries[name]
        crc, size_bytes = 0, 0
        for piece in self._inflated(entry) if entry.deflated else self._packed(entry):
            size_bytes += len(piece)
            if size_bytes > entry.size_bytes:
                refuse(OutcomeCode.UNREADABLE, f"{name} in this bundle is longer than the bundle says.")
            crc = zlib.crc32(piece, crc)
            yield piece
        if size_bytes != entry.size_bytes or crc != entry.crc:
            refuse(OutcomeCode.UNREADABLE, f"{name} in this bundle is damaged.")

    def _packed(self, entry: _Entry) -> Iterator[bytes]:
        at, left = entry.data_at, entry.packed_bytes
        while left:
            piece = self._read_at(at, min(left, _PIECE_BYTES))
            at, left = at + len(piece), left - len(piece)
            yield piece

    def _inflated(self, entry: _Entry) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._packed(entry):
                if inflater.eof:
                    _refuse_damaged()
                waiting = packed
                # What was let in may give more than one piece, also when none of it is left.
                while piece := inflater.decompress(waiting, _PIECE_BYTES):
                    waiting = inflater.unconsumed_tail
                    yield piece
        except zlib.error:
            _refuse_damaged()
        if not inflater.eof or inflater.unused_data:
            _refuse_damaged()

    def _read_entries(self, zip_bytes: int, limit: SizeLimit) -> Iterator[_Entry]:
        if zip_bytes < _END.size:
            _refuse_damaged()
        mark, disk, start_disk, here, count, directory_bytes, directory_at, comment_bytes = _END.unpack(
            self._read_at(zip_bytes - _END.size, _END.size)
        )
        if mark != _END_MARK or disk or start_disk or here != count or comment_bytes:
            _refuse_damaged()
        if count > MAX_ENTRIES or directory_bytes > MAX_ENTRIES * (_CENTRAL.size + MAX_NAME_BYTES):
            refuse(OutcomeCode.TOO_LARGE, f"There are more than {MAX_ENTRIES} files in this bundle.")
        if directory_at + directory_bytes + _END.size != zip_bytes:
            _refuse_damaged()
        directory = memoryview(self._read_at(directory_at, directory_bytes))
        seen: set[str] = set()
        next_at, total_bytes = 0, 0
        for _ in range(count):
            if len(directory) < _CENTRAL.size:
                _refuse_damaged()
            header = _Central(*_CENTRAL.unpack_from(directory))
            raw_name = bytes(directory[_CENTRAL.size : _CENTRAL.size + header.name_bytes])
            directory = directory[_CENTRAL.size + header.name_bytes :]
            entry = self._checked(header, raw_name, next_at, limit)
            # Names that differ in their case only are the same file on some systems.
            if entry.name.casefold() in seen:
                refuse(OutcomeCode.UNREADABLE, f"{entry.name} is in this bundle twice.")
            seen.add(entry.name.casefold())
            total_bytes += entry.size_bytes
            if total_bytes > MAX_TOTAL_BYTES:
                refuse(OutcomeCode.TOO_LARGE, f"Unpacked, this bundle has more than {MAX_TOTAL_BYTES} bytes, the most.")
            next_at = entry.data_at + entry.packed_bytes
            yield entry
        if directory or next_at != directory_at:
            _refuse_damaged()

    def _checked(self, header: _Central, raw_name: bytes, expected_at: int, limit: SizeLimit) -> _Entry:
        """Return the entry of a header that has nothing in it but what our writer writes."""
        plain = (
            header.mark == _CENTRAL_MARK
            and header.made_by >> 8 == _UNIX
            and header.external == _REGULAR_FILE
            and header.offset == expected_at
            and header.method in {ZIP_STORED, ZIP_DEFLATED}
            and (header.method == ZIP_DEFLATED or header.packed_bytes == header.size_bytes)
        )
        odd = header.flags or header.extra_bytes or header.comment_bytes or header.disk or header.internal
        if not plain or odd or len(raw_name) != header.name_bytes:
            refuse(OutcomeCode.UNREADABLE, "Something in this bundle is no plain file.")
        name = raw_name.decode("ascii", errors="replace")
        most_bytes = limit(name)
        if most_bytes is None:
            refuse(OutcomeCode.UNREADABLE, "There is something in this bundle that no bundle has.")
        if header.size_bytes > most_bytes:
            refuse(OutcomeCode.TOO_LARGE, f"{name} in this bundle has more than {most_bytes} bytes, the most.")
        local = _LOCAL.pack(_LOCAL_MARK, *header[2:11], 0) + raw_name
        if self._read_at(header.offset, len(local)) != local:
            _refuse_damaged()
        data_at = header.offset + len(local)
        deflated = header.method == ZIP_DEFLATED
        return _Entry(name, deflated, header.crc, header.packed_bytes, header.size_bytes, data_at)

    def _read_at(self, offset: int, size_bytes: int) -> bytes:
        self._file.seek(self._start + offset)
        found = self._file.read(size_bytes)
        if len(found) != size_bytes:
            _refuse_damaged()
        return found


def write_archive(contents: Mapping[str, bytes | Path], target: BinaryIO) -> None:
    """Write such a zip at the beginning of a file; the same contents make the same bytes.

    Raises:
        OSError: a file cannot be read, or the target cannot be written.
    """
    with ZipFile(target, "w", allowZip64=False) as archive:
        for name, content in contents.items():
            entry = ZipInfo(name, _DATE)
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_FILE
            entry.compress_type = ZIP_STORED if name.endswith(_STORED_ENDINGS) else ZIP_DEFLATED
            with archive.open(entry, "w") as packed:
                for piece in _pieces_of(content):
                    packed.write(piece)


def _pieces_of(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _refuse_damaged() -> NoReturn:
    refuse(
        OutcomeCode.UNREADABLE,
        "This bundle is signed, but what is in it is damaged, or was not packed by `wecall bundle build`.",
    )
