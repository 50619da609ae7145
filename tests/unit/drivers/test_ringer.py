"""What the ringer plays, sample by sample."""

import errno
import itertools
import queue
import threading

import numpy as np
import pytest

from drivers import ringer
from drivers.errors import DeviceError
from drivers.ringer import AlsaRinger, silence, warble
from drivers.rings import PATTERNS_MS
from firmware.voice.audio.tone_plans import PLANS
from tests.lab.audio import Sound, loudest_frequencies

RATE_HZ = 16_000


def sound(pcm: bytes) -> Sound:
    return Sound.from_pcm(pcm, RATE_HZ)


def test_the_warble_changes_between_two_tones() -> None:
    burst = sound(warble(1000, 100))
    assert burst.duration_s == 1.0
    for part in range(20):
        (frequency,) = loudest_frequencies(burst.between(part * 0.05, part * 0.05 + 0.05), 1)
        assert frequency == pytest.approx((800, 1000)[part % 2], abs=10)


def test_a_burst_has_no_click() -> None:
    samples = sound(warble(1000, 100)).samples
    assert samples[0] == samples[-1] == 0
    # No step is steeper than the two harmonics of the higher tone can be at their steepest.
    steepest = 2 * np.pi * 1000 / RATE_HZ * (0.75 + 3 * 0.25) * 0.7 * 32767
    assert np.abs(np.diff(samples)).max() <= steepest


@pytest.mark.parametrize("percent", [1, 50, 100])
def test_the_volume_is_even_and_never_overdrives(percent: int) -> None:
    peak = np.abs(sound(warble(500, percent)).samples).max()
    assert peak <= 0.7 * 32767 * (percent / 100) ** 3 + 1


def test_a_pause_is_silent_and_as_long_as_asked() -> None:
    assert silence(250) == bytes(2 * 4000)


def test_a_burst_shorter_than_its_ramps_is_still_a_burst() -> None:
    assert len(warble(4, 100)) == 2 * 64


def test_no_two_patterns_sound_alike(subtests: pytest.Subtests) -> None:
    for name, plan in PLANS.items():
        with subtests.test(name=name):
            cadences_ms = (*PATTERNS_MS.values(), plan.ring_cadence_ms)
            # What somebody hears: how many bursts, and how long the longest is.
            characters = [(len(cadence_ms) // 2, max(cadence_ms[::2])) for cadence_ms in cadences_ms]
            for (bursts, longest), (other_bursts, other_longest) in itertools.combinations(characters, 2):
                assert bursts != other_bursts or max(longest, other_longest) >= 1.5 * min(longest, other_longest)


def test_every_pattern_has_pauses_and_a_pause_at_its_end() -> None:
    for cadence_ms in PATTERNS_MS.values():
        assert len(cadence_ms) % 2 == 0
        assert cadence_ms[-1] >= 800
        assert min(cadence_ms) >= 100


class DryPcm:
    """Has room for ever, and has run dry once."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = threading.Event()
        self._answers = iter([160, -errno.EPIPE])

    def polldescriptors(self) -> list[tuple[int, int]]:
        return []

    def avail(self) -> int:
        return 640

    def write(self, frames: bytes) -> int:
        answer = next(self._answers, 160)
        if answer > 0:
            self.written += frames
        return answer

    def drop(self) -> None: ...

    def close(self) -> None:
        self.closed.set()


def loudness(pcm: bytes) -> float:
    return float(np.abs(sound(pcm).samples).max())


@pytest.mark.parametrize("pattern", ["normal", "hearing"])
def test_a_ring_that_rises_begins_softly_and_goes_on_where_its_pattern_changes(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    monkeypatch.setattr("drivers.ringer.time.monotonic", lambda: now_s)
    bell = AlsaRinger(cadence_ms=(300, 200), volume_percent=100, on_fault=pytest.fail)
    bell.ring("internal", rises=True)
    now_s = 20.0
    bell.ring(pattern, rises=True)
    loud = loudness(b"".join(bell._round(pattern)))
    now_s = 0.0
    soft = loudness(b"".join(bell._round(pattern)))
    assert soft == pytest.approx(loud * 0.4**3, rel=0.1)
    bell.ring(pattern)
    assert loudness(b"".join(bell._round(pattern))) == pytest.approx(loud, rel=0.01)


def test_another_ring_takes_over_in_the_middle_of_a_melody() -> None:
    bell = AlsaRinger(volume_percent=100, on_fault=pytest.fail)
    bell.ring("clock")
    periods = bell._round("clock")
    next(periods)
    bell.ring("unheard of")
    assert list(periods) == []


def test_what_was_to_be_played_when_the_card_ran_dry_is_played_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm, tone = DryPcm(), warble(300, 100)
    # At its start it looks whether the card is there.
    pcms = iter([DryPcm(), pcm])
    monkeypatch.setattr(ringer, "open_pcm", lambda *_arguments, **_words: next(pcms))
    bell = AlsaRinger(volume_percent=100, on_fault=pytest.fail)
    bell.start()
    bell.play(tone)
    assert pcm.closed.wait(10)
    bell.stop()
    assert sound(pcm.written.rstrip(b"\0")).duration_s == pytest.approx(0.3, abs=0.001)


def test_a_card_that_is_missing_is_told_before_it_is_to_ring_and_so_is_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_missing, told, well = threading.Event(), queue.SimpleQueue[str](), threading.Event()

    def open_pcm(*_arguments: object, **_words: object) -> DryPcm:
        if is_missing.is_set():
            raise DeviceError("The sound card 'bell' is not plugged in.")
        return DryPcm()

    monkeypatch.setattr(ringer, "_LOOK_S", 0.01)
    monkeypatch.setattr(ringer, "devices", lambda: frozenset() if is_missing.is_set() else frozenset({"pcmC0D0p"}))
    monkeypatch.setattr(ringer, "open_pcm", open_pcm)
    bell = AlsaRinger(on_fault=told.put, on_recovery=well.set)
    bell.start()
    for _ in range(2):
        is_missing.set()
        assert "not plugged in" in told.get(timeout=10)
        is_missing.clear()
        assert well.wait(10)
        well.clear()
    bell.stop()
    assert told.empty(), "it is told once each time"
