"""Selections of the pages, in one picture each: of everything for README, of sticks for docs/installing.md."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from firmware.display.families.fonts import unifont
from firmware.display.translation import Language
from tests.unit.display import gallery

FILE = Path(__file__).parents[3] / "docs" / "screens.png"
OF_STICKS = FILE.with_name("installing.png")

_SELECTION = (
    "idle, people with pictures",
    "first run, Service, yes",
    "contacts that the digits may mean, one chosen",
    "incoming call, verified",
    "another caller waits",
    "text in a call",
    "privacy, what I agree to",
    "menu, all calls",
)
# In the order in which an installer sees them: four a line, first what goes well and then what does not.
_STICKS = (
    "stick, waiting for it",
    "stick, an identity was written",
    "stick, signer",
    "stick, code",
    "stick, step checking",
    "stick, step lines",
    "stick, done",
    "talking, a stick waits",
    "stick, for another phone",
    "stick, its time is over",
    "stick, wrong password",
    "stick, pulled out",
)
_STICKS_ACROSS = 4
_GAP_PX = 12
_COLUMN_PX = 320
_GROUND = (236, 238, 241)
_OLED_INK = {"oled_128x64": (150, 214, 255), "oled_128x128": (255, 255, 255)}
_CHARACTER_GROUND, _CHARACTER_INK = (40, 62, 180), (236, 242, 255)
_CELL_PX = (12, 24)


def draw_sheets() -> None:
    """Draw both."""
    _draw_everything()
    _draw_sticks()


def _draw_everything() -> None:
    """Draw the selection: a column a page and language, a row a display."""
    columns = [(language, name) for name in _SELECTION for language in Language]
    rows = [[_show(family, *column) for column in columns] for family in (*gallery.SIZES, gallery.CHARACTERS)]
    # Half of the columns above the other half, so that the picture is not too wide to read.
    half = len(columns) // 2
    bands = [row[start : start + half] for start in (0, half) for row in rows]
    _save(bands, FILE)


def _draw_sticks() -> None:
    """Draw what is seen of sticks, on the smallest display with pixels."""
    pages = [_show("oled_128x64", Language.ENGLISH, name) for name in _STICKS]
    _save([pages[start : start + _STICKS_ACROSS] for start in range(0, len(pages), _STICKS_ACROSS)], OF_STICKS)


def _save(bands: Sequence[Sequence[Image.Image]], file: Path) -> None:
    heights = [max(picture.height for picture in band) for band in bands]
    across = max(map(len, bands))
    size = (across * (_COLUMN_PX + _GAP_PX) + _GAP_PX, sum(heights) + _GAP_PX * (len(bands) + 1))
    sheet = Image.new("RGB", size, _GROUND)
    top = _GAP_PX
    for band, height in zip(bands, heights, strict=True):
        for index, picture in enumerate(band):
            left = _GAP_PX + index * (_COLUMN_PX + _GAP_PX) + (_COLUMN_PX - picture.width) // 2
            sheet.paste(picture, (left, top + (height - picture.height) // 2))
        top += height + _GAP_PX
    sheet.quantize(128).save(file, optimize=True)


def _show(family: str, language: Language, name: str) -> Image.Image:
    """Return a page as somebody sees it who stands before the phone."""
    if family == gallery.CHARACTERS:
        return _characters(gallery.text(language, name))
    drawn = gallery.picture(family, language, name)
    if drawn.mode != "1":
        return drawn
    lit = Image.new("RGB", drawn.size, _OLED_INK[family])
    panel = Image.composite(lit, Image.new("RGB", drawn.size), drawn)
    return panel.resize((2 * drawn.width, 2 * drawn.height), Image.Resampling.NEAREST)


def _characters(text: str) -> Image.Image:
    lines = text.split("\n")
    width, height = _CELL_PX
    panel = Image.new("RGB", (20 * width + 8, 4 * height + 8), _CHARACTER_GROUND)
    canvas = ImageDraw.Draw(panel)
    face = unifont(16)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            face.draw(canvas, 4 + column * width + 2, 4 + row * height + 4, letter, _CHARACTER_INK)
    return panel
