"""Lists to choose from and cards to read, in pixels."""

from typing import NamedTuple

from firmware.display.families.arrange import page_of, window
from firmware.display.families.fitting import clean, fits, width, wrap
from firmware.display.families.fonts import Face
from firmware.display.families.sheet import Box, Colour, Sheet, best_face
from firmware.display.model import Card, List, ListRow

_TALL_ROWS = 2
"""Where there is room for no more rows than these, none takes the place of two."""


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


def draw_list(sheet: Sheet, box: Box, body: List) -> bool:
    """Draw the rows around the selected one; return whether all of them are shown.

    Where the selected row does not fit on a line, its value goes below its label, so that both are read in full.
    """
    style = sheet.style
    row_px = sheet.faces.rows[0].height_px + style.row_pad_px
    count = max(1, box.height // row_px)
    total = max(body.total, body.first + len(body.rows))
    has_bar = total > min(count, len(body.rows))
    inner = box.narrowed(left=style.margin_px, right=style.margin_px + has_bar * style.scroll_px)
    if any(row.number for row in body.rows):
        inner = inner.narrowed(left=_number_px(sheet))
    shown, first = window(body, count)
    selected = None if body.selected is None else min(max(body.selected - first, 0), len(shown) - 1)
    is_tall = (
        selected is not None and count > _TALL_ROWS and bool(shown) and not _is_one_line(sheet, inner, shown[selected])
    )
    if is_tall:
        shown, first = window(body, count - 1)
        selected = min(max((body.selected or 0) - first, 0), len(shown) - 1)
    if total > len(shown):
        sheet.scroll_bar(box, first, len(shown), total)
    # What is left over goes between the rows, so that a full list fills its place.
    if total >= count:
        row_px = min(box.height // count, row_px + style.widest_gap_px)
    top = box.top
    for index, row in enumerate(shown):
        bottom = top + row_px * (2 if is_tall and index == selected else 1)
        place = Box(box.left, top, box.right - has_bar * style.scroll_px, bottom)
        _draw_row(sheet, place, Box(inner.left, top, inner.right, bottom), row, is_selected=index == selected)
        top = bottom
    return total <= len(shown)


def _number_px(sheet: Sheet) -> int:
    digit_px = sheet.faces.plain.advance("0")
    return digit_px + max(4, digit_px // 2)


def _is_one_line(sheet: Sheet, inner: Box, row: ListRow) -> bool:
    label, value = clean(row.label), clean(row.value)
    if not value:
        return True
    label_face, value_face = best_face(sheet.faces.rows, label, 0), best_face(sheet.faces.values, value, 0)
    return fits(label, label_face, inner.width - sheet.style.pair_gap_px - width(value, value_face))


def _draw_row(sheet: Sheet, place: Box, inner: Box, row: ListRow, *, is_selected: bool) -> None:
    """Draw a row in its place, its words in the inner part of it; one that is two lines tall has its value below."""
    style, palette, face = sheet.style, sheet.palette, sheet.faces.plain
    ink, dim = palette.text, palette.dim
    if is_selected:
        sheet.plate(place.narrowed(left=style.radius_px // 2, right=style.radius_px // 2), palette.selected)
        ink = dim = palette.on_selected
    line_px = sheet.faces.rows[0].height_px + style.row_pad_px
    is_tall = place.height >= 2 * line_px
    upper = Box(inner.left, inner.top, inner.right, inner.top + place.height // 2) if is_tall else inner
    if row.number:
        left = place.left + style.margin_px
        sheet.text(Box(left, upper.top, inner.left, upper.bottom), str(row.number)[-1], face, dim)
    label, value = clean(row.label), clean(row.value)
    if is_tall:
        sheet.text(upper, label, best_face(sheet.faces.rows, label, upper.width), ink)
        lower = Box(inner.left, upper.bottom, inner.right, inner.bottom)
        sheet.text_right(lower, value, best_face(sheet.faces.values, value, lower.width), dim)
    else:
        sheet.pair(inner, label, value, (ink, dim))


def draw_card(sheet: Sheet, box: Box, body: Card) -> bool:
    """Draw one page of the facts; return whether there is no other."""
    style = sheet.style
    inner = box.narrowed(left=style.margin_px, top=style.gap_px // 2, right=style.margin_px)
    items = [item for row in body.rows for item in _items(sheet, inner.width, row)]
    heights = [sum(part.height_px for part in item) + style.gap_px for item in items]
    if sum(heights) > inner.height:
        inner = inner.narrowed(right=style.scroll_px)
        items = [item for row in body.rows for item in _items(sheet, inner.width, row)]
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


def _items(sheet: Sheet, room_px: int, row: ListRow) -> list[tuple[_Part, ...]]:
    """Return the lines of one fact; what must not be torn apart is one item."""
    palette, faces = sheet.palette, sheet.faces
    label, value = clean(row.label), clean(row.value)
    if not value:
        face = next((face for face in faces.values if face.shows(label)), faces.values[-1])
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
