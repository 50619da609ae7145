"""Takes a file of vCards apart into single cards, whatever its size: nothing but one small card is in memory.

Of each card only the lines are kept that a handset has a use for, so that a picture of ten megabytes within it costs
no more than reading past it.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Final

_MAX_LINE_BYTES: Final = 16 * 1024
_MAX_CARD_BYTES: Final = 64 * 1024
_WANTED: Final = frozenset({"VERSION", "N", "FN", "ORG", "NICKNAME", "TEL"})
_PROPERTY: Final = re.compile(rb"(?:[A-Za-z0-9_-]+\.)?([A-Za-z][A-Za-z0-9_-]*)[;:]")
_BOMS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_UTF8_BOM: Final = b"\xef\xbb\xbf"


class Mistake(StrEnum):
    """What is wrong with a card."""

    NOT_A_CARD = "not_a_card"
    UNFINISHED = "unfinished"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_MANY = "too_many_cards"


@dataclass(frozen=True, slots=True)
class Broken:
    """A card that cannot be used, or lines that are none; `line` is where, counted from 1."""

    line: int
    mistake: Mistake


@dataclass(slots=True)
class RawCard:
    """One card.

    Attributes:
        line: where it begins.
        lines: what is kept of it.
        numbers: the places of these in the file.
        size_bytes: how much that is.
        mistake: what is wrong with it first, None where nothing is.
        keeping: the property that is being read is wanted.
    """

    line: int
    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size_bytes: int = 0
    mistake: Broken | None = None

    keeping: bool = False

    def take(self, number: int, line: bytes, *, cut: bool) -> None:
        """Keep a line of what is wanted, or note what is wrong with it."""
        if not self._continues(line):
            match = _PROPERTY.match(line)
            if match is not None:
                self.keeping = match[1].decode("ascii").upper() in _WANTED
            elif self.keeping and line.strip():
                self.mistake = self.mistake or Broken(number, Mistake.UNREADABLE)
        if not self.keeping:
            return
        self.size_bytes += len(line)
        if cut or self.size_bytes > _MAX_CARD_BYTES:
            self.mistake = self.mistake or Broken(number, Mistake.TOO_LONG)
        else:
            self.lines.append(line)
            self.numbers.append(number)

    def _continues(self, line: bytes) -> bool:
        """Whether a line goes on with the one before: folded (RFC 6350 section 3.2), or after a soft line break."""
        if line[:1] in {b" ", b"\t"}:
            return True
        if not (self.keeping and self.lines and self.lines[-1].endswith(b"=")):
            return False
        beginning = next((each for each in reversed(self.lines) if _PROPERTY.match(each)), b"")
        return b"QUOTED-PRINTABLE" in beginning.upper()


def split(file: BinaryIO) -> Iterator[RawCard | Broken]:
    """Yield the cards of a file, and what is wrong between them."""
    card: RawCard | None = None
    strayed = False
    for number, line, cut in _lines(file):
        word = line.strip().upper()
        if word == b"BEGIN:VCARD":
            if card is not None:
                yield Broken(card.line, Mistake.UNFINISHED)
            card, strayed = RawCard(number), False
        elif card is not None and word == b"END:VCARD":
            yield card.mistake or card
            card = None
        elif card is not None:
            card.take(number, line, cut=cut)
        elif word and not strayed:
            # Once for each stretch of lines that are no card: a file may be nothing else.
            strayed = True
            yield Broken(number, Mistake.NOT_A_CARD)
    if card is not None:
        yield Broken(card.line, Mistake.UNFINISHED)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """Yield each line's place, the line, and whether it was longer than a line may be and is cut."""
    peeked = file.read(3)
    encoding = _BOMS.get(peeked[:2])
    source = _Rest(b"" if peeked == _UTF8_BOM else peeked, file)
    if encoding is not None:
        text = io.TextIOWrapper(io.BufferedReader(source), encoding, errors="replace", newline="\n")
        yield from _measured(lambda: text.readline(_MAX_LINE_BYTES).encode())
    else:
        buffered = io.BufferedReader(source, 64 * 1024)
        yield from _measured(lambda: buffered.readline(_MAX_LINE_BYTES))


def _measured(read: Callable[[], bytes]) -> Iterator[tuple[int, bytes, bool]]:
    number, begins, start = 0, True, b""
    while chunk := read():
        ends = chunk.endswith(b"\n")
        if begins:
            number += 1
            start = chunk
        if ends:
            yield number, start.rstrip(b"\r\n"), not begins
        begins = ends
    if not begins:
        yield number, start.rstrip(b"\r\n"), len(start) >= _MAX_LINE_BYTES


class _Rest(io.RawIOBase):
    """A file of which the first bytes have been read already."""

    def __init__(self, first: bytes, file: BinaryIO) -> None:
        self._first = first
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first or self._file.read(len(buffer))
        self._first = b""
        buffer[: len(data)] = data
        return len(data)
