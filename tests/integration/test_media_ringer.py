"""The ringer on PCMs that come and go."""

import os
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from drivers.ringer import AlsaRinger
from tests.lab.audio import Recorder, find_tone
from tests.lab.pulse import PulseAudio, Stream

TIMEOUT_S = 10.0


class Bell:
    """A ringer whose words are kept."""

    def __init__(self) -> None:
        self.faults: queue.Queue[str] = queue.Queue()
        self.recoveries: queue.Queue[bool] = queue.Queue()
        self.ringer = AlsaRinger(
            "bell",
            cadence_ms=(300, 200),
            on_fault=self.faults.put,
            on_recovery=lambda: self.recoveries.put(True),
        )


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    bell.ringer.start()
    yield bell
    bell.ringer.stop()


@pytest.fixture
def own_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseAudio]:
    """A sound card that this test may pull out."""
    server = PulseAudio(tmp_path / "pulse", sinks=("bell",))
    server.folder.mkdir()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


def wait_until_playing(server: PulseAudio, *, playing: bool) -> None:
    mine, deadline, pause = Stream("bell", os.getpid()), time.monotonic() + TIMEOUT_S, threading.Event()
    while (mine in server.playing()) is not playing:
        assert time.monotonic() < deadline
        pause.wait(0.02)


def test_the_pcm_is_open_only_while_it_rings(pulse: PulseAudio, bell: Bell) -> None:
    assert Stream("bell", os.getpid()) not in pulse.playing()
    bell.ringer.ring()
    wait_until_playing(pulse, playing=True)
    bell.ringer.silence()
    wait_until_playing(pulse, playing=False)


def test_a_missing_card_is_reported_once_and_holds_nobody_up(own_pulse: PulseAudio, bell: Bell) -> None:
    before = time.monotonic()
    bell.ringer.ring()
    assert time.monotonic() - before < 0.05
    sentence = bell.faults.get(timeout=TIMEOUT_S)
    assert "'bell'" in sentence
    assert "aplay -L" in sentence

    own_pulse.start()
    assert bell.recoveries.get(timeout=TIMEOUT_S)
    with Recorder("bell_monitor") as recorder:
        threading.Event().wait(0.6)
        assert find_tone(recorder.sound, [800], threshold=300)
    assert bell.faults.empty()


def test_a_card_pulled_out_while_it_rings_rings_again_when_it_is_back(own_pulse: PulseAudio, bell: Bell) -> None:
    own_pulse.start()
    bell.ringer.ring()
    wait_until_playing(own_pulse, playing=True)
    own_pulse.kill()
    assert "bell" in bell.faults.get(timeout=TIMEOUT_S)
    own_pulse.restart()
    assert bell.recoveries.get(timeout=TIMEOUT_S)


def test_a_silent_ringer_costs_nothing(bell: Bell) -> None:
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ringer"]

    def cpu_s() -> float:
        return next(
            times.user_time + times.system_time for times in psutil.Process().threads() if times.id == thread.native_id
        )

    before = cpu_s()
    threading.Event().wait(0.5)
    assert cpu_s() == before
