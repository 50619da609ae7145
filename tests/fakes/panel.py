"""An OLED panel on an I2C bus: takes the bytes that a real one takes and says which pixels glow."""

import errno
import os
from collections.abc import Sequence
from typing import Literal

WIDTH_PX = 128
HEIGHT_PX = 64
_RAM_COLUMNS = 132

# Commands with parameters: SSD1306 data sheet rev 1.1 table 9-1; SH1106 data sheet v2.3 for 0xAD.
_PARAMETERS = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xAD: 1,
    0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip
_SWITCHES = {
    0xA0: ("_is_remapped", False), 0xA1: ("_is_remapped", True),
    0xC0: ("_scans_down", False), 0xC8: ("_scans_down", True),
    0xAE: ("_is_on", False), 0xAF: ("_is_on", True),
}  # fmt: skip
_COMMANDS = 0x00
_DATA = 0x40


class FakePanel:
    """The bus and the panel in one, in the shape of an SMBus.

    Attributes:
        data_bytes: how many bytes of picture have come.
        fails_after: bytes that the bus still carries before it fails; None while it is sound.
        contrast: the controller's contrast register.
    """

    def __init__(self, controller: Literal["ssd1306", "sh1106"], address: int = 0x3C) -> None:
        self._address = address
        # An SH1106 has 132 columns, of which these panels show the middle ones.
        self._first_column = 2 if controller == "sh1106" else 0
        self._has_windows = controller == "ssd1306"
        self.data_bytes = 0
        self.fails_after: int | None = None
        self.power_up()

    def power_up(self) -> None:
        """As after the plug went in: switched off, and noise in the RAM."""
        self.fails_after = None
        self.contrast = 0x7F
        self._ram = [bytearray(os.urandom(_RAM_COLUMNS)) for _ in range(HEIGHT_PX // 8)]
        self._is_on = False
        # An SH1106 pumps by itself after reset (command 0xAD).
        self._is_pumping = not self._has_windows
        self._is_remapped = False
        self._scans_down = False
        self._horizontal = False
        self._columns = (0, WIDTH_PX - 1)
        self._pages = (0, HEIGHT_PX // 8 - 1)
        self._column = 0
        self._page = 0
        self._pending: list[int] = []

    def unplug(self) -> None:
        self.fails_after = 0

    @property
    def is_on(self) -> bool:
        return self._is_on and self._is_pumping

    def frame(self) -> bytes:
        """Return what glows as packed rows, as somebody sees it who reads the panel the right way up."""
        if not self.is_on:
            return bytes(WIDTH_PX // 8 * HEIGHT_PX)
        rows = [[self._glows(x, y) for x in range(WIDTH_PX)] for y in range(HEIGHT_PX)]
        # These modules are wired so that both remaps together make it upright.
        if not self._scans_down:
            rows.reverse()
        if not self._is_remapped:
            rows = [row[::-1] for row in rows]
        bits = "".join("1" if pixel else "0" for row in rows for pixel in row)
        return int(bits, 2).to_bytes(WIDTH_PX // 8 * HEIGHT_PX, "big")

    def write_i2c_block_data(self, address: int, kind: int, block: Sequence[int]) -> None:
        """Take one transfer; the first byte says what the others are (SSD1306 data sheet 8.1.5.2)."""
        if address != self._address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.fails_after is not None:
            self.fails_after -= len(block)
            if self.fails_after < 0:
                raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if kind == _DATA:
            for byte in block:
                self._write(byte)
        else:
            assert kind == _COMMANDS
            for byte in block:
                self._pending.append(byte)
                if len(self._pending) > _PARAMETERS.get(self._pending[0], 0):
                    self._obey(*self._pending)
                    self._pending.clear()

    def _glows(self, x: int, y: int) -> bool:
        return bool(self._ram[y // 8][x + self._first_column] >> y % 8 & 1)

    def _write(self, byte: int) -> None:
        self.data_bytes += 1
        self._ram[self._page][self._column] = byte
        self._column += 1
        if not self._horizontal:
            self._column %= _RAM_COLUMNS
        elif self._column > self._columns[1]:
            self._column = self._columns[0]
            self._page = self._page + 1 if self._page < self._pages[1] else self._pages[0]

    def _obey(self, command: int, *parameters: int) -> None:
        if command in _SWITCHES:
            setattr(self, *_SWITCHES[command])
        elif command == 0x81:
            self.contrast = parameters[0]
        elif command == 0x8D:
            self._is_pumping = bool(parameters[0] & 0x04)
        elif command in {0x20, 0x21, 0x22}:
            if self._has_windows:
                self._set_window(command, parameters)
        elif command <= 0x0F:
            self._column = self._column & 0xF0 | command
        elif command <= 0x1F:
            self._column = (command & 0x0F) << 4 | self._column & 0x0F
        elif 0xB0 <= command <= 0xB7:
            self._page = command & 0x07

    def _set_window(self, command: int, parameters: tuple[int, ...]) -> None:
        if command == 0x20:
            self._horizontal = parameters[0] == 0x00
        elif command == 0x21:
            self._columns = (parameters[0], parameters[1])
            self._column = parameters[0]
        else:
            self._pages = (parameters[0], parameters[1])
            self._page = parameters[0]
