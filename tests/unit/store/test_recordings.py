import asyncio
import os
from pathlib import Path
from unittest.mock import patch

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.base.errors import StorageError
from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.recording_files import RecordingState, RecordingWriter, StoredRecording
from firmware.store.recordings import FOLDER_NAME, MadeRoom, RoomLimits
from firmware.store.sealed_files import Ending
from tests.lab.store import BOOT_ID, StoreLab

CALL = CallId("c" * 32)
NUMBER = "+861012345678"


def second(number: int) -> bytes:
    """What stands for a second of sound."""
    return f"word of audio {number} ".encode() * 200


@pytest.fixture
async def lab(lab: StoreLab) -> StoreLab:
    """A store whose holder agrees to recordings."""
    await lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    return lab


async def begin(lab: StoreLab) -> tuple[RecordingId, RecordingWriter]:
    return await lab.recordings.begin(CALL, NUMBER, "Anna", SoundFormat.OPUS)


def write(writer: RecordingWriter, seconds: int) -> None:
    writer.write(b"head", 0)
    for number in range(seconds):
        writer.write(second(number), SOUND_RATE_HZ)


async def record(lab: StoreLab, seconds: int = 3) -> RecordingId:
    recording_id, writer = await begin(lab)
    write(writer, seconds)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    return recording_id


async def known(lab: StoreLab, recording_id: RecordingId) -> StoredRecording:
    recording = await lab.recordings.read(recording_id)
    assert recording is not None
    return recording


async def recover(lab: StoreLab) -> None:
    for recording_id in await lab.recordings.sweep():
        await lab.recordings.recover(recording_id)


def file_of(tmp_path: Path, recording_id: RecordingId) -> Path:
    return tmp_path / FOLDER_NAME / recording_id


async def content(lab: StoreLab, recording_id: RecordingId) -> list[bytes]:
    return list(await lab.recordings.read_ogg(recording_id))


async def test_a_recording_is_read_back_as_it_was_written_also_after_a_restart(lab: StoreLab) -> None:
    recording_id = await record(lab)
    await lab.restart()
    await recover(lab)
    assert await content(lab, recording_id) == [b"head", second(0), second(1), second(2)]
    recording = await known(lab, recording_id)
    assert (recording.state, recording.duration_s) == (RecordingState.COMPLETE, 3.0)
    assert (recording.call_id, recording.number, recording.name) == (CALL, NUMBER, "Anna")
    assert (recording.began_at, recording.clock_synced) == (lab.wall_s, True)


async def test_nothing_is_recorded_without_consent(lab: StoreLab, tmp_path: Path) -> None:
    await lab.consents.withdraw(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    with pytest.raises(StorageError, match="does not agree"):
        await begin(lab)
    assert not (tmp_path / FOLDER_NAME).exists()
    assert await lab.recordings.listed(0, 10) == (0, ())


async def test_the_key_is_in_the_store_before_the_first_byte_is_in_the_file(lab: StoreLab, tmp_path: Path) -> None:
    loop, rows = asyncio.get_running_loop(), []

    def look_first(path: Path, key: bytes) -> RecordingWriter:
        assert not path.exists()
        look = lab.store.run(
            lambda database: database.query("SELECT sealing_key, state, ledger_entries, boot_id FROM recordings")
        )
        rows.append((key, asyncio.run_coroutine_threadsafe(look, loop).result()))
        return RecordingWriter(path, key)

    with patch("firmware.store.recordings.RecordingWriter", look_first):
        await begin(lab)
    [(key, in_store)] = rows
    assert in_store == [(key, "running", 1, BOOT_ID)]


async def test_its_file_shows_nothing_of_it_and_every_second_is_on_the_disk_at_once(
    lab: StoreLab, tmp_path: Path
) -> None:
    recording_id, writer = await begin(lab)
    path = file_of(tmp_path, recording_id)
    assert path.stat().st_mode & 0o777 == 0o600
    synced: list[int] = []
    with patch("os.fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size)):
        write(writer, 3)
    assert len(synced) == 4
    assert synced[-1] == path.stat().st_size == writer.size_bytes
    assert b"word of audio" not in path.read_bytes()
    assert b"word of audio" not in (tmp_path / "store.db-wal").read_bytes()


async def test_the_address_books_name_counts_as_long_as_it_has_one(lab: StoreLab) -> None:
    recording_id = await record(lab)
    await lab.add_contact("Anna Schmidt", [NUMBER])
    assert (await known(lab, recording_id)).name == "Anna Schmidt"


async def test_a_list_is_read_in_stretches_newest_first_and_says_what_all_take(lab: StoreLab, tmp_path: Path) -> None:
    recordings = [await record(lab, seconds) for seconds in (1, 2, 3)]
    total, rows = await lab.recordings.listed(1, 5)
    assert total == 3
    assert [row.recording_id for row in rows] == recordings[1::-1]
    sizes = [file_of(tmp_path, each).stat().st_size for each in recordings]
    assert await lab.recordings.size_bytes() == sum(sizes)
    assert rows[0].size_bytes == sizes[1]


async def test_a_running_recording_is_in_the_list_as_long_as_it_is_by_now(lab: StoreLab) -> None:
    recording_id, writer = await begin(lab)
    write(writer, 2)
    recording = await known(lab, recording_id)
    assert (recording.state, recording.duration_s) == (RecordingState.RUNNING, 2.0)
    assert recording.size_bytes == writer.size_bytes == await lab.recordings.size_bytes()


@pytest.mark.parametrize("torn_bytes", [0, 1, 3, 500])
async def test_what_a_dead_writer_left_plays_to_its_last_second_and_is_marked(
    lab: StoreLab, tmp_path: Path, torn_bytes: int
) -> None:
    recording_id, writer = await begin(lab)
    write(writer, 3)
    with file_of(tmp_path, recording_id).open("ab") as file:
        file.write(bytes(torn_bytes))
    await lab.restart()
    await recover(lab)
    recording = await known(lab, recording_id)
    assert (recording.state, recording.duration_s) == (RecordingState.INCOMPLETE, 3.0)
    assert recording.size_bytes == file_of(tmp_path, recording_id).stat().st_size
    assert await content(lab, recording_id) == [b"head", second(0), second(1), second(2)]


async def test_a_file_that_is_cut_at_any_byte_plays_to_its_last_whole_second(lab: StoreLab, tmp_path: Path) -> None:
    recording_id, writer = await begin(lab)
    ends = [writer.size_bytes]
    for number in range(3):
        writer.write(b"%d" % number, SOUND_RATE_HZ)
        ends.append(writer.size_bytes)
    writer.finish()
    path = file_of(tmp_path, recording_id)
    whole, reader = path.read_bytes(), await lab.recordings.open(recording_id)
    assert reader is not None
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert [chunk.sound for chunk in reader] == [b"0", b"1", b"2"][: sum(end <= length for end in ends[1:])]
        assert reader.ending is Ending.CUT
    path.write_bytes(whole)
    assert reader.measure().ending is Ending.WHOLE


async def test_one_that_was_finished_and_not_written_down_is_complete(lab: StoreLab) -> None:
    recording_id, writer = await begin(lab)
    write(writer, 3)
    writer.finish()
    await lab.restart()
    await recover(lab)
    assert (await known(lab, recording_id)).state is RecordingState.COMPLETE


async def test_one_of_which_nothing_can_be_played_leaves_nothing(lab: StoreLab, tmp_path: Path) -> None:
    begun, writer = await begin(lab)
    writer.write(b"head", 0)
    await lab.recordings.end(begun, complete=True, lost_s=0)
    await begin(lab)
    await lab.restart()
    await recover(lab)
    assert await lab.recordings.listed(0, 10) == (0, ())
    assert not list((tmp_path / FOLDER_NAME).iterdir())


async def test_files_that_have_no_row_are_swept_away_and_those_that_are_being_made_are_not(
    lab: StoreLab, tmp_path: Path
) -> None:
    recording_id = await record(lab)
    running, writer = await begin(lab)
    file_of(tmp_path, RecordingId("0123456789abcdef")).write_bytes(b"noise")
    assert await lab.recordings.sweep() == ()
    assert {path.name for path in (tmp_path / FOLDER_NAME).iterdir()} == {recording_id, running}
    write(writer, 1)


async def test_what_cannot_be_swept_away_keeps_nothing_else_there_and_the_store_open(
    lab: StoreLab, tmp_path: Path
) -> None:
    recording_id = await record(lab)
    folder = tmp_path / FOLDER_NAME
    for name in ("aaaa", "zzzz"):
        (folder / name).write_bytes(b"noise")
    (folder / "lost+found").mkdir()
    assert await lab.recordings.sweep() == ()
    assert {path.name for path in folder.iterdir()} == {recording_id, "lost+found"}


async def test_a_damaged_recording_plays_up_to_the_damage(lab: StoreLab, tmp_path: Path) -> None:
    recording_id = await record(lab)
    path = file_of(tmp_path, recording_id)
    sealed = bytearray(path.read_bytes())
    sealed[-len(second(2))] ^= 1
    path.write_bytes(sealed)
    reader = await lab.recordings.open(recording_id)
    assert reader is not None
    assert [chunk.sound for chunk in reader] == [b"head", second(0), second(1)]
    assert reader.ending is Ending.DAMAGED


async def test_a_recording_whose_file_is_gone_is_a_damaged_one(lab: StoreLab, tmp_path: Path) -> None:
    recording_id = await record(lab)
    file_of(tmp_path, recording_id).unlink()
    reader = await lab.recordings.open(recording_id)
    assert reader is not None
    assert list(reader) == []
    assert reader.ending is Ending.DAMAGED


async def test_one_that_was_deleted_is_gone_and_so_is_its_key(lab: StoreLab, tmp_path: Path) -> None:
    recording_id = await record(lab)
    assert await lab.recordings.delete(recording_id)
    assert await lab.recordings.read(recording_id) is None
    assert await lab.recordings.open(recording_id) is None
    assert not list((tmp_path / FOLDER_NAME).iterdir())
    assert (tmp_path / "store.db-wal").stat().st_size == 0, "the log still holds the page with the key"
    assert not await lab.recordings.delete(recording_id)
    with pytest.raises(StorageError, match="is gone"):
        await lab.recordings.read_ogg(recording_id)


async def test_one_that_is_deleted_while_it_is_made_leaves_nothing(lab: StoreLab, tmp_path: Path) -> None:
    recording_id, writer = await begin(lab)
    write(writer, 1)
    await lab.recordings.delete(recording_id)
    writer.write(second(1), SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    assert await lab.recordings.listed(0, 10) == (0, ())
    assert not list((tmp_path / FOLDER_NAME).iterdir())


async def test_the_oldest_that_are_not_kept_make_room(lab: StoreLab) -> None:
    recordings = [await record(lab) for _ in range(4)]
    await lab.recordings.keep(recordings[0], keep=True)
    running, writer = await begin(lab)
    write(writer, 1)
    size_bytes = await lab.recordings.size_bytes()
    lab.recordings.limits = RoomLimits(size_bytes, 0)
    assert await lab.recordings.make_room() == MadeRoom(1, is_enough=True)
    assert {row.recording_id for row in (await lab.recordings.listed(0, 10))[1]} == {
        recordings[0], recordings[2], recordings[3], running
    }  # fmt: skip
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=True)


async def test_those_that_are_kept_and_the_one_that_runs_are_never_deleted_for_room(lab: StoreLab) -> None:
    kept = await record(lab)
    await lab.recordings.keep(kept, keep=True)
    running, writer = await begin(lab)
    write(writer, 1)
    lab.recordings.limits = RoomLimits(1000, 0)
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=False)
    lab.recordings.limits = RoomLimits(writer.size_bytes + 1, 0)
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=False)
    await lab.recordings.keep(kept, keep=False)
    assert await lab.recordings.make_room() == MadeRoom(1, is_enough=True)
    assert [row.recording_id for row in (await lab.recordings.listed(0, 10))[1]] == [running]


async def test_one_that_is_kept_until_a_day_makes_room_after_it_and_only_by_a_clock_that_is_right(
    lab: StoreLab,
) -> None:
    kept = await record(lab)
    await lab.recordings.keep(kept, keep=True, until=lab.wall_s + 86_400)
    assert (await known(lab, kept)).kept_until == lab.wall_s + 86_400
    lab.recordings.limits = RoomLimits(1000, 0)
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=False)
    lab.pass_time(86_401)
    lab.synced = False
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=False)
    lab.synced = True
    assert await lab.recordings.make_room() == MadeRoom(1, is_enough=True)


async def test_none_is_deleted_in_vain_where_other_things_fill_the_card(lab: StoreLab) -> None:
    await record(lab)
    lab.recordings.limits = RoomLimits(10_000_000, 1 << 62)
    assert await lab.recordings.make_room() == MadeRoom(0, is_enough=False)
    assert (await lab.recordings.listed(0, 10))[0] == 1


async def test_a_folder_that_cannot_be_written_is_said_and_leaves_no_row(lab: StoreLab, tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).write_bytes(b"a file in its place")
    with pytest.raises(StorageError, match=r"cannot be kept.*Check the card"):
        await begin(lab)
    (tmp_path / FOLDER_NAME).unlink()
    assert await lab.recordings.listed(0, 10) == (0, ())


@pytest.mark.feature("answering machine")
async def test_messages_are_listed_by_themselves_and_counted_until_somebody_has_heard_them(lab: StoreLab) -> None:
    await record(lab)
    recording_id, writer = await lab.recordings.begin(CALL, NUMBER, "Anna", SoundFormat.OPUS, message=True)
    assert await lab.recordings.unheard() == 0
    write(writer, 2)
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    total, [message] = await lab.recordings.listed(0, 10, messages=True)
    assert (total, message.recording_id, message.message) == (1, recording_id, "new")
    assert (await lab.recordings.listed(0, 10))[0] == 2
    assert await lab.recordings.unheard() == 1
    await lab.recordings.mark_heard(recording_id)
    assert await lab.recordings.unheard() == 0
    assert (await known(lab, recording_id)).message == "heard"


@pytest.mark.feature("answering machine")
async def test_a_message_whose_writer_died_is_new_after_the_restart(lab: StoreLab) -> None:
    recording_id, writer = await lab.recordings.begin(CALL, NUMBER, "Anna", SoundFormat.OPUS, message=True)
    write(writer, 2)
    await lab.restart()
    await recover(lab)
    assert await lab.recordings.unheard() == 1
    assert (await known(lab, recording_id)).state is RecordingState.INCOMPLETE
