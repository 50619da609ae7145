"""Character LCDs: an HD44780 with four lines of twenty letters, behind a PCF8574 on I2C."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Literal

from RPLCD.codecs import hd44780_a00, hd44780_a02
from RPLCD.i2c import CharLCD

from drivers.panel import PanelDisplay
from drivers.panel_bus import ByteBus, I2cConnection

COLUMNS = 20
ROWS = 4
CELLS = COLUMNS * ROWS
_SPACE = 0x20
_UNKNOWN = -1
_GLYPHS = 8
_GLYPH_ROWS = 8

Glyph = Sequence[int]
"""Eight rows of five dots, the leftmost being the fifth bit."""


class CharacterLcd(PanelDisplay):
    """A display of letters; a frame is four rows of twenty codes of the controller's A02 character set.

    Codes 0 to 7 are the glyphs that it is given. Only the cells that differ are sent: one takes some 2 ms, all 160 ms.
    """

    def __init__(
        self,
        connection: I2cConnection,
        *,
        glyphs: Sequence[Glyph] = (),
        rom: Literal["a00", "a02"] = "a02",
        open_bus: Callable[[], ByteBus] | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            connection: where the port expander is.
            glyphs: up to eight characters of our own.
            rom: which letters the controller was made with.
            open_bus: opens another way to the expander than the computer's own bus.

        Raises:
            ValueError: there are too many glyphs, or one has not eight rows.
        """
        if len(glyphs) > _GLYPHS or any(len(glyph) != _GLYPH_ROWS for glyph in glyphs):
            raise ValueError(f"A character display takes up to {_GLYPHS} glyphs of {_GLYPH_ROWS} rows each.")
        super().__init__(bytes([_SPACE] * CELLS), f"{COLUMNS} by {ROWS} characters")
        self._connection = connection
        self._glyphs = tuple(glyphs)
        self._codes = _A02_TO_A00 if rom == "a00" else bytes(range(256))
        self._open_bus = open_bus or connection.open_for_bytes
        self._lcd: _Lcd | None = None

    def _bus_errors(self) -> AbstractContextManager[None]:
        return self._connection.errors()

    def _open(self) -> None:
        self._lcd = _Lcd(self._open_bus(), self._connection.address)
        self._lcd.set_up(clears=True)
        self._create_glyphs()

    def _set_up_again(self) -> None:
        self._panel.set_up(clears=False)
        self._create_glyphs()

    def _close(self) -> None:
        if self._lcd is not None:
            lcd, self._lcd = self._lcd, None
            lcd.close()

    def _draw(self, frame: bytes, shown: bytes | None) -> None:
        lcd = self._panel
        codes = frame.translate(self._codes)
        # Where it is not known what is shown every cell differs from it.
        before = shown.translate(self._codes) if shown is not None else bytes(code ^ 1 for code in codes)
        for cell, run in _differences(codes, before):
            lcd.cursor_pos = divmod(cell, COLUMNS)
            for code in run:
                lcd.write(code)

    def _create_glyphs(self) -> None:
        for location, glyph in enumerate(self._glyphs):
            self._panel.create_char(location, tuple(glyph))

    def _dim(self, percent: int) -> None:
        self._panel.display_enabled = self._panel.backlight_enabled = percent > 0

    @property
    def _panel(self) -> "_Lcd":
        if self._lcd is None:
            raise RuntimeError("The display was used before it was opened.")
        return self._lcd


def _differences(frame: bytes, shown: bytes) -> Iterator[tuple[int, bytes]]:
    """Find the runs of cells that differ, none longer than a row; each with its first cell."""
    for row in range(0, CELLS, COLUMNS):
        cells = range(row, row + COLUMNS)
        for differs, run in groupby(cells, key=lambda cell: frame[cell] != shown[cell]):
            first, *others = run
            if differs:
                yield first, frame[first : first + 1 + len(others)]


class _Lcd(CharLCD):  # type: ignore[misc]
    """RPLCD's display on a bus that was opened before, which it would open and never close."""

    def __init__(self, bus: ByteBus, address: int) -> None:
        self._byte_bus = bus
        self._its_address = address
        self._clears = True

    def set_up(self, *, clears: bool) -> None:
        """Wake the controller; apart from making the object, so that the bus can be closed where this fails.

        `clears` is whether it is dark and empty then; otherwise one that works goes on showing what it shows.
        """
        self._clears = clears
        super().__init__(
            "PCF8574", self._its_address, cols=COLUMNS, rows=ROWS, auto_linebreaks=False, backlight_enabled=not clears
        )

    def clear(self) -> None:
        """Empty the display, or else forget what it shows, so that every letter is sent."""
        if self._clears:
            super().clear()
        else:
            self.home()
            self._content = [[_UNKNOWN] * COLUMNS for _ in range(ROWS)]

    def _init_connection(self) -> None:
        self.bus = self._byte_bus

    def _close_connection(self) -> None:
        self._byte_bus.close()


def _a00_code(code: int) -> int:
    """Find the code of the older set for a code of A02: the letter itself, or without its accent, or a space."""
    if code < _GLYPHS:
        return code
    for letter, own in hd44780_a02.encoding_table.items():
        if own == code:
            for candidate in (letter, unicodedata.normalize("NFD", letter)[0]):
                if candidate in hd44780_a00.encoding_table:
                    return int(hd44780_a00.encoding_table[candidate])
    return _SPACE


_A02_TO_A00 = bytes(_a00_code(code) for code in range(256))
