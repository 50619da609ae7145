"""Pieces of text, laid out for a display of three lines of sixteen columns."""

from firmware.screens.page import Align, Line, Size
from firmware.screens.text import columns, wrap

COLUMNS = 16
SMALL_COLUMNS = 21
ROWS = 3
SMALL_ROWS = 4
_LAST_LATIN = 0xFF
SMALL_ROWS_BELOW_A_TITLE = 2
"""Small lines that fit below one line of normal height, on a page of three."""


def left(sentence: str) -> list[Line]:
    """Lay a sentence out from the left."""
    return [Line(text) for text in wrap(sentence, COLUMNS)[:ROWS]]


def centred(sentence: str) -> list[Line]:
    """Lay a sentence out in the middle."""
    return [Line(text, Align.CENTRE) for text in wrap(sentence, COLUMNS)[:ROWS]]


def headline(sentence: str) -> list[Line]:
    """Lay a sentence out so that it is seen first."""
    return [Line(text, Align.CENTRE, inverted=True) for text in wrap(sentence, COLUMNS)[:ROWS]]


def title(text: str) -> Line:
    """Make one line that is seen first; what does not fit is cut."""
    return Line(text, Align.CENTRE, inverted=True)


def small(text: str, align: Align = Align.CENTRE) -> Line:
    """Make a small line, or one of normal height where the small font lacks the letters."""
    return Line(text, align, Size.SMALL if is_latin(text) else Size.NORMAL)


def is_latin(text: str) -> bool:
    """Say whether the small font can show a text: it has Latin letters alone."""
    return text.isascii() or all(ord(character) <= _LAST_LATIN or character == "…" for character in text)


def small_paragraph(text: str, rows: int) -> list[Line]:
    """Lay a text out from the left in small lines, or in normal ones where the small font lacks its letters."""
    return [small(line, Align.LEFT) for line in wrap(text, SMALL_COLUMNS if is_latin(text) else COLUMNS)[:rows]]


def in_two_columns(left_text: str, right_text: str) -> str:
    """Put one text at each end of a line."""
    return left_text + " " * max(1, COLUMNS - columns(left_text) - columns(right_text)) + right_text


def fill(body: list[Line], tail: list[Line], rows: int) -> list[Line]:
    """Put as much of the body over the tail as there are rows for; at least the body's first line stays."""
    tail = tail[: rows - 1] if body else tail[:rows]
    return body[: rows - len(tail)] + tail
