"""What a power cut at any step of a change of keys leaves behind: real SQLCipher, real kill -9."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallId
from firmware.phone.commands import OpenCallRecord
from firmware.store import keyring as keyring_module
from firmware.store import pin as pin_module
from firmware.store.key_wrap import HostKeys
from firmware.store.keyring import OLD_WRAP_NAME, WRAP_NAME
from tests.lab import chance, kills
from tests.lab.guarded_store import HOST, PIN, GuardedStore
from tests.lab.store import StoreLab

ROOT = Path(__file__).parents[2]
MODULE = "tests.integration.test_key_kills"
OTHER_PIN = "147036"
BOARD = HostKeys(HOST.secret, board=b"b" * 32)
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


@pytest.fixture(autouse=True)
def _quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_module, "pin_memory_kib", lambda _total_kib: 64)
    monkeypatch.setattr(pin_module, "_MEMORY_KIB", 64)


# --- what is cut off: each is called in the process that is killed ---


def run_in(folder: Path, change: Callable[[GuardedStore], Coroutine[Any, Any, object]], host: HostKeys = HOST) -> None:
    """Open a store, typing its PIN where it asks for one, and do something with it."""
    keyring_module.pin_memory_kib = lambda total_kib: min(64, total_kib)
    pin_module._MEMORY_KIB = 64  # type: ignore[misc]

    async def run() -> None:
        lab = GuardedStore(folder, host)
        await lab.start()
        if lab.keyring.waits_for_pin:
            await lab.pin.check(PIN)
        await change(lab)
        await lab.stop()

    asyncio.run(run())


async def nothing(_lab: GuardedStore) -> None:
    """Do nothing more than open the store."""


def take_over(folder: Path) -> None:
    """Open a store from before there were keys of its own."""
    run_in(folder, nothing)


def bind_to_board(folder: Path) -> None:
    """Open a store where the board's key has come to be used."""
    run_in(folder, nothing, BOARD)


def rotate(folder: Path) -> None:
    """Change the key."""
    run_in(folder, lambda lab: lab.keyring.rotate(lab.store))


def guard_by_pin(folder: Path) -> None:
    """Have the PIN open the store."""
    run_in(folder, lambda lab: lab.pin.guard_store(PIN, guarded=True))


def open_by_itself(folder: Path) -> None:
    """Have the store open by itself again."""
    run_in(folder, lambda lab: lab.pin.guard_store(PIN, guarded=False))


def change_pin(folder: Path) -> None:
    """Change a PIN that opens the store."""
    run_in(folder, lambda lab: lab.pin.set(OTHER_PIN))


def remove_pin(folder: Path) -> None:
    """Take away a PIN that opens the store."""
    run_in(folder, lambda lab: lab.pin.set(""))


def open_after_calls(folder: Path) -> None:
    """Type the PIN where calls wait in the journal."""
    run_in(folder, nothing)


# --- what was there before ---


async def fill(lab: StoreLab) -> None:
    await lab.start()
    await lab.pin.set(PIN)
    await lab.make_call()
    await lab.stop()


async def old_store(folder: Path) -> None:
    await fill(StoreLab(folder, HOST.secret))


async def plain_store(folder: Path) -> None:
    await fill(GuardedStore(folder))


async def guarded_store(folder: Path) -> None:
    lab = GuardedStore(folder)
    await fill(lab)
    lab.make_parts()
    await lab.start()
    await lab.guard_by_pin()
    await lab.stop()


async def store_with_a_journal(folder: Path) -> None:
    await guarded_store(folder)
    lab = GuardedStore(folder)
    for number in (2, 3):
        await lab.call_log.open_record(OpenCallRecord(CallId(f"{number:032x}"), CallDirection.INCOMING, "1002", ""))


# --- what must be there after ---


@dataclass(frozen=True, slots=True)
class Case:
    """What was there, what is done to it, and with which keys and PINs it opens after that."""

    before: Callable[[Path], Coroutine[Any, Any, None]]
    change: Callable[[Path], None]
    host: HostKeys = HOST
    pins: Sequence[str] = (PIN,)
    calls: int = 1


async def check(folder: Path, case: Case) -> None:
    """Open the store as the next start does: with no PIN or one of these, and nothing is lost."""
    lab = GuardedStore(folder, case.host)
    await lab.start()
    if lab.keyring.waits_for_pin:
        accepted = [pin for pin in case.pins if (await lab.pin.check(pin)).accepted]
        # Once it is open a second PIN would be compared with the one that stands in it.
        assert len(accepted) == 1, "neither the old PIN nor the new one opens the store"
        assert (await lab.pin.check(accepted[0])).accepted
    assert len(await lab.call_log.recent(10)) == case.calls
    await lab.store.check()
    assert not (folder / OLD_WRAP_NAME).exists()
    assert not (folder / f".{WRAP_NAME}.new").exists()
    assert lab.store.key != HOST.secret
    await lab.stop()


def filled(place: Path, before: Callable[[Path], Coroutine[Any, Any, None]]) -> Path:
    """Make a folder to copy from."""
    folder = place / "whole"
    folder.mkdir()
    asyncio.run(before(folder))
    return folder


CASES = [
    pytest.param(Case(old_store, take_over), id="taking over"),
    pytest.param(Case(plain_store, bind_to_board, BOARD), id="binding to the board"),
    pytest.param(Case(plain_store, rotate), id="changing the key"),
    pytest.param(Case(plain_store, guard_by_pin), id="having the PIN open it"),
    pytest.param(Case(guarded_store, open_by_itself), id="having it open by itself"),
    pytest.param(Case(guarded_store, change_pin, pins=(PIN, OTHER_PIN)), id="changing the PIN"),
    pytest.param(Case(guarded_store, remove_pin), id="removing the PIN"),
    pytest.param(Case(store_with_a_journal, open_after_calls, calls=3), id="taking over calls"),
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES)
def test_a_power_cut_at_any_step_leaves_a_store_that_opens_with_old_or_new(memory: Path, case: Case) -> None:
    whole = filled(memory, case.before)
    last = 0
    for cut in kills.cuts(whole, case.change):
        asyncio.run(check(cut.folder, case))
        last = cut.step
    assert last > 2, "nothing was ever killed"


def writes_that_are_killed_at() -> Iterator[int]:
    """Count 1, 2, 3, 5, 7, 10, ...: the first writes one by one, later ones in growing strides."""
    write = 1
    while True:
        yield write
        write += 1 + write // 3


def test_a_power_cut_at_any_write_of_a_change_of_the_key_loses_nothing(memory: Path) -> None:
    whole = filled(memory, plain_store)
    for write in chance.some(writes_that_are_killed_at(), 4):
        folder = shutil.copytree(whole, memory / f"write-{write}")
        inject = f"inject=pwrite64:signal=KILL:when={write}"
        traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject]
        call = f"from pathlib import Path; from {MODULE} import rotate; rotate(Path({str(folder)!r}))"
        code = subprocess.run([*traced, sys.executable, "-c", call], cwd=ROOT, check=False).returncode
        asyncio.run(check(folder, Case(plain_store, rotate)))
        if code == 0:
            assert write > 20, "the store was not written anew"
            return
