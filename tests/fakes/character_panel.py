"""A display of letters, an HD44780 behind a PCF8574: takes the bytes that a real one takes and says what it shows."""

import errno

COLUMNS = 20
ROWS = 4
_REGISTER_SELECT, _ENABLE, _BACKLIGHT = 0x01, 0x04, 0x08
# Where the four rows begin in the controller's two lines of forty letters.
_ROW_STARTS = (0x00, 0x40, 0x14, 0x54)


class CharacterPanel:
    """The bus, the port expander and the display in one, in the shape of an SMBus.

    Attributes:
        letters_written: how many letters have come.
        fails_after: bytes that the bus still carries before it fails; None while it is sound.
        is_lit: the backlight is on.
        is_on: letters are shown.
        is_closed: the bus was closed.
    """

    def __init__(self, address: int = 0x27) -> None:
        self._address = address
        self.letters_written = 0
        self.is_closed = False
        self.power_up()

    def power_up(self) -> None:
        """As after the plug went in: off, taking bytes at once, with letters of before in the RAM."""
        self.fails_after: int | None = None
        self.is_lit = self.is_on = False
        self._takes_halves = False
        self._half: int | None = None
        self._enabled = False
        self._letters = bytearray(b"?" * 0x80)
        self._dots = bytearray(b"\x15" * 0x40)
        self._place = 0
        self._writes_dots = False

    def unplug(self) -> None:
        self.fails_after = 0

    def frame(self) -> bytes:
        """Return what can be read, as rows of codes."""
        if not self.is_on:
            return b" " * (COLUMNS * ROWS)
        return b"".join(bytes(self._letters[start : start + COLUMNS]) for start in _ROW_STARTS)

    def glyph(self, code: int) -> tuple[int, ...]:
        """Return the rows of dots of a character of our own."""
        return tuple(self._dots[code * 8 : code * 8 + 8])

    # --- SMBus --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        self.is_closed = True

    def write_byte(self, address: int, value: int) -> None:
        if address != self._address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self.is_lit = bool(value & _BACKLIGHT)
        was_enabled, self._enabled = self._enabled, bool(value & _ENABLE)
        if was_enabled and not self._enabled:
            self._latch(value & 0xF0, is_letter=bool(value & _REGISTER_SELECT))

    def _latch(self, half: int, *, is_letter: bool) -> None:
        if not self._takes_halves:
            self._obey(half)
        elif self._half is None:
            self._half = half
        else:
            byte, self._half = self._half | half >> 4, None
            if is_letter:
                self._write(byte)
            else:
                self._obey(byte)

    def _write(self, byte: int) -> None:
        if self._writes_dots:
            self._dots[self._place % 0x40] = byte & 0x1F
        else:
            self.letters_written += 1
            self._letters[self._place % 0x80] = byte
        self._place += 1

    def _obey(self, command: int) -> None:
        if command & 0x80:
            self._place, self._writes_dots = command & 0x7F, False
        elif command & 0x40:
            self._place, self._writes_dots = command & 0x3F, True
        elif command & 0x20:
            self._takes_halves = not command & 0x10
        elif command & 0x08:
            self.is_on = bool(command & 0x04)
        elif command == 0x01:
            self._letters[:] = b" " * len(self._letters)
            self._place, self._writes_dots = 0, False
