"""What a power cut at any step of the vault's work leaves behind: real SQLCipher, real kill -9."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.consent import Purpose
from firmware.phone.call import CallId
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.account.factory_reset import KEY_NAME, MARKER_NAME, begin_reset, finish_reset
from firmware.services.account.last_word import LAST_WORD_NAME
from firmware.services.account.tombstone import TOMBSTONE_NAME, take_up_tombstone
from firmware.store.errors import StoreKeyWrongError
from firmware.store.key_wrap import CREDENTIAL_NAME, load_key
from firmware.store.keyring import WRAP_NAME
from firmware.store.pictures import FOLDER_NAME
from tests.lab import kills
from tests.lab.guarded_store import GuardedStore
from tests.lab.store import StoreLab

RED = Pixels(8, 4, b"\xff\0\0" * 32)
KEEPSAKE = "configuration.last-good.toml"
LAST_WORD = '{"device": "handset-7", "fleet": "lab", "sync": {"host": "broker.example.org"}, "epochs": [7]}'
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


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
    (folder / LAST_WORD_NAME).write_text(LAST_WORD, encoding="ascii")
    (folder / "exchange").mkdir()
    (folder / "exchange/friends.vcf").write_text("Anna", encoding="ascii")
    bundle = folder / "provisioning/configurations/1/bundle.wecall"
    bundle.parent.mkdir(parents=True)
    bundle.write_text("Anna", encoding="ascii")
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


@pytest.fixture
def folder(memory: Path) -> Path:
    """Where a handset keeps what it has."""
    folder = memory / "whole"
    folder.mkdir()
    return folder


def test_a_reset_that_is_cut_off_anywhere_is_finished_by_the_next_start(folder: Path) -> None:
    epoch, account = asyncio.run(fill(folder))
    old_key = (folder / KEY_NAME).read_bytes()
    begin_reset(folder)
    last = 0
    for cut in kills.cuts(folder, erase, one_in=3):
        finish_reset(cut.folder, {})
        left = {str(path.relative_to(cut.folder)) for path in cut.folder.rglob("*") if path.is_file()}
        assert left == {KEEPSAKE, KEY_NAME, TOMBSTONE_NAME}
        tombstone = take_up_tombstone(cut.folder / TOMBSTONE_NAME)
        assert tombstone is not None
        assert [each.topic for each in tombstone.partings] == ["erasure", "consent"]
        assert (cut.folder / KEY_NAME).read_bytes() != old_key
        asyncio.run(check_new(cut.folder, epoch, account))
        last = cut.step
    assert last > 2


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


def test_the_key_goes_before_anything_else(folder: Path) -> None:
    asyncio.run(fill(folder))
    old_key = (folder / KEY_NAME).read_bytes()
    begin_reset(folder)
    for step in itertools.count(1):
        kills.run_killed_at(step, folder, erase)
        if (folder / KEY_NAME).read_bytes() != old_key:
            break
    assert (folder / "store.db").exists()
    with pytest.raises(StoreKeyWrongError):
        asyncio.run(open_lab(folder).start())


def test_of_the_old_key_no_byte_is_left_where_it_lay(folder: Path) -> None:
    asyncio.run(fill(folder))
    # Another name for the same bytes on the disk.
    (folder.parent / "same").hardlink_to(folder / KEY_NAME)
    begin_reset(folder)
    assert finish_reset(folder, {})
    assert not any((folder.parent / "same").read_bytes())


def test_the_sealed_key_of_the_store_goes_first_also_where_systemd_keeps_the_host_s_secret(folder: Path) -> None:
    lab = GuardedStore(folder)
    asyncio.run(lab.start())
    asyncio.run(lab.stop())
    # Another name for the same bytes on the disk.
    (folder.parent / f"{folder.name}-same").hardlink_to(folder / WRAP_NAME)
    begin_reset(folder)
    for step in itertools.count(1):
        kills.run_killed_at(step, folder, erase)
        if not (folder / WRAP_NAME).exists():
            break
    assert (folder / "store.db").exists()
    assert not any((folder.parent / f"{folder.name}-same").read_bytes())
    with pytest.raises(StoreKeyWrongError):
        asyncio.run(GuardedStore(folder).start())


def test_a_reset_begins_wholly_or_not_at_all(folder: Path) -> None:
    asyncio.run(fill(folder))
    last = 0
    for cut in kills.cuts(folder, begin, one_in=2):
        began = (cut.folder / MARKER_NAME).exists()
        assert finish_reset(cut.folder, {}) is began
        assert (cut.folder / "store.db").exists() is not began
        last = cut.step
    assert last > 2


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
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [KEEPSAKE, TOMBSTONE_NAME]
    assert not any((tmp_path / "same").read_bytes())
    assert (credentials / CREDENTIAL_NAME).read_bytes() == bytes(range(32))


def test_without_a_marker_nothing_is_erased(folder: Path) -> None:
    asyncio.run(fill(folder))
    before = sorted(path.name for path in folder.iterdir())
    assert not finish_reset(folder, {})
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("change", "possible"),
    [(add_a_picture, {"Holiday", "Second"}), (remove_the_picture, {"Holiday"})],
    ids=["adding", "removal"],
)
def test_a_picture_whose_adding_or_removal_is_cut_off_is_there_wholly_or_not_at_all(
    folder: Path, change: Callable[[Path], None], possible: set[str]
) -> None:
    asyncio.run(fill(folder))
    last = 0
    for cut in kills.cuts(folder, change, one_in=3):
        asyncio.run(check_pictures(cut.folder, possible))
        last = cut.step
    assert last > 2


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
