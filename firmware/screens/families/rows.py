"""Lists to choose from and cards to read, in pixels."""

from typing import NamedTuple

from firmware.screens.families.arrange import page_of, window
from firmware.screens.families.fitting import clean, fits, width, wrap
from firmware.screens.families.fonts import Face
from firmware.screens.families.sheet import Box, Colour, Sheet, best_face
from firmware.screens.model import Card, List, ListRow


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
    """Draw the rows around the selected one; return whether all of them are shown."""
    style, palette = sheet.style, sheet.palette
    row_px = sheet.faces.rows[0].height_px + style.row_pad_px
    count = max(1, box.height // row_px)
    shown, first = window(body, count)
    total = max(body.total, body.first + len(body.rows))
    if total > len(shown):
        sheet.scroll_bar(box, first, len(shown), total)
        box = box.narrowed(right=style.scroll_px)
    # What is left over goes between the rows, so that a full list fills its place.
    if total >= count:
        row_px = min(box.height // count, row_px + style.widest_gap_px)
    selected = None if body.selected is None else min(max(body.selected, first), first + len(shown) - 1)
    for index, row in enumerate(shown):
        top = box.top + index * row_px
        place = Box(box.left, top, box.right, top + row_px)
        inks = (palette.text, palette.dim)
        if first + index == selected:
            sheet.plate(place.narrowed(left=style.radius_px // 2, right=style.radius_px // 2), palette.selected)
            inks = (palette.on_selected, palette.on_selected)
        _draw_row(sheet, place.narrowed(left=style.margin_px, right=style.margin_px), row, inks, _has_numbers(body))
    return total <= len(shown)


def _has_numbers(body: List) -> bool:
    return any(row.number for row in body.rows)


def _draw_row(sheet: Sheet, box: Box, row: ListRow, inks: tuple[Colour, Colour], has_numbers: bool) -> None:
    if has_numbers:
        face = sheet.faces.plain
        column_px = face.advance("0")
        if row.number:
            sheet.text(box, str(row.number)[-1], face, inks[1])
        box = box.narrowed(left=column_px + max(4, column_px // 2))
    sheet.pair(box, clean(row.label), clean(row.value), inks)


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
    start, end, page, pages = page_of(heights, inner.height, body.scroll)
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
