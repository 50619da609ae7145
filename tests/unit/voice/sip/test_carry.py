"""What is heard while one stream takes another's place: `engine/native/carry.c`."""

import ctypes
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from firmware.voice.sip import native

Frame = npt.NDArray[np.int16]

RATE_HZ = 16_000
FRAME = 160
LOUD = 8000
SILENCE: Frame = np.zeros(FRAME, np.int16)


def tone(number: int, frequency_hz: float = 150) -> Frame:
    """Return a frame of a tone that goes on from frame to frame."""
    moments = (np.arange(FRAME) + number * FRAME) / RATE_HZ
    return (LOUD * np.sin(2 * np.pi * frequency_hz * moments)).astype(np.int16)


@pytest.fixture
def heard() -> Callable[[Frame], Frame]:
    """Return what becomes of a frame that is about to be heard; a second of silence has been heard before."""
    carry = native.library().wecall_carry
    carry.argtypes = (ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)

    def hear(frame: Frame) -> Frame:
        passed = frame.copy()
        carry(passed.ctypes.data, len(passed), RATE_HZ)
        return passed

    # What was made up in a test before goes on until something is heard.
    for frame in (*(SILENCE,) * 100, tone(0), *(SILENCE,) * 100):
        hear(frame)
    return hear


def test_sound_passes_as_it_is(heard: Callable[[Frame], Frame]) -> None:
    for number in range(50):
        assert np.array_equal(heard(tone(number)), tone(number))


def test_silence_passes_as_it_is_unless_a_stream_has_taken_anothers_place(heard: Callable[[Frame], Frame]) -> None:
    for number in range(50):
        heard(tone(number))
    assert not any(heard(SILENCE).any() for _ in range(50))


@pytest.mark.parametrize("late", [0, 1, 2])
@pytest.mark.parametrize("frequency_hz", [80, 150, 300, 390])
def test_what_was_heard_last_goes_on_and_fades_away(
    frequency_hz: float, late: int, heard: Callable[[Frame], Frame]
) -> None:
    for number in range(50):
        heard(tone(number, frequency_hz))
    assert not any(heard(SILENCE).any() for _ in range(late))
    native.library().wecall_carry_on()
    made_up = np.concatenate([heard(SILENCE) for _ in range(20)])
    gains = np.clip(1 - np.arange(len(made_up)) / (0.160 * RATE_HZ), 0, 1)
    expected = np.concatenate([tone(50 + number, frequency_hz) for number in range(20)]) * gains
    # A period is a whole number of samples.
    assert np.abs(made_up - expected)[: 4 * FRAME].max() < LOUD / 5
    assert np.abs(made_up).max() <= LOUD
    assert not made_up[16 * FRAME :].any()


def test_what_comes_takes_over_without_a_click(heard: Callable[[Frame], Frame]) -> None:
    for number in range(50):
        heard(tone(number))
    native.library().wecall_carry_on()
    sound = [heard(SILENCE) for _ in range(5)]
    sound += [heard(tone(number)) for number in range(55, 60)]
    steepest = np.abs(np.diff(np.concatenate([tone(number) for number in range(10)]).astype(int))).max()
    assert np.abs(np.diff(np.concatenate(sound).astype(int))).max() < 2 * steepest
    assert np.array_equal(sound[-1], tone(59))


def test_a_silence_that_was_there_before_stays(heard: Callable[[Frame], Frame]) -> None:
    for number in range(50):
        heard(tone(number))
    for _ in range(3):
        heard(SILENCE)
    native.library().wecall_carry_on()
    assert not any(heard(SILENCE).any() for _ in range(50))


def test_a_silence_that_comes_long_after_the_change_stays(heard: Callable[[Frame], Frame]) -> None:
    for number in range(50):
        heard(tone(number))
    native.library().wecall_carry_on()
    for number in range(50, 90):
        assert np.array_equal(heard(tone(number)), tone(number))
    assert not any(heard(SILENCE).any() for _ in range(50))
