"""What both ends of a call hear of its recording, with an audio loop that says when it was heard."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from firmware.base.errors import MediaError
from firmware.phone.events import RecordingAnnounced
from firmware.phone.recording import RecordingNotice
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording.announcer import Announcer
from firmware.voice.audio.tones import recording_end_tone, recording_tone

TONE = recording_tone(SOUND_RATE_HZ)
WORDS = b"\1\2" * 1000


class Line:
    """An audio loop that keeps what it is to announce."""

    def __init__(self) -> None:
        self.announced: asyncio.Queue[tuple[bytes, Callable[[bool], None]]] = asyncio.Queue()

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        self.announced.put_nowait((sound, when_over))


class Bench:
    """An announcer, its line and what it tells."""

    def __init__(self, say: Callable[[], bytes] | None) -> None:
        self.line = Line()
        self.told: asyncio.Queue[RecordingAnnounced] = asyncio.Queue()
        audio: Any = self.line
        self.announcer = Announcer(audio, self.told.put_nowait, say)

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
