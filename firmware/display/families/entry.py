"""A text that is being typed, in pixels."""

from firmware.display.families.fitting import ELLIPSIS, Wrapped, clean, cut, width, wrap
from firmware.display.families.fonts import Face
from firmware.display.families.sheet import Box, Sheet, best_face
from firmware.display.model import Entry, Flow, Role

_TAIL_STEP = 100
_FIELD_ROWS = 4
_NOTE_ROWS = 3


def tail(text: str) -> str:
    """Return the end of what was typed, cleaned, with the space that a new word begins after.

    It begins at a hundred letters, so that its lines do not move with each letter.
    """
    end = clean(text[max(0, len(text) // _TAIL_STEP - 2) * _TAIL_STEP :])
    return end + " " if text.endswith(" ") else end


def draw_entry(sheet: Sheet, box: Box, body: Entry) -> bool:
    """Draw the field, the candidates below it and the note; return whether all of it is shown."""
    style = sheet.style
    inner = box.narrowed(left=style.margin_px, right=style.margin_px)
    note_face = best_face(sheet.faces.roles[Role.DETAIL], body.note, inner.width)
    field_px = sheet.faces.entry[-1].height_px + 2 * style.row_pad_px
    candidates_px = sheet.faces.plain.height_px + style.row_pad_px + style.gap_px if body.candidates else 0
    # The smallest has no room for it while a syllable is spelled.
    is_above_shown = not body.above or bool(body.candidates)
    if body.above is not None:
        # What is written here comes first, and why it does not arrive.
        needed_px = field_px + candidates_px + (note_face.height_px + style.gap_px if body.note else 0) + style.gap_px
        above_px = min(inner.height // 2, inner.height - needed_px)
        if above_px > min(each.height_px for each in sheet.faces.entry):
            is_above_shown = True
            _draw_above(sheet, Box(inner.left, inner.top, inner.right, inner.top + above_px), body.above)
            inner = inner.narrowed(top=above_px + style.gap_px)
    note_rows = min(_NOTE_ROWS, (inner.height - field_px - candidates_px - style.gap_px) // note_face.height_px)
    wrapped = wrap(body.note, note_face, inner.width, note_rows) if note_rows > 0 else Wrapped((), not body.note, False)
    note_px = len(wrapped.lines) * note_face.height_px + (style.gap_px if wrapped.lines else 0)
    top = inner.top + _draw_field(sheet, inner.narrowed(bottom=candidates_px + note_px), body)
    if body.candidates:
        _draw_candidates(sheet, Box(inner.left, top + style.gap_px, inner.right, top + candidates_px), body)
        top += candidates_px
    top += style.gap_px
    for line in wrapped.lines:
        sheet.text(Box(inner.left, top, inner.right, top + note_face.height_px), line, note_face, sheet.palette.dim)
        top += note_face.height_px
    return wrapped.is_whole and is_above_shown


def _draw_above(sheet: Sheet, box: Box, text: str) -> None:
    """Draw the end of what somebody else writes, and a line below it."""
    text = tail(text)
    face = best_face(sheet.faces.entry, text, box.width)
    if face.height_px > box.height:
        face = min(sheet.faces.entry, key=lambda each: each.height_px)
    lines = _last_lines(text, face, box.width, max(1, (box.height - 1) // face.height_px))
    top = box.bottom - 1 - len(lines) * face.height_px
    for line in lines:
        sheet.text(Box(box.left, top, box.right, top + face.height_px), line, face, sheet.palette.text)
        top += face.height_px
    sheet.plate(Box(box.left, box.bottom - 1, box.right, box.bottom), sheet.palette.dim, 0)


def _draw_field(sheet: Sheet, box: Box, body: Entry) -> int:
    """Draw the end of the text and a cursor behind it; return how tall that is."""
    style, palette = sheet.style, sheet.palette
    text = tail(body.text)
    cursor_px = max(2, style.radius_px // 3)
    pad_px = style.row_pad_px
    inner = box.narrowed(left=pad_px, right=pad_px + cursor_px + 1)
    face = best_face(sheet.faces.entry, text, inner.width)
    if face.height_px + 2 * pad_px > box.height:
        face = min(sheet.faces.entry, key=lambda each: each.height_px)
    rows = max(1, min(_FIELD_ROWS, (box.height - 2 * pad_px) // face.height_px))
    lines = _last_lines(text, face, inner.width, rows)
    height_px = min(box.height, face.height_px * len(lines) + 2 * pad_px)
    if pad_px:
        sheet.plate(Box(box.left, box.top, box.right, box.top + height_px), palette.track)
        sheet.plate(Box(box.left + 1, box.top + 1, box.right - 1, box.top + height_px - 1), palette.ground_below)
    top = box.top + pad_px
    end_px = 0
    for line in lines:
        end_px = sheet.text(Box(inner.left, top, inner.right, top + face.height_px), line, face, palette.text)
        top += face.height_px
    cursor = Box(inner.left + end_px + 1, top - face.height_px + 1, inner.left + end_px + 1 + cursor_px, top - 1)
    sheet.plate(cursor, palette.mark, 0)
    return height_px


def _last_lines(text: str, face: Face, room_px: int, rows: int) -> tuple[str, ...]:
    if rows == 1:
        return (cut(text, face, room_px, Flow.CUT_START),)
    lines = wrap(text, face, room_px).lines
    if not lines:
        return ("",)
    if text.endswith(" ") and width(lines[-1] + " ", face) <= room_px:
        lines = (*lines[:-1], lines[-1] + " ")
    if len(lines) > rows:
        lines = lines[-rows:]
        lines = (cut(ELLIPSIS + lines[0], face, room_px, Flow.CUT_START), *lines[1:])
    return lines


def _draw_candidates(sheet: Sheet, box: Box, body: Entry) -> None:
    """Draw the candidates side by side, of many those among which the chosen one is."""
    palette = sheet.palette
    face = sheet.faces.plain
    pad_px = max(2, sheet.style.margin_px)
    words = [cut(word, face, box.width - 2 * pad_px) for word in body.candidates]
    chosen = min(max(0, body.candidate), len(words) - 1)
    x = box.left
    places: list[tuple[int, Box]] = []
    for index, word in enumerate(words):
        word_px = width(word, face) + 2 * pad_px
        if x + word_px > box.right:
            if index > chosen:
                break
            places, x = [], box.left
        places.append((index, Box(x, box.top, x + word_px, box.bottom)))
        x += word_px + sheet.style.gap_px
    for index, place in places:
        if index == chosen:
            sheet.plate(place, palette.selected)
        sheet.text(
            place.narrowed(left=pad_px), words[index], face, palette.on_selected if index == chosen else palette.text
        )
