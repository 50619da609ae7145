"""A colour LCD on SPI: takes the bytes that a real one takes and says which colour each pixel has."""

import os
from collections.abc import Sequence
from typing import Literal

from gpiozero.pins.mock import MockFactory

WIDTH_PX = 320
HEIGHT_PX = 240
# Six bits of each colour are shown (pixel format 0x06 and 0x46).
_SHOWN_BITS = 0xFC
_SHOWN = bytes(byte & _SHOWN_BITS for byte in range(256))
# How these modules are held upright: rows and columns exchanged, and which side is first (memory access control, 0x36).
_UPRIGHT = {"st7789": 0x70, "ili9341": 0x28}


def shown(frame: bytes) -> bytes:
    """Return what is seen of a frame."""
    return frame.translate(_SHOWN)


class ColourPanel:
    """The panel and spidev in one.

    Attributes:
        data_bytes: how many bytes of picture have come.
        is_gone: the port fails.
        resets: how often the panel was reset.
    """

    DC_PIN = 25
    RESET_PIN = 23
    BACKLIGHT_PIN = 18

    def __init__(self, controller: Literal["st7789", "ili9341"], pins: MockFactory) -> None:
        self._upright = _UPRIGHT[controller]
        self._pins = pins
        self.data_bytes = 0
        self.is_gone = False
        self.max_speed_hz = 0
        self.power_up()

    def power_up(self) -> None:
        """As after the plug went in: asleep, switched off, and noise in the RAM."""
        self._ram = bytearray(os.urandom(WIDTH_PX * HEIGHT_PX * 3))
        self._is_awake = self._is_on = False
        self._access = 0
        self._columns = (0, 0)
        self._rows = (0, 0)
        self._command = 0
        self._parameters: list[int] = []
        self._at = 0

    def frame(self) -> bytes:
        """Return what is seen where the panel is lit, as rows of red, green and blue."""
        if not (self._is_awake and self._is_on and self._access == self._upright):
            return bytes(len(self._ram))
        return bytes(self._ram)

    @property
    def light(self) -> float:
        """How bright the backlight is."""
        return float(self._pins.pin(self.BACKLIGHT_PIN).state)

    # --- spidev -------------------------------------------------------------------------------------------------------

    def open(self, _port: int, _device: int) -> None:
        if self.is_gone:
            raise FileNotFoundError(2, "No such file or directory")

    def close(self) -> None:
        pass

    def writebytes(self, block: Sequence[int]) -> None:
        if self.is_gone:
            raise OSError(5, "Input/output error")
        if self._pins.pin(self.RESET_PIN).state == 0:
            return
        if self._pins.pin(self.DC_PIN).state == 0:
            for command in block:
                self._begin(command)
        elif self._command == 0x2C:
            self._write(bytes(block))
        else:
            for parameter in block:
                self._take(parameter)

    def _begin(self, command: int) -> None:
        self._command = command
        self._parameters = []
        if command == 0x11:
            self._is_awake = True
        elif command in {0x28, 0x29}:
            self._is_on = command == 0x29
        elif command == 0x2C:
            self._at = 0

    def _take(self, parameter: int) -> None:
        self._parameters.append(parameter)
        if self._command == 0x36:
            self._access = parameter
        elif self._command in {0x2A, 0x2B} and len(self._parameters) == 4:
            first, last = (self._parameters[i] << 8 | self._parameters[i + 1] for i in (0, 2))
            if self._command == 0x2A:
                self._columns = (first, last)
            else:
                self._rows = (first, last)

    def _write(self, block: bytes) -> None:
        self.data_bytes += len(block)
        row_bytes = (self._columns[1] - self._columns[0] + 1) * 3
        seen = shown(block)
        while seen:
            row, offset = divmod(self._at, row_bytes)
            place = ((self._rows[0] + row) * WIDTH_PX + self._columns[0]) * 3 + offset
            piece, seen = seen[: row_bytes - offset], seen[row_bytes - offset :]
            self._ram[place : place + len(piece)] = piece
            self._at += len(piece)
