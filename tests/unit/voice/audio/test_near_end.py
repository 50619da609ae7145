"""What is done to the microphone's sound, and what becomes of it where that fails."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firmware.base.errors import SipError
from firmware.voice.audio import webrtc
from firmware.voice.audio.double_talk import DoubleTalk
from firmware.voice.audio.near_end import NearEnd, NearEndSettings
from firmware.voice.audio.webrtc import WebRtcProcessor
from tests.lab.acoustic_path import far_voice, level_db, near_voice
from tests.lab.audio import Samples, Sound

SILENCE = bytes(320)


def wait_until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if condition():
            return
        pause.wait(0.005)
    raise TimeoutError("It did not happen.")


def processed(near: Samples, rate_hz: int = 16_000, far: Samples | None = None, **choices: bool) -> Samples:
    processor = WebRtcProcessor(
        rate_hz=rate_hz,
        **({"echo_cancelling": False, "noise_suppression": False, "gain_control": False} | choices),
    )  # fmt: skip
    size, pcm = rate_hz // 50, Sound(near).pcm
    played = Sound(np.zeros(len(near)) if far is None else far).pcm
    frames = range(0, len(pcm) - size + 1, size)
    sent = b"".join(processor.process(pcm[first : first + size], played[first : first + size]) for first in frames)
    return Sound.from_pcm(sent, rate_hz).samples


def test_steady_noise_is_lowered_and_a_voice_is_not() -> None:
    noise = np.random.default_rng(1).standard_normal(10 * 16_000) * 100
    assert level_db(noise[80_000:]) - level_db(processed(noise, noise_suppression=True)[80_000:]) >= 10
    voice = near_voice().samples
    assert level_db(voice) - level_db(processed(voice, noise_suppression=True)) <= 1


def test_a_faint_voice_is_raised_and_a_loud_one_is_not() -> None:
    faint, loud = near_voice(dbfs=-40).samples, near_voice(dbfs=-16).samples
    assert 6 <= level_db(processed(faint, gain_control=True)) - level_db(faint) <= 16
    assert level_db(processed(loud, gain_control=True)[64_000:]) - level_db(loud[64_000:]) <= 6


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_every_rate_that_can_be_configured_is_processed(rate_hz: int) -> None:
    far = np.random.default_rng(1).standard_normal(5 * rate_hz) * 2000
    echo = np.concatenate([np.zeros(rate_hz // 25), far[: -rate_hz // 25]]) / 10
    sent = processed(echo, rate_hz, far, echo_cancelling=True, noise_suppression=True)
    assert level_db(echo[-rate_hz:]) - level_db(sent[-rate_hz:]) >= 30


def test_frames_of_20_ms_are_processed_too() -> None:
    processor = WebRtcProcessor(rate_hz=16_000, echo_cancelling=True, noise_suppression=True, gain_control=True)
    assert len(processor.process(bytes(640), bytes(640))) == 640


def test_nothing_is_loaded_where_nothing_is_asked() -> None:
    near_end = NearEnd(NearEndSettings(), rate_hz=16_000)
    near_end.prepare()
    near = far_voice().pcm[:320]
    assert near_end.process(near, SILENCE) == near
    assert not near_end.is_working
    assert near_end.fault == ""


def test_sound_goes_on_untouched_until_the_processing_is_loaded() -> None:
    near_end = NearEnd(NearEndSettings(noise_suppression=True), rate_hz=16_000)
    near = near_voice().pcm[32_000:32_320]
    assert near_end.process(near, SILENCE) == near
    near_end.prepare()
    near_end.prepare()
    wait_until(lambda: near_end.is_working)
    assert near_end.process(near, SILENCE) != near


def test_processing_that_fails_is_left_out_for_good_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    near_end = NearEnd(NearEndSettings(echo_cancelling=True), rate_hz=16_000)
    near_end.prepare()
    wait_until(lambda: near_end.is_working)
    near = near_voice().pcm[32_000:32_320]
    # A far frame of another length is what the library refuses.
    assert near_end.process(near, b"") == near
    assert not near_end.is_working
    assert near_end.process(near, b"") == near
    assert "stopped working: frames of 320 and 0 bytes" in near_end.fault
    assert "pywebrtc-audio" not in near_end.fault
    # What another test has left is loaded on a thread of its own, and may say something, too.
    assert [record.getMessage() for record in caplog.records].count(near_end.fault) == 1
    near_end.prepare()
    assert not near_end.is_working


def test_a_rate_that_the_library_refuses_is_a_fault_and_no_crash() -> None:
    near_end = NearEnd(NearEndSettings(echo_cancelling=True), rate_hz=4000)
    near_end.prepare()
    wait_until(lambda: near_end.fault)
    assert near_end.process(SILENCE, SILENCE) == SILENCE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            SipError("The SIP library is another build. Install ours."),
            "The SIP library is another build. Install ours. ",
        ),
        (MemoryError("there is no room for the filter"), "there is no room for the filter. "),
        (MemoryError(), "MemoryError. "),
    ],
)
def test_what_fails_is_said_and_a_package_that_is_there_is_not_to_be_installed(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(rate_hz: int) -> DoubleTalk:
        raise error

    monkeypatch.setattr(webrtc, "DoubleTalk", fail)
    near_end = NearEnd(NearEndSettings(echo_cancelling=True), rate_hz=16_000)
    near_end.prepare()
    wait_until(lambda: near_end.fault)
    assert f"cannot be used: {said}Echo" in near_end.fault
    assert "pywebrtc-audio" not in near_end.fault


class Shelf:
    """Where processors come from: each is made once `opened` is set, and counted then."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.made = 0

    def make(self, **choices: Any) -> WebRtcProcessor:
        self.opened.wait()
        processor = WebRtcProcessor(**choices)
        self.made += 1
        return processor


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(webrtc, "WebRtcProcessor", shelf.make)
    return shelf


def raised_db(near_end: NearEnd) -> float:
    """Say something faint, and return by how much it is raised."""
    faint = near_voice(dbfs=-40)
    frames = [faint.pcm[first : first + 320] for first in range(0, len(faint.pcm) - 319, 320)]
    sent = Sound.from_pcm(b"".join(near_end.process(frame, SILENCE) for frame in frames), 16_000)
    return level_db(sent.samples) - level_db(faint.samples)


def test_other_processing_takes_over_once_it_is_loaded(shelf: Shelf) -> None:
    quiet, loud = NearEndSettings(noise_suppression=True), NearEndSettings(gain_control=True)
    shelf.opened.set()
    near_end = NearEnd(quiet, rate_hz=16_000)
    near_end.prepare()
    wait_until(lambda: near_end.is_working)
    shelf.opened.clear()
    near_end.change(loud)
    near_end.prepare()
    near = near_voice().pcm[32_000:32_320]
    assert near_end.process(near, SILENCE) != near
    assert raised_db(near_end) <= 1
    shelf.opened.set()
    wait_until(lambda: raised_db(near_end) >= 6)
    near_end.change(NearEndSettings())
    assert not near_end.is_working
    assert near_end.process(near, SILENCE) == near


def test_processing_that_is_wanted_again_before_other_takes_over_goes_on(shelf: Shelf) -> None:
    quiet, loud = NearEndSettings(noise_suppression=True), NearEndSettings(gain_control=True)
    shelf.opened.set()
    near_end = NearEnd(quiet, rate_hz=16_000)
    near_end.prepare()
    wait_until(lambda: near_end.is_working)
    shelf.opened.clear()
    for settings in (loud, quiet):
        near_end.change(settings)
        near_end.prepare()
    shelf.opened.set()
    wait_until(lambda: shelf.made == 2)
    assert raised_db(near_end) <= 1
    near_end.prepare()
    assert shelf.made == 2


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_how_late_the_echo_comes_is_known_after_some_seconds_of_speech(rate_hz: int) -> None:
    far = np.random.default_rng(1).standard_normal(11 * rate_hz) * 2000
    late = rate_hz * 70 // 1000
    echo = np.concatenate([np.zeros(late), far[:-late]]) / 10
    processor = WebRtcProcessor(rate_hz=rate_hz, echo_cancelling=True, noise_suppression=False, gain_control=False)
    size, near_pcm, far_pcm = rate_hz // 50, Sound(echo).pcm, Sound(far).pcm
    for first in range(0, len(near_pcm) - size + 1, size):
        processor.process(near_pcm[first : first + size], far_pcm[first : first + size])
    assert processor.echo_path is not None
    assert processor.echo_path.delay_ms == 70
    assert processor.echo_path.taken_db >= 20


def test_without_an_echo_there_is_no_way_of_it() -> None:
    assert DoubleTalk(16_000).echo_path is None
    processor = WebRtcProcessor(rate_hz=16_000, echo_cancelling=False, noise_suppression=True, gain_control=False)
    assert processor.echo_path is None


@pytest.mark.parametrize("sizes", [(320, 0), (320, 640), (321, 321), (330, 330)])
def test_frames_that_are_not_the_same_steps_are_refused(sizes: tuple[int, int]) -> None:
    processor = WebRtcProcessor(rate_hz=16_000, echo_cancelling=True, noise_suppression=False, gain_control=False)
    with pytest.raises(ValueError, match="10 ms"):
        processor.process(bytes(sizes[0]), bytes(sizes[1]))


def test_a_voice_that_speaks_alone_is_sent_as_it_is() -> None:
    voice = near_voice().samples
    assert abs(level_db(voice) - level_db(processed(voice, echo_cancelling=True))) <= 1
