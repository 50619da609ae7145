"""The ringer on PCMs that come and go."""

import os
import queue
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from drivers.alsa import open_pcm
from drivers.ringer import AlsaRinger
from firmware.base.errors import MediaError
from firmware.voice.audio.ring_tone import load_ring_tone
from firmware.voice.audio.tones import key_click
from tests.lab.audio import Recorder, Sound, find_tone, tone
from tests.lab.patience import PATIENCE_S
from tests.lab.priority import carrying_sound
from tests.lab.pulse import PulseAudio, Stream
from tests.lab.ring_tones import CHIME_HZ, chime

LOW_HZ = 400


class Bell:
    """A ringer whose words are kept."""

    def __init__(self, tone: bytes = b"") -> None:
        self.faults: queue.Queue[str] = queue.Queue()
        self.recoveries: queue.Queue[bool] = queue.Queue()
        self.ringer = AlsaRinger(
            "bell",
            cadence_ms=(300, 200),
            on_fault=self.faults.put,
            on_recovery=lambda: self.recoveries.put(True),
        )
        self.ringer.use_tone(tone)


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
    mine, deadline, pause = Stream("bell", os.getpid()), time.monotonic() + PATIENCE_S, threading.Event()
    while (mine in server.playing()) is not playing:
        assert time.monotonic() < deadline
        pause.wait(0.02)


def wait_for(condition: Callable[[], object]) -> None:
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "It did not happen."
        pause.wait(0.05)


def test_the_pcm_is_open_only_while_it_rings(pulse: PulseAudio, bell: Bell) -> None:
    assert Stream("bell", os.getpid()) not in pulse.playing()
    bell.ringer.ring()
    wait_until_playing(pulse, playing=True)
    bell.ringer.silence()
    wait_until_playing(pulse, playing=False)


def test_a_missing_card_is_reported_once_and_holds_nobody_up(
    own_pulse: PulseAudio, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_open, opens = threading.Event(), threading.Event()

    def open_late(*arguments: Any, **words: Any) -> Any:
        may_open.wait(PATIENCE_S)
        opens.set()
        return open_pcm(*arguments, **words)

    monkeypatch.setattr("drivers.ringer.open_pcm", open_late)
    bell.ringer.ring()
    assert not opens.is_set(), "whoever orders waits until it is open"
    may_open.set()
    assert opens.wait(PATIENCE_S)
    sentence = bell.faults.get(timeout=PATIENCE_S)
    assert "'bell'" in sentence
    assert "aplay -L" in sentence

    own_pulse.start()
    assert bell.recoveries.get(timeout=PATIENCE_S)
    with Recorder("bell_monitor") as recorder:
        threading.Event().wait(0.6)
        assert find_tone(recorder.sound, [800], threshold=300)
    assert bell.faults.empty()


def test_a_card_pulled_out_while_it_rings_rings_again_when_it_is_back(own_pulse: PulseAudio, bell: Bell) -> None:
    own_pulse.start()
    bell.ringer.ring()
    wait_until_playing(own_pulse, playing=True)
    own_pulse.kill()
    assert "bell" in bell.faults.get(timeout=PATIENCE_S)
    own_pulse.restart()
    assert bell.recoveries.get(timeout=PATIENCE_S)


def test_a_silent_ringer_costs_nothing(bell: Bell) -> None:
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ringer"]

    def cpu_s() -> float:
        return next(
            times.user_time + times.system_time for times in psutil.Process().threads() if times.id == thread.native_id
        )

    before = cpu_s()
    threading.Event().wait(0.5)
    assert cpu_s() == before


def test_the_ringer_runs_ahead_of_what_makes_no_sound(bell: Bell) -> None:
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ringer"]
    assert thread.native_id is not None
    least = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    if os.geteuid() and not least:
        pytest.skip("this user may let nothing run ahead")
    wait_for(lambda: os.sched_getscheduler(thread.native_id or 0) == os.SCHED_FIFO)


def bursts_s(sound: Sound) -> list[float]:
    """Return how long each whole burst was; the warble's own changes are no pauses."""
    loud = np.convolve(np.abs(sound.samples) > 100, np.ones(round(0.02 * sound.rate_hz)), "same") > 0
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    first = 0 if not loud[0] else 1
    whole = edges[first : first + (len(edges) - first) // 2 * 2].reshape(-1, 2)
    return [float(end - start) / sound.rate_hz for start, end in whole]


@pytest.mark.parametrize(
    ("pattern", "expected_s"),
    [("recall", [0.25, 0.25, 0.9]), ("internal", [0.4]), ("unheard of", [0.3, 0.3, 0.3, 0.3])],
)
def test_callers_of_several_kinds_are_told_apart_by_ear(
    pulse: PulseAudio, bell: Bell, pattern: str, expected_s: list[float]
) -> None:
    # The ringer cannot go on while this thread has the interpreter, and a busy machine may stop it just then.
    with carrying_sound(), Recorder("bell_monitor") as recorder:
        bell.ringer.ring(pattern)
        wait_for(lambda: len(bursts_s(recorder.sound)) >= len(expected_s))
        bell.ringer.silence()
        assert bursts_s(recorder.sound)[: len(expected_s)] == pytest.approx(expected_s, abs=0.06)


def test_another_pattern_takes_over_while_it_rings(pulse: PulseAudio, bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        bell.ringer.ring()
        wait_for(lambda: bursts_s(recorder.sound))
        bell.ringer.ring("internal")
        wait_for(lambda: any(burst > 0.35 for burst in bursts_s(recorder.sound)))


@pytest.fixture
def chime_bell() -> Iterator[Bell]:
    """A ringer with a tone of its own: high, then low."""
    bell = Bell(tone([CHIME_HZ], 0.3, rate_hz=16_000).pcm + tone([LOW_HZ], 0.305, rate_hz=16_000).pcm)
    bell.ringer.start()
    yield bell
    bell.ringer.stop()


def test_a_tone_of_its_own_rings_whole_and_again_after_the_pause_in_place_of_the_warble(
    pulse: PulseAudio, chime_bell: Bell
) -> None:
    def heard() -> list[tuple[float, float, int]]:
        """Return from when to when which pitch was heard; what a busy machine tore apart is one."""
        spans = [
            (span.start_s, span.end_s, hz)
            for hz in (CHIME_HZ, LOW_HZ)
            for span in find_tone(recorder.sound, [hz], threshold=300, shortest_s=0.05)
        ]
        whole: list[tuple[float, float, int]] = []
        for start_s, end_s, hz in sorted(spans):
            began_s = whole.pop()[0] if whole and whole[-1][2] == hz else start_s
            whole.append((began_s, end_s, hz))
        return whole

    with Recorder("bell_monitor") as recorder:
        chime_bell.ringer.ring()
        wait_for(lambda: len(heard()) >= 5)
        chime_bell.ringer.silence()
        wait_until_playing(pulse, playing=False)
        high, low, again, low_again, *_ = heard()
        assert [hz for _, _, hz in (high, low, again, low_again)] == [CHIME_HZ, LOW_HZ] * 2
        assert min(end_s - start_s for start_s, end_s, _ in (high, low, again, low_again)) > 0.25
        assert again[0] - low[1] > 0.15
        assert not find_tone(recorder.sound, [800], threshold=300, shortest_s=0.05)


def test_callers_who_have_a_pattern_ring_with_it_and_not_with_the_tone(pulse: PulseAudio, chime_bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        chime_bell.ringer.ring()
        wait_for(lambda: find_tone(recorder.sound, [CHIME_HZ], threshold=300))
        chime_bell.ringer.ring("internal")
        wait_for(lambda: find_tone(recorder.sound, [800], threshold=300))


def test_a_tone_is_as_loud_as_the_holder_has_set_also_while_it_rings(pulse: PulseAudio) -> None:
    bell = Bell(tone([CHIME_HZ], 9, rate_hz=16_000).pcm)
    bell.ringer.start()
    try:
        bell.ringer.set_volume(100)
        with Recorder("bell_monitor") as recorder:
            bell.ringer.ring()
            wait_for(lambda: np.abs(recorder.sound.samples).max(initial=0) > 4000)
            assert np.abs(recorder.sound.samples).max() < 0.72 * 8000
            bell.ringer.set_volume(50)
            since = recorder.sound.duration_s + 0.5
            wait_for(lambda: recorder.sound.duration_s > since + 0.3)
            assert np.abs(recorder.sound.between(since, 1e6).samples).max() == pytest.approx(0.7 * 8000 / 8, rel=0.1)
    finally:
        bell.ringer.stop()


@pytest.mark.parametrize("content", [None, b"RIFF", chime()])
def test_the_tone_that_is_configured_rings_and_where_it_is_broken_or_gone_the_phone_rings_all_the_same(
    pulse: PulseAudio, tmp_path: Path, bell: Bell, content: bytes | None
) -> None:
    path = tmp_path / "anna.wav"
    if content is not None:
        path.write_bytes(content)
    faults: list[str] = []
    try:
        bell.ringer.use_tone(load_ring_tone(path))
    except MediaError as error:
        faults.append(str(error))
    with Recorder("bell_monitor") as recorder:
        bell.ringer.ring()
        hz = CHIME_HZ if content == chime() else 800
        wait_for(lambda: find_tone(recorder.sound, [hz], threshold=300))
    assert len(faults) == (content != chime())
    assert all("The ring tone cannot be played" in fault and "anna" not in fault for fault in faults)


def test_a_tone_that_comes_while_it_rings_is_heard_in_the_next_round(pulse: PulseAudio, bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        bell.ringer.ring()
        wait_for(lambda: find_tone(recorder.sound, [800], threshold=300))
        bell.ringer.use_tone(tone([CHIME_HZ], 0.3, rate_hz=16_000).pcm)
        wait_for(lambda: find_tone(recorder.sound, [CHIME_HZ], threshold=300))


def heard_s(sound: Sound) -> float:
    """Return how long there was anything to hear, from its beginning to its end."""
    loud = np.flatnonzero(np.abs(sound.samples) > 100)
    return float(loud[-1] - loud[0]) / sound.rate_hz if len(loud) else 0.0


def test_a_sound_is_heard_once_and_to_its_end(pulse: PulseAudio, bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        bell.ringer.play(tone([1000], 0.5, rate_hz=16_000).pcm)
        wait_until_playing(pulse, playing=True)
        wait_until_playing(pulse, playing=False)
        assert heard_s(recorder.sound) == pytest.approx(0.5, abs=0.05)


def test_a_key_click_is_soft_and_short_and_heard_from_a_ringer_that_is_turned_down(
    pulse: PulseAudio, bell: Bell
) -> None:
    bell.ringer.set_volume(0)
    with Recorder("bell_monitor") as recorder:
        bell.ringer.play(key_click(16_000))
        wait_until_playing(pulse, playing=True)
        wait_until_playing(pulse, playing=False)
        assert 0 < heard_s(recorder.sound) < 0.02
        assert 100 < np.abs(recorder.sound.samples).max() < 3000


def test_a_newer_sound_takes_the_place_of_the_one_that_is_heard(pulse: PulseAudio, bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        bell.ringer.play(tone([1000], 60, rate_hz=16_000).pcm)
        wait_for(lambda: find_tone(recorder.sound, [1000], threshold=300))
        bell.ringer.play(tone([600], 0.3, rate_hz=16_000).pcm)
        wait_for(lambda: find_tone(recorder.sound, [600], threshold=300))
        wait_until_playing(pulse, playing=False)


def test_ringing_cuts_a_sound_off_and_nothing_sounds_over_it(pulse: PulseAudio, bell: Bell) -> None:
    with Recorder("bell_monitor") as recorder:
        bell.ringer.play(tone([500], 60, rate_hz=16_000).pcm)
        wait_for(lambda: find_tone(recorder.sound, [500], threshold=300))
        bell.ringer.ring()
        bell.ringer.play(tone([500], 60, rate_hz=16_000).pcm)
        wait_for(lambda: find_tone(recorder.sound, [800], threshold=300))
        since = recorder.sound.duration_s
        wait_for(lambda: recorder.sound.duration_s > since + 1)
        assert find_tone(recorder.sound.between(since, 1e6), [500], threshold=300) == []
        bell.ringer.silence()
        wait_until_playing(pulse, playing=False)


def test_a_sound_on_a_missing_card_is_reported_once_and_given_up(own_pulse: PulseAudio, bell: Bell) -> None:
    bell.ringer.play(key_click(16_000))
    assert "'bell'" in bell.faults.get(timeout=PATIENCE_S)
    own_pulse.start()
    bell.ringer.play(key_click(16_000))
    assert bell.recoveries.get(timeout=PATIENCE_S)
    assert bell.faults.empty()
