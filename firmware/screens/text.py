"""Breaking text into lines of a fixed-width font, Latin letters one column wide and Chinese ones two."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import unicodedata

# A line of Chinese never begins with these (GB/T 15834-2011 section 5.1.1).
_NEVER_FIRST = frozenset("，。、；：？！）》」』…")


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` columns: between words, and between Chinese characters."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if columns(line + piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while columns(line.rstrip()) > width:
            head = _fitting(line, width)
            lines.append(head)
            line = line[len(head) :]
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """Split a text where a line may end; a space stays with the word before it."""
    pieces: list[str] = []
    for character in text:
        is_wide = unicodedata.east_asian_width(character) in "WF"
        last = pieces[-1] if pieces else " "
        breaks = last.endswith(" ") or is_wide or unicodedata.east_asian_width(last[-1]) in "WF"
        if not breaks or (pieces and (character == " " or character in _NEVER_FIRST)):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _fitting(text: str, width: int) -> str:
    end = 1
    while end < len(text) and columns(text[: end + 1]) <= width:
        end += 1
    return text[:end]
