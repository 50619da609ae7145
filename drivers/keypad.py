"""The key matrix on the GPIO header."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from gpiozero import InputDevice
from gpiozero.pins import Factory

from drivers.errors import DeviceError
from drivers.key_tracker import Contact, KeyAction, KeyTimes, KeyTracker
from drivers.pins import gpio_errors, open_pins

logger = logging.getLogger(__name__)

# A column rises through the Pi's pull-up of 50 to 65 kOhm (BCM2835 data sheet); half a metre of ribbon cable is some
# 50 pF, so that five time constants are below 20 us.
_SETTLE_S = 20e-6
_FAULT_PAUSE_S = 1.0


class MatrixKeypad:
    """Keys between row pins and column pins, without diodes or with them (cathode towards the row).

    A row is either driven low or let go, never driven high, so that two keys of one column cannot short two pins. While
    no key is down every row is low and the driver's thread sleeps until a column falls; while one is down it scans.

    Callbacks arrive on the driver's own thread with the name of the key; what they raise is logged.

    Attributes:
        when_pressed: the key went down.
        when_repeated: it is still down, again and again.
        when_held: it has been down for the long-press time, once a press.
        when_released: it came up; stop() releases nothing.
    """

    def __init__(
        self,
        *,
        rows: Sequence[int],
        columns: Sequence[int],
        keys: Sequence[Sequence[str]],
        debounce_ms: int,
        repeat_after_ms: int,
        repeat_every_ms: int,
        long_press_ms: int,
        pin_factory: Factory | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            rows: BCM pin numbers, top to bottom.
            columns: BCM pin numbers, left to right.
            keys: names, one line a row.
            debounce_ms: a contact must stay as it is for so long before it counts.
            repeat_after_ms: from the press to the first repeat.
            repeat_every_ms: from one repeat to the next.
            long_press_ms: from the press to being held.
            pin_factory: gpiozero's pins; the Pi's own where left out.
        """
        self.when_pressed: Callable[[str], None] | None = None
        self.when_repeated: Callable[[str], None] | None = None
        self.when_held: Callable[[str], None] | None = None
        self.when_released: Callable[[str], None] | None = None
        self._row_pins = tuple(rows)
        self._column_pins = tuple(columns)
        self._keys = tuple(tuple(line) for line in keys)
        self._times = KeyTimes(
            debounce_s=debounce_ms / 1000,
            repeat_after_s=repeat_after_ms / 1000,
            repeat_every_s=repeat_every_ms / 1000,
            long_press_s=long_press_ms / 1000,
        )
        self._pin_factory = pin_factory
        self._rows: list[InputDevice] = []
        self._columns: list[InputDevice] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Claim the pins and wait for keys; a key that is down already counts as pressed now.

        Raises:
            DeviceError: there is no GPIO header, or a pin cannot be had.
        """
        factory = self._pin_factory or open_pins()
        try:
            with gpio_errors(self._description):
                for pin in self._row_pins:
                    self._rows.append(InputDevice(pin, pull_up=True, pin_factory=factory))
                for pin in self._column_pins:
                    self._columns.append(InputDevice(pin, pull_up=True, pin_factory=factory))
                for column in self._columns:
                    column.pin.edges = "falling"
                    column.pin.when_changed = self._column_fell
                self._listen()
        except DeviceError:
            self._close_pins()
            raise
        self._stopping.clear()
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="keypad", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following keys and give the pins back; no callback comes after it returns."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self._close_pins()

    @property
    def _description(self) -> str:
        pins = ", ".join(str(pin) for pin in (*self._row_pins, *self._column_pins))
        return f"the keypad on GPIO pins {pins}"

    def _close_pins(self) -> None:
        for device in (*self._rows, *self._columns):
            device.close()
        self._rows.clear()
        self._columns.clear()

    def _column_fell(self, _ticks: object, _state: object) -> None:
        self._wake.set()

    def _run(self) -> None:
        is_broken = False
        while not self._stopping.is_set():
            try:
                with gpio_errors(self._description):
                    self._follow_keys()
                is_broken = False
                # stop() says so before it wakes this thread; whoever cleared the waking has seen that it was said.
                if not self._stopping.is_set():
                    self._wake.wait()
            except DeviceError:
                if not is_broken:
                    logger.exception("The keypad failed; it is tried again every second.")
                is_broken = True
                self._stopping.wait(_FAULT_PAUSE_S)

    def _follow_keys(self) -> None:
        """Scan for as long as a key is down or about to be."""
        tracker = KeyTracker(self._times)
        while not self._stopping.is_set():
            # Cleared before the scan: a key that closes after its row was read leaves the event set.
            self._wake.clear()
            closed = self._scan()
            for action, contact in tracker.update(closed, time.monotonic()):
                self._report(action, contact)
            if tracker.is_idle and not any(column.is_active for column in self._columns):
                return
            # Four looks at a contact while it settles; while keys are merely down, one a debounce time will do.
            self._stopping.wait(self._times.debounce_s / (4 if tracker.is_settling else 1))

    def _scan(self) -> set[Contact]:
        """Return the closed contacts and leave every row listening."""
        for row in self._rows:
            _let_go(row)
        closed: set[Contact] = set()
        for row_index, row in enumerate(self._rows):
            _drive_low(row)
            time.sleep(_SETTLE_S)
            closed.update(
                (row_index, column_index) for column_index, column in enumerate(self._columns) if column.is_active
            )
            _let_go(row)
        self._listen()
        return closed

    def _listen(self) -> None:
        for row in self._rows:
            _drive_low(row)

    def _report(self, action: KeyAction, contact: Contact) -> None:
        row, column = contact
        callback = {
            KeyAction.PRESSED: self.when_pressed,
            KeyAction.REPEATED: self.when_repeated,
            KeyAction.HELD: self.when_held,
            KeyAction.RELEASED: self.when_released,
        }[action]
        if callback is None or self._stopping.is_set():
            return
        try:
            callback(self._keys[row][column])
        except Exception:
            # Which key it was stays out of the log: a row of them is a number that somebody dialled.
            logger.exception("A handler of the keypad failed; the keypad goes on without it.")


def _drive_low(row: InputDevice) -> None:
    row.pin.output_with_state(0)


def _let_go(row: InputDevice) -> None:
    # Pulled up each time: after power-on the pins from GPIO 9 on are pulled down (BCM2835 ARM peripherals, 6.2), and
    # that against a column's pull-up would read as half a key.
    row.pin.input_with_pull("up")
