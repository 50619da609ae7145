"""Playing recordings out of sealed files: what is heard, where it leaps to, and how it ends."""

import asyncio
import functools
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.base.errors import StorageError
from firmware.phone.call import CallId
from firmware.phone.recording import Playback, RecordingId
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording.player import RecordingPlayer
from firmware.store.recordings import FOLDER_NAME
from firmware.voice.audio.sound_format import make_encoder
from firmware.voice.audio.sound_pipe import PipeSource
from tests.lab.audio import Sound, level, tone
from tests.lab.store import StoreLab

TIMEOUT_S = 20.0
SECONDS = 30


def pitch_hz(second: int) -> float:
    """Each second has a pitch of its own, by which it is known again."""
    return 300.0 + 100 * second


@functools.cache
def encoded(sound_format: SoundFormat, seconds: float) -> list[tuple[bytes, int]]:
    """Return the parts of the tones of so many seconds, with the samples in each."""
    encoder = make_encoder(sound_format, 30_000)
    parts = [(encoder.head(), 0)]
    for second in range(int(np.ceil(seconds))):
        length_s = min(1, seconds - second)
        mono = tone([pitch_hz(second)], length_s, rate_hz=SOUND_RATE_HZ).samples
        silence = np.zeros_like(mono)
        sides = [mono, silence] if second % 2 else [silence, mono]
        stereo = np.column_stack(sides).astype("<i2").tobytes()
        is_last = second + 1 >= seconds
        parts.append((encoder.encode(stereo, is_last=is_last), round(length_s * SOUND_RATE_HZ)))
    return parts


class Room:
    """A player, and an earpiece that takes from what is listened to when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.lab = StoreLab(folder)
        self.told: list[PlaybackProgressed] = []
        self.source: PipeSource | None = None
        self.player = RecordingPlayer(self.lab.recordings, self.listen_to, self._take)
        self._news = asyncio.Event()

    def listen_to(self, read_end: int | None) -> None:
        if self.source is not None:
            self.source.give_up()
        self.source = PipeSource(read_end) if read_end is not None else None

    def next_frame(self) -> bytes | None:
        """Take what is heard in the next hundredth of a second."""
        if self.source is None:
            return None
        frame = self.source.next_frame(10)
        if self.source._read_end is None:
            self.source = None
        return frame

    async def record(self, sound_format: SoundFormat = SoundFormat.OPUS, seconds: float = SECONDS) -> RecordingId:
        """Record tones: the far end's while near is silent, and in odd seconds the other way round."""
        recording_id, writer = await self.lab.recordings.begin(CallId("c"), "2345", "Anna", sound_format)
        for part, samples in encoded(sound_format, seconds):
            writer.write(part, samples)
        writer.finish()
        await self.lab.recordings.end(recording_id, complete=True, lost_s=0)
        return recording_id

    async def play(self, recording_id: RecordingId, from_s: float = 0.0) -> None:
        self.told.clear()
        await self.player.play(recording_id, from_s)

    async def hear(self, seconds: float) -> Sound:
        """Take so much sound; less where there is no more."""
        sound = b""
        async with asyncio.timeout(TIMEOUT_S):
            while len(sound) < 2 * SOUND_RATE_HZ * seconds and self.source is not None:
                sound += self.next_frame() or b""
                await asyncio.sleep(0)
        return Sound.from_pcm(sound, SOUND_RATE_HZ)

    async def wait_for(self, playback: Playback) -> PlaybackProgressed:
        async with asyncio.timeout(TIMEOUT_S):
            while not (found := [each for each in self.told if each.playback is playback]):
                self._news.clear()
                await self._news.wait()
        return found[-1]

    def _take(self, progress: PlaybackProgressed) -> None:
        self.told.append(progress)
        self._news.set()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path)
    await room.lab.start()
    await room.lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    yield room
    await room.player.close()
    await room.lab.stop()


def seconds_in(sound: Sound) -> list[int]:
    """Which seconds of the recording are heard, in order, each by its pitch."""
    middles = np.arange(0.25, sound.duration_s, 0.5)
    heard = [
        max(range(SECONDS), key=lambda second: level(sound.between(at - 0.1, at + 0.1), pitch_hz(second)))
        for at in middles
    ]
    return [second for at, second in enumerate(heard) if not at or heard[at - 1] != second]


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("sound_format", SoundFormat)
async def test_a_recording_is_heard_from_its_beginning_to_its_end_with_both_sides(
    room: Room, sound_format: SoundFormat
) -> None:
    recording_id = await room.record(sound_format, 4.5)
    await room.play(recording_id)
    sound = await room.hear(60)
    assert sound.duration_s == pytest.approx(4.5, abs=0.02)
    assert seconds_in(sound) == [0, 1, 2, 3, 4]
    assert await room.wait_for(Playback.OVER) == PlaybackProgressed(recording_id, 4.5, 4.5, Playback.OVER)
    assert room.source is None


async def test_all_of_it_is_heard_where_its_end_is_more_than_a_pipe_holds(room: Room) -> None:
    recording_id = await room.record(seconds=3)
    await room.play(recording_id)
    await room.wait_for(Playback.PLAYING)
    before = await room.hear(0.05)
    room.told.clear()
    await room.wait_for(Playback.PLAYING)
    after = await room.hear(60)
    assert before.duration_s + after.duration_s == pytest.approx(3.0, abs=0.02)
    await room.wait_for(Playback.OVER)


@pytest.mark.parametrize("sound_format", SoundFormat)
async def test_it_leaps_forward_and_back_and_not_beyond_its_ends(room: Room, sound_format: SoundFormat) -> None:
    recording_id = await room.record(sound_format)
    await room.play(recording_id, 12.0)
    assert seconds_in(await room.hear(1.0)) == [12]
    room.player.seek(10)
    assert seconds_in(await room.hear(1.0)) == [23]
    room.player.seek(-10)
    assert seconds_in(await room.hear(1.0)) == [14]
    room.player.seek(-60)
    assert seconds_in(await room.hear(1.0)) == [0]
    assert room.told[-1].at_s == pytest.approx(0.0, abs=1.0)
    room.player.seek(60)
    assert (await room.wait_for(Playback.OVER)).at_s == SECONDS


async def test_it_pauses_goes_on_where_it_was_and_says_so_and_stays_paused_in_a_leap(room: Room) -> None:
    recording_id = await room.record()
    await room.play(recording_id, 3.0)
    await room.hear(1.0)
    room.player.pause()
    assert room.told[-1] == PlaybackProgressed(recording_id, 4.0, SECONDS, Playback.PAUSED)
    assert room.source is not None
    assert room.next_frame() is None
    room.player.seek(10)
    assert room.told[-1] == PlaybackProgressed(recording_id, 14.0, SECONDS, Playback.PAUSED)
    assert room.next_frame() is None
    room.player.resume()
    assert room.told[-1].playback is Playback.PLAYING
    assert seconds_in(await room.hear(1.0)) == [14]


async def test_how_far_it_has_come_is_told_while_it_is_heard(room: Room) -> None:
    recording_id = await room.record(seconds=3)
    await room.play(recording_id)
    assert (await room.wait_for(Playback.PLAYING)).at_s == 0.0
    await room.hear(2.0)
    room.told.clear()
    assert (await room.wait_for(Playback.PLAYING)).at_s == pytest.approx(2.0)


async def test_it_waits_where_nothing_is_open_to_be_heard_in(room: Room) -> None:
    await room.play(await room.record(seconds=3))
    for _ in range(2):
        room.told.clear()
        assert (await room.wait_for(Playback.PLAYING)).at_s == 0.0


async def test_it_is_given_up_when_it_is_wanted_no_more_or_a_call_needs_the_earpiece(room: Room) -> None:
    recording_id = await room.record()
    await room.play(recording_id)
    await room.hear(1.0)
    room.player.stop()
    assert room.told[-1] == PlaybackProgressed(recording_id, 1.0, SECONDS, Playback.STOPPED)
    assert room.next_frame() is None
    assert room.source is None
    await room.play(recording_id)
    await room.hear(1.0)
    room.listen_to(None)
    assert (await room.wait_for(Playback.STOPPED)).at_s == 1.0


async def test_what_is_given_up_before_it_has_begun_is_never_heard(room: Room) -> None:
    recording_id = await room.record(seconds=2)
    beginning = asyncio.create_task(room.play(recording_id))
    await asyncio.sleep(0)
    room.player.stop()
    await beginning
    assert room.source is None
    assert room.told == []


async def test_another_one_takes_its_place(room: Room) -> None:
    first, second = await room.record(), await room.record(seconds=2)
    await room.play(first, 20)
    await room.hear(0.5)
    await room.play(second)
    assert seconds_in(await room.hear(60)) == [0, 1]
    assert (await room.wait_for(Playback.OVER)).recording_id == second


async def test_a_damaged_one_is_heard_up_to_the_damage(room: Room, tmp_path: Path) -> None:
    recording_id = await room.record(seconds=8)
    path = tmp_path / FOLDER_NAME / recording_id
    sealed = bytearray(path.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    path.write_bytes(sealed)
    await room.play(recording_id)
    heard = seconds_in(await room.hear(60))
    assert heard == list(range(len(heard)))
    assert 2 <= len(heard) < 8
    assert (await room.wait_for(Playback.DAMAGED)).at_s == len(heard)


async def test_one_that_was_cut_is_heard_to_its_last_whole_second(room: Room, tmp_path: Path) -> None:
    recording_id = await room.record(seconds=8)
    path = tmp_path / FOLDER_NAME / recording_id
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    await room.play(recording_id)
    heard = seconds_in(await room.hear(60))
    assert 2 <= len(heard) < 8
    assert await room.wait_for(Playback.OVER)


async def test_one_that_is_gone_is_said(room: Room) -> None:
    recording_id = await room.record(seconds=2)
    await room.lab.recordings.delete(recording_id)
    with pytest.raises(StorageError, match="gone"):
        await room.play(recording_id)


async def test_nothing_that_is_played_is_written_anywhere(room: Room, tmp_path: Path) -> None:
    recording_id = await room.record(seconds=4)
    before = files_in(tmp_path)
    await room.play(recording_id)
    await room.hear(60)
    await room.wait_for(Playback.OVER)
    assert files_in(tmp_path) == before
