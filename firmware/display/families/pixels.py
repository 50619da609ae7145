"""A page in pixels: what the mono and the colour displays have in common."""

from dataclasses import replace
from enum import Enum, auto
from functools import lru_cache, partial
from typing import Final, Protocol

from PIL import Image

from firmware.display.families.arrange import Arrangement, arrange, in_parts
from firmware.display.families.entry import draw_entry
from firmware.display.families.fitting import clean, cleaned, width
from firmware.display.families.fonts import Face
from firmware.display.families.people import draw_people, with_small_clock
from firmware.display.families.rows import draw_card, draw_list
from firmware.display.families.sheet import Box, Sheet, Style, best_face
from firmware.display.model import Block, Card, Code, Entry, Flow, Importance, List, Page, Pictures, Role

QUIET_MODULES: Final = 4
"""How wide the light border is that readers look for (section 9.1)."""

# A module of a single pixel is too small for most cameras: on a small display the border gives way first, which
# readers forgive down to here.
_NARROW_QUIET_MODULES: Final = 2

_MODULE_PX_ENOUGH = 4
"""A QR code with modules as wide as this is read from afar; it need not drive away what else is on a page."""

_PAYLOAD_ROWS = 40
_FEW_ANSWERS, _ALL_ANSWERS = 2, 4
"""How many answers to a question become smaller to be seen at once: with large letters fewer."""

_LEAST_COLUMN = 4
"""Words stand beside a code where at least such a part of the width is left."""


def module_px(payload: str, room_px: int) -> int:
    """Return how many pixels wide a module of the code can be in a square room; 0 where it does not fit."""
    modules = _modules(payload)
    if modules is None:
        return 0
    size = modules.width
    best = room_px // (size + 2 * QUIET_MODULES)
    return 2 if best == 1 and 2 * (size + 2 * _NARROW_QUIET_MODULES) <= room_px else best


def draw_code(payload: str, module_px: int, room_px: int) -> Image.Image:
    """Return the code as a picture of mode `1`, lit where it is light, with its border but no larger than the room."""
    modules = _modules(payload)
    assert modules is not None  # noqa: S101 - module_px() said that it fits
    code = modules.resize((modules.width * module_px, modules.height * module_px), Image.Resampling.NEAREST)
    side_px = min(room_px, code.width + 2 * QUIET_MODULES * module_px)
    picture = Image.new("1", (side_px, side_px), 1)
    picture.paste(code, ((side_px - code.width) // 2, (side_px - code.height) // 2))
    return picture


@lru_cache(maxsize=1)
def _modules(payload: str) -> Image.Image | None:
    """Return the code with one pixel a module, lit where it is light; None where no code can hold the payload."""
    import segno  # noqa: PLC0415 - it brings what writes XML and asks the web, 5 MB, and few screens have a code

    try:
        code = segno.make_qr(payload, error="l", encoding=None if payload.isascii() else "utf-8")
    except (segno.DataOverflowError, UnicodeError):
        return None
    rows = list(code.matrix)
    picture = Image.new("1", (len(rows[0]), len(rows)))
    picture.putdata([not module for row in rows for module in row])
    return picture


class _Fit(Enum):
    """How what a page is about has found room.

    SMALLER: all of it can be read, though not in the letters that it should have.
    """

    WHOLE = auto()
    SMALLER = auto()
    CUT = auto()


class Finish(Protocol):
    """What the families draw in their own ways."""

    style: Style

    def sheet(self, page: Page) -> Sheet:
        """Return an empty page: its ground, and the picture behind it where it has one."""
        ...

    def status(self, sheet: Sheet, box: Box, page: Page) -> None:
        """Draw the top row."""
        ...

    def menu_title(self, sheet: Sheet, box: Box, page: Page) -> None:
        """Draw a title in the top row, for families whose style has it there."""
        ...

    def key(self, sheet: Sheet, box: Box, word: str, face: Face, *, is_ok: bool) -> None:
        """Draw what a key does now, at its side of a row."""
        ...

    def picture(self, sheet: Sheet, box: Box, rgb: bytes) -> None:
        """Draw a picture that is as large as the box."""
        ...


class PixelRenderer:
    """Lays a page out in the measures of a style."""

    def __init__(self, finish: Finish, pictures: Pictures) -> None:
        self._finish = finish
        self._style = finish.style
        self._pictures = pictures

    def render(self, page: Page) -> bytes:
        """Return the frame; see Renderer."""
        return self.draw(page).tobytes()

    def draw(self, page: Page) -> Image.Image:
        """Return the page as a picture."""
        page = cleaned(page)
        if isinstance(page.body, Code):
            drawn = self._draw_code(page, page.body)
            if drawn is not None:
                return drawn
        if page.people:
            for each in (page, with_small_clock(page)):
                sheet, fit = self._attempt(each, with_keys=True, is_head_merged=False)
                # The time may be smaller than it could be; what else is to be read may not.
                if fit is _Fit.WHOLE or (fit is _Fit.SMALLER and _tells_the_time(each)):
                    return sheet.image
            page = replace(page, people=())
        is_apart = self._is_apart(page)
        has_keys = page.asks or (is_apart and isinstance(page.body, List | Card))
        attempts = [(True, False)] if self._style.keys_always else [(True, False), (has_keys, False), (has_keys, True)]
        for with_keys, is_head_merged in attempts:
            sheet, fit = self._attempt(page, with_keys=with_keys, is_head_merged=is_head_merged)
            if fit is _Fit.WHOLE:
                return sheet.image
        if fit is _Fit.CUT and (card := in_parts(page)) is not None:
            with_keys = with_keys or is_apart
            sheet, _ = self._attempt(replace(page, body=card), with_keys=with_keys, is_head_merged=is_head_merged)
        return sheet.image

    def _is_apart(self, page: Page) -> bool:
        """Whether lines of a body are so far apart that there are as many of them with the keys below."""
        match page.body:
            case List(rows=rows) | Card(rows=rows):
                texts = [text for row in rows for text in (row.label, row.value)]
            case tuple():
                texts = [block.text for block in page.body]
            case _:
                return False
        spaced = self._style.normal.spaced
        return not page.large_text and spaced is not None and any(map(spaced.shows, texts))

    def _attempt(self, page: Page, *, with_keys: bool, is_head_merged: bool) -> tuple[Sheet, _Fit]:
        """Draw a page, and return how its body has found room."""
        sheet = self._finish.sheet(page)
        box = self._draw_head(sheet, page, is_merged=is_head_merged)
        if with_keys:
            box = self._draw_keys(sheet, box, page)
        if page.bar_percent is not None:
            box = self._draw_bar(sheet, box, page.bar_percent)
        if page.people:
            above = draw_people(sheet, box, page.people, partial(self._draw_person, sheet))
            if above is None:
                return sheet, _Fit.CUT
            box = above
        return sheet, self._draw_body(sheet, box, page)

    def _draw_person(self, sheet: Sheet, box: Box, picture: str) -> bool:
        """Draw somebody's picture; False where it is not at hand."""
        rgb = self._pictures.picture(picture, box.width, box.height)
        if rgb is not None:
            self._finish.picture(sheet, box, rgb)
        return rgb is not None

    # --- around the body ----------------------------------------------------------------------------------------------

    def _draw_head(self, sheet: Sheet, page: Page, *, is_merged: bool = False) -> Box:
        """Draw the status bar and the title, in the same row where that is asked for, and return what is left."""
        style = self._style
        whole = Box(0, 0, style.width_px, style.height_px)
        if page.title and style.title_in_status and (is_merged or not isinstance(page.body, tuple)):
            self._finish.menu_title(sheet, Box(0, 0, style.width_px, style.title_px), page)
            return whole.narrowed(top=style.title_px)
        self._finish.status(sheet, Box(0, 0, style.width_px, style.status_px), page)
        if not page.title and not (isinstance(page.body, Entry) and page.body.mode):
            return whole.narrowed(top=style.status_px)
        self._draw_title(sheet, Box(0, style.status_px, style.width_px, style.status_px + style.title_px), page)
        return whole.narrowed(top=style.status_px + style.title_px)

    def _draw_title(self, sheet: Sheet, box: Box, page: Page) -> None:
        palette = sheet.palette
        sheet.plate(box, palette.title, 0)
        inner = box.narrowed(left=self._style.margin_px, right=self._style.margin_px)
        if isinstance(page.body, Entry) and page.body.mode:
            mode = page.body.mode
            face = best_face(self._style.key_faces, mode, inner.width // 3)
            mode_box = inner.narrowed(left=inner.width - inner.width // 3)
            taken_px = sheet.text_right(mode_box, mode, face, palette.on_title)
            inner = inner.narrowed(right=taken_px + self._style.pair_gap_px)
        face = best_face(self._style.title_faces, page.title, inner.width)
        if isinstance(page.body, tuple):
            sheet.text_centred(inner, page.title, face, palette.on_title)
        else:
            sheet.text(inner, page.title, face, palette.on_title)

    def _key_row(self, page: Page) -> tuple[Face, int]:
        """Return what the keys' words are set in, and how tall their row is; 0 where no key does anything."""
        words = [word for word in (page.cancel, page.ok) if word]
        faces = self._style.key_faces
        face = next((face for face in faces if all(map(face.shows, words))), faces[-1])
        return face, face.height_px + self._style.key_pad_px if words else 0

    def _draw_keys(self, sheet: Sheet, box: Box, page: Page) -> Box:
        """Draw what CANCEL and OK do in the lowest row, and return what is left."""
        face, height_px = self._key_row(page)
        row = box.narrowed(top=box.height - height_px)
        half_px = row.width // 2
        for word, is_ok in ((page.cancel, False), (page.ok, True)):
            if word:
                side = row.narrowed(left=half_px) if is_ok else row.narrowed(right=half_px)
                self._finish.key(sheet, side, word, face, is_ok=is_ok)
        return box.narrowed(bottom=height_px)

    def _draw_bar(self, sheet: Sheet, box: Box, percent: int) -> Box:
        """Draw a bar at the bottom of a box, and return what is left above it."""
        style, palette = self._style, sheet.palette
        box = box.narrowed(bottom=style.margin_px)
        bar = box.narrowed(top=box.height - style.bar_px, left=style.margin_px, right=style.margin_px)
        edge_px = 1
        sheet.plate(bar, palette.track, bar.height // 2 if style.radius_px else 0)
        inner = bar.narrowed(edge_px, edge_px, edge_px, edge_px)
        sheet.plate(inner, palette.ground_below, inner.height // 2 if style.radius_px else 0)
        inner = inner.narrowed(edge_px, edge_px, edge_px, edge_px)
        filled_px = inner.width * min(max(0, percent), 100) // 100
        radius_px = min(inner.height // 2, filled_px // 2) if style.radius_px else 0
        sheet.plate(Box(inner.left, inner.top, inner.left + filled_px, inner.bottom), palette.mark, radius_px)
        return box.narrowed(bottom=style.bar_px + style.gap_px)

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _draw_body(self, sheet: Sheet, box: Box, page: Page) -> _Fit:
        """Draw what a page is about; return how it has found room."""
        match page.body:
            case List():
                is_whole = draw_list(sheet, box.narrowed(top=self._style.gap_px), page.body, page.turn, _least(page))
            case Card():
                is_whole = draw_card(sheet, self._beside_picture(sheet, box, page), page.body)
            case Entry():
                is_whole = draw_entry(sheet, box.narrowed(top=self._style.gap_px), page.body)
            case Code():
                return self._draw_blocks(sheet, box, page, _as_text(page.body))
            case _:
                return self._draw_blocks(sheet, box, page, page.body)
        return _Fit.WHOLE if is_whole else _Fit.CUT

    def _draw_blocks(self, sheet: Sheet, box: Box, page: Page, blocks: tuple[Block, ...]) -> _Fit:
        style = self._style
        is_behind = _tells_the_time(page)
        if page.picture and style.picture_px and not style.least_picture_px and not is_behind:
            box = self._beside_picture(sheet, box, page)
        arrangement = arrange(
            blocks,
            sheet.faces.roles.__getitem__,
            box.width - 2 * style.margin_px,
            box.height,
            gap_px=style.gap_px,
            fewer_words=page.large_text,
        )
        if page.picture and style.least_picture_px:
            box = self._below_picture(sheet, box, page, arrangement.height_px, is_wide=is_behind)
        self._set(sheet, box, arrangement)
        if arrangement.is_whole:
            return _Fit.WHOLE
        return _Fit.CUT if arrangement.is_cut else _Fit.SMALLER

    def _set(self, sheet: Sheet, box: Box, arrangement: Arrangement[Face]) -> None:
        """Draw blocks in the middle of a box, with some of the spare room between them."""
        style = self._style
        blocks = arrangement.placed
        spare_px = box.height - arrangement.height_px
        wider_px = max(0, min(style.widest_gap_px - style.gap_px, spare_px // (len(blocks) + 1)))
        spare_px = max(0, spare_px - wider_px * (len(blocks) - 1))
        is_centred = any(placed.block.centred for placed in blocks)
        top = box.top + (spare_px // 2 if is_centred else min(style.widest_gap_px, spare_px))
        for placed in blocks:
            block, face = placed.block, placed.face
            colour = {Role.HEADLINE: sheet.palette.headline, Role.DETAIL: sheet.palette.dim}.get(
                block.role, sheet.palette.text
            )
            if block.role is Role.HEADLINE and sheet.palette.plate != sheet.palette.ground:
                plate = Box(box.left, top, box.right, min(top + placed.height_px, box.bottom))
                sheet.plate(plate, sheet.palette.plate, 0)
            for line in placed.lines:
                place = Box(box.left + style.margin_px, top, box.right - style.margin_px, top + face.height_px)
                if top + face.height_px <= box.bottom:
                    draw = sheet.text_centred if block.centred else sheet.text
                    draw(place, line, face, colour, block.flow)
                top += face.height_px
            top += style.gap_px + wider_px

    # --- pictures -----------------------------------------------------------------------------------------------------

    def _beside_picture(self, sheet: Sheet, box: Box, page: Page) -> Box:
        """Draw the page's picture at the left of a box, and return what is left of it."""
        style = self._style
        side_px = min(style.picture_px, box.height - 2 * style.gap_px)
        if not page.picture or side_px <= 0:
            return box
        rgb = self._pictures.picture(page.picture, side_px, side_px)
        if rgb is None:
            return box
        left, top = box.left + style.margin_px, box.top + (box.height - side_px) // 2
        self._finish.picture(sheet, Box(left, top, left + side_px, top + side_px), rgb)
        return box.narrowed(left=style.margin_px + side_px)

    def _below_picture(self, sheet: Sheet, box: Box, page: Page, needed_px: int, *, is_wide: bool) -> Box:
        """Draw the page's picture above what needs so much room, if enough is left; return what is left."""
        style = self._style
        height_px = box.height - needed_px - 2 * style.gap_px
        if height_px < style.least_picture_px:
            return box
        width_px = box.width if is_wide else height_px
        rgb = self._pictures.picture(page.picture, width_px, height_px)
        if rgb is None:
            return box
        left = box.left + (box.width - width_px) // 2
        self._finish.picture(sheet, Box(left, box.top, left + width_px, box.top + height_px), rgb)
        return box.narrowed(top=height_px + style.gap_px)

    # --- QR codes -----------------------------------------------------------------------------------------------------

    def _draw_code(self, page: Page, body: Code) -> Image.Image | None:
        """Draw a QR code at the left and words beside it; None where the display is too small for the code."""
        style = self._style
        sheet = self._finish.sheet(page)
        box = Box(0, 0, style.width_px, style.height_px)
        largest_px = module_px(body.payload, box.height)
        if not largest_px:
            return None
        blocks: tuple[Block, ...] = (Block(body.caption, Role.TEXT, Flow.WRAP, rows=6),) if body.caption else ()
        title = Block(page.title, Role.HEADLINE, Flow.WRAP, importance=Importance.NEEDED)
        framed = self._draw_head(sheet, page)
        framed = self._draw_keys(sheet, framed, page)
        if module_px(body.payload, framed.height) >= min(largest_px, _MODULE_PX_ENOUGH):
            box = framed
        else:
            # The code needs the whole height; what the head said stands beside it.
            sheet = self._finish.sheet(page)
            blocks = (title, *blocks) if page.title else blocks
        size_px = module_px(body.payload, box.height)
        code = draw_code(body.payload, size_px, box.height)
        if style.width_px - code.width < style.width_px // _LEAST_COLUMN:
            self._frame_code(sheet, box, code, page)
        else:
            self._paste_code(sheet, code, style.margin_px, box.top + (box.height - code.height) // 2)
            self._draw_blocks(sheet, box.narrowed(left=style.margin_px + code.width), page, blocks)
        return sheet.image

    def _frame_code(self, sheet: Sheet, box: Box, code: Image.Image, page: Page) -> None:
        """Draw a code that has no room beside it, with the title above and the keys below where they fit."""
        face = best_face(self._style.title_faces, page.title, box.width)
        if box.height == self._style.height_px and page.title and box.height - code.height >= face.height_px:
            place = Box(box.left, box.top, box.right, box.top + face.height_px)
            sheet.text_centred(place, page.title, face, sheet.palette.text)
            box = box.narrowed(top=face.height_px)
            if box.height - code.height >= self._key_row(page)[1]:
                box = self._draw_keys(sheet, box, page)
        top = box.top + max(0, box.height - code.height) // 2
        self._paste_code(sheet, code, box.left + (box.width - code.width) // 2, top)

    def _paste_code(self, sheet: Sheet, code: Image.Image, left: int, top: int) -> None:
        sheet.image.paste(code if sheet.image.mode == "1" else code.convert("RGB"), (left, top))


def _least(page: Page) -> int:
    """Return how many rows of a list are to be seen at once: no answer is to be given before another one is seen."""
    return 1 if not page.asks else _FEW_ANSWERS if page.large_text else _ALL_ANSWERS


def _tells_the_time(page: Page) -> bool:
    return isinstance(page.body, tuple) and any(block.role is Role.CLOCK for block in page.body)


def _as_text(body: Code) -> tuple[Block, ...]:
    """Return what a code says, for a display that has no room for its modules."""
    payload = Block(
        clean(body.payload), Role.DETAIL, Flow.WRAP, centred=False, importance=Importance.NEEDED, rows=_PAYLOAD_ROWS
    )
    return (Block(body.caption, importance=Importance.SPARE), payload) if body.caption else (payload,)


def key_width(word: str, face: Face, box: Box, pad_px: int) -> int:
    """Return how wide the place of a key's word is, at most its half of the row."""
    return min(box.width - 1, width(word, face) + 2 * pad_px)
