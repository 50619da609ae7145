"""The simulated display: any family of them, chosen while the phone runs."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

_DOT_ROWS = 8
_DOT_COLUMNS = 5
_CODES = 256


@dataclass(frozen=True, slots=True)
class Family:
    """What a page has to know of a display to draw it.

    Attributes:
        name: as in the configuration.
        label: as people call it.
        kind: what a frame's bytes are: packed bits, red, green and blue, or codes of letters.
        width, height: in pixels, or in letters.
    """

    name: str
    label: str
    kind: Literal["bits", "colours", "letters"]
    width: int
    height: int

    @property
    def frame_bytes(self) -> int:
        """How long a frame is; no two families have the same, so that its length tells whose it is."""
        bytes_a_row = {"bits": self.width // 8, "colours": self.width * 3, "letters": self.width}[self.kind]
        return bytes_a_row * self.height

    @property
    def blank(self) -> bytes:
        """The frame with nothing on it."""
        return (b" " if self.kind == "letters" else b"\0") * self.frame_bytes


FAMILIES = {
    family.name: family
    for family in (
        Family("oled_128x64", "OLED 128 x 64", "bits", 128, 64),
        Family("oled_128x128", "OLED 128 x 128", "bits", 128, 128),
        Family("lcd_320x240", "Colour 320 x 240", "colours", 320, 240),
        Family("character_20x4", "Letters 20 x 4", "letters", 20, 4),
    )
}


class SimulatedDisplay:
    """The panel: keeps the latest frame; `show` and `set_brightness` may be called from any thread.

    Attributes:
        when_family_changed: called in the event loop with a family's name, when a page has chosen another;
            the display is blank then, and takes frames of that family.
        text: what it says in words, empty where nobody has said so.
        brightness_percent: how bright it is, 0 while it sleeps.
    """

    def __init__(self, changed: Callable[[], None], family: str) -> None:
        self.when_family_changed: Callable[[str], None] | None = None
        # One value, so that a thread that shows a frame and a page that reads it never see halves of two displays.
        self._shown = (FAMILIES[family], FAMILIES[family].blank)
        self.text = ""
        self.brightness_percent = 100
        self._changed = changed
        self._lock = threading.Lock()

    @property
    def shown(self) -> tuple[Family, bytes]:
        """The family, and the latest frame of it."""
        return self._shown

    @property
    def family(self) -> Family:
        """The family that is shown."""
        return self._shown[0]

    @property
    def frame(self) -> bytes:
        """The latest frame."""
        return self._shown[1]

    def start(self) -> None:
        self._blank(self.family)

    def stop(self) -> None:
        self._blank(self.family)

    def show(self, frame: bytes) -> None:
        """Show a frame in place of the one before; one that was drawn for another family is too late and forgotten.

        Raises:
            ValueError: the frame is not as large as any panel.
        """
        with self._lock:
            family = self.family
            fits = len(frame) == family.frame_bytes
            if fits:
                self._shown = (family, bytes(frame))
        if fits:
            self._changed()
        elif all(len(frame) != other.frame_bytes for other in FAMILIES.values()):
            unit = "characters" if family.kind == "letters" else "pixels"
            raise ValueError(
                f"A frame of {len(frame)} bytes does not fit a display of {family.width} by {family.height} {unit}, "
                f"which takes {family.frame_bytes}."
            )

    def refresh(self) -> None:
        """Do nothing: a page does not lose its power."""

    def set_brightness(self, percent: int) -> None:
        """Dim the display from now on; at 0 it sleeps.

        Raises:
            ValueError: there is no such brightness.
        """
        if not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(f"A display cannot be {percent} percent bright; choose from 0 to 100.")
        self.brightness_percent = percent
        self._changed()

    def describe(self, text: str) -> None:
        """Say in words what is shown."""
        self.text = text
        self._changed()

    def choose(self, family: str) -> None:
        """Become another display.

        Raises:
            ValueError: there is no such family.
        """
        if family not in FAMILIES:
            raise ValueError("There is no such display.")
        if family == self.family.name:
            return
        self._blank(FAMILIES[family])
        if self.when_family_changed is not None:
            self.when_family_changed(family)

    def _blank(self, family: Family) -> None:
        with self._lock:
            self._shown = (family, family.blank)
        self._changed()


def dots_of(family: Family, glyphs: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Say what each code of a display of letters looks like: eight rows of five dots; empty for other families.

    `glyphs` are the first of them, which the phone makes itself.
    """
    return (*glyphs, *_rom_dots()[len(glyphs) :]) if family.kind == "letters" else ()


@cache
def _rom_dots() -> tuple[tuple[int, ...], ...]:
    """Read the A02 character set out of luma's picture of it: cells of 5 by 10 dots, from code 16 on."""
    from luma.lcd.const import hd44780  # noqa: PLC0415 - a tenth of a second that only this display needs
    from PIL import Image  # noqa: PLC0415 - comes with it

    data = hd44780.FONTDATA
    index = next(number for number, font in enumerate(data["metrics"]) if font["name"] == "A02")
    metrics = data["metrics"][index]
    picture = Image.frombytes("1", metrics["table_size"], data["fonts"][index])
    cell_width, cell_height = metrics["cell_size"]
    cells_a_row = metrics["table_size"][0] // cell_width

    def dots(code: int) -> tuple[int, ...]:
        if code not in metrics["index"]:
            return (0,) * _DOT_ROWS
        row, column = divmod(code - metrics["index"][0], cells_a_row)
        left, top = column * cell_width, row * cell_height
        return tuple(
            sum(bool(picture.getpixel((left + x, top + y))) << (_DOT_COLUMNS - 1 - x) for x in range(_DOT_COLUMNS))
            for y in range(_DOT_ROWS)
        )

    return tuple(dots(code) for code in range(_CODES))
