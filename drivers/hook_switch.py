"""The cradle's switch on the GPIO header."""

import logging
import threading
from collections.abc import Callable
from typing import Literal

from gpiozero import InputDevice
from gpiozero.pins import Factory

from drivers.errors import DeviceError
from drivers.pins import gpio_errors, open_pins

logger = logging.getLogger(__name__)

_FAULT_PAUSE_S = 1.0


class GpioHookSwitch:
    """A switch between a pin and ground.

    Its state counts when the contact has been quiet for the debounce time: a tap that is over sooner is nothing,
    however often the contact bounced, and where it comes to rest is always reported. Lifted and replaced take turns.

    Callbacks arrive on the driver's own thread, which sleeps until the contact moves; what they raise is logged.

    Attributes:
        when_lifted: the handset left the cradle.
        when_replaced: the handset came back.
    """

    def __init__(
        self,
        pin: int,
        *,
        closed_means: Literal["on_hook", "off_hook"],
        debounce_ms: int,
        pin_factory: Factory | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            pin: BCM pin number.
            closed_means: what a closed contact (pin low) says.
            debounce_ms: the contact must be quiet for so long before its state counts.
            pin_factory: gpiozero's pins; the Pi's own where left out.
        """
        self.when_lifted: Callable[[], None] | None = None
        self.when_replaced: Callable[[], None] | None = None
        self._pin = pin
        self._closed_means_off_hook = closed_means == "off_hook"
        self._debounce_s = debounce_ms / 1000
        self._pin_factory = pin_factory
        self._switch: InputDevice | None = None
        self._is_off_hook = False
        self._moved = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_off_hook(self) -> bool:
        """The debounced state; on-hook before start()."""
        return self._is_off_hook

    def start(self) -> None:
        """Claim the pin; `is_off_hook` holds from here on, and only changes from it are called back.

        Raises:
            DeviceError: there is no GPIO header, or the pin cannot be had.
        """
        factory = self._pin_factory or open_pins()
        with gpio_errors(self._description):
            switch = InputDevice(self._pin, pull_up=True, pin_factory=factory)
            try:
                switch.pin.edges = "both"
                switch.pin.when_changed = self._contact_moved
                self._is_off_hook = self._read(switch)
            except BaseException:
                switch.close()
                raise
        self._switch = switch
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(switch,), name="hook switch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following the switch and give the pin back; no callback comes after it returns."""
        self._stopping.set()
        self._moved.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        if self._switch is not None:
            self._switch.close()
            self._switch = None

    @property
    def _description(self) -> str:
        return f"the hook switch on GPIO pin {self._pin}"

    def _contact_moved(self, _ticks: object, _state: object) -> None:
        self._moved.set()

    def _read(self, switch: InputDevice) -> bool:
        return bool(switch.is_active) == self._closed_means_off_hook

    def _run(self, switch: InputDevice) -> None:
        is_broken = False
        while not self._stopping.is_set():
            try:
                with gpio_errors(self._description):
                    self._follow(switch)
                is_broken = False
                # stop() says so before it wakes this thread; whoever cleared the waking has seen that it was said.
                if not self._stopping.is_set():
                    self._moved.wait()
            except DeviceError:
                if not is_broken:
                    logger.exception("The hook switch failed; it is read again every second.")
                is_broken = True
                self._stopping.wait(_FAULT_PAUSE_S)

    def _follow(self, switch: InputDevice) -> None:
        """Wait until the contact is quiet and report where it came to rest."""
        while True:
            self._moved.clear()
            if self._stopping.is_set():
                return
            if self._moved.wait(self._debounce_s):
                continue
            is_off_hook = self._read(switch)
            # Moved between the end of the quiet and the reading: what was read may be half of a tap.
            if not self._moved.is_set():
                break
        if is_off_hook != self._is_off_hook:
            self._is_off_hook = is_off_hook
            self._report(self.when_lifted if is_off_hook else self.when_replaced)

    def _report(self, callback: Callable[[], None] | None) -> None:
        if callback is None:
            return
        try:
            callback()
        except Exception:
            logger.exception("A handler of the hook switch failed; the hook switch goes on without it.")
