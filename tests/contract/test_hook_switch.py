"""What every hook switch does, on a simulated wire and on the real one."""

import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest

from drivers.errors import DeviceError
from drivers.hook_switch import GpioHookSwitch
from drivers.pins import open_pins
from firmware.ports import devices as ports
from provisioning.controls import HookSwitch, Keypad
from tests.fakes.gpio import GROUND, Circuit
from tests.hardware.person import Person
from tests.hardware.rig import GROUND as RIG_GROUND
from tests.hardware.rig import Rig
from tests.lab.simulated_phone import SimulatedPhone

_QUIET_S = 0.5


class HookSwitchBench(Protocol):
    """A hook switch that is not started yet, with the handset on it.

    Attributes:
        patience_s: how long a movement may take to be reported.
        taps: how often somebody can be asked to lift and replace quickly.
    """

    patience_s: float
    taps: int

    @property
    def hook_switch(self) -> ports.HookSwitch: ...
    def lift(self) -> None: ...
    def replace(self) -> None: ...


class WiredHookSwitchBench:
    """The GPIO driver on a simulated wire, which the handset's weight closes."""

    patience_s = 10.0
    taps = 200

    def __init__(self) -> None:
        self._pin = HookSwitch().pin
        self._circuit = Circuit()
        self.hook_switch = GpioHookSwitch(self._pin, closed_means="on_hook", debounce_ms=5, pin_factory=self._circuit)
        self.replace()

    def lift(self) -> None:
        self._circuit.part(self._pin, GROUND)

    def replace(self) -> None:
        self._circuit.join(self._pin, GROUND)


class RigHookSwitchBench:
    """The GPIO driver on an emulated machine's line."""

    patience_s = 60.0
    taps = 50
    _PIN = 4

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.hook_switch = GpioHookSwitch(self._PIN, closed_means="on_hook", debounce_ms=HookSwitch().debounce_ms)
        self.replace()

    def lift(self) -> None:
        self._rig.part(self._PIN, RIG_GROUND)

    def replace(self) -> None:
        self._rig.join(self._PIN, RIG_GROUND)


class PersonHookSwitchBench:
    """The GPIO driver on a Pi, with a person's hand."""

    patience_s = 30.0
    taps = 3

    def __init__(self) -> None:
        settings = HookSwitch()
        self._person = Person.needed_for("the hook switch")
        self.hook_switch = GpioHookSwitch(
            settings.pin, closed_means=settings.closed_means, debounce_ms=settings.debounce_ms
        )
        while not self._person.confirms("Put the handset on the hook. Is it there?"):
            pass

    def lift(self) -> None:
        self._person.confirms("Lift the handset. Done?")

    def replace(self) -> None:
        self._person.confirms("Put the handset back. Done?")


@contextmanager
def wired_hook_switch() -> Iterator[HookSwitchBench]:
    yield WiredHookSwitchBench()


@contextmanager
def page_hook_switch() -> Iterator[HookSwitchBench]:
    phone = SimulatedPhone(Keypad().keys, repeat_after_ms=60, repeat_every_ms=20, long_press_ms=150)
    phone.start()
    yield phone
    phone.stop()


@contextmanager
def real_hook_switch() -> Iterator[HookSwitchBench]:
    try:
        open_pins()
    except DeviceError as error:
        pytest.skip(f"needs a hook switch on the GPIO header: {error}")
    if not Rig.is_here():
        yield PersonHookSwitchBench()
        return
    rig = Rig()
    yield RigHookSwitchBench(rig)
    rig.close()


BENCHES = [
    pytest.param(wired_hook_switch, id="wired"),
    pytest.param(page_hook_switch, id="page"),
    pytest.param(real_hook_switch, id="real", marks=pytest.mark.hardware),
]


class Movements:
    """What a hook switch has reported, in order."""

    def __init__(self, bench: HookSwitchBench) -> None:
        self._patience_s = bench.patience_s
        self._reported: queue.Queue[str] = queue.Queue()
        bench.hook_switch.when_lifted = lambda: self.note("lifted")
        bench.hook_switch.when_replaced = lambda: self.note("replaced")

    def note(self, movement: str) -> None:
        self._reported.put(movement)

    def next(self) -> str:
        return self._reported.get(timeout=self._patience_s)

    def until_quiet_after(self, last: str) -> list[str]:
        """Return all that came until `last` was followed by nothing for many debounce times."""
        seen = [self.next()]
        while True:
            try:
                seen.append(self._reported.get(timeout=_QUIET_S if seen[-1] == last else self._patience_s))
            except queue.Empty:
                assert seen[-1] == last
                return seen

    def left(self) -> list[str]:
        return [self._reported.get_nowait() for _ in range(self._reported.qsize())]


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[HookSwitchBench]:
    open_bench: Callable[[], AbstractContextManager[HookSwitchBench]] = request.param
    with open_bench() as opened:
        yield opened
        opened.hook_switch.stop()


@pytest.fixture
def movements(bench: HookSwitchBench) -> Movements:
    return Movements(bench)


def test_lifting_and_replacing_are_reported_in_turn(bench: HookSwitchBench, movements: Movements) -> None:
    bench.hook_switch.start()
    for _ in range(3):
        bench.lift()
        assert movements.next() == "lifted"
        assert bench.hook_switch.is_off_hook
        bench.replace()
        assert movements.next() == "replaced"
        assert not bench.hook_switch.is_off_hook


def test_a_handset_that_is_off_the_hook_at_start_is_known_without_being_reported(
    bench: HookSwitchBench, movements: Movements
) -> None:
    bench.lift()
    bench.hook_switch.start()
    assert bench.hook_switch.is_off_hook
    bench.replace()
    assert movements.next() == "replaced"


def test_rapid_taps_never_report_the_same_twice_and_end_in_the_truth(
    bench: HookSwitchBench, movements: Movements
) -> None:
    bench.hook_switch.start()
    for _ in range(bench.taps):
        bench.lift()
        bench.replace()
    bench.lift()
    # How many of the taps count depends on how quick they are; that they take turns does not, nor where they end.
    seen = movements.until_quiet_after("lifted")
    assert seen == [("lifted", "replaced")[index % 2] for index in range(len(seen))]
    assert bench.hook_switch.is_off_hook


def test_nothing_is_reported_after_stop(bench: HookSwitchBench, movements: Movements) -> None:
    bench.hook_switch.start()
    bench.hook_switch.stop()
    bench.lift()
    assert movements.left() == []


def test_a_hook_switch_that_was_stopped_starts_again(bench: HookSwitchBench, movements: Movements) -> None:
    bench.hook_switch.start()
    bench.hook_switch.stop()
    bench.hook_switch.start()
    bench.lift()
    assert movements.next() == "lifted"


def test_a_handler_that_throws_does_not_stop_the_hook_switch(bench: HookSwitchBench, movements: Movements) -> None:
    def throw() -> None:
        movements.note("thrown")
        raise RuntimeError("This handler is broken.")

    bench.hook_switch.when_lifted = throw
    bench.hook_switch.start()
    bench.lift()
    assert movements.next() == "thrown"
    bench.replace()
    assert movements.next() == "replaced"
