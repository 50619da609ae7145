"""The log of all that was written to a disk, and the disk as a power cut at any point of it leaves it.

QEMU's blklogwrites writes it (block/blklogwrites.c) as Linux does (drivers/md/dm-log-writes.c): a sector with magic,
version, number of entries and size of a sector; then of each entry a sector with its place, length and flags, and
behind it what was written. A write is logged once it has ended, so what stands before a flush is on the disk after it.
"""

import os
import random
import struct
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

_MAGIC: Final = 0x6A736677736872
_SUPER: Final = struct.Struct("<QQQI")
_ENTRY: Final = struct.Struct("<QQQQ")
_FLUSH, _FUA, _DISCARD = 1, 2, 4
_TORN_BYTES: Final = 512
"""A disk writes so much at once, or nothing of it."""
_CHUNK_BYTES: Final = 1 << 24


class Area(NamedTuple):
    """A part of a disk, in bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.offset + self.size


NOWHERE: Final = Area(0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done to a disk.

    Attributes:
        area: what was written or discarded; of no size for a flush alone.
        place: where in the log it stands what was written; None for a discard, which leaves zeros or what was there.
        flushes: all that was written before is on the disk.
        lasts: it was on the disk itself before anything else was done (FUA).
    """

    area: Area
    place: int | None
    flushes: bool = False
    lasts: bool = False


class WriteLog:
    """A log, as far as it reached at the last flush before it was read.

    Attributes:
        entries: what was done, in this order.
        flushes: the numbers of the flushes among them.
    """

    def __init__(self, path: Path) -> None:
        """Read it; the machine may be writing on.

        Raises:
            ValueError: it is no such log, or a part of it is missing.
        """
        self.path = path
        with path.open("rb") as file:
            magic, version, count, self._sector = _SUPER.unpack(file.read(_SUPER.size).ljust(_SUPER.size, b"\0"))
            if (magic, version) != (_MAGIC, 1):
                raise ValueError(f"{path} is no log of writes, or nothing was flushed yet.")
            self.entries: Sequence[Entry] = tuple(self._read(file.fileno(), count))
        self.flushes = tuple(number for number, entry in enumerate(self.entries) if entry.flushes)

    def _read(self, descriptor: int, count: int) -> Iterator[Entry]:
        place = self._sector
        for _ in range(count):
            sector, sectors, flags, _data = _ENTRY.unpack(os.pread(descriptor, _ENTRY.size, place))
            place += self._sector
            area = Area(sector * self._sector, sectors * self._sector)
            if not sectors and not flags:
                raise ValueError(f"{self.path} has a hole: whoever wrote it could not write all of it.")
            has_data = not flags & _DISCARD
            yield Entry(area, place if has_data else None, bool(flags & _FLUSH), bool(flags & _FUA))
            place += area.size if has_data else 0


class Replay:
    """A disk on which a log is carried out anew, up to one power cut after the other.

    Args:
        base: what was on it when the log began.
        log: the log.
        working: a file that it makes, with the disk as it is for certain.
        mixed: where of a torn sector each byte is the old one or the new one.
    """

    def __init__(self, base: Path, log: WriteLog, working: Path, mixed: Area = NOWHERE) -> None:
        self.log = log
        self.mixed = mixed
        self._written = os.open(log.path, os.O_RDONLY | os.O_CLOEXEC)
        self.disk = os.open(working, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._done = 0
        source = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.whole = Area(0, os.fstat(source).st_size)
            _copy(source, self.whole, self.disk)
        finally:
            os.close(source)
        self.touching = cache(self._touching)

    def close(self) -> None:
        """Close its files."""
        os.close(self.disk)
        os.close(self._written)

    def cut(self, point: int, seed: int | None = None) -> "State":
        """Return the disk after a power cut behind so many entries; it holds until the next cut, which is no earlier.

        Args:
            point: how many entries there were.
            seed: says what the disk has of what was not flushed; None for all of it.

        Raises:
            ValueError: an earlier cut was at a later point.
        """
        flush = bisect_left(self.log.flushes, point)
        # A write that flushes does so before it writes.
        certain = self.log.flushes[flush - 1] if flush else 0
        if certain < self._done:
            raise ValueError("A disk does not go back to what was on it before.")
        for entry in self.log.entries[self._done : certain]:
            self.lay(entry, entry.area, self.disk, 0)
        self._done = certain
        return State(self, certain, point, seed)

    def lay(self, entry: Entry, part: Area, target: int, origin: int) -> None:
        """Write a part of what an entry wrote to a file, whose first byte is the disk's at `origin`."""
        at, end = part.offset, part.end
        os.lseek(target, at - origin, os.SEEK_SET)
        while at < end:
            count = min(end - at, _CHUNK_BYTES)
            if entry.place is None:
                at += os.write(target, bytes(count))
            else:
                at += os.sendfile(target, self._written, entry.place + at - entry.area.offset, count)

    def _touching(self, area: Area) -> Sequence[int]:
        """Return the numbers of the entries that wrote to an area."""
        return tuple(number for number, each in enumerate(self.log.entries) if _common(each.area, area).size)


class State:
    """A disk as a power cut left it.

    Attributes:
        point: how many entries of the log there were.
    """

    def __init__(self, replay: Replay, certain: int, point: int, seed: int | None) -> None:
        """See Replay.cut: entries up to `certain` are on the disk, those from there to `point` may be."""
        self._replay = replay
        self._certain = certain
        self.point = point
        self._seed = seed
        # Some cuts lose nothing and some all that can be lost: chance alone would hardly ever have it so.
        self._all = "kept" if seed is None else random.Random(seed).choice(("kept", "lost", "", "", ""))

    def writes(self, area: Area) -> Hashable:
        """Return what is the same for two states of one log whose areas have the same bytes; not the reverse."""
        touching = self._replay.touching(area)
        certain = bisect_left(touching, self._certain)
        fates = ((number, self._fate(number)) for number in touching[certain : bisect_left(touching, self.point)])
        there = (each for each in fates if each[1] != "lost")
        return certain, tuple((number, self._seed if fate == "torn" else None) for number, fate in there)

    def copy(self, area: Area, path: Path) -> Path:
        """Make a file of an area, with holes where the disk has some, and return it."""
        target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._copy(area, target)
        finally:
            os.close(target)
        return path

    def read(self, area: Area) -> bytes:
        """Return the bytes of a small area."""
        target = os.memfd_create("area", os.MFD_CLOEXEC)
        try:
            self._copy(area, target)
            return os.pread(target, area.size, 0)
        finally:
            os.close(target)

    def write(self, path: Path) -> Path:
        """Make a file of the whole disk, and return it."""
        return self.copy(self._replay.whole, path)

    def _copy(self, area: Area, target: int) -> None:
        replay = self._replay
        _copy(replay.disk, area, target)
        touching = replay.touching(area)
        for number in touching[bisect_left(touching, self._certain) : bisect_left(touching, self.point)]:
            entry = replay.log.entries[number]
            part = _common(entry.area, area)
            match self._fate(number):
                case "kept":
                    replay.lay(entry, part, target, area.offset)
                case "torn":
                    self._tear(number, part, target, area.offset)

    def _fate(self, number: int) -> str:
        if self._replay.log.entries[number].lasts:
            return "kept"
        return self._all or random.Random(f"{self._seed} {number}").choice(("kept", "lost", "torn"))

    def _tear(self, number: int, part: Area, target: int, origin: int) -> None:
        entry = self._replay.log.entries[number]
        # The same sectors, whichever part of the entry is looked at.
        dice = random.Random(f"{self._seed} {number} torn")
        for offset in range(entry.area.offset, entry.area.end, _TORN_BYTES):
            is_written, mask = dice.random() < 0.5, dice.randbytes(_TORN_BYTES)
            sector = Area(offset, _TORN_BYTES)
            if not _common(sector, part).size:
                continue
            if is_written:
                self._replay.lay(entry, sector, target, origin)
            elif _common(sector, self._replay.mixed).size:
                old = os.pread(target, _TORN_BYTES, offset - origin)
                self._replay.lay(entry, sector, target, origin)
                new = os.pread(target, _TORN_BYTES, offset - origin)
                mixed = bytes(b if bit & 1 else a for a, b, bit in zip(old, new, mask, strict=True))
                os.pwrite(target, mixed, offset - origin)


@contextmanager
def still_disk(image: Path, working: Path) -> Iterator[State]:
    """Give the disk of an image to which nothing is written; `working` is for a copy."""
    log = working.with_suffix(".log")
    log.write_bytes(_SUPER.pack(_MAGIC, 1, 0, _TORN_BYTES))
    with closing(Replay(image, WriteLog(log), working)) as replay:
        yield replay.cut(0)


def _common(one: Area, other: Area) -> Area:
    start = max(one.offset, other.offset)
    return Area(start, max(0, min(one.end, other.end) - start))


def _copy(source: int, area: Area, target: int) -> None:
    """Copy what an area has to the beginning of an empty file, and leave out its holes."""
    os.ftruncate(target, area.size)
    at = area.offset
    while at < area.end:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:
            # ENXIO: nothing but a hole is left.
            return
        end = min(os.lseek(source, at, os.SEEK_HOLE), area.end)
        if at < end:
            os.lseek(target, at - area.offset, os.SEEK_SET)
        while at < end:
            at += os.sendfile(target, source, at, min(end - at, _CHUNK_BYTES))
