"""A stick takes away what the holder ordered just now and nothing else, and on the card there is nothing to be read."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.services.exports import GRACE_S, Export, Exports
from tests.fakes.clock import Clock
from tests.lab.open_files import open_files
from tests.lab.patience import wait_until

NAME = "wecall-20260100-030405.tar.age"
CANARY = b"+442079460000 Anna Bell "
LONG = CANARY * 40_000
"""Longer than three chunks."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def exports(tmp_path: Path, clock: Clock) -> AsyncIterator[Exports]:
    exports = Exports(tmp_path, clock=clock)
    yield exports
    exports.drop()


def written(exports: Exports, content: bytes) -> Export:
    file = exports.begin()
    file.write(content)
    file.finish()
    return file


async def test_what_was_being_made_when_something_was_erased_is_never_offered(exports: Exports) -> None:
    generation, file = exports.generation, written(exports, CANARY)
    exports.drop()
    assert not exports.offer({NAME: file}, generation)
    assert list(exports.listed()) == []
    with pytest.raises(StorageError, match="Order it again"):
        file.read(0, 1)


async def test_a_file_that_grew_too_old_keeps_no_new_one_from_being_offered(exports: Exports, clock: Clock) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    generation = exports.generation
    clock.now_s += GRACE_S + 1
    assert exports.offer({"another": written(exports, b"new")}, exports.generation)
    assert exports.offer({"a third": written(exports, b"new")}, generation)


async def test_nothing_leaves_that_nobody_ordered(exports: Exports) -> None:
    written(exports, CANARY)
    assert list(exports.listed()) == []
    with pytest.raises(StorageError, match="was not ordered"):
        exports.reader(NAME)(0, 100)


@pytest.mark.parametrize("size_bytes", [1 << 20, 45_000, 262_144, 99])
async def test_what_was_ordered_is_fetched_in_pieces_to_its_end(exports: Exports, size_bytes: int) -> None:
    content = LONG if size_bytes > 99 else CANARY * 9
    exports.offer({NAME: written(exports, content)}, exports.generation)
    assert list(exports.listed()) == [(NAME, len(content))]
    fetched = bytearray()
    while piece := exports.reader(NAME)(len(fetched), size_bytes):
        assert len(piece) <= size_bytes
        fetched += piece
    assert fetched == content


@pytest.mark.parametrize("length", [0, 1, 262_143, 262_144, 262_145])
async def test_a_file_of_any_length_has_its_end(exports: Exports, length: int) -> None:
    exports.offer({NAME: written(exports, LONG[:length])}, exports.generation)
    assert exports.reader(NAME)(length, 10) == b""
    if length:
        assert exports.reader(NAME)(length - 1, 10) == LONG[length - 1 : length]


def opened(folder: Path) -> dict[str, Path]:
    """Return what this process has open of a folder's, and by which descriptor."""
    return {str(file): by for by, file in open_files().items() if file.is_relative_to(folder)}


async def test_on_the_card_it_has_no_name_and_nothing_of_it_can_be_read(exports: Exports, tmp_path: Path) -> None:
    before = opened(tmp_path).keys()
    exports.offer({NAME: written(exports, LONG)}, exports.generation)
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
    [target] = opened(tmp_path).keys() - before
    raw = await asyncio.to_thread(opened(tmp_path)[target].read_bytes)
    assert len(raw) > len(LONG)
    assert CANARY not in raw
    exports.drop()
    assert opened(tmp_path).keys() == before


async def test_whoever_comes_with_a_stick_later_gets_nothing(exports: Exports, clock: Clock) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    clock.now_s += GRACE_S + 1
    assert list(exports.listed()) == []
    with pytest.raises(StorageError, match="too long ago"):
        exports.reader(NAME)(0, 100)


async def test_it_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    exports = Exports(tmp_path, grace_s=0.02)
    before = opened(tmp_path).keys()
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    await asyncio.to_thread(wait_until, lambda: opened(tmp_path).keys() == before)


async def test_a_slow_stick_gets_all_of_it(exports: Exports, clock: Clock) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    for at in range(12):
        clock.now_s += GRACE_S - 1
        assert exports.reader(NAME)(at, 1)


async def test_an_order_that_is_too_old_does_not_come_back_with_the_next_one(exports: Exports, clock: Clock) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    clock.now_s += GRACE_S + 1
    exports.offer({"another": written(exports, b"new")}, exports.generation)
    assert list(exports.listed()) == [("another", 3)]


async def test_two_orders_shortly_after_one_another_are_both_fetched(exports: Exports) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    exports.offer({"another": written(exports, b"new")}, exports.generation)
    exports.offer({"another": written(exports, b"newer")}, exports.generation)
    assert list(exports.listed()) == [(NAME, len(CANARY)), ("another", 5)]


async def test_what_is_on_the_stick_is_gone_here_and_only_that(exports: Exports) -> None:
    exports.offer({NAME: written(exports, CANARY), "another": written(exports, b"new")}, exports.generation)
    exports.fetched([NAME, "unknown"])
    assert list(exports.listed()) == [("another", 3)]


async def test_what_was_dropped_while_it_is_read_is_said_to_be_gone(exports: Exports) -> None:
    file = written(exports, CANARY)
    exports.offer({NAME: file}, exports.generation)
    exports.drop()
    with pytest.raises(StorageError, match="was not ordered"):
        exports.reader(NAME)(0, 1)
    with pytest.raises(StorageError, match="not kept any more"):
        file.read(0, 1)


async def test_what_is_ordered_again_while_it_is_fetched_is_not_mixed(exports: Exports) -> None:
    exports.offer({NAME: written(exports, CANARY)}, exports.generation)
    read = exports.reader(NAME)
    assert read(0, 4) == CANARY[:4]
    exports.offer({NAME: written(exports, b"x" * len(CANARY))}, exports.generation)
    with pytest.raises(StorageError, match="not kept any more"):
        read(4, 4)


async def test_what_the_card_has_changed_is_given_to_nobody(exports: Exports) -> None:
    file = written(exports, LONG)
    os.pwrite(file._file.fileno(), b"\0\0\0\0", 300_000)
    exports.offer({NAME: file}, exports.generation)
    with pytest.raises(StorageError, match="damaged"):
        exports.reader(NAME)(290_000, 100)


async def child_that_says(script: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdin=PIPE, stdout=PIPE)


ECHO = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


async def test_what_a_process_says_is_taken_to_its_end(exports: Exports) -> None:
    file, child = exports.begin(), await child_that_says(ECHO)
    async with file.taking_from(child):
        assert child.stdin is not None
        child.stdin.write(LONG)
        await child.stdin.drain()
        child.stdin.close()
    file.finish()
    assert child.returncode == 0
    exports.offer({NAME: file}, exports.generation)
    assert exports.reader(NAME)(0, 99) == LONG[:99]


async def test_a_card_that_is_full_ends_the_process_and_is_why_there_is_no_file(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_export: Export, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Export, "write", full)
    child = await child_that_says(ECHO)

    async def feed() -> None:
        async with exports.begin().taking_from(child):
            assert child.stdin is not None
            while True:
                child.stdin.write(LONG)
                await child.stdin.drain()

    async with asyncio.timeout(30):
        with pytest.raises(OSError, match="No space left"):
            await feed()
    assert child.returncode is not None


async def test_a_process_that_dies_is_not_waited_for(exports: Exports) -> None:
    child = await child_that_says("import sys; sys.exit(3)")
    async with asyncio.timeout(30), exports.begin().taking_from(child):
        pass
    assert child.returncode == 3
