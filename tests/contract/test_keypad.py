"""What every keypad does, on simulated wires and on the real ones."""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest

from drivers.errors import DeviceError
from drivers.keypad import MatrixKeypad
from drivers.pins import open_pins
from firmware.ports import devices as ports
from provisioning.controls import Keypad
from tests.fakes.gpio import Circuit
from tests.hardware.person import Person
from tests.hardware.rig import SETTLE_S, Rig
from tests.lab.simulated_phone import SimulatedPhone

# A busy computer may take a while to let go of a key that is not to be held.
LONG_PRESS_MS = 1000
KEYS = tuple(name for line in Keypad().keys for name in line)


class KeypadBench(Protocol):
    """A keypad that is not started yet, and a finger on its keys.

    Attributes:
        keypad: has the default layout, or as much of it as `keys` says.
        keys: the names of its keys.
        patience_s: how long a key's action may take to arrive.
    """

    patience_s: float
    keys: tuple[str, ...]

    @property
    def keypad(self) -> ports.Keypad: ...
    def press(self, name: str) -> None: ...
    def release(self, name: str) -> None: ...


class WiredKeypadBench:
    """The matrix driver on simulated wires."""

    keys: tuple[str, ...] = KEYS
    patience_s = 10.0

    def __init__(self) -> None:
        layout = Keypad()
        self._contacts: dict[str, tuple[int, int]] = {
            name: (row, column)
            for row, line in zip(layout.rows, layout.keys, strict=True)
            for column, name in zip(layout.columns, line, strict=True)
        }
        self._circuit = Circuit()
        self.keypad = MatrixKeypad(
            rows=layout.rows,
            columns=layout.columns,
            keys=layout.keys,
            debounce_ms=4,
            repeat_after_ms=60,
            repeat_every_ms=20,
            long_press_ms=LONG_PRESS_MS,
            pin_factory=self._circuit,
        )

    def press(self, name: str) -> None:
        self._circuit.join(*self._contacts[name])

    def release(self, name: str) -> None:
        self._circuit.part(*self._contacts[name])


class RigKeypadBench:
    """The matrix driver on an emulated machine's lines, which are fewer than the default layout needs."""

    patience_s = 60.0
    _LAYOUT = (("1", "2", "3", "#"), ("4", "5", "6", "0"), ("7", "8", "9", "volume_up"))

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.keys = tuple(name for line in self._LAYOUT for name in line)
        rows, columns = range(3), range(3, 7)
        self._contacts = {
            name: (row, column)
            for row, line in zip(rows, self._LAYOUT, strict=True)
            for column, name in zip(columns, line, strict=True)
        }
        self.keypad = MatrixKeypad(
            rows=rows,
            columns=columns,
            keys=self._LAYOUT,
            # A look at all keys takes an emulated machine half a second, and one look in many is wrong.
            debounce_ms=1000,
            repeat_after_ms=5000,
            repeat_every_ms=2500,
            long_press_ms=10_000,
        )

    def press(self, name: str) -> None:
        self._rig.join(*self._contacts[name])

    def release(self, name: str) -> None:
        self._rig.part(*self._contacts[name])


class PersonKeypadBench:
    """The matrix driver on a Pi, with a person's finger."""

    keys: tuple[str, ...] = KEYS
    patience_s = 30.0

    def __init__(self) -> None:
        layout = Keypad()
        self._person = Person.needed_for("the keypad")
        self.keypad = MatrixKeypad(
            rows=layout.rows,
            columns=layout.columns,
            keys=layout.keys,
            debounce_ms=layout.debounce_ms,
            repeat_after_ms=layout.repeat_after_ms,
            repeat_every_ms=layout.repeat_every_ms,
            long_press_ms=layout.long_press_ms,
        )

    def press(self, name: str) -> None:
        self._person.tell(f"Press {name} and keep it down")

    def release(self, name: str) -> None:
        self._person.tell(f"Let {name} go")


@contextmanager
def wired_keypad() -> Iterator[KeypadBench]:
    yield WiredKeypadBench()


@contextmanager
def page_keypad() -> Iterator[KeypadBench]:
    phone = SimulatedPhone(Keypad().keys, repeat_after_ms=60, repeat_every_ms=20, long_press_ms=LONG_PRESS_MS)
    phone.start()
    yield phone
    phone.stop()


@contextmanager
def real_keypad() -> Iterator[KeypadBench]:
    try:
        open_pins()
    except DeviceError as error:
        pytest.skip(f"needs a keypad on the GPIO header: {error}")
    if not Rig.is_here():
        yield PersonKeypadBench()
        return
    rig = Rig()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivers.keypad._SETTLE_S", SETTLE_S)
        yield RigKeypadBench(rig)
    rig.close()


BENCHES = [
    pytest.param(wired_keypad, id="wired"),
    pytest.param(page_keypad, id="page"),
    pytest.param(real_keypad, id="real", marks=pytest.mark.hardware),
]


class Actions:
    """What a keypad has reported, in order."""

    def __init__(self, bench: KeypadBench) -> None:
        self._patience_s = bench.patience_s
        self._reported: queue.Queue[tuple[str, str]] = queue.Queue()
        keypad = bench.keypad
        keypad.when_pressed = lambda name: self._reported.put(("pressed", name))
        keypad.when_repeated = lambda name: self._reported.put(("repeated", name))
        keypad.when_held = lambda name: self._reported.put(("held", name))

    def next(self) -> tuple[str, str]:
        return self._reported.get(timeout=self._patience_s)

    def until(self, action: str, name: str) -> list[tuple[str, str]]:
        """Return all that came up to and with an action."""
        ends_at = time.monotonic() + self._patience_s
        seen: list[tuple[str, str]] = []
        while not seen or seen[-1] != (action, name):
            # A key that stays down repeats for ever.
            assert time.monotonic() < ends_at, f"{name} was not {action}, but {seen}"
            seen.append(self.next())
        return seen

    def left(self) -> list[tuple[str, str]]:
        return [self._reported.get_nowait() for _ in range(self._reported.qsize())]


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[KeypadBench]:
    open_bench: Callable[[], AbstractContextManager[KeypadBench]] = request.param
    with open_bench() as opened:
        yield opened
        opened.keypad.stop()


@pytest.fixture
def actions(bench: KeypadBench) -> Actions:
    reported = Actions(bench)
    bench.keypad.start()
    return reported


def test_every_key_reports_its_own_name(bench: KeypadBench, actions: Actions) -> None:
    for name in bench.keys:
        bench.press(name)
        assert actions.until("pressed", name)[-1] == ("pressed", name)
        bench.release(name)


def test_a_press_is_reported_once(bench: KeypadBench, actions: Actions) -> None:
    bench.press("5")
    first = actions.next()
    bench.release("5")
    bench.press("8")
    seen = [first, *actions.until("pressed", "8")]
    assert [item for item in seen if item[0] == "pressed"] == [("pressed", "5"), ("pressed", "8")]


def test_a_second_key_is_reported_while_the_first_is_still_down(bench: KeypadBench, actions: Actions) -> None:
    bench.press("1")
    actions.until("pressed", "1")
    bench.press("9")
    actions.until("pressed", "9")
    bench.release("1")
    bench.press("3")
    assert actions.until("pressed", "3")[-1] == ("pressed", "3")


def test_a_key_that_stays_down_repeats_and_stops_when_it_comes_up(bench: KeypadBench, actions: Actions) -> None:
    bench.press("volume_up")
    assert actions.next() == ("pressed", "volume_up")
    for _ in range(3):
        actions.until("repeated", "volume_up")
    bench.release("volume_up")
    bench.press("2")
    actions.until("pressed", "2")
    assert ("repeated", "volume_up") not in actions.until("repeated", "2")


def test_a_key_that_stays_down_is_held_once(bench: KeypadBench, actions: Actions) -> None:
    bench.press("0")
    until_held = actions.until("held", "0")
    afterwards = [actions.next() for _ in range(3)]
    assert until_held[0] == ("pressed", "0")
    assert set(afterwards) == {("repeated", "0")}


def test_a_key_that_comes_up_early_is_not_held(bench: KeypadBench, actions: Actions) -> None:
    bench.press("4")
    actions.until("pressed", "4")
    bench.release("4")
    bench.press("6")
    assert ("held", "4") not in actions.until("held", "6")


def test_nothing_is_reported_after_stop(bench: KeypadBench, actions: Actions) -> None:
    bench.press("7")
    actions.until("repeated", "7")
    bench.keypad.stop()
    actions.left()
    bench.release("7")
    bench.press("8")
    bench.release("8")
    assert actions.left() == []


def test_a_keypad_that_was_stopped_starts_again(bench: KeypadBench, actions: Actions) -> None:
    bench.keypad.stop()
    bench.keypad.start()
    bench.press("#")
    assert actions.next() == ("pressed", "#")


def test_a_handler_that_throws_does_not_stop_the_keypad(bench: KeypadBench, actions: Actions) -> None:
    report = bench.keypad.when_pressed
    assert report is not None

    def throw_once(name: str) -> None:
        bench.keypad.when_pressed = report
        raise RuntimeError("This handler is broken.")

    bench.keypad.when_pressed = throw_once
    bench.press("1")
    actions.until("repeated", "1")
    bench.release("1")
    bench.press("2")
    assert actions.until("pressed", "2")[-1] == ("pressed", "2")
