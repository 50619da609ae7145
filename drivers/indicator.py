"""The status LED on the GPIO header."""

from gpiozero import LED
from gpiozero.pins import Factory

from drivers.errors import DeviceError
from drivers.pins import gpio_errors, open_pins

# Seconds on and off.
_BLINK_S = {"slow_blink": (0.5, 0.5), "fast_blink": (0.125, 0.125), "pulse": (0.1, 0.5)}
_PATTERNS = frozenset({"off", "on", *_BLINK_S})


class StatusIndicator:
    """An LED from a pin through a resistor to ground.

    A thread (gpiozero's) runs only while it blinks. start(), show() and stop() are called from one thread.
    """

    def __init__(self, pin: int, *, pin_factory: Factory | None = None) -> None:
        """Remember what start() needs.

        Args:
            pin: BCM pin number.
            pin_factory: gpiozero's pins; the Pi's own where left out.
        """
        self._pin = pin
        self._pin_factory = pin_factory
        self._led: LED | None = None
        self._pattern = "off"

    def start(self) -> None:
        """Claim the pin; the LED is dark.

        Raises:
            DeviceError: there is no GPIO header, or the pin cannot be had.
        """
        factory = self._pin_factory or open_pins()
        with gpio_errors(self._description):
            self._led = LED(self._pin, pin_factory=factory)
        self._pattern = "off"

    def stop(self) -> None:
        """Darken the LED and give the pin back."""
        if self._led is not None:
            led, self._led = self._led, None
            led.off()
            led.close()

    def show(self, pattern: str) -> None:
        """Show a pattern until the next: off, on, slow_blink, fast_blink or pulse.

        Raises:
            DeviceError: the LED was not started, or its pin failed.
            ValueError: there is no such pattern.
        """
        if pattern not in _PATTERNS:
            raise ValueError(f"The status LED knows no pattern {pattern!r}; choose from {sorted(_PATTERNS)}.")
        if self._led is None:
            raise DeviceError(f"Cannot use {self._description}: it was not started. Start it before showing a pattern.")
        if pattern == self._pattern:
            return
        with gpio_errors(self._description):
            if pattern in _BLINK_S:
                on_s, off_s = _BLINK_S[pattern]
                self._led.blink(on_time=on_s, off_time=off_s)
            else:
                self._led.value = pattern == "on"
        self._pattern = pattern

    @property
    def _description(self) -> str:
        return f"the status LED on GPIO pin {self._pin}"
