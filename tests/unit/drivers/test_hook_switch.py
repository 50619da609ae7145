"""The GPIO hook switch: what the contract cannot ask of every hook switch."""

import queue
import threading

import pytest
from gpiozero import InputDevice

from drivers.errors import DeviceError
from drivers.hook_switch import GpioHookSwitch
from tests.fakes.gpio import GROUND, Circuit
from tests.lab.patience import PATIENCE_S

PIN = 17


class WiredHookSwitch:
    """A started switch, its wire, and what it has reported."""

    def __init__(self, *, debounce_ms: int, closed: bool = True, closed_means: str = "on_hook") -> None:
        self.circuit = Circuit()
        if closed:
            self.close_contact()
        self.hook_switch = GpioHookSwitch(
            PIN,
            closed_means="on_hook" if closed_means == "on_hook" else "off_hook",
            debounce_ms=debounce_ms,
            pin_factory=self.circuit,
        )
        self.reported: queue.Queue[str] = queue.Queue()
        self.hook_switch.when_lifted = lambda: self.reported.put("lifted")
        self.hook_switch.when_replaced = lambda: self.reported.put("replaced")
        self.hook_switch.start()

    def close_contact(self) -> None:
        self.circuit.join(PIN, GROUND)

    def open_contact(self) -> None:
        self.circuit.part(PIN, GROUND)

    def hook_switch_reports(self) -> bool:
        return not self.reported.empty()

    def next(self) -> str:
        return self.reported.get(timeout=PATIENCE_S)


def test_a_tap_shorter_than_the_debounce_time_is_nothing() -> None:
    wired = WiredHookSwitch(debounce_ms=1000)
    wired.open_contact()
    assert not wired.circuit.wait_until(wired.hook_switch_reports, 0.05)
    wired.close_contact()
    wired.circuit.wait_until(wired.hook_switch_reports, 0.05)
    wired.open_contact()
    assert wired.next() == "lifted"
    wired.hook_switch.stop()
    assert wired.reported.empty()


def test_a_contact_that_bounces_is_lifted_once() -> None:
    wired = WiredHookSwitch(debounce_ms=400)
    for _ in range(100):
        wired.open_contact()
        wired.close_contact()
    wired.open_contact()
    assert wired.next() == "lifted"
    wired.hook_switch.stop()
    assert wired.reported.empty()


@pytest.mark.parametrize(
    ("closed_means", "closed", "is_off_hook"),
    [("on_hook", True, False), ("on_hook", False, True), ("off_hook", True, True), ("off_hook", False, False)],
)
def test_the_configuration_says_what_a_closed_contact_means(closed_means: str, closed: bool, is_off_hook: bool) -> None:
    wired = WiredHookSwitch(debounce_ms=5, closed=closed, closed_means=closed_means)
    assert wired.hook_switch.is_off_hook is is_off_hook
    if closed:
        wired.open_contact()
    else:
        wired.close_contact()
    assert wired.next() == ("replaced" if is_off_hook else "lifted")
    wired.hook_switch.stop()


def test_stopping_while_the_contact_moves_does_not_hang() -> None:
    for _ in range(50):
        wired = WiredHookSwitch(debounce_ms=1)
        wired.open_contact()
        wired.close_contact()
        wired.hook_switch.stop()
    assert "hook switch" not in {thread.name for thread in threading.enumerate()}


def test_a_handler_may_stop_the_hook_switch() -> None:
    wired = WiredHookSwitch(debounce_ms=1)
    stopped = threading.Event()

    def stop() -> None:
        wired.hook_switch.stop()
        stopped.set()

    wired.hook_switch.when_lifted = stop
    wired.open_contact()
    assert stopped.wait(PATIENCE_S)


def test_a_pin_that_another_device_has_is_named() -> None:
    circuit = Circuit()
    holder = InputDevice(PIN, pin_factory=circuit)
    hook_switch = GpioHookSwitch(PIN, closed_means="on_hook", debounce_ms=5, pin_factory=circuit)
    with pytest.raises(DeviceError, match=r"Cannot use the hook switch on GPIO pin 17: .* already in use by"):
        hook_switch.start()
    holder.close()
    hook_switch.start()
    hook_switch.stop()


def test_a_pin_that_fails_is_logged_once_and_the_switch_works_again_after(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.hook_switch._FAULT_PAUSE_S", 0.02)
    wired = WiredHookSwitch(debounce_ms=1)
    pin = wired.circuit.pin(PIN)
    failed = threading.Semaphore(0)

    def fail() -> bool:
        failed.release()
        raise OSError(5, "Input/output error")

    pin._get_state = fail
    wired.open_contact()
    for _ in range(2):
        assert failed.acquire(timeout=PATIENCE_S)
    del pin._get_state
    assert wired.next() == "lifted"
    wired.hook_switch.stop()
    assert caplog.text.count("The hook switch failed; it is read again every second.") == 1
