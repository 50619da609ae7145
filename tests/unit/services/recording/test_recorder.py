"""Recording a call on a real store, with the recorder's real thread and a card that may be full or slow."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import soundfile

from contract.consent import Actor, Channel, Purpose
from firmware.base.errors import MediaError, StorageError
from firmware.phone.call import CallId
from firmware.phone.events import (
    CallerFellSilent,
    RecordingAnnounced,
    RecordingEnded,
    RecordingStarted,
    RecordingsTrimmed,
)
from firmware.phone.recording import RecordingEnd, RecordingNotice
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording import recorder as call_recorder
from firmware.services.recording.recorder import Announcer
from firmware.store.recording_files import RecordingState
from firmware.store.recordings import FOLDER_NAME, RoomLimits
from firmware.voice.audio.tones import recording_end_tone, recording_tone
from tests.lab.recording_desk import CALL, PERIOD, SOUND, RecordingDesk

OTHER_CALL = CallId("d" * 32)

TONE = recording_tone(SOUND_RATE_HZ)
WORDS = b"\1\2" * 1000


def interleaved(mono: bytes) -> bytes:
    """The same on both sides."""
    return b"".join(2 * mono[at : at + 2] for at in range(0, len(mono), 2))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RecordingDesk]:
    desk = RecordingDesk(tmp_path)
    await desk.start()
    yield desk
    await desk.stop()


@pytest.mark.parametrize(
    "reason",
    [
        RecordingEnd.STOPPED,
        RecordingEnd.CALL_OVER,
        RecordingEnd.CONSENT_WITHDRAWN,
        RecordingEnd.REFUSED_BY_PEER,
    ],
)
async def test_a_call_is_recorded_until_somebody_wants_it_to_end_and_says_why(
    desk: RecordingDesk, reason: RecordingEnd
) -> None:
    await desk.begin()
    desk.hear(2.5)
    await desk.end(reason)
    assert desk.events == [RecordingStarted(CALL, (await desk.listed())[0].recording_id), RecordingEnded(CALL, reason)]
    [recording] = await desk.listed()
    assert (recording.state, recording.duration_s) == (RecordingState.COMPLETE, 2.5)
    assert (recording.call_id, recording.number, recording.name) == (CALL, "2345", "Anna")


async def test_what_is_said_after_the_end_was_asked_for_is_not_recorded(desk: RecordingDesk) -> None:
    await desk.begin()
    desk.hear(1)
    desk.recorder.end(RecordingEnd.CONSENT_WITHDRAWN)
    desk.hear(1)
    desk.recorder.resume()
    desk.hear(1)
    await desk.wait_for(RecordingEnded)
    assert [recording.duration_s for recording in await desk.listed()] == [1.0]


async def test_on_hold_nothing_is_recorded_and_after_it_the_recording_goes_on(desk: RecordingDesk) -> None:
    await desk.begin()
    desk.hear(1)
    desk.recorder.pause()
    desk.hear(5)
    desk.recorder.resume()
    desk.hear(1)
    await desk.end()
    assert [recording.duration_s for recording in await desk.listed()] == [2.0]


async def test_a_recording_that_is_paused_before_it_has_begun_begins_paused(desk: RecordingDesk) -> None:
    desk.recorder.begin(CALL, "2345", "Anna")
    desk.recorder.pause()
    await desk.wait_for(RecordingStarted)
    desk.hear(1)
    desk.recorder.resume()
    desk.hear(2)
    await desk.end()
    assert [recording.duration_s for recording in await desk.listed()] == [2.0]


async def test_an_end_that_overtakes_the_beginning_leaves_nothing(desk: RecordingDesk) -> None:
    desk.recorder.begin(CALL, "2345", "Anna")
    desk.recorder.end(RecordingEnd.CALL_OVER)
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.CALL_OVER)
    assert await desk.listed() == []


async def test_one_call_is_recorded_at_a_time(desk: RecordingDesk) -> None:
    await desk.begin()
    desk.recorder.begin(CALL, "2345", "Anna")
    desk.recorder.begin(OTHER_CALL, "2346", "")
    await desk.wait_for(RecordingEnded(OTHER_CALL, RecordingEnd.FAILED))
    desk.hear(1)
    desk.recorder.end(RecordingEnd.STOPPED)
    await desk.wait_for(RecordingEnded(CALL, RecordingEnd.STOPPED))
    assert len(await desk.listed()) == 1
    await desk.begin(OTHER_CALL)
    desk.hear(1)
    await desk.end()
    assert len(await desk.listed()) == 2


@pytest.mark.parametrize("call_id", [CALL, OTHER_CALL])
async def test_a_recording_that_begins_while_the_one_before_still_ends_waits_for_it(
    desk: RecordingDesk, call_id: CallId
) -> None:
    await desk.begin()
    desk.hear(1)
    desk.recorder.end(RecordingEnd.STOPPED)
    desk.recorder.begin(call_id, "2346", "")
    await desk.wait_for(RecordingEnded(CALL, RecordingEnd.STOPPED))
    await desk.wait_for(RecordingStarted, count=2)
    desk.hear(2)
    desk.recorder.end(RecordingEnd.CALL_OVER)
    await desk.wait_for(RecordingEnded(call_id, RecordingEnd.CALL_OVER))
    assert [recording.duration_s for recording in await desk.listed()] == [2.0, 1.0]
    assert [type(event) for event in desk.events] == [RecordingStarted, RecordingEnded] * 2


async def test_without_consent_a_recording_fails_and_nothing_is_kept(desk: RecordingDesk) -> None:
    await desk.lab.consents.withdraw(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    desk.recorder.begin(CALL, "2345", "Anna")
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.FAILED)
    assert await desk.listed() == []


async def test_without_libopus_a_call_is_recorded_as_flac_which_others_play(desk: RecordingDesk) -> None:
    with patch.object(call_recorder, "best_format", lambda: SoundFormat.FLAC):
        await desk.begin()
    desk.hear(2.5)
    await desk.end()
    [recording] = await desk.listed()
    assert (recording.sound_format, recording.duration_s) == (SoundFormat.FLAC, 2.5)
    file = b"".join(await desk.lab.recordings.read_ogg(recording.recording_id))
    with soundfile.SoundFile(io.BytesIO(file)) as flac:
        assert bytes(flac.buffer_read(PERIOD, dtype="int16")) == interleaved(SOUND)


async def test_without_an_encoder_a_recording_fails(desk: RecordingDesk) -> None:
    with patch.object(call_recorder, "best_format", lambda: None):
        desk.recorder.begin(CALL, "2345", "Anna")
        assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.FAILED)


async def test_the_oldest_make_room_before_and_while_a_call_is_recorded(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_recorder, "_ROOM_CHECK_S", 0.05)
    for _ in range(2):
        await desk.begin()
        desk.hear(3)
        await desk.end()
    oldest, newer = sorted(await desk.listed(), key=lambda each: each.began_at)
    desk.lab.recordings.limits = RoomLimits(await desk.lab.recordings.size_bytes(), 0)
    await desk.begin()
    assert await desk.wait_for(RecordingsTrimmed) == RecordingsTrimmed(1)
    assert len(await desk.listed()) == 2
    desk.hear(6)
    await desk.wait_for(RecordingsTrimmed(1), count=2)
    assert {each.recording_id for each in await desk.listed()}.isdisjoint({oldest.recording_id, newer.recording_id})
    desk.events.clear()
    await desk.end()


async def test_recordings_that_are_kept_leave_no_room_for_another(desk: RecordingDesk) -> None:
    await desk.begin()
    desk.hear(2)
    await desk.end()
    [kept] = await desk.listed()
    await desk.lab.recordings.keep(kept.recording_id, keep=True)
    desk.lab.recordings.limits = RoomLimits(1000, 0)
    desk.events.clear()
    desk.recorder.begin(CALL, "2345", "Anna")
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.DISK_FULL)
    assert [each.recording_id for each in await desk.listed()] == [kept.recording_id]


async def test_a_recording_that_fills_all_its_room_by_itself_ends_and_is_not_whole(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_recorder, "_ROOM_CHECK_S", 0.05)
    desk.lab.recordings.limits = RoomLimits(5000, 0)
    await desk.begin()
    desk.hear(3)
    assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.DISK_FULL)
    [recording] = await desk.listed()
    assert (recording.state, recording.duration_s) == (RecordingState.INCOMPLETE, 3.0)


async def test_a_card_that_breaks_ends_the_recording_and_what_was_there_plays(desk: RecordingDesk) -> None:
    # The file, its two folders, the head and the first second are still taken.
    with patch("os.fsync", side_effect=[*[None] * 5, OSError(5, "Input/output error")]):
        await desk.begin()
        desk.hear(2)
        assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.FAILED)
    [recording] = await desk.listed()
    assert (recording.state, recording.duration_s) == (RecordingState.INCOMPLETE, 1.0)


async def test_a_card_that_does_not_say_how_much_room_it_has_is_said_to_the_phone(desk: RecordingDesk) -> None:
    with patch("os.statvfs", side_effect=OSError(5, "Input/output error")):
        desk.recorder.begin(CALL, "2345", "Anna")
        assert await desk.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.FAILED)
    await desk.begin()
    desk.hear(1)
    await desk.end()


async def test_an_end_that_the_store_cannot_take_is_found_in_the_file_by_the_next_start(desk: RecordingDesk) -> None:
    await desk.begin()
    desk.hear(1)
    with patch.object(desk.lab.store, "transact", side_effect=StorageError("The store is closed.")):
        await desk.end()
    lab = desk.lab
    await lab.restart()
    [recording_id] = await lab.recordings.sweep()
    await lab.recordings.recover(recording_id)
    recording = await lab.recordings.read(recording_id)
    assert recording is not None
    assert (recording.state, recording.duration_s) == (RecordingState.COMPLETE, 1.0)


async def test_stopping_the_handset_brings_the_recording_to_its_end(desk: RecordingDesk, tmp_path: Path) -> None:
    await desk.begin()
    desk.hear(1.5)
    await desk.recorder.stop()
    assert desk.events[-1] == RecordingEnded(CALL, RecordingEnd.CALL_OVER)
    [recording] = await desk.listed()
    assert (recording.state, recording.duration_s) == (RecordingState.COMPLETE, 1.5)
    assert SOUND not in (tmp_path / FOLDER_NAME / recording.recording_id).read_bytes()


class Line:
    """An audio loop that keeps what it is to announce."""

    def __init__(self) -> None:
        self.announced: asyncio.Queue[tuple[bytes, Callable[[bool], None]]] = asyncio.Queue()

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        self.announced.put_nowait((sound, when_over))


class Bench:
    """An announcer, its line and what it tells."""

    def __init__(self, say: Callable[[], bytes] | None, greet: Callable[[], bytes] = lambda: b"hi") -> None:
        self.line = Line()
        self.told: asyncio.Queue[RecordingAnnounced] = asyncio.Queue()
        audio: Any = self.line
        self.announcer = Announcer(audio, self.told.put_nowait, say, greet)

    async def hear(self, notice: RecordingNotice) -> tuple[bytes, Callable[[bool], None]]:
        self.announcer.announce(notice)
        async with asyncio.timeout(5):
            return await self.line.announced.get()


def fail() -> bytes:
    raise MediaError("Nothing can be said.")


@pytest.mark.parametrize("made", [True, False])
async def test_a_tone_comes_before_the_recording_and_what_became_of_it_is_told(*, made: bool) -> None:
    bench = Bench(None)
    sound, when_over = await bench.hear(RecordingNotice.BEGINNING)
    assert sound == TONE
    assert bench.told.empty()
    await asyncio.to_thread(when_over, made)
    async with asyncio.timeout(5):
        assert await bench.told.get() == RecordingAnnounced(made)


async def test_a_reminder_is_a_tone_and_the_end_another() -> None:
    bench = Bench(None)
    sound, when_over = await bench.hear(RecordingNotice.REMINDER)
    assert sound == TONE
    when_over(True)
    sound, _ = await bench.hear(RecordingNotice.END)
    assert sound == recording_end_tone(SOUND_RATE_HZ)
    assert bench.told.empty()


async def test_in_words_it_is_said_once_with_a_tone_after_it() -> None:
    said: list[bytes] = []

    def say() -> bytes:
        said.append(WORDS)
        return WORDS

    bench = Bench(say)
    await bench.announcer.prepare()
    sound, _ = await bench.hear(RecordingNotice.BEGINNING)
    assert sound.startswith(WORDS)
    assert sound.endswith(TONE)
    bench.announcer.announce(RecordingNotice.REMINDER)
    assert bench.line.announced.empty()
    sound, _ = await bench.hear(RecordingNotice.BEGINNING)
    assert sound.startswith(WORDS)
    assert len(said) == 1


async def test_words_that_are_not_ready_when_the_recording_is_given_up_are_never_heard() -> None:
    ready = threading.Event()
    bench = Bench(lambda: WORDS if ready.wait(5) else b"")
    bench.announcer.announce(RecordingNotice.BEGINNING)
    await asyncio.sleep(0)
    sound, _ = await bench.hear(RecordingNotice.END)
    assert sound == recording_end_tone(SOUND_RATE_HZ)
    ready.set()
    await bench.announcer.prepare()
    assert bench.line.announced.empty()


async def test_where_nothing_can_be_said_the_tone_takes_the_place_of_the_words() -> None:
    bench = Bench(fail)
    sound, _ = await bench.hear(RecordingNotice.BEGINNING)
    assert sound == TONE
    sound, _ = await bench.hear(RecordingNotice.REMINDER)
    assert sound == TONE


def stumble() -> bytes:
    raise RuntimeError("Nobody thought of this.")


async def test_whatever_fails_the_recording_waits_no_longer_to_begin(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(stumble)
    bench.announcer.announce(RecordingNotice.BEGINNING)
    async with asyncio.timeout(5):
        assert await bench.told.get() == RecordingAnnounced(made=False)
    bench = Bench(None)
    bench.line.announce = lambda _sound, _when_over: stumble()  # type: ignore[assignment,method-assign]
    bench.announcer.announce(RecordingNotice.BEGINNING)
    async with asyncio.timeout(5):
        assert await bench.told.get() == RecordingAnnounced(made=False)
    assert "RuntimeError" in caplog.text
    assert "Nobody thought" not in caplog.text


# --- messages ---------------------------------------------------------------------------------------------------------


async def begin_message(desk: RecordingDesk) -> None:
    desk.recorder.begin(CALL, "2345", "Anna", message=True)
    await desk.wait_for(RecordingStarted)


@pytest.mark.feature("answering machine")
async def test_a_message_is_kept_as_one(desk: RecordingDesk) -> None:
    await begin_message(desk)
    desk.hear(2)
    await desk.end(RecordingEnd.CALL_OVER)
    assert [recording.message for recording in await desk.listed()] == ["new"]


@pytest.mark.feature("answering machine")
async def test_whoever_hangs_up_at_the_tone_leaves_no_message(desk: RecordingDesk) -> None:
    await begin_message(desk)
    desk.hear(2, bytes(2 * PERIOD))
    await desk.end(RecordingEnd.CALL_OVER)
    assert await desk.listed() == []


@pytest.mark.feature("answering machine")
@pytest.mark.parametrize("message", [True, False])
async def test_silence_is_told_of_a_message_alone(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch, *, message: bool
) -> None:
    monkeypatch.setattr(call_recorder, "_ROOM_CHECK_S", 0.01)
    desk.recorder.begin(CALL, "2345", "Anna", message=message)
    await desk.wait_for(RecordingStarted)
    desk.hear(2)
    await asyncio.sleep(0.6)
    desk.hear(9, bytes(2 * PERIOD))
    await asyncio.sleep(0.6)
    assert CallerFellSilent(CALL) not in desk.events
    desk.hear(2, bytes(2 * PERIOD))
    if message:
        await desk.wait_for(CallerFellSilent(CALL))
    else:
        await asyncio.sleep(0.6)
    await desk.end()
    assert (CallerFellSilent(CALL) in desk.events) is message
    assert len(await desk.listed()) == 1


@pytest.mark.feature("answering machine")
async def test_the_greeting_ends_in_the_tone_and_is_said_anew_each_time() -> None:
    said = iter([b"\1\2" * 1000, b"\3\4" * 1000])
    bench = Bench(None, lambda: next(said))
    for words in (b"\1\2" * 1000, b"\3\4" * 1000):
        sound, when_over = await bench.hear(RecordingNotice.GREETING)
        assert words in sound
        assert sound.endswith(TONE)
        when_over(True)
        assert await bench.told.get() == RecordingAnnounced(True)


@pytest.mark.feature("answering machine")
async def test_where_no_greeting_can_be_said_the_tone_takes_its_place() -> None:
    sound, _ = await Bench(None, fail).hear(RecordingNotice.GREETING)
    assert sound == TONE
