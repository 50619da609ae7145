"""What every ringer does, on a null sink and on the real loudspeaker."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from drivers.ringer import AlsaRinger
from firmware.ports import devices as ports
from provisioning.sound import Ringer
from tests.hardware.person import Person
from tests.lab.audio import Recorder, find_tone
from tests.lab.patience import PATIENCE_S

# They play and listen.
pytestmark = pytest.mark.real

CADENCE_MS = (300, 200)


class RingerBench(Protocol):
    """A ringer that is not started yet, and an ear for it."""

    @property
    def ringer(self) -> ports.Ringer: ...
    def wait_until_heard(self) -> None: ...
    def wait_until_silent(self) -> float:
        """Return how many seconds it went on after now."""
        ...


class SinkBench:
    """The ALSA driver on the null sink `bell`."""

    def __init__(self) -> None:
        self.ringer = AlsaRinger("bell", cadence_ms=CADENCE_MS, volume_percent=100, on_fault=_fail)
        self._recorder = Recorder("bell_monitor").start()

    def wait_until_heard(self) -> None:
        since = self._recorder.sound.duration_s
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while not find_tone(self._recorder.sound.between(since, 1e6), [800], threshold=300):
            assert time.monotonic() < deadline, "Nothing rings."
            pause.wait(0.02)

    def wait_until_silent(self) -> float:
        silenced_at = time.monotonic()
        threading.Event().wait(2 * sum(CADENCE_MS) / 1000)
        sound = self._recorder.sound
        since = silenced_at - sound.began_at
        loud = abs(sound.between(since, 1e6).samples) > 100
        return 0.0 if not loud.any() else (len(loud) - int(np.argmax(loud[::-1]))) / sound.rate_hz

    def stop(self) -> None:
        self._recorder.stop()


class LoopBench(SinkBench):
    """The ALSA driver on the kernel's loop: what is played to one of its devices is recorded from the other."""

    def __init__(self) -> None:
        self.ringer = AlsaRinger(
            "plughw:CARD=Loopback,DEV=0", cadence_ms=CADENCE_MS, volume_percent=100, on_fault=_fail
        )
        self._recorder = Recorder("plughw:CARD=Loopback,DEV=1").start()


class PersonBench:
    """The ALSA driver on the real ringer, with a person's ear."""

    def __init__(self) -> None:
        self._person = Person.needed_for("the ringer")
        self.ringer = AlsaRinger(Ringer().playback, on_fault=_fail)

    def wait_until_heard(self) -> None:
        assert self._person.confirms("Does it ring?")

    def wait_until_silent(self) -> float:
        return 0.0 if self._person.confirms("Is it silent now?") else 1.0


def _fail(sentence: str) -> None:
    raise AssertionError(sentence)


@contextmanager
def sink_ringer(request: pytest.FixtureRequest) -> Iterator[RingerBench]:
    request.getfixturevalue("pulse")
    bench = SinkBench()
    yield bench
    bench.stop()


@contextmanager
def real_ringer(_request: pytest.FixtureRequest) -> Iterator[RingerBench]:
    if not Path("/proc/asound/Loopback").exists():
        yield PersonBench()
        return
    bench = LoopBench()
    yield bench
    bench.stop()


RINGERS = [
    pytest.param(sink_ringer, id="null sink"),
    pytest.param(real_ringer, id="real", marks=pytest.mark.hardware),
]


@pytest.fixture(params=RINGERS)
def bench(request: pytest.FixtureRequest) -> Iterator[RingerBench]:
    make: Callable[[pytest.FixtureRequest], AbstractContextManager[RingerBench]] = request.param
    with make(request) as bench:
        bench.ringer.start()
        yield bench
        bench.ringer.stop()


def test_it_rings_until_it_is_silenced(bench: RingerBench) -> None:
    bench.ringer.ring()
    bench.wait_until_heard()
    bench.wait_until_heard()
    bench.ringer.silence()
    assert bench.wait_until_silent() <= 0.05


def test_it_rings_again(bench: RingerBench) -> None:
    for _ in range(2):
        bench.ringer.ring()
        bench.wait_until_heard()
        bench.ringer.silence()
        assert bench.wait_until_silent() <= 0.05


def test_ringing_twice_and_silencing_twice_change_nothing(bench: RingerBench) -> None:
    bench.ringer.silence()
    bench.ringer.ring()
    bench.ringer.ring()
    bench.wait_until_heard()
    bench.ringer.silence()
    bench.ringer.silence()
    assert bench.wait_until_silent() <= 0.05


def test_stopping_it_silences_it(bench: RingerBench) -> None:
    bench.ringer.ring()
    bench.wait_until_heard()
    bench.ringer.stop()
    assert bench.wait_until_silent() <= 0.05


def test_it_has_a_volume(bench: RingerBench) -> None:
    bench.ringer.set_volume(0)
    bench.ringer.ring()
    assert bench.wait_until_silent() == 0.0
    bench.ringer.set_volume(100)
    bench.wait_until_heard()
