"""What recording a call costs over the call alone, and what an hour of it takes: speech on both sides all the time."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from rich.table import Table

from contract.consent import Actor, Channel, Purpose
from drivers.sound import AlsaSoundCard
from firmware.phone.call import CallId
from firmware.phone.events import Event, RecordingEnded, RecordingStarted
from firmware.phone.recording import RecordingEnd
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.recording.recorder import CallRecorder
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.audio.recorder import SoundRecorder
from firmware.voice.audio.sound_format import make_encoder
from firmware.voice.audio.sound_pipe import PipeTap
from provisioning.sound import Recording
from tests.bench.speech import speech
from tests.fakes.audio_ports import EchoPort
from tests.lab.audio import Sound, start_playing
from tests.lab.pulse import PulseAudio
from tests.lab.store import StoreLab

_TURNS: Final = 6
_TURN_S: Final = 15.0
_SETTLE_S: Final = 2.0
_ENCODED_S: Final = 120
_KILOBITS: Final = Recording().bitrate_kbps


@dataclass(frozen=True, slots=True)
class RecordingCost:
    """The cost of recording at the default setting.

    Attributes:
        cpu_bare_percent, cpu_recording_percent: of a core, medians of turns that alternate.
        cpu_added_percent: the median of the differences between neighbours.
        megabytes_an_hour: of the files that were made.
        flac_megabytes_an_hour: what it would be without libopus.
    """

    cpu_bare_percent: float
    cpu_recording_percent: float
    cpu_added_percent: float
    megabytes_an_hour: float
    flac_megabytes_an_hour: float


class _SpeakingPort(EchoPort):
    """A far end that speaks all the time."""

    def __init__(self) -> None:
        super().__init__()
        pcm, size = speech().pcm, 2 * self.frame_samples
        self._frames = [pcm[first : first + size] for first in range(0, len(pcm) - size + 1, size)]

    def exchange(self, near: bytes | None) -> bytes:
        super().exchange(near)
        return self._frames[self.exchanges % len(self._frames)]


def measure() -> RecordingCost:
    """Talk in turns that are recorded and turns that are not, on real PCMs and a real store."""
    with tempfile.TemporaryDirectory() as folder, _sound_devices(Path(folder) / "pulse"):
        bare, recording, megabytes_an_hour = asyncio.run(_talk(Path(folder)))
    return RecordingCost(
        statistics.median(bare),
        statistics.median(recording),
        statistics.median(more - less for less, more in zip(bare, recording, strict=True)),
        megabytes_an_hour,
        _flac_megabytes_an_hour(),
    )


def table(cost: RecordingCost) -> Table:
    """Return the figures as people read them."""
    result = Table(title=f"Recording a call at {_KILOBITS} kb/s, both ends talking all the time")
    for name in ("figure", "ours", "goal", "holds"):
        result.add_column(name, justify="left" if name == "figure" else "right")
    result.add_row("CPU in a call, sound only", f"{cost.cpu_bare_percent:.2f} % of a core", "", "-")
    result.add_row("CPU while it is recorded", f"{cost.cpu_recording_percent:.2f} % of a core", "", "-")
    for words, value, unit, limit in (
        ("CPU over the bare call", cost.cpu_added_percent, "% of a core", 2.0),
        ("an hour, Ogg Opus", cost.megabytes_an_hour, "MB", 15.0),
    ):
        holds = "[green]yes" if value <= limit else "[red]no"
        result.add_row(words, f"{value:.2f} {unit}", f"≤ {limit:g} {unit}", holds)
    result.add_row("an hour, FLAC, without libopus", f"{cost.flac_megabytes_an_hour:.0f} MB", "", "-")
    return result


@contextmanager
def _sound_devices(folder: Path) -> Iterator[None]:
    pulse, before = PulseAudio(folder), dict(os.environ)
    pulse.start()
    os.environ.update(pulse.environment)
    try:
        yield
    finally:
        pulse.stop()
        os.environ.clear()
        os.environ.update(before)


async def _talk(folder: Path) -> tuple[list[float], list[float], float]:
    events: asyncio.Queue[Event] = asyncio.Queue()
    lab = StoreLab(folder / "state")
    await lab.start()
    await lab.consents.grant(Purpose.RECORDING, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", rate_hz=16_000, period_frames=160, prefill_frames=160)
    tap = PipeTap(period_frames=card.period_frames)
    loop = AudioLoop(card, country="CN", heartbeat=lambda: None, post=lambda _event: None, tap=tap)
    sound = SoundRecorder(tap.open, lambda: None, rate_hz=card.rate_hz, period_frames=card.period_frames)
    recorder = CallRecorder(sound, lab.recordings, events.put_nowait, bitrate_kbps=_KILOBITS)
    sound.start()
    loop.start(_SpeakingPort())
    loop.open(talk=True)
    bare, recording = [], []
    said = speech()
    talking_s = 2 * _TURNS * (_SETTLE_S + _TURN_S)
    words = Sound(np.tile(said.samples, round(talking_s / said.duration_s) + 1), said.rate_hz)
    speaker = start_playing("mic", words)
    for _ in range(_TURNS):
        bare.append(await _cpu_percent())
        recorder.begin(CallId("c"), "2345", "")
        assert isinstance(await events.get(), RecordingStarted)
        recording.append(await _cpu_percent())
        recorder.end(RecordingEnd.STOPPED)
        assert isinstance(await events.get(), RecordingEnded)
    loop.stop()
    sound.stop()
    await asyncio.to_thread(speaker.join)
    rows = (await lab.recordings.listed(0, _TURNS))[1]
    bytes_a_second = sum(row.size_bytes for row in rows) / sum(row.duration_s for row in rows)
    await lab.stop()
    return bare, recording, bytes_a_second * 3600 / 1e6


async def _cpu_percent() -> float:
    await asyncio.sleep(_SETTLE_S)
    process = psutil.Process()
    before, began_s = process.cpu_times(), time.monotonic()
    await asyncio.sleep(_TURN_S)
    after = process.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return 100 * used_s / (time.monotonic() - began_s)


def _flac_megabytes_an_hour() -> float:
    encoder = make_encoder(SoundFormat.FLAC, 0)
    said = np.tile(speech().samples, _ENCODED_S)[: _ENCODED_S * SOUND_RATE_HZ]
    stereo = np.column_stack([said, np.roll(said, SOUND_RATE_HZ)]).astype("<i2").tobytes()
    size = 4 * SOUND_RATE_HZ
    chunks = [encoder.encode(stereo[first : first + size]) for first in range(0, len(stereo), size)]
    return sum(map(len, chunks)) / _ENCODED_S * 3600 / 1e6
