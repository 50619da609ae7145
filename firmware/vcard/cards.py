"""Takes a file of vCards apart into single cards, whatever its size: nothing but one small card is in memory.

Of each card only the lines are kept that a handset has a use for or gives back, and one picture of bounded size, so
that a picture of ten megabytes within it costs no more than reading past it.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any, BinaryIO, Final

from firmware.vcard.properties import MAX_PHOTO_BYTES, STANDARD_NAMES

_MAX_LINE_BYTES: Final = 16 * 1024
_MAX_CARD_BYTES: Final = 64 * 1024
_MAX_PHOTO_CHARACTERS: Final = 4 * MAX_PHOTO_BYTES // 3 + 4096
"""In base64, with a beginning that says what it is."""
_NEEDED: Final = frozenset({"VERSION", "N", "FN", "ORG", "NICKNAME", "TEL"})
"""A card in which one of these cannot be read is broken; whatever else cannot be read is left out."""
_PROPERTY: Final = re.compile(rb"(?:[A-Za-z0-9_-]+\.)?([A-Za-z][A-Za-z0-9_-]*)[;:]")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
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


class _Reading(Enum):
    """What a line goes on with."""

    NOTHING = auto()
    NEEDED = auto()
    KEPT = auto()
    PHOTO = auto()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A line, or a part of one that is longer than a line may be.

    Attributes:
        number: the line's place in the file.
        line: without its end.
        begins: it is the line's beginning.
    """

    number: int
    line: bytes
    begins: bool


@dataclass(slots=True)
class RawCard:
    """One card.

    Attributes:
        line: where it begins.
        lines: what is needed of it.
        numbers: the places of these in the file.
        more: lines of what is kept beside it.
        photo: the property with its picture, unfolded; empty where there is none.
        size_bytes, more_bytes: how much `lines` and `more` are.
        left_out: something that is kept of other cards is not here, because there is too much of it.
        photo_left_out: neither is its picture.
        mistake: what is wrong with it first, None where nothing is.
        reading: what the last line belongs to.
    """

    line: int
    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    more: list[bytes] = field(default_factory=list)
    photo: bytearray = field(default_factory=bytearray)
    size_bytes: int = 0
    more_bytes: int = 0
    left_out: bool = False
    photo_left_out: bool = False
    mistake: Broken | None = None

    reading: _Reading = _Reading.NOTHING

    def take(self, piece: _Piece) -> None:
        """Keep a line of what is wanted, or note what is wrong with it."""
        if piece.begins and not self._continues(piece.line):
            self._begin(piece)
        match self.reading:
            case _Reading.NEEDED:
                self._take_needed(piece)
            case _Reading.KEPT:
                self._take_kept(piece)
            case _Reading.PHOTO:
                self._take_photo(piece.line)

    def _begin(self, piece: _Piece) -> None:
        match = _PROPERTY.match(piece.line)
        if match is not None:
            name = match[1].decode("ascii").upper().replace("_", "-")
            if name in _NEEDED:
                self.reading = _Reading.NEEDED
            elif name == "PHOTO":
                self.reading = _Reading.NOTHING if self.photo or self.photo_left_out else _Reading.PHOTO
            elif name in STANDARD_NAMES or name.startswith("X-"):
                self.reading = _Reading.KEPT
            else:
                self.reading = _Reading.NOTHING
        elif self.reading is _Reading.NEEDED and piece.line.strip():
            self.mistake = self.mistake or Broken(piece.number, Mistake.UNREADABLE)
        elif self.reading is not _Reading.PHOTO or not _BASE64.fullmatch(piece.line):
            # Programs of old write a picture's lines without a space before them.
            self.left_out = self.left_out or (self.reading is _Reading.KEPT and bool(piece.line.strip()))
            self.reading = _Reading.NOTHING

    def _take_needed(self, piece: _Piece) -> None:
        self.size_bytes += len(piece.line)
        if not piece.begins or self.size_bytes > _MAX_CARD_BYTES:
            self.mistake = self.mistake or Broken(piece.number, Mistake.TOO_LONG)
        else:
            self.lines.append(piece.line)
            self.numbers.append(piece.number)

    def _take_kept(self, piece: _Piece) -> None:
        self.more_bytes += len(piece.line)
        if not piece.begins or self.more_bytes > _MAX_CARD_BYTES:
            while self.more and not _PROPERTY.match(self.more.pop()):
                pass
            self.left_out = True
            self.reading = _Reading.NOTHING
        else:
            self.more.append(piece.line)

    def _take_photo(self, line: bytes) -> None:
        self.photo += line[1:] if line[:1] in {b" ", b"\t"} else line
        if len(self.photo) > _MAX_PHOTO_CHARACTERS:
            self.photo.clear()
            self.photo_left_out = True
            self.reading = _Reading.NOTHING

    def _continues(self, line: bytes) -> bool:
        """Whether a line goes on with the one before: folded (RFC 6350 section 3.2), or after a soft line break."""
        if line[:1] in {b" ", b"\t"}:
            return True
        lines = {_Reading.NEEDED: self.lines, _Reading.KEPT: self.more}.get(self.reading)
        if not (lines and lines[-1].endswith(b"=")):
            return False
        beginning = next((each for each in reversed(lines) if _PROPERTY.match(each)), b"")
        return b"QUOTED-PRINTABLE" in beginning.upper()


def split(file: BinaryIO) -> Iterator[RawCard | Broken]:
    """Yield the cards of a file, and what is wrong between them."""
    card: RawCard | None = None
    strayed = False
    for piece in _pieces(file):
        word = piece.line.strip().upper() if piece.begins else b""
        if word == b"BEGIN:VCARD":
            if card is not None:
                yield Broken(card.line, Mistake.UNFINISHED)
            card, strayed = RawCard(piece.number), False
        elif card is not None and word == b"END:VCARD":
            yield card.mistake or card
            card = None
        elif card is not None:
            card.take(piece)
        elif word and not strayed:
            # Once for each stretch of lines that are no card: a file may be nothing else.
            strayed = True
            yield Broken(piece.number, Mistake.NOT_A_CARD)
    if card is not None:
        yield Broken(card.line, Mistake.UNFINISHED)


def _pieces(file: BinaryIO) -> Iterator[_Piece]:
    peeked = file.read(3)
    encoding = _BOMS.get(peeked[:2])
    source = _Rest(b"" if peeked == _UTF8_BOM else peeked, file)
    if encoding is not None:
        text = io.TextIOWrapper(io.BufferedReader(source), encoding, errors="replace", newline="\n")
        yield from _measured(lambda: text.readline(_MAX_LINE_BYTES).encode())
    else:
        buffered = io.BufferedReader(source, 64 * 1024)
        yield from _measured(lambda: buffered.readline(_MAX_LINE_BYTES))


def _measured(read: Callable[[], bytes]) -> Iterator[_Piece]:
    number, begins = 0, True
    while chunk := read():
        number += begins
        yield _Piece(number, chunk.rstrip(b"\r\n"), begins)
        begins = chunk.endswith(b"\n")


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
