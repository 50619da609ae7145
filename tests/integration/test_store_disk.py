import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel, Purpose
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.contact import Contact
from firmware.phone.my_data import DataCategory
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.account.steps import AccountCancellation
from firmware.store.errors import StoreFullError, StoreReadOnlyError
from firmware.store.key_wrap import load_key
from tests.lab.small_disk import AS_ROOT, fill, small_disk
from tests.lab.store import StoreLab

DISK_BYTES = 1024 * 1024

NAME = "Wilhelmina Quackenbush 王小明"
NUMBERS = ("+8613987650001", "sip:quackenbush@planted.example.org", "4455667788")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


@pytest.fixture
async def lab(disk: Path) -> AsyncIterator[StoreLab]:
    lab = StoreLab(disk)
    await lab.start()
    yield lab
    await lab.stop()


def remount(disk: Path, mode: str) -> None:
    subprocess.run([*AS_ROOT, "mount", "-o", f"remount,{mode}", disk], check=True)


async def calls_until_full(lab: StoreLab) -> int:
    """Make calls until the store has no room, and end the last of them too; return how many were written."""
    for count in range(10_000):
        call_id = lab.new_call_id()
        full = False
        for step in (
            lab.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "10086", "10086")),
            lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.BUSY, 486)),
        ):
            try:
                await step
            except StoreFullError:
                full = True
        if full:
            return count
    pytest.fail("the disk never filled")


async def test_a_full_disk_is_said_reading_goes_on_and_nothing_acknowledged_is_lost(lab: StoreLab, disk: Path) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call(direction=CallDirection.INCOMING)
    ballast = fill(disk)
    written = 1 + await calls_until_full(lab)
    over = [entry for entry in await lab.call_log.recent(10_000) if entry.reason is not None]
    assert len(over) == written
    assert len(await lab.outbox.next_batch(10_000)) == 1 + written
    ballast.unlink()
    await lab.make_call()
    await lab.restart()
    await lab.call_log.recover_interrupted()
    # Those whose end the full disk refused were written with the first call that fitted.
    entries = await lab.call_log.recent(10_000)
    assert len(entries) == written + 2
    assert len(await lab.outbox.next_batch(10_000)) == 1 + written + 2
    await lab.store.check()


async def test_a_store_on_a_full_disk_opens_for_reading(lab: StoreLab, disk: Path) -> None:
    await lab.make_call("10086", dialled="10086")
    await lab.stop()
    ballast = fill(disk)
    lab.make_parts()
    await lab.start()
    assert await lab.call_log.last_dialled() == "10086"
    await calls_until_full(lab)
    ballast.unlink()
    await lab.make_call()


@pytest.fixture
def larger_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for what a handset keeps beside its store."""
    with small_disk(tmp_path / "larger", 4 * DISK_BYTES) as folder:
        yield folder


async def test_a_withdrawal_is_written_on_a_full_disk_again_and_again(larger_disk: Path) -> None:
    lab = StoreLab(larger_disk, reserve_bytes=512 * 1024)
    await lab.start()
    for purpose in Purpose:
        await lab.consents.grant(purpose)
    await lab.make_call()
    ballast = fill(larger_disk)
    await calls_until_full(lab)
    with pytest.raises(StoreFullError):
        await lab.contacts.save(Contact(0, NAME))
    state = await lab.consents.withdraw(Purpose.CDR_SYNC)
    assert not state.granted(Purpose.CDR_SYNC)
    for purpose in (Purpose.RECORDING, Purpose.CONTACT_IMPORT):
        assert not (await lab.consents.withdraw(purpose)).granted(purpose)
    state = await lab.consents.withdraw_optional()
    assert state.all_granted == {Purpose.SERVICE}
    assert not any(message.topic == "cdr" for message in await lab.outbox.next_batch(10_000))
    ballast.unlink()
    await lab.restart()
    state = await lab.consents.state()
    assert state.intact
    assert state.all_granted == {Purpose.SERVICE}
    await lab.store.check()
    await lab.stop()


async def test_on_a_full_disk_the_holder_makes_room_by_deleting_and_can_have_all_erased_and_go(
    larger_disk: Path,
) -> None:
    lab = StoreLab(larger_disk, reserve_bytes=512 * 1024)
    await lab.start()
    await lab.consents.grant(Purpose.RECORDING)
    recording_id, writer = await lab.recordings.begin(lab.new_call_id(), "10086", "", SoundFormat.OPUS)
    writer.write(b"sound", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    call_id = await lab.make_call()
    fill(larger_disk)
    await calls_until_full(lab)
    count = len(await lab.call_log.recent(10_000))
    await lab.call_log.delete(call_id)
    assert len(await lab.call_log.recent(10_000)) == count - 1
    assert await lab.recordings.delete(recording_id)
    assert (await lab.recordings.listed(0, 9))[0] == 0
    fill(larger_disk)
    await calls_until_full(lab)
    await lab.erasure.erase([DataCategory.CALLS], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert not [entry for entry in await lab.call_log.recent(10_000) if entry.reason is not None]
    fill(larger_disk)
    cancellation = AccountCancellation(lab.store, lab.outbox, lab.consents)
    await calls_until_full(lab)
    await cancellation.begin(Actor.HOLDER, Channel.KEYPAD)
    assert await cancellation.is_begun()
    await lab.stop()


async def test_without_room_kept_a_withdrawal_on_a_full_disk_fails_whole(lab: StoreLab, disk: Path) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    ballast = fill(disk)
    await calls_until_full(lab)
    with pytest.raises(StoreFullError):
        await lab.consents.withdraw(Purpose.CDR_SYNC)
    assert (await lab.consents.state()).granted(Purpose.CDR_SYNC)
    ballast.unlink()
    assert not (await lab.consents.withdraw(Purpose.CDR_SYNC)).granted(Purpose.CDR_SYNC)


async def test_a_disk_without_room_for_a_new_store_is_said_and_can_be_tried_again(disk: Path) -> None:
    ballast = fill(disk)
    lab = StoreLab(disk)
    with pytest.raises(StoreFullError) as caught:
        await lab.start()
    assert str(caught.value) == (
        f"There is no room left for the store {lab.path}. Free space on the card, or delete calls from the log."
    )
    ballast.unlink()
    await lab.start()
    await lab.make_call()
    await lab.stop()


async def test_a_read_only_disk_is_said_and_can_be_tried_again(lab: StoreLab, disk: Path) -> None:
    await lab.make_call()
    await lab.stop()
    remount(disk, "ro")
    with pytest.raises(StoreReadOnlyError, match=r"cannot be written\. Check the card"):
        await lab.start()
    remount(disk, "rw")
    await lab.start()
    await lab.make_call()


async def test_a_new_store_on_a_read_only_disk_is_said(disk: Path) -> None:
    remount(disk, "ro")
    with pytest.raises(StoreReadOnlyError):
        await StoreLab(disk).start()


def planted() -> list[bytes]:
    texts = [NAME, *NAME.split(), *NUMBERS, "quackenbush", "13987650001", "CREATE TABLE", "cdr_sync"]
    return [text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le", "utf-16-be")]


def found_in(folder: Path) -> set[bytes]:
    """Which planted texts can be read in a folder's files."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert any(len(content) > 10_000 for content in files.values())
    return {text for text in planted() for content in files.values() if text in content}


async def test_no_file_of_the_store_can_be_read_without_its_key(tmp_path: Path) -> None:
    lab = StoreLab(tmp_path, key=load_key(tmp_path / "store.key", tmp_path / "store.db", {}))
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.add_contact(NAME, NUMBERS)
    for number in NUMBERS:
        await lab.make_call(number, dialled=number)
    assert (tmp_path / "store.db-wal").stat().st_size > 10_000
    assert found_in(tmp_path) == set()
    await lab.call_log.clear()
    await lab.stop()
    assert found_in(tmp_path) == set()


def test_the_search_for_planted_texts_finds_them_in_a_plain_store(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "plain.db")) as plain:
        plain.execute("CREATE TABLE contacts (name TEXT, number TEXT)")
        plain.executemany("INSERT INTO contacts VALUES (?, ?)", [(NAME, number) for number in NUMBERS * 50])
        plain.commit()
    assert {text.encode() for text in (NAME, *NUMBERS, "CREATE TABLE")} <= found_in(tmp_path)
