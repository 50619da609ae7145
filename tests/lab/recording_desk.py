"""A call recorder on a real store, with the recorder's real thread, and a call whose sound a test makes."""

import asyncio
from pathlib import Path
from typing import Final

from contract.consent import Actor, Channel, Purpose
from firmware.phone.call import CallId
from firmware.phone.events import Event, RecordingEnded, RecordingStarted
from firmware.phone.recording import RecordingEnd
from firmware.services.recording.recorder import CallRecorder
from firmware.store.recording_files import StoredRecording
from firmware.voice.audio.recorder import SoundRecorder
from firmware.voice.audio.sound_pipe import PipeTap
from tests.lab.store import StoreLab

CALL: Final = CallId("c" * 32)
PERIOD: Final = 160
SOUND: Final = bytes(range(256)) + bytes(64)
"""A period of what is said and heard."""

_TIMEOUT_S: Final = 20.0


class RecordingDesk:
    """A call recorder on a store; `hear` is what the audio loop does."""

    def __init__(self, folder: Path) -> None:
        self.lab = StoreLab(folder)
        self.events: list[Event] = []
        self._now_s = 0.0
        self._tap = PipeTap(period_frames=PERIOD)
        self.sound = SoundRecorder(
            self._tap.open, lambda: None, rate_hz=16_000, period_frames=PERIOD, clock=lambda: self._now_s
        )
        self.recorder = CallRecorder(self.sound, self.lab.recordings, self._take, bitrate_kbps=30)
        self._news = asyncio.Condition()

    async def start(self) -> None:
        self.sound.start()
        await self.lab.start()
        await self.lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)

    async def stop(self) -> None:
        await self.recorder.stop()
        self.sound.stop()
        await self.lab.stop()

    def hear(self, seconds: float, sound: bytes = SOUND) -> None:
        for _ in range(round(100 * seconds)):
            self._now_s += 0.01
            self._tap.put(sound, sound)

    async def wait_for(self, event: Event | type[Event], count: int = 1) -> Event:
        def found() -> list[Event]:
            return [each for each in self.events if each == event or type(each) is event]

        async with asyncio.timeout(_TIMEOUT_S), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()[0]

    async def begin(self, call_id: CallId = CALL) -> None:
        self.events.clear()
        self.recorder.begin(call_id, "2345", "Anna")
        await self.wait_for(RecordingStarted)

    async def end(self, reason: RecordingEnd = RecordingEnd.STOPPED) -> None:
        self.recorder.end(reason)
        await self.wait_for(RecordingEnded)

    async def listed(self) -> list[StoredRecording]:
        return list((await self.lab.recordings.listed(0, 100))[1])

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._teller = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
