"""A Pi's GPIO header with wires on it: gpiozero's mock pins, joined by contacts that open and close."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from gpiozero.pins.mock import MockFactory, MockPin

GROUND: Final = "ground"
Node = int | str


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
    """Tells what an LED on an output pin shows by watching it for a while."""

    def __init__(self, circuit: Circuit, bcm: int) -> None:
        self._circuit = circuit
        self._pin = circuit.pin(bcm)

    def pattern(self, slowest_half_period_s: float) -> str:
        """Return off, on, slow_blink, fast_blink or pulse; steady is what stays for longer than a slow half period."""
        before = self._pin.state
        if not self._circuit.wait_until(lambda: self._pin.state != before, slowest_half_period_s):
            return "on" if before else "off"
        long_s = slowest_half_period_s / 2.5
        are_long = {self._half_period_s(slowest_half_period_s) > long_s for _ in range(2)}
        return "pulse" if len(are_long) > 1 else "slow_blink" if are_long == {True} else "fast_blink"

    def _half_period_s(self, slowest_s: float) -> float:
        first_s = time.monotonic()
        turned = self._pin.state
        self._circuit.wait_until(lambda: self._pin.state != turned, slowest_s)
        return time.monotonic() - first_s
