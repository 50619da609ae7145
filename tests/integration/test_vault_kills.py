"""What a power cut at any step of the vault's work leaves behind: real SQLCipher, real kill -9."""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.farewell.factory_reset import KEY_NAME, MARKER_NAME, begin_reset, finish_reset
from firmware.phone.call import CallId
from firmware.phone.purpose import Purpose
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.storage.errors import StoreKeyWrongError
from firmware.storage.key import CREDENTIAL_NAME, load_key
from firmware.storage.keyring import WRAP_NAME
from firmware.storage.pictures import FOLDER_NAME, Pixels
from tests.lab.guarded_store import GuardedStore
from tests.lab.store import StoreLab

ROOT = Path(__file__).parents[2]
MODULE = "tests.integration.test_vault_kills"
RED = Pixels(8, 4, b"\xff\0\0" * 32)
KEEPSAKE = "configuration.last-good.toml"


def open_lab(folder: Path) -> StoreLab:
    return StoreLab(folder, load_key(folder / KEY_NAME, folder / "store.db", {}))


async def fill(folder: Path) -> tuple[int, str]:
    """Leave behind what a holder does; return the store's epoch and the opaque account."""
    (folder / KEEPSAKE).write_text("the installer's", encoding="ascii")
    lab = open_lab(folder)
    await lab.start()
    await lab.pin.set("2580")
    await lab.make_call()
    await lab.pictures.add("Holiday", RED)
    await record(lab)
    account = await lab.call_log.account_id()
    epoch = lab.store.epoch
    await lab.stop()
    return epoch, account


async def record(lab: StoreLab) -> None:
    """Leave a recording of a call behind."""
    await lab.consents.grant(Purpose.RECORDING)
    recording_id, writer = await lab.recordings.begin(CallId("c"), "2345", "Anna", SoundFormat.OPUS)
    writer.write(b"a second", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)


def add_a_picture(folder: Path) -> None:
    """Called in the process that is killed."""

    async def add() -> None:
        lab = open_lab(folder)
        await lab.start()
        await lab.pictures.add("Second", RED)
        await lab.stop()

    asyncio.run(add())


def remove_the_picture(folder: Path) -> None:
    """Called in the process that is killed."""

    async def remove() -> None:
        lab = open_lab(folder)
        await lab.start()
        [first, *_] = await lab.pictures.list()
        await lab.pictures.remove(first.picture)
        await lab.stop()

    asyncio.run(remove())


def erase(folder: Path) -> None:
    """Called in the process that is killed."""
    finish_reset(folder, {})


def begin(folder: Path) -> None:
    """Called in the process that is killed."""
    begin_reset(folder)


def run_until_killed_at(step: int, folder: Path, function: str) -> int:
    """Call a function of this module in a process that is killed at a step; return its exit code."""
    # Told by its place: pytest has another name for this module.
    command = [sys.executable, "-m", "tests.lab.killed_at", str(step), str(folder), MODULE, function]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    assert code in {0, -signal.SIGKILL}
    return code


def runs_killed_at_every_step(tmp_path: Path, function: str) -> Iterator[tuple[Path, int, bool]]:
    """Give a fresh folder for each step; fill it, and `run` it with the step until none is left to be killed at."""
    for step in itertools.count(1):
        folder = tmp_path / f"step-{step}"
        folder.mkdir()
        yield folder, step, False
        code = run_until_killed_at(step, folder, function)
        yield folder, step, True
        if code == 0:
            assert step > 2, "nothing was ever killed"
            return


def test_a_reset_that_is_cut_off_anywhere_is_finished_by_the_next_start(tmp_path: Path) -> None:
    before: dict[Path, tuple[int, str, bytes]] = {}
    for folder, _, over in runs_killed_at_every_step(tmp_path, "erase"):
        if not over:
            epoch, account = asyncio.run(fill(folder))
            before[folder] = epoch, account, (folder / KEY_NAME).read_bytes()
            begin_reset(folder)
            continue
        finish_reset(folder, {})
        epoch, account, old_key = before[folder]
        assert sorted(path.name for path in folder.iterdir()) == [KEEPSAKE, KEY_NAME]
        assert (folder / KEY_NAME).read_bytes() != old_key
        asyncio.run(check_new(folder, epoch, account))


async def check_new(folder: Path, epoch: int, account: str) -> None:
    lab = open_lab(folder)
    await lab.start()
    assert not await lab.pin.is_set()
    assert not await lab.pictures.list()
    assert await lab.recordings.listed(0, 10) == (0, ())
    assert not await lab.call_log.recent(10)
    assert lab.store.epoch != epoch, "numbers of the outbox could come back"
    assert await lab.call_log.account_id() != account, "the next holder could be taken for this one"
    await lab.stop()


def test_the_key_goes_before_anything_else(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    old_key = (tmp_path / KEY_NAME).read_bytes()
    begin_reset(tmp_path)
    for step in itertools.count(1):
        run_until_killed_at(step, tmp_path, "erase")
        if (tmp_path / KEY_NAME).read_bytes() != old_key:
            break
    assert (tmp_path / "store.db").exists()
    with pytest.raises(StoreKeyWrongError):
        asyncio.run(open_lab(tmp_path).start())


def test_the_sealed_key_of_the_store_goes_first_also_where_systemd_keeps_the_host_s_secret(tmp_path: Path) -> None:
    lab = GuardedStore(tmp_path)
    asyncio.run(lab.start())
    asyncio.run(lab.stop())
    # Another name for the same bytes on the disk.
    (tmp_path.parent / f"{tmp_path.name}-same").hardlink_to(tmp_path / WRAP_NAME)
    begin_reset(tmp_path)
    for step in itertools.count(1):
        run_until_killed_at(step, tmp_path, "erase")
        if not (tmp_path / WRAP_NAME).exists():
            break
    assert (tmp_path / "store.db").exists()
    assert not any((tmp_path.parent / f"{tmp_path.name}-same").read_bytes())
    with pytest.raises(StoreKeyWrongError):
        asyncio.run(GuardedStore(tmp_path).start())


def test_a_reset_begins_wholly_or_not_at_all(tmp_path: Path) -> None:
    for folder, _, over in runs_killed_at_every_step(tmp_path, "begin"):
        if not over:
            asyncio.run(fill(folder))
            continue
        began = (folder / MARKER_NAME).exists()
        assert finish_reset(folder, {}) is began
        assert (folder / "store.db").exists() is not began


def test_a_key_that_systemd_provides_stays_and_the_store_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / CREDENTIAL_NAME).write_bytes(bytes(range(32)))
    folder = tmp_path / "state"
    folder.mkdir()
    asyncio.run(fill(folder))
    (folder / KEY_NAME).unlink()
    # Another name for the same bytes on the disk.
    (tmp_path / "same").hardlink_to(folder / "store.db")
    begin_reset(folder)
    assert finish_reset(folder, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert sorted(path.name for path in folder.iterdir()) == [KEEPSAKE]
    assert not any((tmp_path / "same").read_bytes())
    assert (credentials / CREDENTIAL_NAME).read_bytes() == bytes(range(32))


def test_without_a_marker_nothing_is_erased(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert not finish_reset(tmp_path, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_picture_whose_adding_is_cut_off_is_there_wholly_or_not_at_all(tmp_path: Path) -> None:
    for folder, _, over in runs_killed_at_every_step(tmp_path, "add_a_picture"):
        asyncio.run(check_pictures(folder, {"Holiday", "Second"}) if over else fill(folder))


def test_a_picture_whose_removal_is_cut_off_is_there_wholly_or_not_at_all(tmp_path: Path) -> None:
    for folder, _, over in runs_killed_at_every_step(tmp_path, "remove_the_picture"):
        asyncio.run(check_pictures(folder, {"Holiday"}) if over else fill(folder))


async def check_pictures(folder: Path, possible: set[str]) -> None:
    lab = open_lab(folder)
    await lab.start()
    await lab.pictures.sweep()
    kept = await lab.pictures.list()
    assert {picture.name for picture in kept} <= possible
    for picture in kept:
        assert await lab.pictures.read(picture.picture) == RED
    assert {path.name for path in (folder / FOLDER_NAME).iterdir()} == {picture.picture for picture in kept}
    await lab.stop()
