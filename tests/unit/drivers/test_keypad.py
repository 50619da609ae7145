"""The matrix driver on simulated wires: what the contract cannot ask of every keypad."""

import queue
import threading
import time
from collections.abc import Iterator
from itertools import product

import pytest
from gpiozero import InputDevice

from drivers.errors import DeviceError
from drivers.keypad import MatrixKeypad
from provisioning.controls import Keypad
from tests.fakes.gpio import GROUND, Circuit
from tests.lab.patience import PATIENCE_S

LAYOUT = Keypad()
CONTACTS: dict[str, tuple[int, int]] = {
    LAYOUT.keys[row][column]: (LAYOUT.rows[row], LAYOUT.columns[column])
    for row, column in product(range(len(LAYOUT.rows)), range(len(LAYOUT.columns)))
}


class WiredKeypad:
    """A started keypad, its wires, and what it has reported."""

    def __init__(self, *, debounce_ms: int = 4) -> None:
        self.circuit = Circuit()
        self.keypad = MatrixKeypad(
            rows=LAYOUT.rows,
            columns=LAYOUT.columns,
            keys=LAYOUT.keys,
            debounce_ms=debounce_ms,
            repeat_after_ms=2000,
            repeat_every_ms=1000,
            long_press_ms=3000,
            pin_factory=self.circuit,
        )
        self.reported: queue.Queue[tuple[str, str]] = queue.Queue()
        self.keypad.when_pressed = lambda name: self.reported.put(("pressed", name))
        self.keypad.when_released = lambda name: self.reported.put(("released", name))
        self.keypad.start()

    def press(self, *names: str, diode: bool = False) -> None:
        for name in names:
            self.circuit.join(*CONTACTS[name], diode=diode)

    def release(self, *names: str) -> None:
        for name in names:
            self.circuit.part(*CONTACTS[name])

    def next(self) -> tuple[str, str]:
        return self.reported.get(timeout=PATIENCE_S)

    def wait_until_asleep(self) -> None:
        """Wait until every row is low and stays so: the driver only listens."""
        rows = [self.circuit.pin(bcm) for bcm in LAYOUT.rows]
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            for row in rows:
                row.clear_states()
            if not self.circuit.wait_until(lambda: any(len(row.states) > 1 for row in rows), 0.1):
                assert not any(row.state for row in rows)
                return
        pytest.fail("The keypad goes on scanning though no key is down.")


def small_keypad(circuit: Circuit | None) -> MatrixKeypad:
    return MatrixKeypad(
        rows=(6,),
        columns=(13, 12),
        keys=(("1", "2"),),
        debounce_ms=4,
        repeat_after_ms=500,
        repeat_every_ms=100,
        long_press_ms=1000,
        pin_factory=circuit,
    )


@pytest.fixture
def wired() -> Iterator[WiredKeypad]:
    keypad = WiredKeypad()
    yield keypad
    keypad.keypad.stop()
    assert keypad.circuit.shorts == 0


def test_the_pins_are_still_while_no_key_is_down(wired: WiredKeypad) -> None:
    wired.wait_until_asleep()
    wired.press("5")
    assert wired.next() == ("pressed", "5")
    wired.release("5")
    assert wired.next() == ("released", "5")
    wired.wait_until_asleep()


def test_the_thread_uses_no_processor_time_while_no_key_is_down(wired: WiredKeypad) -> None:
    wired.wait_until_asleep()
    thread = next(thread for thread in threading.enumerate() if thread.name == "keypad")
    assert thread.ident is not None
    clock = time.pthread_getcpuclockid(thread.ident)
    before_s = time.clock_gettime(clock)
    wired.circuit.wait_until(lambda: False, 0.3)
    assert time.clock_gettime(clock) - before_s < 0.001


def test_a_contact_that_bounces_is_one_press(wired: WiredKeypad) -> None:
    for _ in range(20):
        wired.press("8")
        wired.release("8")
    wired.press("8")
    assert wired.next() == ("pressed", "8")
    wired.release("8")
    assert wired.next() == ("released", "8")


def test_a_spike_on_a_column_is_no_press() -> None:
    wired = WiredKeypad(debounce_ms=400)
    wired.press("8")
    wired.release("8")
    wired.press("9")
    assert wired.next() == ("pressed", "9")
    wired.keypad.stop()


def test_three_keys_of_a_rectangle_do_not_report_the_fourth(wired: WiredKeypad) -> None:
    wired.press("1", "2", "4")
    wired.press("9")
    # 9 shares no rectangle, so it is reported; and by then the corners have been read many times.
    seen = [wired.next()]
    while seen[-1] != ("pressed", "9"):
        seen.append(wired.next())
    wired.release("9", "4")
    while seen[-1] != ("released", "9"):
        seen.append(wired.next())
    assert ("pressed", "5") not in seen


def test_keys_of_a_rectangle_that_went_down_together_are_reported_once_it_dissolves() -> None:
    wired = WiredKeypad(debounce_ms=50)
    wired.wait_until_asleep()
    row = wired.circuit.pin(LAYOUT.rows[0])
    row.clear_states()
    with wired.circuit.lock:
        wired.press("1", "2", "4")
    # Looked at once a debounce time, in which a row changes some four times; not as often as the processor can.
    assert not wired.circuit.wait_until(lambda: len(row.states) > 100, 0.3)
    wired.release("4")
    assert sorted(wired.next() for _ in range(2)) == [("pressed", "1"), ("pressed", "2")]
    wired.keypad.stop()


def test_with_diodes_three_keys_of_a_rectangle_are_all_reported(wired: WiredKeypad) -> None:
    wired.press("1", "2", "4", diode=True)
    assert sorted(wired.next() for _ in range(3)) == [("pressed", "1"), ("pressed", "2"), ("pressed", "4")]


@pytest.mark.parametrize("pair", [("1", "4"), ("1", "2"), ("1", "5")])
def test_two_keys_at_once_are_both_reported_and_short_nothing(wired: WiredKeypad, pair: tuple[str, str]) -> None:
    wired.press(*pair)
    assert sorted(wired.next() for _ in pair) == [("pressed", name) for name in pair]


def test_a_key_that_is_down_at_start_is_reported() -> None:
    wired = WiredKeypad()
    wired.keypad.stop()
    wired.press("ok")
    wired.keypad.start()
    assert wired.next() == ("pressed", "ok")
    wired.keypad.stop()


def test_stopping_while_a_key_is_down_ends_the_thread_and_frees_the_pins() -> None:
    wired = WiredKeypad()
    wired.press("1")
    wired.next()
    wired.keypad.stop()
    assert "keypad" not in {thread.name for thread in threading.enumerate()}
    assert all(wired.circuit.pin(bcm).function == "input" for bcm in LAYOUT.rows)
    wired.keypad.start()
    assert wired.next() == ("pressed", "1")
    wired.keypad.stop()


def test_a_handler_may_stop_the_keypad() -> None:
    wired = WiredKeypad()
    stopped = threading.Event()

    def stop(name: str) -> None:
        wired.keypad.stop()
        stopped.set()

    wired.keypad.when_pressed = stop
    wired.press("cancel")
    assert stopped.wait(PATIENCE_S)


def test_stopping_right_after_a_key_does_not_hang() -> None:
    for _ in range(50):
        wired = WiredKeypad(debounce_ms=1)
        wired.press("1")
        wired.release("1")
        wired.keypad.stop()


def test_what_a_handler_raises_is_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    wired = WiredKeypad()
    called = threading.Event()

    def fail(name: str) -> None:
        called.set()
        raise RuntimeError("broken")

    wired.keypad.when_pressed = fail
    wired.press("volume_up")
    assert called.wait(PATIENCE_S)
    wired.keypad.stop()
    assert "A handler of the keypad failed" in caplog.text
    assert "volume_up" not in caplog.text


def test_a_pin_that_another_device_has_is_named_and_the_others_are_given_back() -> None:
    circuit = Circuit()
    holder = InputDevice(12, pin_factory=circuit)
    keypad = small_keypad(circuit)
    with pytest.raises(
        DeviceError, match=r"Cannot use the keypad on GPIO pins 6, 13, 12: pin GPIO12 is already in use"
    ):
        keypad.start()
    holder.close()
    keypad.start()
    keypad.stop()


def test_a_column_that_touches_ground_leaves_the_other_keys_usable(wired: WiredKeypad) -> None:
    wired.circuit.join(LAYOUT.columns[0], GROUND)
    first_column = {("pressed", line[0]) for line in LAYOUT.keys}
    assert {wired.next() for _ in first_column} == first_column
    wired.press("6")
    assert wired.next() == ("pressed", "6")


def test_a_pin_that_fails_is_logged_once_and_the_keys_work_again_after(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.keypad._FAULT_PAUSE_S", 0.02)
    wired = WiredKeypad()
    row = wired.circuit.pin(LAYOUT.rows[0])
    failed = threading.Semaphore(0)

    def fail(state: bool) -> None:
        failed.release()
        raise OSError(5, "Input/output error")

    row.output_with_state = fail
    wired.press("5")
    for _ in range(2):
        assert failed.acquire(timeout=PATIENCE_S)
    del row.output_with_state
    assert wired.next() == ("pressed", "5")
    wired.keypad.stop()
    assert caplog.text.count("The keypad failed; it is tried again every second.") == 1


def test_without_a_gpio_header_starting_fails_and_stopping_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DeviceError("This computer has no GPIO header.")

    monkeypatch.setattr("drivers.keypad.open_pins", missing)
    keypad = small_keypad(None)
    with pytest.raises(DeviceError, match="has no GPIO header"):
        keypad.start()
    keypad.stop()
