import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.phone.call import CallId
from firmware.phone.recording import Playback, RecordingId
from firmware.phone.request import Request
from firmware.phone.requests.recordings import (
    DeleteRecording,
    FindRecordings,
    KeepRecording,
    ListRecordings,
    PausePlaying,
    PlaybackProgressed,
    PlayRecording,
    RecordingRow,
    RecordingsListed,
    ResumePlaying,
    SeekRecording,
    StopPlaying,
)
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording.player import RecordingPlayer
from firmware.services.recordings import RecordingErrands
from tests.lab.store import StoreLab


class Shelf:
    def __init__(self, lab: StoreLab) -> None:
        self.lab = lab
        self.posted: list[PlaybackProgressed] = []
        self.language = "en"
        # What is played here is heard by nobody.
        self.read_ends: list[int] = []
        player = RecordingPlayer(lab.recordings, self.read_ends.append, self.posted.append)
        self._handlers = RecordingErrands(
            lab.recordings, player, language=lambda: self.language, clock=lambda: lab.wall_s if lab.synced else None
        ).handlers

    async def do(self, request: Request[object]) -> Any:
        return await self._handlers[type(request)](request)

    async def rows(self) -> tuple[RecordingRow, ...]:
        answer = await self.do(ListRecordings(0, 10))
        assert isinstance(answer, RecordingsListed)
        return answer.items

    async def record(self, seconds: int = 2, *, finished: bool = True, call: str = "c") -> RecordingId:
        recording_id, writer = await self.lab.recordings.begin(CallId(call), "2345", "Anna", SoundFormat.OPUS)
        for _ in range(seconds):
            writer.write(b"a second", SOUND_RATE_HZ)
        if finished:
            await self.lab.recordings.end(recording_id, complete=True, lost_s=0)
        return recording_id


@pytest.fixture
async def shelf(lab: StoreLab, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shelf]:
    monkeypatch.setenv("TZ", "UTC")
    await lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    shelf = Shelf(lab)
    yield shelf
    for read_end in shelf.read_ends:
        os.close(read_end)


async def test_recordings_are_listed_newest_first_with_all_that_a_page_shows(shelf: Shelf) -> None:
    first = await shelf.record(2)
    second = await shelf.record(3)
    answer = await shelf.do(ListRecordings(1, 10))
    size_bytes = answer.items[0].size_bytes
    assert answer == RecordingsListed(
        1, 2, (RecordingRow(first, "Anna", "2345", "1 Mar 10:00", 2.0, size_bytes, True, False),),
        await shelf.lab.recordings.size_bytes(), 10_000_000,
    )  # fmt: skip
    assert [row.recording_id for row in await shelf.rows()] == [second, first]
    shelf.language = "zh"
    assert (await shelf.rows())[0].at == "3月1日 10:00"


async def test_the_recordings_of_a_call_are_found_newest_first(shelf: Shelf) -> None:
    first, _, third = (
        await shelf.record(),
        await shelf.record(call="another"),
        await shelf.record(),
    )
    answer = await shelf.do(FindRecordings(CallId("c")))
    assert [row.recording_id for row in answer] == [third, first]
    assert await shelf.do(FindRecordings(CallId("nobody's"))) == ()


async def test_one_that_runs_is_listed_as_such(shelf: Shelf) -> None:
    await shelf.record(finished=False)
    [row] = await shelf.rows()
    assert row.running
    assert not row.complete


async def test_one_is_kept_for_good_for_some_days_or_no_longer(shelf: Shelf) -> None:
    recording_id = await shelf.record()
    assert await shelf.do(KeepRecording(recording_id, keep=True)) is None
    [row] = await shelf.rows()
    assert (row.kept, row.kept_until) == (True, "")
    await shelf.do(KeepRecording(recording_id, keep=True, days=30))
    [row] = await shelf.rows()
    assert (row.kept, row.kept_until) == (True, "31 Mar 2026")
    shelf.language = "zh"
    assert (await shelf.rows())[0].kept_until == "2026年3月31日"
    await shelf.do(KeepRecording(recording_id, keep=False))
    [row] = await shelf.rows()
    assert (row.kept, row.kept_until) == (False, "")


async def test_what_is_kept_for_some_days_by_a_clock_that_may_be_wrong_is_kept_for_good(
    shelf: Shelf,
) -> None:
    recording_id = await shelf.record()
    shelf.lab.synced = False
    await shelf.do(KeepRecording(recording_id, keep=True, days=30))
    [row] = await shelf.rows()
    assert (row.kept, row.kept_until) == (True, "")


async def test_one_that_is_deleted_is_heard_no_longer(shelf: Shelf) -> None:
    recording_id = await shelf.record()
    await shelf.do(PlayRecording(recording_id))
    assert await shelf.do(DeleteRecording(recording_id)) is None
    assert shelf.posted[-1].playback is Playback.STOPPED
    assert await shelf.rows() == ()


async def test_playing_is_told_by_its_progress_alone(shelf: Shelf) -> None:
    recording_id = await shelf.record()
    for errand in (
        PlayRecording(recording_id, 0.5),
        PausePlaying(),
        SeekRecording(1.0),
        ResumePlaying(),
        StopPlaying(),
    ):
        assert await shelf.do(errand) is None
    assert [(each.at_s, each.playback) for each in shelf.posted] == [
        (0.5, Playback.PAUSED), (1.5, Playback.PAUSED), (1.5, Playback.PLAYING), (1.5, Playback.STOPPED)
    ]  # fmt: skip


async def test_what_nobody_plays_can_be_stopped_and_sought_all_the_same(shelf: Shelf) -> None:
    for errand in (PausePlaying(), ResumePlaying(), SeekRecording(10.0), StopPlaying()):
        assert await shelf.do(errand) is None
    assert shelf.posted == []


@pytest.mark.feature("answering machine")
async def test_a_message_that_is_played_is_not_new_any_more(shelf: Shelf) -> None:
    await shelf.record()
    message, writer = await shelf.lab.recordings.begin(CallId("m"), "2345", "Anna", SoundFormat.OPUS, message=True)
    writer.write(b"a second", SOUND_RATE_HZ)
    await shelf.lab.recordings.end(message, complete=True, lost_s=0)
    listed = await shelf.do(ListRecordings(0, 10, messages=True))
    assert ([(row.recording_id, row.is_new) for row in listed.items], listed.unheard) == ([(message, True)], 1)
    await shelf.do(PlayRecording(message))
    listed = await shelf.do(ListRecordings(0, 10, messages=True))
    assert ([row.is_new for row in listed.items], listed.unheard) == ([False], 0)
    await shelf.do(StopPlaying())
