import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.store import store as store_module
from firmware.store.database import Database
from firmware.store.errors import ErasedMeanwhileError, StoreClosedError, StoreKeyWrongError
from firmware.store.store import Reserve, Store
from tests.lab.store import StoreLab

KEPT = 512 * 1024


async def test_work_runs_on_the_storage_thread_and_nowhere_else(lab: StoreLab) -> None:
    name = await lab.store.run(lambda _: threading.current_thread().name)
    assert name == "storage"


async def test_work_is_done_in_the_order_in_which_it_was_handed_in(lab: StoreLab) -> None:
    order: list[int] = []

    def note(each: int, _: Database) -> None:
        order.append(each)

    await asyncio.gather(*(lab.store.run(partial(note, each)) for each in range(50)))
    assert order == list(range(50))


async def test_an_error_reaches_the_one_who_awaits_and_the_thread_goes_on(lab: StoreLab) -> None:
    def fail(_: Database) -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        await lab.store.run(fail)
    assert await lab.store.run(lambda _: 1) == 1


async def test_work_that_nobody_waits_for_any_more_is_finished(lab: StoreLab) -> None:
    gate = threading.Event()

    def hold(_: Database) -> None:
        gate.wait(10)

    holding = asyncio.create_task(lab.store.run(hold))
    writing = asyncio.create_task(
        lab.store.transact(lambda database: database.execute("INSERT INTO contacts (name) VALUES ('Ann')"))
    )
    await asyncio.sleep(0)
    writing.cancel()
    gate.set()
    await holding
    assert writing.cancelled()
    assert await lab.store.run(lambda database: database.query("SELECT name FROM contacts")) == [("Ann",)]


async def test_an_erasure_that_nobody_waits_for_any_more_is_told_all_the_same(lab: StoreLab) -> None:
    gate, told = threading.Event(), asyncio.Event()
    lab.store.when_erased = told.set
    holding = asyncio.create_task(lab.store.run(lambda _: gate.wait(10)))
    erasing = asyncio.create_task(lab.store.erase(lambda _: True, importable=True))
    importing = asyncio.create_task(lab.store.transact(lambda _: None, since=lab.store.erasures))
    await asyncio.sleep(0)
    erasing.cancel()
    gate.set()
    await holding
    await asyncio.wait_for(told.wait(), 10)
    with pytest.raises(ErasedMeanwhileError):
        # It was handed in before anybody knew of the erasure, and yet after it.
        await importing


async def test_nothing_is_told_of_an_erasure_that_found_nothing_or_came_to_nothing(lab: StoreLab) -> None:
    lab.store.when_erased = lambda: pytest.fail("nothing was erased")
    assert await lab.store.erase(lambda _: 0, importable=True) == 0
    with pytest.raises(StorageError):
        await lab.store.erase(lambda database: database.execute("DELETE FROM nothing"), importable=True)
    assert lab.store.erasures == 0


async def test_stopping_finishes_the_work_that_was_handed_in(lab: StoreLab) -> None:
    adding = asyncio.create_task(lab.add_contact("Ann", []))
    await asyncio.sleep(0)
    await lab.store.stop()
    assert await adding
    await lab.store.start()
    assert await lab.contacts.count() == 1


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    lab = StoreLab(tmp_path)
    with pytest.raises(StoreClosedError, match="is not open"):
        await lab.store.run(lambda _: None)
    await lab.store.stop()


async def test_opening_can_be_tried_again(lab: StoreLab, tmp_path: Path) -> None:
    await lab.store.stop()
    stranger = StoreLab(tmp_path, key=bytes(32))
    for _ in range(2):
        with pytest.raises(StoreKeyWrongError):
            await stranger.store.start()
        with pytest.raises(StoreClosedError):
            await stranger.contacts.count()
    assert stranger.beats == 2, "a store that does not open must not look like a thread that hangs"
    await lab.store.start()
    assert await lab.contacts.count() == 0


async def test_starting_twice_opens_once(lab: StoreLab) -> None:
    epoch = lab.store.epoch
    await lab.store.start()
    assert lab.store.epoch == epoch


async def test_the_thread_shows_that_it_lives_while_idle_and_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_IDLE_WAIT_S", 0.01)
    beaten = threading.Semaphore(0)
    store = Store(tmp_path / "store.db", bytes(32), beaten.release)
    await store.start()
    for _ in range(5):
        assert await asyncio.to_thread(beaten.acquire, timeout=10)
    await store.stop()


async def test_a_fault_of_the_firmware_itself_is_an_error_and_not_a_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(store_module, "load_migrations", fail)
    with pytest.raises(StorageError, match="RuntimeError"):
        await Store(tmp_path / "store.db", bytes(32), lambda: None).start()


async def test_the_check_of_everything_can_be_asked_for(lab: StoreLab) -> None:
    await lab.store.check()


def test_the_room_is_kept_by_blocks_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "store.db.reserve"
    Reserve(path, KEPT).lay_by()
    assert path.stat().st_blocks * 512 >= KEPT
    assert path.stat().st_mode & 0o777 == 0o600


def test_room_that_was_let_go_is_gone_and_can_be_kept_again(tmp_path: Path) -> None:
    path = tmp_path / "store.db.reserve"
    reserve = Reserve(path, KEPT)
    reserve.lay_by()
    assert reserve.give_up()
    assert not path.exists()
    assert not reserve.give_up()
    reserve.lay_by()
    assert reserve.give_up()


def test_where_nothing_is_to_be_kept_there_is_no_file(tmp_path: Path) -> None:
    Reserve(tmp_path / "store.db.reserve", 0).lay_by()
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_nothing_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def full(_descriptor: int, _offset: int, size: int) -> None:
        sizes.append(size)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    reserve = Reserve(tmp_path / "store.db.reserve", KEPT)
    reserve.lay_by()
    assert sizes == [KEPT, KEPT // 2, KEPT // 4]
    assert not reserve.give_up()
