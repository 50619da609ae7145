"""Reads the handset's display: whether its pixels say a text, wherever and in whatever font it stands there."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

from PIL import Image, ImageDraw

from firmware.display.families.fitting import clean, wrap
from firmware.display.families.fonts import Face
from firmware.display.families.mono import mono_128x64
from firmware.display.model import Icon, Page, StatusBar

FAMILY = "oled_128x64"
WIDTH_PX = 128
HEIGHT_PX = 64

# A word is apart from the next thing by more than the space between two words is wide.
_APART_PX = 11
# The digit that chooses a row stands closer before it, at the row's beginning.
_NUMBER_ENDS_PX = 16
_NUMBER_APART_PX = 4
# So does a label before its value, at the row's end.
_VALUE_ENDS_PX = 118
_VALUE_APART_PX = 5
_ROW_PX = 16
_ROW_NUMBER_PX = 12
# A plate that text stands on is thicker than any stroke of a letter.
_PLATE_PX = 3
_SCROLL_BAR_PX = 5
_STATUS_PX = 12


class NoPictures:
    """A store that holds no picture."""

    def picture(self, name: str, width_px: int, height_px: int) -> None: ...


class _Ink(NamedTuple):
    """A line of text as it is drawn: rows of 0 and 1, no wider and no taller than its letters."""

    rows: tuple[str, ...]
    width_px: int


_RENDERER = mono_128x64(NoPictures())


def says(frame: bytes, text: str) -> bool:
    """Whether the frame shows all of a text, in as many lines as it takes; one that has not come yet shows nothing."""
    if not frame:
        return False
    rows = _rows(frame)
    return any(all(_has_line(rows, line, face) for line in lines) for face, lines in _ways(text))


def begins(frame: bytes, text: str) -> bool:
    """Whether the frame shows the first line of a text that it has not room for all of."""
    if not frame:
        return False
    rows = _rows(frame)
    return any(_has_line(rows, lines[0], face) for face, lines in _ways(text))


def shows(frame: bytes, *icons: tuple[Icon, int]) -> bool:
    """Whether the frame's status bar begins with these icons, each with its count."""
    if not frame:
        return False
    bar = _status_bar(icons)
    return all(row.startswith(wanted) for row, wanted in zip(_rows(frame)[:_STATUS_PX], bar, strict=True))


def below_the_clock(frame: bytes) -> bytes:
    """Return what a frame shows below the status bar, or the title of a list: the time of day stands in either."""
    return frame[_ROW_PX * WIDTH_PX // 8 :]


def _has_line(rows: tuple[str, ...], text: str, face: Face) -> bool:
    ink = _ink(text, face)
    if ink is None:
        return False
    dark = tuple(row.translate(_INVERTED) for row in rows)
    return any(_stands_apart(ground, left, top, ink) for ground in (rows, dark) for left, top in _places(ground, ink))


def _places(rows: tuple[str, ...], ink: _Ink) -> Iterator[tuple[int, int]]:
    """Find where the very pixels of a line are, light on dark."""
    first, height = ink.rows[0], len(ink.rows)
    for top in range(HEIGHT_PX - height + 1):
        left = rows[top].find(first)
        while left >= 0:
            if all(rows[top + y].startswith(ink.rows[y], left) for y in range(1, height)):
                yield left, top
            left = rows[top].find(first, left + 1)


def _stands_apart(rows: tuple[str, ...], left: int, top: int, ink: _Ink) -> bool:
    """Whether what was found is a text of its own and not part of a longer one."""
    columns = ["".join(rows[y][x] for y in range(top, top + len(ink.rows))) for x in range(WIDTH_PX)]
    # Beside a text that goes on stands the bar that says so.
    before, after = columns[:left][::-1], columns[left + ink.width_px : WIDTH_PX - _SCROLL_BAR_PX]
    begins_a_row = left <= _NUMBER_ENDS_PX and _is_free(before, _NUMBER_APART_PX)
    is_a_value = left + ink.width_px >= _VALUE_ENDS_PX and len(ink.rows) <= _ROW_PX
    ends_a_row = is_a_value and _is_free(before, _VALUE_APART_PX)
    # A short date stands as close behind its label.
    apart_px = _VALUE_APART_PX if begins_a_row else _APART_PX
    return (begins_a_row or ends_a_row or _is_free(before, _APART_PX)) and _is_free(after, apart_px)


def _is_free(columns: list[str], distance_px: int) -> bool:
    """Whether nothing stands there, up to the edge of the display or of what the text stands on."""
    for x, column in enumerate(columns[:distance_px]):
        if "1" in column:
            plate = columns[x : x + _PLATE_PX]
            return all("0" not in each for each in plate)
    return True


@cache
def _ways(text: str) -> tuple[tuple[Face, tuple[str, ...]], ...]:
    """Every way in which a text may be set: in each face, on lines of each width that there is."""
    style = _RENDERER._style
    faces = style.normal
    every = chain(
        *faces.roles.values(),
        *((faces.row, faces.row_value), faces.values, faces.labels, faces.entry, style.title_faces, style.key_faces),
    )
    text = clean(text)
    room_px = WIDTH_PX - 2 * style.margin_px
    ways = {
        (face, wrap(text, face, width_px).lines)
        for face in every
        if face.shows(text)
        for number_px in (0, _ROW_NUMBER_PX)
        for width_px in (room_px - number_px, room_px - number_px - style.scroll_px)
    }
    return tuple(ways)


@cache
def _ink(text: str, face: Face) -> _Ink | None:
    picture = Image.new("1", (4 * WIDTH_PX, 2 * face.height_px))
    face.draw(ImageDraw.Draw(picture), 0, face.height_px // 2, text, 1)
    box = picture.getbbox()
    if box is None or box[2] - box[0] > WIDTH_PX:
        return None
    letters = picture.crop(box)
    return _Ink(_as_rows(letters), letters.width)


@cache
def _status_bar(icons: tuple[tuple[Icon, int], ...]) -> tuple[str, ...]:
    bar = _RENDERER.draw(Page(StatusBar(icons))).crop((0, 0, WIDTH_PX, _STATUS_PX))
    box = bar.getbbox()
    assert box is not None
    return _as_rows(bar.crop((0, 0, box[2], _STATUS_PX)))


@cache
def _rows(frame: bytes) -> tuple[str, ...]:
    return _as_rows(Image.frombytes("1", (WIDTH_PX, HEIGHT_PX), frame))


def _as_rows(picture: Image.Image) -> tuple[str, ...]:
    pixels = picture.convert("L").tobytes().translate(_DIGITS)
    text = pixels.decode("ascii")
    return tuple(text[start : start + picture.width] for start in range(0, len(text), picture.width))


_DIGITS = bytes(ord("1") if value else ord("0") for value in range(256))
_INVERTED = str.maketrans("01", "10")
