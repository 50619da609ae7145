"""What every status LED does, on a simulated pin and on the real one."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest
from gpiozero import output_devices

from drivers.errors import DeviceError
from drivers.indicator import StatusIndicator
from drivers.pins import open_pins
from firmware.phone.commands import IndicatorPattern
from firmware.ports import devices as ports
from provisioning.controls import Indicator, Keypad
from tests.fakes.gpio import BlinkMeter, Circuit
from tests.hardware.person import Person
from tests.hardware.rig import Rig
from tests.lab.simulated_phone import SimulatedPhone

SLOWEST_HALF_PERIOD_S = 0.8
LONGEST_SHORT_S = SLOWEST_HALF_PERIOD_S / 2.5


class IndicatorBench(Protocol):
    """An LED that is not started yet, and an eye on it."""

    @property
    def indicator(self) -> ports.Indicator: ...

    def pattern(self) -> str:
        """Return what can be seen: off, on, slow_blink, fast_blink or pulse."""
        ...


class WiredIndicatorBench:
    """The GPIO driver on a simulated pin."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        pin = Indicator().pin
        circuit = Circuit()
        self.indicator = StatusIndicator(pin, pin_factory=circuit)
        self._meter = BlinkMeter(circuit, pin)
        patch.setattr(output_devices, "GPIOThread", self._meter.make_thread)

    def pattern(self) -> str:
        return self._meter.pattern(LONGEST_SHORT_S)


class RigIndicatorBench:
    """The GPIO driver on an emulated machine's line."""

    _PIN = 5

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.indicator = StatusIndicator(self._PIN)

    def pattern(self) -> str:
        level, changes = self._rig.watch(self._PIN, 3 * SLOWEST_HALF_PERIOD_S)
        if not changes:
            return "on" if level else "off"
        halves = [later - earlier for earlier, later in itertools.pairwise(changes)]
        are_long = {half > LONGEST_SHORT_S for half in halves}
        return "pulse" if len(are_long) > 1 else "slow_blink" if are_long == {True} else "fast_blink"


class PersonIndicatorBench:
    """The GPIO driver on a Pi, with a person's eye."""

    def __init__(self) -> None:
        self._person = Person.needed_for("the status LED")
        self.indicator = StatusIndicator(Indicator().pin)

    def pattern(self) -> str:
        for pattern in IndicatorPattern:
            if self._person.confirms(f"Does the LED show {pattern}?"):
                return pattern
        return "something else"


@contextmanager
def wired_indicator() -> Iterator[IndicatorBench]:
    with pytest.MonkeyPatch.context() as patch:
        yield WiredIndicatorBench(patch)


@contextmanager
def page_indicator() -> Iterator[IndicatorBench]:
    phone = SimulatedPhone(Keypad().keys, repeat_after_ms=60, repeat_every_ms=20, long_press_ms=150)
    phone.start()
    yield phone
    phone.stop()


@contextmanager
def real_indicator() -> Iterator[IndicatorBench]:
    try:
        open_pins()
    except DeviceError as error:
        pytest.skip(f"needs a status LED on the GPIO header: {error}")
    if not Rig.is_here():
        yield PersonIndicatorBench()
        return
    rig = Rig()
    yield RigIndicatorBench(rig)
    rig.close()


BENCHES = [
    pytest.param(wired_indicator, id="wired"),
    pytest.param(page_indicator, id="page"),
    pytest.param(real_indicator, id="real", marks=pytest.mark.hardware),
]


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[IndicatorBench]:
    open_bench: Callable[[], AbstractContextManager[IndicatorBench]] = request.param
    with open_bench() as opened:
        opened.indicator.start()
        yield opened
        opened.indicator.stop()


def test_a_started_indicator_is_dark(bench: IndicatorBench) -> None:
    assert bench.pattern() == "off"


@pytest.mark.parametrize("pattern", IndicatorPattern)
def test_each_pattern_is_shown(bench: IndicatorBench, pattern: IndicatorPattern) -> None:
    bench.indicator.show(IndicatorPattern.ON if pattern == "off" else IndicatorPattern.OFF)
    bench.indicator.show(pattern)
    assert bench.pattern() == pattern


def test_a_steady_pattern_ends_blinking(bench: IndicatorBench) -> None:
    bench.indicator.show(IndicatorPattern.FAST_BLINK)
    assert bench.pattern() == "fast_blink"
    bench.indicator.show(IndicatorPattern.ON)
    assert bench.pattern() == "on"


def test_an_unknown_pattern_is_refused_and_changes_nothing(bench: IndicatorBench) -> None:
    bench.indicator.show(IndicatorPattern.ON)
    with pytest.raises(ValueError, match="knows no pattern 'disco'"):
        bench.indicator.show("disco")  # type: ignore[arg-type]
    assert bench.pattern() == "on"


def test_a_stopped_indicator_is_dark(bench: IndicatorBench) -> None:
    bench.indicator.show(IndicatorPattern.FAST_BLINK)
    bench.indicator.stop()
    assert bench.pattern() == "off"
