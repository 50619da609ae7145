"""A Pi's GPIO header with wires on it: gpiozero's mock pins, joined by contacts that open and close."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from gpiozero.pins.mock import MockFactory, MockPin
from gpiozero.threads import GPIOThread

GROUND: Final = "ground"
Node = int | str
_HALVES: Final = 2
_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.001


class WiredPin(MockPin):  # type: ignore[misc] # gpiozero has no types
    """A pin whose level as an input follows from what it is joined to."""

    @property
    def bcm(self) -> int:
        return int(self.info.name.removeprefix("GPIO"))

    def _set_function(self, value: str) -> None:
        with self.factory.lock:
            super()._set_function(value)
            self.factory.settle()

    def _set_pull(self, value: str) -> None:
        with self.factory.lock:
            super()._set_pull(value)
            self.factory.settle()

    def _change_state(self, value: bool) -> bool:
        with self.factory.lock:
            changed = bool(super()._change_state(value))
            if changed:
                self.factory.changed.notify_all()
                if self._function == "output":
                    self.factory.settle()
            return changed


class Circuit(MockFactory):  # type: ignore[misc] # gpiozero has no types
    """Pins and the contacts between them. Low spreads through closed contacts; what it does not reach is pulled.

    Attributes:
        shorts: how often a pin that drives high was joined to one that drives low, which on a Pi destroys pins.
    """

    def __init__(self) -> None:
        super().__init__(pin_class=WiredPin)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.shorts = 0
        self._contacts: dict[tuple[Node, Node], bool] = {}

    def join(self, node: Node, other: Node, *, diode: bool = False) -> None:
        """Close a contact; with a diode, low passes from `node` to `other` only."""
        with self.lock:
            self._contacts[node, other] = diode
            self.settle()

    def part(self, node: Node, other: Node) -> None:
        """Open a contact."""
        with self.lock:
            del self._contacts[node, other]
            self.settle()

    def level(self, bcm: int) -> bool:
        return bool(self.pin(bcm).state)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something holds that depends on pins; False when the time is over."""
        with self.lock:
            return self.changed.wait_for(condition, timeout_s)

    def settle(self) -> None:
        low = self._low_nodes()
        for pin in tuple(self.pins.values()):
            if pin.function == "output":
                self.shorts += bool(pin.state and pin.bcm in low)
            elif pin.bcm in low or pin.pull == "down":
                pin.drive_low()
            elif pin.pull == "up":
                pin.drive_high()

    def _low_nodes(self) -> set[Node]:
        low: set[Node] = {GROUND}
        low.update(pin.bcm for pin in self.pins.values() if pin.function == "output" and not pin.state)
        waiting = deque(low)
        while waiting:
            node = waiting.popleft()
            for (one, other), diode in self._contacts.items():
                reached = other if node == one else one if node == other and not diode else None
                if reached is not None and reached not in low:
                    low.add(reached)
                    waiting.append(reached)
        return low


class BlinkMeter:
    """Tells what an LED on an output pin shows by how long gpiozero means to keep each level; no time passes."""

    def __init__(self, circuit: Circuit, bcm: int) -> None:
        self._pin = circuit.pin(bcm)
        self._blinking: GPIOThread | None = None
        self._kept = threading.Condition()
        self._halves: list[tuple[bool, float]] = []

    def make_thread(self, target: Callable[..., None], args: tuple[object, ...]) -> GPIOThread:
        """Stand in for gpiozero's threads that blink."""
        self._blinking = GPIOThread(target, args)
        self._blinking.stopping = _Pauses(self._note)
        return self._blinking

    def pattern(self, longest_short_s: float) -> str:
        """Return off, on, slow_blink, fast_blink or pulse."""
        if self._blinking is None or not self._blinking.is_alive():
            return "on" if self._pin.state else "off"
        with self._kept:
            self._halves.clear()
            assert self._kept.wait_for(lambda: len(self._halves) >= _HALVES, _PATIENCE_S), "It does not blink."
            (one, one_s), (other, other_s) = self._halves[:_HALVES]
        assert one is not other
        are_long = {one_s > longest_short_s, other_s > longest_short_s}
        return "pulse" if len(are_long) > 1 else "slow_blink" if are_long == {True} else "fast_blink"

    def _note(self, half_period_s: float) -> None:
        with self._kept:
            self._halves.append((bool(self._pin.state), half_period_s))
            self._kept.notify_all()


class _Pauses(threading.Event):
    """Ends each pause at once, and tells how long it was to be."""

    def __init__(self, told: Callable[[float], None]) -> None:
        super().__init__()
        self._told = told

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            self._told(timeout)
        return super().wait(_PAUSE_S)
