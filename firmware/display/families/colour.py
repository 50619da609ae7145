"""The colour display of 320 by 240 pixels."""

from functools import cache
from typing import Final

from PIL import Image, ImageDraw

from firmware.display.families import glyphs
from firmware.display.families.fitting import width
from firmware.display.families.fonts import Face, digits, outline
from firmware.display.families.pixels import PixelRenderer, key_width
from firmware.display.families.sheet import Box, Colour, Faces, Palette, Sheet, Style, rounded
from firmware.display.model import Icon, Page, Pictures, Role

_SIZE_PX: Final = (320, 240)
_ICON_PX: Final = 17
_ICON_GAP_PX: Final = 9
_COUNT_GAP_PX: Final = 3
_KEY_PAD_PX: Final = 12
_KEY_SIGN_PX: Final = 13
_KEY_SIGN_GAP_PX: Final = 6
_KEY_EDGE_PX: Final = 6

BACKGROUND_LIGHT: Final = 0.30
"""How much of its light a picture behind text keeps: white becomes so dark that dim text is read on it."""

_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)

NORMAL: Final = Palette(
    ground=(24, 38, 66),
    ground_below=(9, 14, 26),
    text=_WHITE,
    dim=(178, 192, 216),
    headline=(140, 200, 255),
    plate=(24, 38, 66),
    selected=(36, 99, 235),
    on_selected=_WHITE,
    status=(12, 19, 34),
    on_status=(226, 233, 245),
    title=(30, 47, 80),
    on_title=_WHITE,
    keys=(40, 56, 90),
    on_keys=_WHITE,
    mark=(96, 165, 250),
    track=(62, 80, 116),
)
URGENT: Final = Palette(
    ground=(255, 196, 46),
    ground_below=(255, 158, 27),
    text=(26, 16, 0),
    dim=(66, 42, 0),
    headline=(26, 16, 0),
    plate=(255, 196, 46),
    selected=(26, 16, 0),
    on_selected=_WHITE,
    status=(12, 19, 34),
    on_status=(226, 233, 245),
    title=(26, 16, 0),
    on_title=(255, 209, 94),
    keys=(26, 16, 0),
    on_keys=_WHITE,
    mark=(26, 16, 0),
    track=(120, 78, 0),
)
CONTRAST: Final = Palette(
    ground=_BLACK, ground_below=_BLACK, text=_WHITE, dim=_WHITE, headline=_WHITE, plate=_BLACK, selected=_WHITE,
    on_selected=_BLACK, status=_BLACK, on_status=_WHITE, title=_WHITE, on_title=_BLACK, keys=_WHITE, on_keys=_BLACK,
    mark=_WHITE, track=_WHITE,
)  # fmt: skip
URGENT_CONTRAST: Final = Palette(
    ground=_WHITE, ground_below=_WHITE, text=_BLACK, dim=_BLACK, headline=_BLACK, plate=_WHITE, selected=_BLACK,
    on_selected=_WHITE, status=_BLACK, on_status=_WHITE, title=_BLACK, on_title=_WHITE, keys=_BLACK, on_keys=_WHITE,
    mark=_BLACK, track=_BLACK,
)  # fmt: skip

# Colours repeat what the signs' shapes say.
_GOOD: Final = (88, 214, 141)
_WARNING: Final = (255, 196, 46)
_BAD: Final = (255, 120, 108)
ICON_COLOURS: Final[dict[Icon, Colour]] = {
    Icon.REGISTERED: _GOOD,
    Icon.REGISTERING: _WARNING,
    Icon.NOT_REGISTERED: _BAD,
    Icon.MICROPHONE: _GOOD,
    Icon.MUTED: _BAD,
    Icon.RECORDING: _BAD,
    Icon.MISSED: _WARNING,
    Icon.PROBLEM: _WARNING,
    Icon.LOCK: _GOOD,
    Icon.DO_NOT_DISTURB: _BAD,
    Icon.QUALITY_0: _BAD,
    Icon.QUALITY_1: _BAD,
    Icon.QUALITY_2: _WARNING,
    Icon.QUALITY_3: _GOOD,
    Icon.QUALITY_4: _GOOD,
}


def colour_320x240(pictures: Pictures) -> PixelRenderer:
    """Return the renderer for a colour display of 320 by 240 pixels."""
    return PixelRenderer(_ColourFinish(pictures), pictures)


def palette_of(page: Page) -> Palette:
    """Return the colours of a page."""
    if page.high_contrast:
        return URGENT_CONTRAST if page.is_urgent else CONTRAST
    return URGENT if page.is_urgent else NORMAL


class _ColourFinish:
    """Draws with smooth edges and in colours."""

    def __init__(self, pictures: Pictures) -> None:
        self.style = _style()
        self._pictures = pictures

    def sheet(self, page: Page) -> Sheet:
        style, palette = self.style, palette_of(page)
        image = self._picture_behind(page) or _ground(palette.ground, palette.ground_below).copy()
        faces = style.large if page.large_text else style.normal
        return Sheet(image, ImageDraw.Draw(image), palette, style, faces)

    def _picture_behind(self, page: Page) -> Image.Image | None:
        """Return the idle page's picture, darkened; call pages have theirs beside the body."""
        is_idle = isinstance(page.body, tuple) and any(block.role is Role.CLOCK for block in page.body)
        if not page.picture or not is_idle or page.high_contrast:
            return None
        rgb = self._pictures.picture(page.picture, *_SIZE_PX)
        if rgb is None:
            return None
        return Image.frombytes("RGB", _SIZE_PX, rgb).point(_darkened())

    def status(self, sheet: Sheet, box: Box, page: Page) -> None:
        palette, face = sheet.palette, self.style.title_faces[-1]
        sheet.plate(box, palette.status, 0)
        inner = box.narrowed(left=self.style.margin_px, right=self.style.margin_px)
        text = page.status.text
        inner = inner.narrowed(right=sheet.text_right(inner, text, face, palette.on_status) + _ICON_GAP_PX)
        x = inner.left
        for sign, count in page.status.icons:
            number = str(count) if count else ""
            number_px = _COUNT_GAP_PX + width(number, face) if number else 0
            if x + _ICON_PX + number_px > inner.right:
                break
            colour = palette.on_status if page.high_contrast else ICON_COLOURS.get(sign, palette.on_status)
            sheet.image.paste(colour, (x, box.top + (box.height - _ICON_PX) // 2), glyphs.icon(sign, _ICON_PX))
            x += _ICON_PX
            if number:
                place = Box(x + _COUNT_GAP_PX, box.top, inner.right, box.bottom)
                sheet.text(place, number, face, palette.on_status)
                x += number_px
            x += _ICON_GAP_PX

    def menu_title(self, sheet: Sheet, box: Box, page: Page) -> None:
        """Draw a title in the status bar's place."""
        sheet.text(box, page.title, self.style.title_faces[-1], sheet.palette.on_title)

    def key(self, sheet: Sheet, box: Box, word: str, face: Face, *, is_ok: bool) -> None:
        """Draw a key's word on a plate of its own, with the sign that is on the key itself."""
        palette = sheet.palette
        sign_px = _KEY_SIGN_PX + _KEY_SIGN_GAP_PX
        box = box.narrowed(left=_KEY_EDGE_PX, right=_KEY_EDGE_PX, bottom=_KEY_EDGE_PX - 1)
        width_px = key_width(word, face, box.narrowed(right=sign_px), _KEY_PAD_PX) + sign_px
        box = box.narrowed(left=box.width - width_px) if is_ok else box.narrowed(right=box.width - width_px)
        sheet.plate(box, palette.keys, box.height // 2)
        sign = glyphs.tick(_KEY_SIGN_PX) if is_ok else glyphs.cross(_KEY_SIGN_PX)
        is_plain = palette in {CONTRAST, URGENT_CONTRAST}
        colour = palette.on_keys if is_plain else _GOOD if is_ok else _BAD
        sheet.image.paste(colour, (box.left + _KEY_PAD_PX, box.top + (box.height - _KEY_SIGN_PX) // 2), sign)
        sheet.text(box.narrowed(left=_KEY_PAD_PX + sign_px), word, face, palette.on_keys)

    def picture(self, sheet: Sheet, box: Box, rgb: bytes) -> None:
        picture = Image.frombytes("RGB", (box.width, box.height), rgb)
        sheet.image.paste(picture, (box.left, box.top), rounded(box.width, box.height, self.style.radius_px * 2))


@cache
def _ground(above: Colour, below: Colour) -> Image.Image:
    """Return the page's ground, which darkens evenly from top to bottom."""
    mask = Image.linear_gradient("L").resize(_SIZE_PX)
    return Image.composite(Image.new("RGB", _SIZE_PX, below), Image.new("RGB", _SIZE_PX, above), mask)


@cache
def _darkened() -> tuple[int, ...]:
    return tuple(int(value * BACKGROUND_LIGHT) for value in range(256)) * 3


def _style() -> Style:
    text, small = outline(18), outline(15)
    normal = Faces(
        roles={
            Role.CLOCK: (digits(88), digits(64), outline(40)),
            Role.DIGITS: (digits(48), digits(38), digits(30), digits(25), outline(20)),
            Role.NAME: (outline(30, bold=True), outline(24, bold=True), outline(20, bold=True)),
            Role.HEADLINE: (outline(21, bold=True), outline(18, bold=True)),
            Role.TEXT: (outline(20), text, small),
            Role.DETAIL: (outline(16), outline(14)),
        },
        row=text,
        row_value=text,
        values=(text, small),
        labels=(outline(16),),
        entry=(outline(26), outline(20)),
        plain=text,
    )
    large = Faces(
        roles={
            Role.CLOCK: (digits(108), digits(88), digits(64), outline(40)),
            Role.DIGITS: (digits(56), digits(46), digits(38), digits(30), outline(22)),
            Role.NAME: (outline(48, bold=True), outline(38, bold=True), outline(30, bold=True), outline(24, bold=True)),
            Role.HEADLINE: (outline(34, bold=True), outline(28, bold=True), outline(22, bold=True)),
            Role.TEXT: (outline(36), outline(28), outline(22)),
            Role.DETAIL: (outline(26), outline(20)),
        },
        row=outline(32),
        row_value=outline(26),
        values=(outline(32), outline(26), outline(22)),
        labels=(outline(22),),
        entry=(outline(44), outline(34), outline(26)),
        plain=outline(26),
    )
    return Style(
        width_px=_SIZE_PX[0], height_px=_SIZE_PX[1], status_px=27, title_px=31, margin_px=10, gap_px=4,
        widest_gap_px=10, pair_gap_px=14, row_pad_px=6, key_pad_px=14, scroll_px=8, bar_px=18, radius_px=6,
        picture_px=104, least_picture_px=0, people_rows=2, person_px=52, keys_always=True, title_in_status=False,
        title_faces=(outline(19, bold=True), outline(16)), key_faces=(outline(17),), normal=normal, large=large,
    )  # fmt: skip
