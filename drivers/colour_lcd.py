"""Colour LCDs of 320 by 240 pixels on SPI, with a backlight that is dimmed by a pin."""

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gpiozero import PWMLED
from gpiozero.pins import Factory
from luma.core.framebuffer import diff_to_previous
from luma.lcd.device import ili9341, st7789
from PIL import Image

from drivers.luma_display import LumaDisplay
from drivers.panel_bus import Connection
from drivers.pins import gpio_errors, open_pins

WIDTH_PX = 320
HEIGHT_PX = 240
# The controllers need 5 ms after they were woken, and 120 ms before they may sleep again (ST7789V data sheet 9.1.12,
# ILI9341 8.2.12); luma waits while it sets a panel up, which is not when that is sent.
_PAUSES_S = {0x11: 0.12}
# Above what the eye sees flicker, and slow enough for pulses that software makes.
_BACKLIGHT_HZ = 200


class ColourLcd(LumaDisplay):
    """A panel that is lit from behind; a frame is rows of red, green and blue bytes.

    Only the parts that differ are sent: all of a frame takes 46 ms at 40 MHz, one line of text some 4 ms.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        controller: str,
        backlight_pin: int,
        upside_down: bool = False,
        pin_factory: Factory | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            connection: how the panel is reached.
            controller: the chip on the panel.
            backlight_pin: BCM pin that lights the panel while it is high.
            upside_down: how the panel is mounted.
            pin_factory: gpiozero's pins; the Pi's own where left out.
        """
        super().__init__(
            connection,
            _CONTROLLERS[controller],
            size_px=(WIDTH_PX, HEIGHT_PX),
            mode="RGB",
            rotate=180 if upside_down else 0,
            pauses_s=_PAUSES_S,
        )
        self._backlight_pin = backlight_pin
        self._pin_factory = pin_factory
        self._backlight: PWMLED | None = None

    def stop(self) -> None:
        """Clear the panel, switch it and its light off, and leave the bus and the pins."""
        super().stop()
        if self._backlight is not None:
            backlight, self._backlight = self._backlight, None
            with contextlib.suppress(OSError), self._backlight_errors():
                backlight.off()
                backlight.close()

    def _dim(self, percent: int) -> None:
        with self._backlight_errors():
            if self._backlight is None:
                factory = self._pin_factory or open_pins()
                self._backlight = PWMLED(self._backlight_pin, frequency=_BACKLIGHT_HZ, pin_factory=factory)
            self._backlight.value = percent / 100
        if percent:
            self._panel.show()
        else:
            self._panel.hide()

    def _backlight_errors(self) -> contextlib.AbstractContextManager[None]:
        return gpio_errors(f"the display's backlight on GPIO pin {self._backlight_pin}")


class _DiffingSt7789(st7789):  # type: ignore[misc]
    """luma's ST7789, which would send all of each frame, sending the parts that differ as its ILI9341 does."""

    def __init__(self, *arguments: Any, framebuffer: diff_to_previous, **options: Any) -> None:
        self._framebuffer = framebuffer
        super().__init__(*arguments, **options)

    def display(self, image: Image.Image) -> None:
        for part, (left, top, right, bottom) in self._framebuffer.redraw(self.preprocess(image)):
            self.set_window(left, top, right, bottom)
            self.data(part.tobytes())


def _leave_the_light(_is_on: bool) -> None:
    """Stand in for luma's own backlight, which knows on and off and needs RPi.GPIO."""


_CONTROLLERS: Mapping[str, Callable[..., Any]] = {
    "st7789": partial(_DiffingSt7789, backlight=_leave_the_light),
    "ili9341": partial(ili9341, backlight=_leave_the_light),
}
