"""What a power cut at any step of recording, keeping and deleting leaves behind: real SQLCipher, real kill -9."""

import asyncio
import itertools
import multiprocessing
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.phone.call import CallId
from firmware.phone.recording import RecordingId
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.database import Database
from firmware.store.recording_files import RecordingState, RecordingWriter, StoredRecording
from firmware.store.recordings import FOLDER_NAME, RoomLimits
from firmware.voice.audio.recorder import SoundRecorder
from firmware.voice.audio.sound_format import make_decoder, make_encoder
from firmware.voice.audio.sound_pipe import PipeTap
from tests.lab import chance, kills
from tests.lab.store import StoreLab

SECONDS: Final = 3
ROUNDS: Final = chance.counted(100, 4)
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


def second(number: int) -> bytes:
    return f"second {number} ".encode() * 100


CONTENT = [b"head", *map(second, range(SECONDS))]


async def open_lab(folder: Path) -> StoreLab:
    lab = StoreLab(folder)
    await lab.start()
    return lab


async def fill(folder: Path, count: int) -> None:
    """Leave recordings behind."""
    lab = await open_lab(folder)
    await lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    for _ in range(count):
        await record(lab)
    await lab.stop()


async def record(lab: StoreLab) -> None:
    """Record, and say what was acknowledged."""
    folder = lab.path.parent
    recording_id, writer = await lab.recordings.begin(CallId("c"), "2345", "Anna", SoundFormat.OPUS)
    say(folder, "begun")
    writer.write(CONTENT[0], 0)
    for number in range(SECONDS):
        writer.write(CONTENT[1 + number], SOUND_RATE_HZ)
        say(folder, "written")
    writer.finish()
    say(folder, "finished")
    await lab.recordings.end(recording_id, complete=True, lost_s=0)


def say(folder: Path, word: str) -> None:
    """Write down what the world outside the handset knows."""
    with (folder / "said").open("a") as file:
        file.write(f"{word}\n")


def said_in(folder: Path) -> list[str]:
    return (folder / "said").read_text().splitlines()


def run(folder: Path, what: str) -> None:
    """Do something in the process that is killed, each statement of the store and each fsync being a step."""

    async def do() -> None:
        lab = await open_lab(folder)
        for owner, name in ((os, "fsync"), (Database, "execute"), (Database, "query")):
            kills.announce(owner, name, folder)
        recordings = (await lab.recordings.listed(0, 10))[1]
        match what:
            case "record":
                await record(lab)
            case "delete":
                await lab.recordings.delete(recordings[-1].recording_id)
            case "keep":
                await lab.recordings.keep(recordings[-1].recording_id, keep=True)
            case "make room":
                lab.recordings.limits = RoomLimits(recordings[0].size_bytes + 1, 0)
                await lab.recordings.make_room()
            case "recover":
                for recording_id in await lab.recordings.sweep():
                    await lab.recordings.recover(recording_id)
        say(folder, "done")
        await lab.stop()

    asyncio.run(do())


def record_in_vain(folder: Path) -> None:
    run(folder, "record")


def delete(folder: Path) -> None:
    run(folder, "delete")


def keep(folder: Path) -> None:
    run(folder, "keep")


def make_room(folder: Path) -> None:
    run(folder, "make room")


def recover(folder: Path) -> None:
    run(folder, "recover")


def filled(memory: Path, recordings: int) -> Path:
    """Leave a folder to copy from."""
    whole = memory / "whole"
    whole.mkdir()
    asyncio.run(fill(whole, recordings))
    (whole / "said").write_text("")
    return whole


async def left_in(folder: Path) -> tuple[list[StoredRecording], list[list[bytes]]]:
    """Start anew, and return what there is: no file without a row, no row without what can be played."""
    lab = await open_lab(folder)
    for recording_id in await lab.recordings.sweep():
        await lab.recordings.recover(recording_id)
    recordings = list((await lab.recordings.listed(0, 10))[1])
    contents = [list(await lab.recordings.read_ogg(each.recording_id)) for each in recordings]
    await lab.stop()
    files = {path.name for path in (folder / FOLDER_NAME).iterdir()} if (folder / FOLDER_NAME).exists() else set()
    assert files == {each.recording_id for each in recordings}
    assert all(each.state is not RecordingState.RUNNING for each in recordings)
    return recordings, contents


def test_a_recording_that_is_cut_off_anywhere_plays_to_its_last_whole_second(memory: Path) -> None:
    seen: set[int] = set()
    for cut in kills.cuts(filled(memory, 0), record_in_vain):
        recordings, contents = asyncio.run(left_in(cut.folder))
        said = said_in(cut.folder)
        written = said.count("written")
        assert len(recordings) <= 1
        if written:
            [recording], [content] = recordings, contents
            # One more may have come to the disk before it could be acknowledged.
            assert written <= recording.duration_s <= written + 1
            assert content[: 1 + round(recording.duration_s)] == CONTENT[: 1 + round(recording.duration_s)]
            assert recording.state is RecordingState.COMPLETE or "finished" not in said
            seen.add(written)
    assert kills.all_met(seen, {1, 2, 3})


def test_recovering_that_is_cut_off_is_done_again(memory: Path) -> None:
    whole = filled(memory, 0)

    async def leave() -> None:
        lab = await open_lab(whole)
        _, writer = await lab.recordings.begin(CallId("c"), "2345", "Anna", SoundFormat.OPUS)
        writer.write(CONTENT[0], 0)
        writer.write(CONTENT[1], SOUND_RATE_HZ)
        (whole / FOLDER_NAME / "0123456789abcdef").write_bytes(b"noise of another one")
        await lab.stop()

    asyncio.run(leave())
    last = 0
    for cut in kills.cuts(whole, recover):
        recordings, contents = asyncio.run(left_in(cut.folder))
        assert [(each.state, each.duration_s) for each in recordings] == [(RecordingState.INCOMPLETE, 1.0)]
        assert contents == [CONTENT[:2]]
        last = cut.step
    assert last > 5


def test_a_deletion_that_is_cut_off_leaves_all_of_it_or_nothing(memory: Path) -> None:
    left: set[int] = set()
    for cut in kills.cuts(filled(memory, 2), delete, one_in=3):
        recordings, contents = asyncio.run(left_in(cut.folder))
        assert all(content == CONTENT for content in contents)
        assert len(recordings) == 1 if "done" in said_in(cut.folder) else len(recordings) in {1, 2}
        left.add(len(recordings))
    assert kills.all_met(left, {1, 2})


def test_what_is_kept_is_kept_or_not_and_whole_in_any_case(memory: Path) -> None:
    kept: set[bool] = set()
    for cut in kills.cuts(filled(memory, 1), keep, one_in=3):
        [recording], contents = asyncio.run(left_in(cut.folder))
        assert contents == [CONTENT]
        kept.add(recording.kept)
    assert kills.all_met(kept, {True, False})


def test_making_room_that_is_cut_off_has_deleted_the_oldest_or_none(memory: Path) -> None:
    left: set[int] = set()
    for cut in kills.cuts(filled(memory, 3), make_room, one_in=3):
        recordings, contents = asyncio.run(left_in(cut.folder))
        assert all(content == CONTENT for content in contents)
        left.add(len(recordings))
    assert kills.all_met(left, {1, 2, 3})


def record_for_ever(folder: Path, tell: Callable[[str], None]) -> None:
    """Record noise by the recorder's own thread, and tell of each second when it is acknowledged."""

    class SayingWriter:
        def __init__(self, writer: RecordingWriter) -> None:
            self._writer = writer

        def write(self, chunk: bytes, samples: int) -> None:
            self._writer.write(chunk, samples)
            tell(f"written-{samples}")

        def finish(self) -> None:
            self._writer.finish()

    async def go_on() -> None:
        lab = await open_lab(folder)
        recording_id, writer = await lab.recordings.begin(CallId("c"), "2345", "Anna", SoundFormat.OPUS)
        tell(f"begun-{recording_id}")
        tap, heard_s = PipeTap(period_frames=160), itertools.count(0.0, 10.0)
        recorder = SoundRecorder(tap.open, lambda: None, rate_hz=16_000, period_frames=160, clock=heard_s.__next__)
        recorder.start()
        recorder.record(make_encoder(SoundFormat.OPUS, 30_000), SayingWriter(writer), lambda _fate: None)
        rng = random.Random(1)
        while True:
            for _ in range(1000):
                tap.put(rng.randbytes(320), rng.randbytes(320))
            await asyncio.sleep(0.5)

    asyncio.run(go_on())


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_handset_that_is_killed_while_it_records_has_all_that_was_acknowledged(memory: Path, number: int) -> None:
    asyncio.run(fill(memory, 0))
    heard, told = multiprocessing.Pipe(duplex=False)
    process = kills.start_apart(record_for_ever, memory, told.send)
    told.close()
    said: list[str] = []
    wanted = chance.dice().randint(2, 25)
    with suppress(EOFError):
        while True:
            said.append(heard.recv())
            if len(said) > wanted:
                process.kill()
    process.join()
    acknowledged_s = sum(int(word.removeprefix("written-")) for word in said if word.startswith("written-")) / 16_000
    asyncio.run(check_playable(memory, RecordingId(said[0].removeprefix("begun-")), acknowledged_s))


async def check_playable(folder: Path, recording_id: RecordingId, acknowledged_s: float) -> None:
    lab = await open_lab(folder)
    assert await lab.recordings.sweep() == (recording_id,)
    await lab.recordings.recover(recording_id)
    recording = await lab.recordings.read(recording_id)
    assert recording is not None
    assert recording.state is RecordingState.INCOMPLETE
    assert acknowledged_s <= recording.duration_s
    decoder = make_decoder(SoundFormat.OPUS)
    sound = b"".join(map(decoder.decode, await lab.recordings.read_ogg(recording_id)))
    assert len(sound) == 4 * SOUND_RATE_HZ * recording.duration_s
    await lab.stop()
