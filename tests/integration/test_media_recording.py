"""A call recorded and played again on real ALSA PCMs: who is on which side, and what mute and hold do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.phone.call import CallId
from firmware.phone.orders import AudioRoute
from firmware.phone.recording import Playback, RecordingEnd, RecordingId
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording.player import RecordingPlayer
from firmware.services.recording.recorder import CallRecorder
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.audio.recorder import SoundRecorder
from firmware.voice.audio.sound_format import make_decoder
from firmware.voice.audio.sound_pipe import PipeSource, PipeTap
from tests.fakes.audio_ports import SingingPort
from tests.lab.audio import Recorder, Sound, find_tone, gaps, level, playing, tone
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.pulse import PulseAudio
from tests.lab.store import StoreLab
from tests.lab.watched_card import WatchedSoundCard

if TYPE_CHECKING:
    from firmware.phone.events import Event

NEAR_HZ, FAR_HZ = 440, 1000


class Handset:
    """An audio loop whose far end sings, with a recorder and a player."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self.card = card = WatchedSoundCard(
            playback="ear", capture="mic_monitor", rate_hz=16_000, period_frames=160, prefill_frames=160
        )
        tap = PipeTap(period_frames=card.period_frames)
        self.loop = AudioLoop(card, country="CN", heartbeat=lambda: None, post=self.events.append, tap=tap)
        self.lab = StoreLab(folder)
        self.sound = SoundRecorder(tap.open, lambda: None, rate_hz=card.rate_hz, period_frames=card.period_frames)
        self.recorder = CallRecorder(self.sound, self.lab.recordings, self.events.append, bitrate_kbps=30)
        self.player = RecordingPlayer(
            self.lab.recordings, lambda read_end: self.loop.listen_to(PipeSource(read_end)), self.events.append
        )

    async def start(self) -> None:
        await self.lab.start()
        await self.lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
        self.sound.start()
        self.loop.start(SingingPort(frequency_hz=FAR_HZ))
        self.loop.set_volume(AudioRoute.EARPIECE, 100)

    async def stop(self) -> None:
        await self.player.close()
        await self.recorder.stop()
        self.loop.stop()
        self.sound.stop()
        await self.lab.stop()

    async def until(self, condition: Callable[[], object]) -> None:
        await asyncio.to_thread(wait_until, condition)

    async def record(self, during: Callable[[], None]) -> RecordingId:
        """Record while something goes on."""
        self.events.clear()
        self.recorder.begin(CallId("c"), "2345", "Anna")
        await self.until(lambda: self.events)
        await asyncio.to_thread(during)
        self.recorder.end(RecordingEnd.STOPPED)
        await self.until(lambda: len(self.events) == 2)
        return (await self.lab.recordings.listed(0, 1))[1][0].recording_id

    async def sides(self, recording_id: RecordingId) -> tuple[Sound, Sound]:
        recording = await self.lab.recordings.read(recording_id)
        assert recording is not None
        decoder = make_decoder(recording.sound_format)
        pcm = b"".join(map(decoder.decode, await self.lab.recordings.read_ogg(recording_id)))
        samples = np.frombuffer(pcm, "<i2").reshape(-1, 2).astype(np.float64)
        return Sound(samples[:, 0], SOUND_RATE_HZ), Sound(samples[:, 1], SOUND_RATE_HZ)


def wait_s(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture
async def handset(pulse: PulseAudio, tmp_path: Path) -> AsyncIterator[Handset]:
    handset = Handset(tmp_path / "state")
    await handset.start()
    yield handset
    await handset.stop()


@pytest.fixture
def speaking(pulse: PulseAudio) -> Iterator[None]:
    """Somebody who speaks into the microphone all the time."""
    with playing("mic", tone([NEAR_HZ], 60.0)):
        yield


async def test_near_is_on_the_left_and_far_on_the_right_without_a_gap(handset: Handset, speaking: None) -> None:
    handset.loop.open(talk=True)
    await handset.until(lambda: handset.loop.counters.periods > 50)
    left, right = await handset.sides(await handset.record(lambda: wait_s(4)))
    assert left.duration_s == right.duration_s > 3.5
    near, far = level(left, NEAR_HZ), level(right, FAR_HZ)
    assert min(near, far) > 3000
    assert level(left, FAR_HZ) < near / 50
    assert level(right, NEAR_HZ) < far / 50
    assert gaps(right.between(0.2, 3), FAR_HZ) == []


async def test_while_muted_the_left_side_is_silent_and_the_right_goes_on(handset: Handset, speaking: None) -> None:
    handset.loop.open(talk=True)
    await handset.until(lambda: handset.loop.counters.periods > 50)

    def mute_for_a_while() -> None:
        wait_s(1.5)
        handset.loop.set_muted(muted=True)
        wait_s(1.5)
        handset.loop.set_muted(muted=False)
        wait_s(1.5)

    left, right = await handset.sides(await handset.record(mute_for_a_while))
    [silence] = gaps(left, NEAR_HZ, shortest_s=0.5)
    assert silence.duration_s == pytest.approx(1.5, abs=0.2)
    assert gaps(right.between(0.2, right.duration_s - 0.2), FAR_HZ) == []


async def test_on_hold_nothing_is_recorded_whatever_is_heard_meanwhile(handset: Handset, speaking: None) -> None:
    handset.loop.open(talk=True)
    await handset.until(lambda: handset.loop.counters.periods > 50)

    def talk_to_somebody_else() -> None:
        wait_s(1.5)
        handset.recorder.pause()
        wait_s(2)
        handset.recorder.resume()
        wait_s(1.5)

    left, _ = await handset.sides(await handset.record(talk_to_somebody_else))
    assert left.duration_s == pytest.approx(3.0, abs=0.3)


async def test_a_recording_is_heard_in_the_earpiece_with_the_microphone_shut(handset: Handset, speaking: None) -> None:
    handset.loop.open(talk=True)
    await handset.until(lambda: handset.loop.counters.periods > 50)
    recording_id = await handset.record(lambda: wait_s(3))
    handset.loop.close()
    await handset.until(lambda: not handset.loop.counters.is_playing)
    handset.loop.stop()
    handset.loop.start(None)
    with Recorder("ear_monitor") as recorder:
        handset.loop.open(talk=False)
        await handset.player.play(recording_id, 0.0)
        await handset.until(
            lambda: any(isinstance(e, PlaybackProgressed) and e.playback is Playback.OVER for e in handset.events)
        )
        assert not handset.loop.counters.is_recording
        wait_s(0.3)
        heard = recorder.sound
    # Nobody sings on a loop without a SIP stack: both voices are the recording's.
    assert sum(span.duration_s for span in find_tone(heard, [NEAR_HZ, FAR_HZ])) > 2.5


async def test_a_card_that_is_too_slow_is_heard_by_nobody(handset: Handset, speaking: None) -> None:
    handset.loop.open(talk=True)
    await handset.until(lambda: handset.loop.counters.periods > 50)

    stuck, released = threading.Event(), threading.Event()

    def never_comes_back(_descriptor: int) -> None:
        stuck.set()
        released.wait(PATIENCE_S)

    def talk_while_the_card_is_stuck() -> None:
        with patch("os.fsync", never_comes_back):
            assert stuck.wait(PATIENCE_S)
            before = len(handset.card.turns)
            wait_until(lambda: len(handset.card.turns) >= before + 200, "the loop goes on for two seconds")
            assert max((gap.duration_s for gap in gaps(handset.card.was_written(before), FAR_HZ)), default=0.0) <= 0.04
            released.set()

    _, right = await handset.sides(await handset.record(talk_while_the_card_is_stuck))
    assert gaps(right.between(0.2, right.duration_s - 0.2), FAR_HZ) == [], "the pipe holds more than that"
