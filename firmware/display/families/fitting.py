"""Making texts fit: cleaned of what does not stand on a display, wrapped, or cut with an ellipsis.

What is measured is a letter at a time, so that a name of 10,000 letters costs no more than the part that is shown.
"""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from firmware.display.model import Card, Code, Entry, Flow, List, ListRow, Page

ELLIPSIS: Final = "…"

LONGEST: Final = 4000
"""Letters of a text that are looked at, and different letters that are known; no display shows a tenth at once."""

# Control and format characters: soft hyphen, Arabic and other prepended marks, zero-width and bidirectional controls,
# fillers, variation selectors, interlinear marks, tags, private use, surrogates and non-characters. Bidirectional
# overrides let a name pretend to be another (Unicode Technical Report 36, section 2.5).
_UNSEEN: Final = re.compile(
    "[\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]+"
)
_SPACES: Final = re.compile(r"\s+")
_MARKS_A_LETTER: Final = 2

# A line of Chinese begins with none of these, and ends with none of those (GB/T 15834-2011 section 5.1).
_NEVER_FIRST: Final = frozenset("，。、；：？！）》」』】〉”’…—～·%,.;:?!)]}")
_NEVER_LAST: Final = frozenset("（《「『【〈“‘([{")


class Measure(Protocol):
    """How wide letters are, in whatever a display counts."""

    def advance(self, letter: str) -> int: ...


class Wrapped(NamedTuple):
    """A text in lines.

    Attributes:
        is_whole: they hold all of it; where they do not, the last one ends in an ellipsis.
        breaks_words: a word was wider than a line, and goes on in the next.
    """

    lines: tuple[str, ...]
    is_whole: bool
    breaks_words: bool


def clean(text: str, limit: int = LONGEST) -> str:
    """Return what can be shown of a text: no controls, no direction marks, one space where there are many.

    A letter keeps two combining marks at most, and is composed with them where Unicode can.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text[:limit].strip()
    text = _SPACES.sub(" ", _UNSEEN.sub("", text))[:limit].strip()
    if text.isascii():
        return text
    if marks := "".join(filter(_is_mark, set(text))):
        # Those without a letter go, and all but the first two of each; before normalising, which sorts them: thousands
        # on one letter would take long.
        text = re.sub(f"(^| )[{marks}]+", r"\1", text)
        text = re.sub(f"([{marks}]{{{_MARKS_A_LETTER}}})[{marks}]+", r"\1", text)
    # A mark that went may have stood before the first space.
    return unicodedata.normalize("NFC", text).strip()


def cleaned(page: Page, clean: Callable[[str], str] = clean) -> Page:
    """Return a page whose texts are what can be shown of them, but for a code's payload and what is being typed.

    A text that is typed is shown by its end, with the space after which a new word begins.
    """

    def cleaned_row(row: ListRow) -> ListRow:
        return replace(
            row, label=clean(row.label), value=clean(row.value), detail=clean(row.detail), sign=clean(row.sign)
        )

    body = page.body
    match body:
        case List(rows=rows) | Card(rows=rows):
            body = replace(body, rows=tuple(map(cleaned_row, rows)))
        case Entry():
            candidates = tuple(map(clean, body.candidates))
            body = replace(body, mode=clean(body.mode), candidates=candidates, note=clean(body.note))
        case Code():
            body = replace(body, caption=clean(body.caption))
        case _:
            body = tuple(replace(block, text=clean(block.text)) for block in body)
    return replace(
        page,
        status=replace(page.status, text=clean(page.status.text)),
        body=body,
        title=clean(page.title),
        cancel=clean(page.cancel),
        ok=clean(page.ok),
        people=tuple(replace(tile, name=clean(tile.name)) for tile in page.people),
    )


def width(text: str, measure: Measure) -> int:
    """Return how wide a text is."""
    return sum(map(measure.advance, text))


def cut(text: str, measure: Measure, room: int, flow: Flow = Flow.CUT_END) -> str:
    """Return a text that is no wider than the room, with an ellipsis where it was cut."""
    if fits(text, measure, room):
        return text
    room -= width(ELLIPSIS, measure)
    if room < 0:
        return ""
    if flow is Flow.CUT_START:
        return ELLIPSIS + text[_last_letters(text, measure, room) :].lstrip()
    return text[: _first_letters(text, measure, room, 0)].rstrip() + ELLIPSIS


def fits(text: str, measure: Measure, room: int) -> bool:
    """Whether a text is no wider than the room."""
    for letter in text:
        room -= measure.advance(letter)
        if room < 0:
            return False
    return True


def wrap(text: str, measure: Measure, room: int, rows: int = LONGEST) -> Wrapped:
    """Break a text into lines no wider than the room: between words, and between Chinese characters."""
    lines: list[str] = []
    breaks_words = False
    start = 0
    while start < len(text):
        end = _first_letters(text, measure, room, start)
        if end == start:
            # Not even one letter fits.
            return Wrapped(tuple(lines), False, True)
        if end < len(text):
            better = _line_end(text, start, end)
            breaks_words = breaks_words or not better
            end = better or end
        if len(lines) == rows - 1 and text[end:].strip():
            lines.append(_with_ellipsis(text[start:end], measure, room))
            return Wrapped(tuple(lines), False, breaks_words)
        lines.append(text[start:end].rstrip())
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    return Wrapped(tuple(lines), True, breaks_words)


@lru_cache(LONGEST)
def is_wide(letter: str) -> bool:
    """Whether a letter is one of the square ones, between which lines may end."""
    return unicodedata.east_asian_width(letter) in "WF"


def _with_ellipsis(text: str, measure: Measure, room: int) -> str:
    room -= width(ELLIPSIS, measure)
    return text[: _first_letters(text, measure, max(0, room), 0)].rstrip() + ELLIPSIS if room >= 0 else ""


def _line_end(text: str, start: int, end: int) -> int:
    """Return where a line that begins at `start` and has room up to `end` may end; 0 where it may not."""
    return next((place for place in range(end, start, -1) if _may_break(text, place)), 0)


def _may_break(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if " " in {before, after}:
        return True
    if after in _NEVER_FIRST or before in _NEVER_LAST or _is_mark(after):
        return False
    return before == "-" or is_wide(before) or is_wide(after)


def _first_letters(text: str, measure: Measure, room: int, start: int) -> int:
    """Return where the letters from `start` on that fit end, whole with their marks."""
    end = start
    while end < len(text) and (room := room - measure.advance(text[end])) >= 0:
        end += 1
    while start < end < len(text) and _is_mark(text[end]):
        end -= 1
    return end


def _last_letters(text: str, measure: Measure, room: int) -> int:
    """Return where the last letters that fit begin, whole with their marks."""
    start = len(text)
    while start and (room := room - measure.advance(text[start - 1])) >= 0:
        start -= 1
    while start < len(text) and _is_mark(text[start]):
        start += 1
    return start


@lru_cache(LONGEST)
def _is_mark(letter: str) -> bool:
    return letter > "\u02ff" and unicodedata.category(letter)[0] == "M"
