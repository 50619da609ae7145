"""A disk after a power cut has all that was flushed, of the rest any part, and nothing that was never written."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.small_card import A_FLUSH, DISCARD, FUA, SECTOR, write_log
from tests.lab.write_log import NOWHERE, Area, Replay, WriteLog

SIZE = 64 * SECTOR

FIRST = (0, b"a" * SECTOR, 0)
SECOND = (4, b"b" * 3 * SECTOR, 0)
THIRD = (5, b"c" * 2 * SECTOR, 0)


@contextmanager
def replay(folder: Path, log: WriteLog, mixed: Area = NOWHERE) -> Iterator[Replay]:
    """Give a disk of dots on which a log is carried out."""
    (folder / "base").write_bytes(b"." * SIZE)
    disk = Replay(folder / "base", log, folder / "working", mixed)
    try:
        yield disk
    finally:
        disk.close()


def contents(folder: Path, log: WriteLog, point: int, *, mixed: Area = NOWHERE, count: int = 300) -> set[bytes]:
    """Return the disk after a power cut at a point, as chance has it often."""
    with replay(folder, log, mixed) as disk:
        return {disk.cut(point, seed).read(Area(0, SIZE)) for seed in range(count)}


def at(first: int, content: bytes, below: bytes = b"." * SIZE) -> bytes:
    """Return a disk with something written to it."""
    return below[: first * SECTOR] + content + below[first * SECTOR + len(content) :]


def test_what_was_flushed_is_there_whatever_chance_says(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, SECOND, A_FLUSH)
    assert log.flushes == (2,)
    assert contents(tmp_path, log, 3) == {at(4, SECOND[1], at(0, FIRST[1]))}


def test_any_sectors_of_what_was_not_flushed_are_there(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, A_FLUSH, SECOND, A_FLUSH)
    found = contents(tmp_path, log, 3)
    kept = at(0, FIRST[1])
    parts = [b"".join(b"b" * SECTOR if bits >> n & 1 else b"." * SECTOR for n in range(3)) for bits in range(8)]
    assert found == {at(4, part, kept) for part in parts}
    assert contents(tmp_path, log, 2) == {kept}


def test_without_chance_all_that_was_written_is_there(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, SECOND, THIRD, A_FLUSH)
    with replay(tmp_path, log) as disk:
        assert disk.cut(0).read(Area(0, SIZE)) == b"." * SIZE
        assert disk.cut(2).read(Area(0, SIZE)) == at(4, SECOND[1], at(0, FIRST[1]))
        assert disk.cut(3).read(Area(0, SIZE)) == at(5, THIRD[1], at(4, SECOND[1], at(0, FIRST[1])))


def test_a_torn_sector_mixes_bytes_where_they_may_be_mixed(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, (1, b"x" * SECTOR, 0), A_FLUSH)
    found = contents(tmp_path, log, 2, mixed=Area(0, SECTOR))
    assert any(b"a" in disk[:SECTOR] and b"." in disk[:SECTOR] for disk in found)
    assert all(disk[SECTOR : 2 * SECTOR] in {b"." * SECTOR, b"x" * SECTOR} for disk in found)


def test_an_older_write_never_lies_over_a_newer_one_that_is_there(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", SECOND, THIRD, A_FLUSH)
    sectors = {disk[5 * SECTOR : 6 * SECTOR] for disk in contents(tmp_path, log, 2)}
    assert sectors == {b"." * SECTOR, b"b" * SECTOR, b"c" * SECTOR}
    last = write_log(tmp_path / "log", SECOND, (*THIRD[:2], FUA), A_FLUSH)
    assert {disk[5 * SECTOR : 7 * SECTOR] for disk in contents(tmp_path, last, 2)} == {THIRD[1]}


def test_a_discard_leaves_zeros_or_what_was_there(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, A_FLUSH, (0, b"", DISCARD), FIRST, A_FLUSH, discards=1)
    sectors = {disk[:SECTOR] for disk in contents(tmp_path, log, 3)}
    assert sectors == {FIRST[1], bytes(SECTOR)}
    assert contents(tmp_path, log, 5) == {at(0, FIRST[1])}


def test_a_sector_of_the_log_may_be_larger(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", (1, b"d" * 4096, 0), A_FLUSH, sector=4096)
    assert contents(tmp_path, log, 2) == {at(8, b"d" * 4096)}


def test_a_part_of_the_disk_is_as_it_is_in_the_whole(tmp_path: Path) -> None:
    dice = random.Random(1)
    done = [(dice.randrange(60), bytes([65 + n]) * SECTOR * dice.randrange(1, 4), 0) for n in range(26)]
    log = write_log(tmp_path / "log", *done[:13], A_FLUSH, *done[13:], A_FLUSH)
    part = Area(30 * SECTOR, 8 * SECTOR)
    with replay(tmp_path, log, mixed=Area(32 * SECTOR, SECTOR)) as disk:
        seen: dict[object, bytes] = {}
        for point in range(len(log.entries)):
            for seed in range(20):
                state = disk.cut(point, seed)
                content = state.read(part)
                assert content == state.write(tmp_path / "whole").read_bytes()[part.offset : part.end]
                assert seen.setdefault(state.writes(part), content) == content
        assert len(set(seen.values())) > 10


def test_holes_stay_holes(tmp_path: Path) -> None:
    base = tmp_path / "base"
    with base.open("wb") as file:
        file.truncate(1 << 30)
    disk = Replay(base, write_log(tmp_path / "log", (2048, b"e" * SECTOR, 0), A_FLUSH), tmp_path / "working")
    try:
        copy = disk.cut(2).write(tmp_path / "copy")
    finally:
        disk.close()
    assert (copy.stat().st_size, copy.stat().st_blocks < 100) == (1 << 30, True)


@pytest.mark.parametrize("spoil", [lambda _path: None, lambda path: path.write_bytes(bytes(4096))])
def test_what_is_no_log_is_not_read(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    path = tmp_path / "log"
    path.touch()
    spoil(path)
    with pytest.raises(ValueError, match="no log of writes"):
        WriteLog(path)


def test_a_disk_does_not_go_back(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", FIRST, A_FLUSH, SECOND, A_FLUSH)
    with replay(tmp_path, log) as disk:
        disk.cut(4)
        with pytest.raises(ValueError, match="does not go back"):
            disk.cut(1)
