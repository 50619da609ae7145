"""Displays that know light and dark alone: OLEDs of 128 by 64 and of 128 by 128 pixels."""

from dataclasses import replace
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from firmware.display.families.fitting import width
from firmware.display.families.fonts import (
    Face,
    digits,
    has_outline,
    outline,
    small_chinese,
    small_latin,
    spaced_unifont,
    unifont,
)
from firmware.display.families.pixels import PixelRenderer, key_width
from firmware.display.families.sheet import Box, Faces, Palette, Sheet, Style, best_face
from firmware.display.icons import ICONS
from firmware.display.model import Icon, List, Page, Pictures, Role

_WIDTH_PX: Final = 128
_ICON_GAP_PX: Final = 5
_COUNT_GAP_PX: Final = 2
_RULE_DASH_PX: Final = 2
# Unifont's digits begin four rows down; in the status bar they stand level with the icons.
_STATUS_TEXT_Y_PX: Final = -3
_KEY_PAD_PX: Final = 3
_LISTENING_ICONS: Final = frozenset({Icon.MICROPHONE, Icon.MUTED, Icon.RECORDING})

_LIGHT_ON_DARK: Final = Palette(
    ground=0, ground_below=0, text=1, dim=1, headline=0, plate=1, selected=1, on_selected=0, status=0, on_status=1,
    title=1, on_title=0, keys=1, on_keys=0, mark=1, track=1,
)  # fmt: skip
_DARK_ON_LIGHT: Final = Palette(
    ground=1, ground_below=1, text=0, dim=0, headline=1, plate=0, selected=0, on_selected=1, status=0, on_status=1,
    title=0, on_title=1, keys=0, on_keys=1, mark=0, track=0,
)  # fmt: skip


def dithered(rgb: bytes, width_px: int, height_px: int) -> Image.Image:
    """Return rows of red, green and blue bytes as a picture of mode `1`, by Floyd and Steinberg's error diffusion."""
    grey = Image.frombytes("RGB", (width_px, height_px), rgb).convert("L")
    # A dull picture would become an even grey of dots; what is light and dark in it is spread over the whole range.
    return ImageOps.autocontrast(grey, cutoff=1).convert("1")


def mono_128x64(pictures: Pictures) -> PixelRenderer:
    """Return the renderer for 128 by 64 pixels: three lines below the status bar."""
    return PixelRenderer(_MonoFinish(_style_128x64()), pictures)


def mono_128x128(pictures: Pictures) -> PixelRenderer:
    """Return the renderer for 128 by 128 pixels."""
    return PixelRenderer(_MonoFinish(_style_128x128()), pictures)


class _MonoFinish:
    """Draws with single pixels."""

    def __init__(self, style: Style) -> None:
        self.style = style

    def sheet(self, page: Page) -> Sheet:
        style = self.style
        palette = _DARK_ON_LIGHT if page.is_urgent else _LIGHT_ON_DARK
        image = Image.new("1", (style.width_px, style.height_px))
        sheet = Sheet(image, ImageDraw.Draw(image), palette, style, style.large if page.large_text else style.normal)
        if page.is_urgent:
            sheet.plate(Box(0, style.status_px - 1, style.width_px, style.height_px), palette.ground)
        return sheet

    def status(self, sheet: Sheet, box: Box, page: Page) -> None:
        face = unifont(16)
        text = page.status.text
        text_px = width(text, face)
        x = 0
        for icon, count in page.status.icons:
            picture = _icon(icon)
            number = str(count) if count else ""
            count_px = _COUNT_GAP_PX + width(number, face) if count else 0
            if x and x + picture.width + count_px > box.width - text_px:
                break
            sheet.canvas.bitmap((x, 1), picture, fill=1)
            x += picture.width
            if number:
                face.draw(sheet.canvas, x + _COUNT_GAP_PX, _STATUS_TEXT_Y_PX, number, 1)
                x += count_px
            x += _ICON_GAP_PX
        place = Box(x, _STATUS_TEXT_Y_PX, box.right, _STATUS_TEXT_Y_PX + face.height_px)
        sheet.text_right(place, text, face, 1)
        if not page.is_urgent:
            rule = [(dot, box.bottom - 3) for dot in range(0, box.width, _RULE_DASH_PX)]
            sheet.canvas.point(rule, fill=1)

    def menu_title(self, sheet: Sheet, box: Box, page: Page) -> None:
        """Draw the title with what of the status bar must not be missed: microphone, recording and time."""
        palette = sheet.palette
        # Below it the selected row of a list stands out: two plates would be one.
        is_plain = isinstance(page.body, List)
        ink = palette.text if is_plain else palette.on_title
        if not is_plain:
            sheet.plate(box, palette.title)
        inner = box.narrowed(left=2, right=2)
        for icon, _ in page.status.icons:
            if icon in _LISTENING_ICONS:
                picture = _icon(icon)
                sheet.canvas.bitmap((inner.left, 3), picture, fill=ink)
                inner = inner.narrowed(left=picture.width + _ICON_GAP_PX)
        title = page.title
        face = best_face((unifont(16), small_latin()), title, inner.width)
        mode = getattr(page.body, "mode", "")
        beside = mode or page.status.text
        if beside and (mode or width(title + beside, face) + 8 <= inner.width):
            beside_face = best_face((face, small_latin()), beside, inner.width // 3)
            taken_px = sheet.text_right(inner.narrowed(left=inner.width // 2), beside, beside_face, ink)
            inner = inner.narrowed(right=taken_px + 4)
        sheet.text(inner, title, face, ink)

    def key(self, sheet: Sheet, box: Box, word: str, face: Face, *, is_ok: bool) -> None:
        width_px = key_width(word, face, box, _KEY_PAD_PX)
        box = box.narrowed(left=box.width - width_px) if is_ok else box.narrowed(right=box.width - width_px)
        sheet.plate(box, sheet.palette.keys, 2)
        sheet.text_centred(box.narrowed(left=1, right=1), word, face, sheet.palette.on_keys)

    def picture(self, sheet: Sheet, box: Box, rgb: bytes) -> None:
        sheet.image.paste(dithered(rgb, box.width, box.height), (box.left, box.top))


@cache
def _icon(icon: Icon) -> Image.Image:
    rows = ICONS[icon]
    picture = Image.new("1", (len(rows[0]), len(rows)))
    picture.putdata([int(pixel == "#") for row in rows for pixel in row])
    return picture


def _tall() -> Face:
    """Return a font half as tall again as Unifont, or twice as tall where only that is installed."""
    return outline(22, tight=True) if has_outline() else unifont(32)


def _style_128x64() -> Style:
    tall = _tall()
    normal = Faces(
        roles={
            Role.CLOCK: (digits(50), digits(36), unifont(16)),
            Role.DIGITS: (digits(30), digits(22), unifont(16)),
            Role.NAME: (unifont(16),),
            Role.HEADLINE: (unifont(16),),
            Role.TEXT: (spaced_unifont(), unifont(16), small_latin()),
            Role.DETAIL: (small_latin(), unifont(16), small_chinese()),
        },
        row=unifont(16),
        row_value=unifont(16),
        values=(spaced_unifont(), unifont(16), small_latin()),
        labels=(small_latin(), unifont(16)),
        entry=(unifont(16),),
        plain=unifont(16),
        spaced=spaced_unifont(),
    )
    large = Faces(
        roles={
            Role.CLOCK: (digits(60), digits(46), digits(36), unifont(16)),
            Role.DIGITS: (digits(36), digits(30), digits(22), unifont(16)),
            Role.NAME: (unifont(32), tall, unifont(16)),
            Role.HEADLINE: (tall, unifont(16)),
            Role.TEXT: (unifont(32), tall, spaced_unifont(), unifont(16), small_latin()),
            Role.DETAIL: (unifont(16), small_latin(), small_chinese()),
        },
        row=tall,
        row_value=unifont(16),
        values=(tall, spaced_unifont(), unifont(16)),
        labels=(unifont(16),),
        entry=(unifont(32), tall, unifont(16)),
        plain=unifont(16),
        spaced=spaced_unifont(),
    )
    return Style(
        width_px=_WIDTH_PX, height_px=64, status_px=15, title_px=16, margin_px=0, gap_px=0, widest_gap_px=4,
        pair_gap_px=4, row_pad_px=0, key_pad_px=0, scroll_px=4, bar_px=12, radius_px=0, picture_px=0,
        least_picture_px=0, people_rows=3, person_px=0, keys_always=False, title_in_status=True,
        title_faces=(unifont(16),), key_faces=(small_latin(), small_chinese()), normal=normal, large=large,
    )  # fmt: skip


def _style_128x128() -> Style:
    style = _style_128x64()
    tall = _tall()
    roles = {
        **style.normal.roles,
        Role.CLOCK: (digits(52), digits(36), unifont(16)),
        Role.NAME: (tall, unifont(16)),
    }
    return replace(
        style, height_px=128, title_px=16, gap_px=2, widest_gap_px=8, key_pad_px=1, picture_px=48, least_picture_px=32,
        keys_always=True, title_in_status=False, normal=replace(style.normal, roles=roles, entry=(tall, unifont(16))),
    )  # fmt: skip
