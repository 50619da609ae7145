"""The GPIO status LED: what the contract cannot ask of every LED."""

import threading

import pytest
from gpiozero import InputDevice

from drivers.errors import DeviceError
from drivers.indicator import StatusIndicator
from tests.fakes.gpio import Circuit

PIN = 27


def test_a_thread_runs_only_while_the_led_blinks() -> None:
    indicator = StatusIndicator(PIN, pin_factory=Circuit())
    before = set(threading.enumerate())
    indicator.start()
    indicator.show("on")
    assert set(threading.enumerate()) == before
    indicator.show("slow_blink")
    assert len(set(threading.enumerate()) - before) == 1
    indicator.show("off")
    assert set(threading.enumerate()) == before
    indicator.show("fast_blink")
    indicator.stop()
    assert set(threading.enumerate()) == before


def test_showing_the_same_blinking_again_does_not_begin_it_anew() -> None:
    indicator = StatusIndicator(PIN, pin_factory=Circuit())
    before = set(threading.enumerate())
    indicator.start()
    indicator.show("fast_blink")
    blinking = set(threading.enumerate()) - before
    indicator.show("fast_blink")
    assert set(threading.enumerate()) - before == blinking
    indicator.stop()


def test_showing_a_pattern_before_start_says_so() -> None:
    with pytest.raises(DeviceError, match=r"Cannot use the status LED on GPIO pin 27: it was not started\."):
        StatusIndicator(PIN, pin_factory=Circuit()).show("on")


def test_a_pin_that_another_device_has_is_named() -> None:
    circuit = Circuit()
    holder = InputDevice(PIN, pin_factory=circuit)
    indicator = StatusIndicator(PIN, pin_factory=circuit)
    with pytest.raises(DeviceError, match=r"Cannot use the status LED on GPIO pin 27: .* already in use by"):
        indicator.start()
    indicator.stop()
    holder.close()
