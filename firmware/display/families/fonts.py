"""The fonts, each size made once: Unifont and a small Latin one for mono displays, an outline font for colour.

A font that is missing never stops the phone: Pillow brings two small ones with Latin letters, and what they cannot
show is folded to what they can.
"""

import logging
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import ImageDraw, ImageFont

from firmware.display.families.fitting import is_wide

_log = logging.getLogger(__name__)

UNIFONT_PATH: Final = "/usr/share/fonts/opentype/unifont/unifont.otf"
"""Where Debian's fonts-unifont puts its 16-pixel font with Latin and Chinese."""

OUTLINE_PATH: Final = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
"""Where Debian's fonts-wqy-microhei puts its outline font with Latin and Chinese."""

_UNIFONT_BASELINE: Final = 14 / 16
_OUTLINE_HEIGHT: Final = 1.25
_OUTLINE_BASELINE: Final = 1.0
_TIGHT_HEIGHT: Final = 1.1
_TIGHT_BASELINE: Final = 0.87
# Aileron's digits are 0.72 em tall and stand on the baseline.
_DIGIT_HEIGHT: Final = 0.72
_DIGITS: Final = frozenset("0123456789:+*#-/%… ")
_SMALL_HEIGHT_PX: Final = 12
_BOLD_PX: Final = 0.4

_Colour = int | tuple[int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Face:
    """A font in one size.

    Attributes:
        height_px: how tall a line of it is.
    """

    def __init__(
        self,
        font: _Font,
        height_px: int,
        baseline_px: int,
        *,
        only: Callable[[str], bool] | None = None,
        fold: Callable[[str], str] | None = None,
        stroke_px: float = 0,
    ) -> None:
        """Take a font.

        Args:
            font: draws the letters; an outline font stands on its baseline, a bitmap font hangs from its top.
            height_px: a line's height.
            baseline_px: where in it the letters stand.
            only: whether it has all letters of a text; it has all where this is None.
            fold: replaces letters that it lacks by those that it has.
            stroke_px: by how much its strokes are thickened on each side.
        """
        self.height_px = height_px
        self._font = font
        self._is_outline = isinstance(font, ImageFont.FreeTypeFont)
        self._baseline_px = baseline_px
        self._only = only
        self._fold = fold
        self._stroke_px = stroke_px
        self._advances: dict[str, int] = {}

    def advance(self, letter: str) -> int:
        """Return how much room one letter takes, in pixels; the fonts here have no kerning."""
        known = self._advances.get(letter)
        if known is None:
            shown = self._fold(letter) if self._fold else letter
            known = self._advances[letter] = round(self._font.getlength(shown)) if shown else 0
        return known

    def shows(self, text: str) -> bool:
        """Whether it has the letters of a text."""
        return self._only is None or self._only(text)

    def draw(self, canvas: ImageDraw.ImageDraw, x: int, y: int, text: str, colour: _Colour) -> None:
        """Draw a line of text with its top left corner at a place."""
        if self._fold:
            text = self._fold(text)
        if self._is_outline:
            place = (x, y + self._baseline_px)
            canvas.text(place, text, font=self._font, fill=colour, anchor="ls", stroke_width=self._stroke_px)
        else:
            canvas.text((x, y + self._baseline_px), text, font=self._font, fill=colour)


def has_unifont() -> bool:
    """Whether the mono displays' font is installed."""
    return _truetype(UNIFONT_PATH, 16, "fonts-unifont") is not None


def has_outline() -> bool:
    """Whether the colour display's font is installed."""
    return _truetype(OUTLINE_PATH, 16, "fonts-wqy-microhei") is not None


@cache
def unifont(size_px: int) -> Face:
    """Return the pixel font with Latin and Chinese in 16 pixels or a multiple of them."""
    font = _truetype(UNIFONT_PATH, size_px, "fonts-unifont")
    if font is None:
        bitmap = ImageFont.load_default_imagefont()
        return Face(bitmap, size_px, (size_px - _SMALL_HEIGHT_PX) // 2, fold=_to_latin_1)
    return Face(font, size_px, round(size_px * _UNIFONT_BASELINE))


@cache
def spaced_unifont() -> Face:
    """Return Unifont in 17 pixels, for Chinese in lines below each other: it fills all 16, so that they would touch."""
    font = _truetype(UNIFONT_PATH, 16, "fonts-unifont")
    return unifont(16) if font is None else Face(font, 17, 15, only=_has_wide)


@cache
def small_chinese() -> Face:
    """Return the smallest letters in which Chinese can be read in black and white, for what the keys do."""
    font = _truetype(OUTLINE_PATH, 12, "fonts-wqy-microhei")
    return unifont(16) if font is None else Face(font, 13, 11, fold=_with_low_dots)


@cache
def outline(size_px: int, *, bold: bool = False, tight: bool = False) -> Face:
    """Return the outline font with Latin and Chinese in any size; `tight` leaves nothing free between lines."""
    height, baseline = (_TIGHT_HEIGHT, _TIGHT_BASELINE) if tight else (_OUTLINE_HEIGHT, _OUTLINE_BASELINE)
    height_px, baseline_px = round(size_px * height), round(size_px * baseline)
    stroke_px = _BOLD_PX if bold else 0
    font = _truetype(OUTLINE_PATH, size_px, "fonts-wqy-microhei")
    if font is None:
        font = _truetype(UNIFONT_PATH, size_px, "fonts-unifont")
    if font is None:
        return Face(_built_in(size_px), height_px, baseline_px, fold=_to_ascii, stroke_px=stroke_px)
    return Face(font, height_px, baseline_px, fold=_with_low_dots, stroke_px=stroke_px)


@cache
def digits(size_px: int) -> Face:
    """Return digits and the signs of numbers in Aileron, which comes with Pillow; a line is as tall as its digits."""
    height_px = round(size_px * _DIGIT_HEIGHT) + 2
    return Face(_built_in(size_px), height_px, height_px - 1, only=_DIGITS.issuperset)


@cache
def small_latin() -> Face:
    """Return the small font of the mono displays, six pixels wide, which has Latin letters alone."""
    return Face(ImageFont.load_default_imagefont(), _SMALL_HEIGHT_PX, 1, only=_is_latin_1, fold=_to_latin_1)


def _built_in(size_px: int) -> _Font:
    return ImageFont.load_default(size_px)


@cache
def _truetype(path: str, size_px: int, package: str) -> ImageFont.FreeTypeFont | None:
    try:
        # Shaping by libraqm would make pictures depend on what else is installed.
        return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        _warn_once(path, package)
        return None


@cache
def _warn_once(path: str, package: str) -> None:
    _log.warning("The font %s is missing; install %s. Without it the display shows fewer letters.", path, package)


def _with_low_dots(text: str) -> str:
    """Replace the ellipsis, which Chinese fonts have at half the height of a line, where Latin letters want it low."""
    return text.replace("…", "...")


def _has_wide(text: str) -> bool:
    return any(map(is_wide, text))


def _is_latin_1(text: str) -> bool:
    return text.isascii() or all(letter <= "\xff" or letter in "…•" for letter in text)


def _to_latin_1(text: str) -> str:
    """Replace what Pillow's bitmap font lacks: it knows Latin-1 alone and raises on the rest."""
    if text.isascii():
        return text
    return text.replace("…", "...").replace("•", "\xb7").encode("latin-1", "replace").decode("latin-1")


def _to_ascii(text: str) -> str:
    """Replace what Pillow's outline font lacks: it knows ASCII and little else."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text).replace("•", "*")
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).encode("ascii", "replace").decode()
