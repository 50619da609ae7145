"""The simulated devices by themselves; the keypad's times are kept on a clock that jumps from timer to timer."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import pytest

from drivers.errors import DeviceError
from drivers.simulator.devices import SimulatedHookSwitch, SimulatedIndicator, SimulatedKeypad

Recorded = tuple[str, str, int]
P = ParamSpec("P")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: it moves the clock on by as long as it was asked to."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0
        return super().select(0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def on_the_jumping_clock(scenario: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @functools.wraps(scenario)
    def test(*args: P.args, **more: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
            runner.run(scenario(*args, **more))

    return test


def nothing() -> None:
    """A device on its own has no page to wake."""


class RecordedKeypad(SimulatedKeypad):
    """A keypad that writes down what it reports and when, in whole milliseconds."""

    def __init__(self) -> None:
        super().__init__((("5", "ok"),), nothing, repeat_after_ms=500, repeat_every_ms=120, long_press_ms=1000)
        self.reports: list[Recorded] = []
        self.when_pressed = self._recorder("pressed")
        self.when_repeated = self._recorder("repeated")
        self.when_held = self._recorder("held")
        self.when_released = self._recorder("released")
        self.start()

    def _recorder(self, what: str) -> Callable[[str], None]:
        def record(key: str) -> None:
            self.reports.append((what, key, round(asyncio.get_running_loop().time() * 1000)))

        return record


@on_the_jumping_clock
async def test_a_key_that_stays_down_repeats_and_counts_as_held_once() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "page")
    await asyncio.sleep(1.2)
    keypad.release("5", "page")
    await asyncio.sleep(10)
    repeats = [("repeated", "5", at_ms) for at_ms in (500, 620, 740, 860, 980, 1100)]
    assert keypad.reports == [
        ("pressed", "5", 0), *repeats[:5], ("held", "5", 1000), repeats[5], ("released", "5", 1200),
    ]  # fmt: skip


@on_the_jumping_clock
async def test_a_short_press_only_presses() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "page")
    await asyncio.sleep(0.49)
    keypad.release("5", "page")
    await asyncio.sleep(10)
    assert keypad.reports == [("pressed", "5", 0), ("released", "5", 490)]


@on_the_jumping_clock
async def test_only_the_key_that_went_down_last_repeats() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "page")
    await asyncio.sleep(0.2)
    keypad.press("ok", "page")
    await asyncio.sleep(0.6)
    keypad.release("ok", "page")
    await asyncio.sleep(10)
    assert keypad.reports == [
        ("pressed", "5", 0),
        ("pressed", "ok", 200),
        ("repeated", "ok", 700),
        ("released", "ok", 800),
    ]
    assert keypad.keys_down == ("5",)


@on_the_jumping_clock
async def test_letting_an_overtaken_key_go_leaves_the_latest_repeating() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "page")
    keypad.press("ok", "page")
    keypad.release("5", "page")
    await asyncio.sleep(0.55)
    assert keypad.reports == [("pressed", "5", 0), ("pressed", "ok", 0), ("released", "5", 0), ("repeated", "ok", 500)]


@on_the_jumping_clock
async def test_a_key_that_two_pages_hold_comes_up_with_the_second() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "first")
    keypad.press("5", "second")
    keypad.release("5", "first")
    assert list(keypad.keys_down) == ["5"]
    await asyncio.sleep(0.1)
    keypad.release_all("second")
    assert not keypad.keys_down
    assert keypad.reports == [("pressed", "5", 0), ("released", "5", 100)]


@on_the_jumping_clock
async def test_stopping_lets_every_key_go_for_good() -> None:
    keypad = RecordedKeypad()
    keypad.press("5", "page")
    keypad.stop()
    keypad.press("ok", "page")
    await asyncio.sleep(10)
    assert keypad.reports == [("pressed", "5", 0)]
    assert not keypad.keys_down


@on_the_jumping_clock
async def test_a_handler_that_fails_stops_neither_repeats_nor_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    keypad = RecordedKeypad()

    def fail(key: str) -> None:
        raise RuntimeError("no")

    keypad.when_pressed = fail
    keypad.press("5", "page")
    await asyncio.sleep(0.7)
    assert keypad.reports == [("repeated", "5", 500), ("repeated", "5", 620)]
    assert "A handler of the simulated phone failed" in caplog.text


def test_lifting_a_lifted_handset_reports_nothing_new() -> None:
    hook_switch = SimulatedHookSwitch(nothing)
    reports: list[str] = []
    hook_switch.when_lifted = lambda: reports.append("lifted")
    hook_switch.when_replaced = lambda: reports.append("replaced")
    hook_switch.start()
    for off_hook in (False, True, True, False, False, True):
        hook_switch.move(off_hook=off_hook)
    assert reports == ["lifted", "replaced", "lifted"]
    assert hook_switch.is_off_hook


def test_the_status_led_refuses_a_pattern_that_it_does_not_know() -> None:
    indicator = SimulatedIndicator(nothing)
    indicator.start()
    indicator.show("slow_blink")
    with pytest.raises(ValueError, match="knows no pattern 'disco'"):
        indicator.show("disco")
    assert indicator.pattern == "slow_blink"


def test_a_status_led_that_was_not_started_says_so() -> None:
    with pytest.raises(DeviceError, match="Start it before showing a pattern"):
        SimulatedIndicator(nothing).show("on")
