"""OLED panels of black and white: 128 by 64 and 128 by 128 pixels."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from luma.oled.device import sh1106, sh1107, ssd1306, ssd1309, ssd1327

from drivers.luma_display import LumaDisplay, Rotation
from drivers.panel_bus import Connection

# An SSD1327 has sixteen greys, of which a frame of packed bits needs two.
_CONTROLLERS: Mapping[str, tuple[Callable[..., Any], tuple[int, int]]] = {
    "ssd1306": (ssd1306, (128, 64)),
    "sh1106": (sh1106, (128, 64)),
    "ssd1309": (ssd1309, (128, 64)),
    "sh1107": (sh1107, (128, 128)),
    "ssd1327": (partial(ssd1327, mode="1"), (128, 128)),
}
_HIGHEST_CONTRAST = 255


class OledDisplay(LumaDisplay):
    """A panel that glows; a frame is packed rows of one bit a pixel.

    At 400 kHz on I2C a frame of 128 by 64 pixels takes 23 ms, one of 128 by 128 takes 46 ms (SH1107) or, where all of
    it differs, 190 ms (SSD1327).
    """

    def __init__(self, connection: Connection, *, controller: str, rotate: Rotation = 0) -> None:
        """Remember what start() needs.

        Args:
            connection: how the panel is reached.
            controller: the chip on the panel, which has the panel's size.
            rotate: degrees clockwise by which the picture is turned; 0 and 180 only, where it is not square.
        """
        panel, size_px = _CONTROLLERS[controller]
        super().__init__(connection, panel, size_px=size_px, mode="1", rotate=rotate)

    def _dim(self, percent: int) -> None:
        if percent:
            self._panel.contrast(_HIGHEST_CONTRAST * percent // 100)
            self._panel.show()
        else:
            self._panel.hide()
