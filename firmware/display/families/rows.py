"""Lists to choose from and cards to read, in pixels."""

from typing import NamedTuple

from firmware.display.families.arrange import PlacedRow, RowSetter, lay_out, page_of
from firmware.display.families.fitting import fits, width, wrap
from firmware.display.families.fonts import Face
from firmware.display.families.sheet import Box, Colour, Sheet, Style, best_face
from firmware.display.model import Card, List, ListRow


class _Setting(NamedTuple):
    """How a list is set: in which faces, which rows are shown, and how wide the bar beside them is."""

    face: Face
    value_face: Face
    shown: tuple[PlacedRow, ...]
    first: int
    bar_px: int


class _Part(NamedTuple):
    """One line of a card: a text, or a label and its value beside each other."""

    text: str
    face: Face
    colour: Colour
    value: str = ""
    value_face: Face | None = None

    @property
    def height_px(self) -> int:
        return max(self.face.height_px, self.value_face.height_px if self.value_face else 0)


def draw_list(sheet: Sheet, box: Box, body: List, turn: int, least: int = 1) -> bool:
    """Draw the rows around the selected one, all in one face; return whether all of them are shown.

    Args:
        sheet: the page.
        box: where.
        body: the list.
        turn: which part of a selected row that is longer than the box is shown; see `lay_out`.
        least: how many rows are to be seen, if smaller letters can do it.
    """
    style, faces = sheet.style, sheet.faces
    texts = [text for row in body.rows for text in (row.label, row.value)]
    pairs = [(faces.row, faces.row_value), *((face, face) for face in (faces.row_value, *style.key_faces))]
    settings = (
        _set(sheet, box, body, turn, (faces.apart(pair[0], texts), faces.apart(pair[1], texts)))
        for pair in (pairs if least > 1 else pairs[:1])
        if all(map(pair[0].shows, texts))
    )
    setting = max(settings, key=lambda each: min(len(each.shown), least))
    face, shown, first, bar_px = setting.face, setting.shown, setting.first, setting.bar_px
    line_px = face.height_px + style.row_pad_px
    total = max(body.total, body.first + len(body.rows))
    spare_px = box.height - sum(len(placed.lines) for placed in shown) * line_px
    if total > len(shown):
        sheet.scroll_bar(box, first, len(shown), total)
    # What is left over goes between the rows, so that a full list fills its place.
    is_full = total > len(shown) or spare_px < line_px
    wider_px = min(style.widest_gap_px, spare_px // len(shown)) if shown and is_full else 0
    top = box.top
    for placed in shown:
        place = Box(box.left, top, box.right - bar_px, top + len(placed.lines) * line_px + wider_px)
        _draw_row(sheet, place, placed, setting, _columns_px(style, body, face))
        top = place.bottom
    return total <= len(shown)


def _set(sheet: Sheet, box: Box, body: List, turn: int, faces: tuple[Face, Face]) -> _Setting:
    """Set a list in a face, and its values in another, with a bar beside it where not all of it has room."""
    style = sheet.style
    face, value_face = faces
    total = max(body.total, body.first + len(body.rows))
    for bar_px in (0, style.scroll_px):
        width_px = box.width - 2 * style.margin_px - bar_px
        setter = RowSetter(face, value_face, width_px, sum(_columns_px(style, body, face)), style.pair_gap_px)
        shown, first = lay_out(body, setter, max(1, box.height // (face.height_px + style.row_pad_px)), turn)
        if total <= len(shown):
            break
    return _Setting(face, value_face, shown, first, bar_px)


def _columns_px(style: Style, body: List, face: Face) -> tuple[int, int]:
    """Return how wide the columns of numbers and of signs are."""
    digit_px = face.advance("0")
    number_px = digit_px + max(4, digit_px // 2) if any(row.number for row in body.rows) else 0
    sign_gap_px = max(4, style.pair_gap_px // 2)
    return number_px, max((width(row.sign, face) + sign_gap_px for row in body.rows if row.sign), default=0)


def _draw_row(sheet: Sheet, place: Box, placed: PlacedRow, setting: _Setting, columns_px: tuple[int, int]) -> None:
    """Draw a row in its place; before its words are the columns of numbers and of signs, so wide."""
    style, palette, face = sheet.style, sheet.palette, setting.face
    ink, dim = palette.text, palette.dim
    if placed.is_selected:
        # The row above may fill its place.
        above_px = int(face is sheet.faces.spaced)
        sides_px = style.radius_px // 2
        sheet.plate(place.narrowed(left=sides_px, top=above_px, right=sides_px), palette.selected)
        ink = dim = palette.on_selected
    inner = place.narrowed(left=style.margin_px, right=style.margin_px)
    line_px = place.height // len(placed.lines)
    for index, line in enumerate(placed.lines):
        box = Box(inner.left, place.top + index * line_px, inner.right, place.top + (index + 1) * line_px)
        left_px = 0
        for px, text in zip(columns_px, (str(placed.row.number or "")[-1:], placed.row.sign), strict=True):
            if not (index or placed.part):
                sheet.text(box.narrowed(left=left_px), text, face, dim)
            left_px += px
        sheet.text(box.narrowed(left=left_px), line.label, face, ink)
        sheet.text_right(box, line.value, setting.value_face, dim)


def draw_card(sheet: Sheet, box: Box, body: Card) -> bool:
    """Draw one page of the facts; return whether there is no other."""
    style = sheet.style
    inner = box.narrowed(left=style.margin_px, top=style.gap_px // 2, right=style.margin_px)
    items = [item for row in body.rows for item in _items(sheet, inner, row)]
    heights = [sum(part.height_px for part in item) + style.gap_px for item in items]
    if sum(heights) > inner.height:
        inner = inner.narrowed(right=style.scroll_px)
        items = [item for row in body.rows for item in _items(sheet, inner, row)]
        heights = [sum(part.height_px for part in item) + style.gap_px for item in items]
    start, end, page, pages = page_of(heights, inner.height, body)
    if pages > 1:
        sheet.scroll_bar(box, page, 1, pages)
    top = inner.top
    for item in items[start:end]:
        for part in item:
            place = Box(inner.left, top, inner.right, min(top + part.height_px, box.bottom))
            _draw_part(sheet, place, part)
            top += part.height_px
        top += style.gap_px
    return pages == 1


def _draw_part(sheet: Sheet, place: Box, part: _Part) -> None:
    sheet.text(place, part.text, part.face, part.colour)
    if part.value_face is not None:
        sheet.text_right(place, part.value, part.value_face, sheet.palette.text)


def _items(sheet: Sheet, box: Box, row: ListRow) -> list[tuple[_Part, ...]]:
    """Return the lines of one fact; what must not be torn apart is one item."""
    palette, faces, room_px = sheet.palette, sheet.faces, box.width
    label, value = row.label, row.value
    if not value:
        # A sentence of which one line is seen at a time cannot be read, however large it is.
        usable = [face for face in faces.values if face.shows(label) and 2 * face.height_px <= box.height]
        face = next(iter(usable), faces.values[-1])
        return [(_Part(line, face, palette.text),) for line in wrap(label, face, room_px).lines]
    label_face = best_face(faces.labels, label, room_px)
    beside_px = room_px - sheet.style.pair_gap_px - width(label, label_face)
    value_face = best_face(faces.values, value, beside_px)
    if label and fits(value, value_face, beside_px):
        return [(_Part(label, label_face, palette.dim, value, value_face),)]
    value_face = best_face(faces.values, value, room_px)
    lines = [_Part(line, value_face, palette.text) for line in wrap(value, value_face, room_px).lines]
    if not label:
        return [(line,) for line in lines]
    head = _Part(label, label_face, palette.dim)
    return [(head, *lines[:1]), *((line,) for line in lines[1:])]
