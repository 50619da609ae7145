"""Turns a page into the pixels of a 128x64 display."""

import logging
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from firmware.screens.icons import ICONS
from firmware.screens.page import Align, Icon, Line, Page, Size, StatusBar

_log = logging.getLogger(__name__)

WIDTH_PX: Final = 128
HEIGHT_PX: Final = 64
UNIFONT_PATH: Final = "/usr/share/fonts/opentype/unifont/unifont.otf"
"""Where Debian's fonts-unifont puts its 16-pixel font with Latin and Chinese."""

_UNIFONT_PX = {Size.NORMAL: 16, Size.LARGE: 32}
_LINE_PX = {Size.SMALL: 12, Size.NORMAL: 16, Size.LARGE: 32}
_BODY_TOP_PX = 15
_RULE_Y_PX = 12
_RULE_DASH_PX = 2
_ICON_Y_PX = 1
_ICON_GAP_PX = 5
_COUNT_GAP_PX = 2
# Unifont's digits begin four rows down; in the status bar they stand level with the icons.
_STATUS_TEXT_Y_PX = -3
_VOLUME_TOP_PX = 52
_VOLUME_INSET_PX = 2

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(page: Page) -> bytes:
    """Return the page as packed one-bit rows, most significant bit leftmost, as `Display.show` takes them."""
    return render(page).tobytes()


def render(page: Page) -> Image.Image:
    """Return the page as an image of mode `1`."""
    image = Image.new("1", (WIDTH_PX, HEIGHT_PX))
    canvas = ImageDraw.Draw(image)
    _draw_status(canvas, page.status)
    heights = [_LINE_PX[line.size] for line in page.lines]
    y = _BODY_TOP_PX
    if len(page.lines) == 1 and page.bar_percent is None:
        # A line that stands alone stands in the middle.
        y += (HEIGHT_PX - _BODY_TOP_PX - heights[0]) // 2
    for line, height in zip(page.lines, heights, strict=True):
        _draw_line(canvas, line, y, height)
        y += height
    if page.bar_percent is not None:
        _draw_volume(canvas, page.bar_percent)
    return image


def has_chinese() -> bool:
    """Whether the font for Chinese is installed; without it only Latin letters can be drawn."""
    return isinstance(_font(Size.NORMAL), ImageFont.FreeTypeFont)


@cache
def _font(size: Size) -> _Font:
    if size is not Size.SMALL:
        try:
            return ImageFont.truetype(UNIFONT_PATH, _UNIFONT_PX[size])
        except OSError:
            _log.warning("The font %s is missing; install fonts-unifont. Only Latin letters are shown.", UNIFONT_PATH)
    return ImageFont.load_default_imagefont()


@cache
def _icon(icon: Icon) -> Image.Image:
    rows = ICONS[icon]
    picture = Image.new("1", (len(rows[0]), len(rows)))
    picture.putdata([int(pixel == "#") for row in rows for pixel in row])
    return picture


def _draw_status(canvas: ImageDraw.ImageDraw, status: StatusBar) -> None:
    x = 0
    room_px = WIDTH_PX - _width(status.text, Size.NORMAL)
    for icon, count in status.icons:
        picture = _icon(icon)
        count_px = _COUNT_GAP_PX + _width(str(count), Size.NORMAL) if count else 0
        if x and x + picture.width + count_px > room_px:
            break
        canvas.bitmap((x, _ICON_Y_PX), picture, fill=1)
        x += picture.width
        if count:
            x += _COUNT_GAP_PX
            x += _put(canvas, str(count), Size.NORMAL, x, _STATUS_TEXT_Y_PX)
        x += _ICON_GAP_PX
    text = _fit(status.text, Size.NORMAL, WIDTH_PX - x, keeps_end=False)
    _put(canvas, text, Size.NORMAL, WIDTH_PX - _width(text, Size.NORMAL), _STATUS_TEXT_Y_PX)
    canvas.point([(dot, _RULE_Y_PX) for dot in range(0, WIDTH_PX, _RULE_DASH_PX)], fill=1)


def _draw_line(canvas: ImageDraw.ImageDraw, line: Line, y: int, height: int) -> None:
    if line.inverted:
        canvas.rectangle((0, y, WIDTH_PX - 1, y + height - 1), fill=1)
    size = line.size
    if size is Size.LARGE and _width(line.text, size) > WIDTH_PX:
        size = Size.NORMAL
    text = _fit(line.text, size, WIDTH_PX, keeps_end=line.keeps_end)
    spare_px = WIDTH_PX - _width(text, size)
    x = {Align.LEFT: 0, Align.CENTRE: spare_px // 2, Align.RIGHT: spare_px}[line.align]
    _put(canvas, text, size, x, y + (height - _LINE_PX[size]) // 2, fill=0 if line.inverted else 1)


def _draw_volume(canvas: ImageDraw.ImageDraw, percent: int) -> None:
    canvas.rectangle((0, _VOLUME_TOP_PX, WIDTH_PX - 1, HEIGHT_PX - 1), outline=1)
    inner_px = WIDTH_PX - 2 * _VOLUME_INSET_PX
    filled_px = inner_px * percent // 100
    if filled_px:
        left, top = _VOLUME_INSET_PX, _VOLUME_TOP_PX + _VOLUME_INSET_PX
        canvas.rectangle((left, top, left + filled_px - 1, HEIGHT_PX - 1 - _VOLUME_INSET_PX), fill=1)


def _put(canvas: ImageDraw.ImageDraw, text: str, size: Size, x: int, y: int, *, fill: int = 1) -> int:
    """Draw a text that is known to fit, and return its width."""
    canvas.text((x, y), _drawable(text, size), font=_font(size), fill=fill)
    return _width(text, size)


def _width(text: str, size: Size) -> int:
    return round(_font(size).getlength(_drawable(text, size)))


def _drawable(text: str, size: Size) -> str:
    """Replace what Pillow's built-in font lacks: it knows Latin-1 alone and raises on the rest."""
    if isinstance(_font(size), ImageFont.FreeTypeFont):
        return text
    return text.replace("…", "...").encode("latin-1", "replace").decode("latin-1")


def _fit(text: str, size: Size, room_px: int, *, keeps_end: bool) -> str:
    """Cut a text to the room, with an ellipsis where it was cut."""
    if _width(text, size) <= room_px:
        return text
    for length in range(len(text) - 1, 0, -1):
        cut = "…" + text[-length:] if keeps_end else text[:length].rstrip() + "…"
        if _width(cut, size) <= room_px:
            return cut
    return ""
