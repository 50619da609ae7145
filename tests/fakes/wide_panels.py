"""OLED panels of 128 by 128 pixels on I2C: they take the bytes that real ones take and say which pixels glow."""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

SIZE_PX = 128
_COMMANDS = 0x00
_DATA = 0x40


class WidePanel(ABC):
    """The bus and the panel in one, in the shape of an SMBus.

    Attributes:
        data_bytes: how many bytes of picture have come.
        fails_after: bytes that the bus still carries before it fails; None while it is sound.
        contrast: the controller's contrast register.
    """

    _parameters: ClassVar[Mapping[int, int]]

    def __init__(self, address: int = 0x3C) -> None:
        self._address = address
        self.data_bytes = 0
        self.power_up()

    def power_up(self) -> None:
        """As after the plug went in: switched off, and noise in the RAM."""
        self.fails_after: int | None = None
        self.contrast = 0x7F
        self.is_on = False
        self._pending: list[int] = []
        self._reset()

    def unplug(self) -> None:
        self.fails_after = 0

    def frame(self) -> bytes:
        """Return what glows as packed rows."""
        bits = "".join("1" if self.is_on and self._glows(x, y) else "0" for y in range(SIZE_PX) for x in range(SIZE_PX))
        return int(bits, 2).to_bytes(SIZE_PX * SIZE_PX // 8, "big")

    def write_i2c_block_data(self, address: int, kind: int, block: Sequence[int]) -> None:
        """Take one transfer; the first byte says what the others are."""
        if address != self._address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.fails_after is not None:
            self.fails_after -= len(block)
            if self.fails_after < 0:
                raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if kind == _DATA:
            for byte in block:
                self.data_bytes += 1
                self._write(byte)
            return
        assert kind == _COMMANDS
        for byte in block:
            self._pending.append(byte)
            if len(self._pending) > self._parameters.get(self._pending[0], 0):
                command, *parameters = self._pending
                self._pending.clear()
                self._obey_common(command, parameters)

    def _obey_common(self, command: int, parameters: list[int]) -> None:
        if command in {0xAE, 0xAF}:
            self.is_on = command == 0xAF
        elif command == 0x81:
            self.contrast = parameters[0]
        else:
            self._obey(command, parameters)

    @abstractmethod
    def _reset(self) -> None: ...
    @abstractmethod
    def _obey(self, command: int, parameters: list[int]) -> None: ...
    @abstractmethod
    def _write(self, byte: int) -> None: ...
    @abstractmethod
    def _glows(self, x: int, y: int) -> bool: ...


class Sh1107Panel(WidePanel):
    """Sixteen pages of eight rows (SH1107 data sheet v2.1): a byte is eight pixels, one below the other."""

    _parameters: ClassVar[Mapping[int, int]] = {
        0x81: 1,
        0xA8: 1,
        0xAD: 1,
        0xD3: 1,
        0xD5: 1,
        0xD9: 1,
        0xDA: 1,
        0xDB: 1,
        0xDC: 1,
    }

    def _reset(self) -> None:
        self._ram = [bytearray(os.urandom(SIZE_PX)) for _ in range(SIZE_PX // 8)]
        self._page = self._column = 0

    def _obey(self, command: int, parameters: list[int]) -> None:
        if command <= 0x0F:
            self._column = self._column & 0x70 | command
        elif 0x10 <= command <= 0x17:
            self._column = (command & 0x07) << 4 | self._column & 0x0F
        elif 0xB0 <= command <= 0xBF:
            self._page = command & 0x0F

    def _write(self, byte: int) -> None:
        self._ram[self._page][self._column] = byte
        self._column = (self._column + 1) % SIZE_PX

    def _glows(self, x: int, y: int) -> bool:
        return bool(self._ram[y // 8][x] >> y % 8 & 1)


class Ssd1327Panel(WidePanel):
    """Four bits of grey a pixel, two pixels a byte, into a window (SSD1327 data sheet rev 1.2 table 8-1)."""

    _parameters: ClassVar[Mapping[int, int]] = {
        0x15: 2, 0x75: 2, 0x81: 1, 0xA0: 1, 0xA1: 1, 0xA2: 1, 0xA8: 1, 0xAB: 1, 0xB1: 1, 0xB3: 1, 0xB6: 1, 0xB8: 15,
        0xBC: 1, 0xBE: 1, 0xD5: 1,
    }  # fmt: skip

    def _reset(self) -> None:
        self._ram = [bytearray(os.urandom(SIZE_PX)) for _ in range(SIZE_PX)]
        self._columns = (0, SIZE_PX // 2 - 1)
        self._rows = (0, SIZE_PX - 1)
        self._at = (0, 0)

    def _obey(self, command: int, parameters: list[int]) -> None:
        if command == 0x15:
            self._columns = (parameters[0], parameters[1])
        elif command == 0x75:
            self._rows = (parameters[0], parameters[1])
        self._at = (self._columns[0], self._rows[0])

    def _write(self, byte: int) -> None:
        column, row = self._at
        # Remapped nibbles (0xA0, bit 1): the first pixel is the lower half.
        self._ram[row][2 * column] = byte & 0x0F
        self._ram[row][2 * column + 1] = byte >> 4
        if column < self._columns[1]:
            self._at = (column + 1, row)
        else:
            self._at = (self._columns[0], row + 1 if row < self._rows[1] else self._rows[0])

    def _glows(self, x: int, y: int) -> bool:
        return self._ram[y][x] > 7
