"""The table of numbers on the card: how it lies in its file, what a number is, and what its first digits say.

Two lines of text, then sections of little-endian numbers and UTF-8, each with its length and checksum in the second
line, so that a reader takes only its language's. What compiles it agrees with what reads it here.
"""

import json
import os
import sys
import weakref
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Self

MAGIC: Final = b"wecall-numbers 1"
"""Begins the first line; the checksum of the second follows it."""

LANGUAGES: Final = ("en", "zh")

_MOST_HEADER_BYTES: Final = 1 << 20
_MOST_PREFIX_DIGITS: Final = 9
"""What 32 bits hold for certain."""

_CHUNK_BYTES: Final = 1 << 16
_BLOCK: Final = 64
"""How many prefixes are read at once; of each block the first is kept in memory."""


@dataclass(frozen=True, slots=True)
class NumberClass:
    """What all numbers of one kind have in common.

    Attributes:
        region: ISO 3166 code; empty where a number may be of several regions.
        geographic: its first digits tell a place.
        carrier: its first digits tell a carrier.
        mobile_digit: where a digit stands that only says that it is a mobile phone, between calling code and area code;
            0 where there is none.
    """

    region: str
    geographic: bool
    carrier: bool
    mobile_digit: int = 0


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """How a region's numbers are dialled within it.

    Attributes:
        calling_code: what follows `+`.
        trunk_prefix: what stands before a national number and is left out after the calling code.
        international_prefix: what stands for `+`.
    """

    calling_code: str
    trunk_prefix: str
    international_prefix: str


@dataclass(frozen=True, slots=True)
class Section:
    """Where one section lies, in bytes after the second line."""

    offset: int
    length: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Header:
    """The second line.

    Attributes:
        source: where the data is from, and its release.
        root: the node of the automaton where a number begins.
        classes: what the automaton's nodes refer to; the first is that of no number.
        plans: by ISO 3166 code.
        trunk_prefixes: by calling code.
        region_names: by language, then by ISO 3166 code.
        sections: by name; see `Sections`.
    """

    source: str
    root: int
    classes: tuple[NumberClass, ...]
    plans: Mapping[str, NumberingPlan]
    trunk_prefixes: Mapping[str, str]
    region_names: Mapping[str, Mapping[str, str]]
    sections: Mapping[str, Section]

    def to_lines(self) -> bytes:
        """Return both lines."""
        line = json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()
        return b"%s %08x\n%s\n" % (MAGIC, zlib.crc32(line), line)

    @classmethod
    def from_lines(cls, first: bytes, second: bytes) -> Self:
        """Read both lines.

        Raises:
            ValueError: they are not those of a table of numbers, or damaged.
        """
        line = second.removesuffix(b"\n")
        if first != b"%s %08x\n" % (MAGIC, zlib.crc32(line)):
            raise ValueError("it is not a table of numbers of this version, or its beginning is damaged")
        values = json.loads(line)
        try:
            return cls(
                source=values["source"],
                root=values["root"],
                classes=tuple(NumberClass(**one) for one in values["classes"]),
                plans={region: NumberingPlan(**one) for region, one in values["plans"].items()},
                trunk_prefixes=values["trunk_prefixes"],
                region_names=values["region_names"],
                sections={name: Section(**one) for name, one in values["sections"].items()},
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"it was compiled by another version: {error}") from error


class Sections:
    """The sections' names.

    The automaton: ten children a node, one for each digit, and the class of the number that ends at a node.
    A list of prefixes: sorted, and beside each the index of its name. Names: where each ends, and the text.
    """

    CHILDREN: Final = "children"
    NODE_CLASSES: Final = "node_classes"

    @staticmethod
    def prefixes(kind: str, language: str) -> str:
        return f"{kind}.{language}.prefixes"

    @staticmethod
    def name_indexes(kind: str, language: str) -> str:
        return f"{kind}.{language}.name_indexes"

    @staticmethod
    def name_ends(language: str) -> str:
        return f"{language}.name_ends"

    @staticmethod
    def name_text(language: str) -> str:
        return f"{language}.name_text"


AREA: Final = "area"
CARRIER: Final = "carrier"
"""The two kinds of prefixes."""

SHORT: Final = "H"
LONG: Final = "I"
"""Array type codes, of 16 and 32 bits."""


def to_bytes(values: "array[int]") -> bytes:
    """Return an array as it stands in the file."""
    return _in_file_order(values).tobytes()


def from_bytes(type_code: str, data: bytes) -> "array[int]":
    """Return the array that stands in the file.

    Raises:
        ValueError: the length does not fit the type.
    """
    values = array(type_code)
    values.frombytes(data)
    return _in_file_order(values)


def _in_file_order(values: "array[int]") -> "array[int]":
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped


class _File:
    """The table's file, open as long as a look-up may go on in it, whichever language has been chosen meanwhile."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        with os.fdopen(self._descriptor, "rb", closefd=False) as file:
            self.header = Header.from_lines(file.readline(_MOST_HEADER_BYTES), file.readline(_MOST_HEADER_BYTES))
            self._begin = file.tell()

    def read(self, begin: int, size: int) -> bytes:
        """Return so many bytes from a place behind the header on."""
        data = os.pread(self._descriptor, size, self._begin + begin)
        if len(data) < size:
            raise OSError("it ends too early")
        return data


@dataclass(frozen=True, slots=True)
class Stored:
    """A section that is left on the card and read in pieces.

    Reading raises OSError where the card fails. A mapped file would kill the process then.
    """

    _file: _File
    _section: Section

    def read(self, begin: int, end: int) -> bytes:
        """Return what stands between two places, in bytes."""
        return self._file.read(self._section.offset + begin, end - begin)

    def numbers(self, type_code: str, begin: int, end: int) -> "array[int]":
        """Return the numbers from one index up to another, or to the section's end."""
        size = array(type_code).itemsize
        return from_bytes(type_code, self.read(begin * size, min(end * size, self._section.length)))

    def number(self, type_code: str, index: int) -> int:
        """Return the number at an index."""
        return self.numbers(type_code, index, index + 1)[0]

    def chunks(self) -> Iterator[bytes]:
        """Yield the whole section.

        Raises:
            ValueError: it is damaged, which its end tells.
        """
        crc32 = 0
        for begin in range(0, self._section.length, _CHUNK_BYTES):
            chunk = self.read(begin, min(begin + _CHUNK_BYTES, self._section.length))
            crc32 = zlib.crc32(chunk, crc32)
            yield chunk
        if crc32 != self._section.crc32:
            raise ValueError("one of its sections is damaged")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Names by the digits that a number begins with; the longest that fits counts.

    Attributes:
        firsts: the first prefix of each block.
        sorted_prefixes: as numbers; no calling code begins with 0, so none of two lengths is the same.
        name_indexes: of each prefix.
        name_ends: where in the text each name ends; it begins where the one before it ends.
        text: all names, in UTF-8.
    """

    firsts: "array[int]"
    sorted_prefixes: Stored
    name_indexes: Stored
    name_ends: Stored
    text: Stored

    def name_for(self, digits: str) -> str:
        """Return the name that the longest fitting prefix has, empty where none fits."""
        for length in range(min(len(digits), _MOST_PREFIX_DIGITS), 0, -1):
            prefix = int(digits[:length])
            begin = max(0, bisect_right(self.firsts, prefix) - 1) * _BLOCK
            block = self.sorted_prefixes.numbers(LONG, begin, begin + _BLOCK)
            index = bisect_left(block, prefix)
            if index < len(block) and block[index] == prefix:
                return self._name(self.name_indexes.number(SHORT, begin + index))
        return ""

    def _name(self, index: int) -> str:
        begin = self.name_ends.number(LONG, index - 1) if index else 0
        return self.text.read(begin, self.name_ends.number(LONG, index)).decode()


@dataclass(frozen=True, slots=True)
class Table:
    """One language's part of the table of numbers.

    Attributes:
        region_names: by ISO 3166 code.
        plans: by ISO 3166 code.
        trunk_prefixes: by calling code.
        areas: the longest fitting one counts.
        carriers: one for each language that a carrier may be named in, the first that has a name counts.
    """

    region_names: Mapping[str, str]
    plans: Mapping[str, NumberingPlan]
    trunk_prefixes: Mapping[str, str]
    areas: Prefixes
    carriers: tuple[Prefixes, ...]
    _root: int
    _children: Stored
    _node_classes: Stored
    _classes: tuple[NumberClass, ...]

    @classmethod
    def open(cls, path: Path, language: str) -> Self:
        """Open one language's part and check it.

        Carriers without a name in the language are shown with their English one, which is what is on their signs.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is damaged, of another version, or without that language.
        """
        file = _File(path)
        header = file.header
        if language not in header.region_names:
            raise ValueError(f"it has no language {language!r}")

        def checked(name: str) -> Stored:
            stored = Stored(file, header.sections[name])
            for _ in stored.chunks():
                pass
            return stored

        def prefixes(kind: str, language: str) -> Prefixes:
            sorted_prefixes = Stored(file, header.sections[Sections.prefixes(kind, language)])
            blocks = (from_bytes(LONG, chunk)[::_BLOCK] for chunk in sorted_prefixes.chunks())
            return Prefixes(
                array(LONG, chain.from_iterable(blocks)),
                sorted_prefixes,
                checked(Sections.name_indexes(kind, language)),
                checked(Sections.name_ends(language)),
                checked(Sections.name_text(language)),
            )

        return cls(
            region_names=header.region_names[language],
            plans=header.plans,
            trunk_prefixes=header.trunk_prefixes,
            areas=prefixes(AREA, language),
            carriers=tuple(prefixes(CARRIER, one) for one in dict.fromkeys((language, "en"))),
            _root=header.root,
            _children=checked(Sections.CHILDREN),
            _node_classes=checked(Sections.NODE_CLASSES),
            _classes=header.classes,
        )

    def classify(self, digits: str) -> NumberClass | None:
        """Say what kind of number these digits of E.164 are; None where they are none."""
        node = self._root
        for digit in digits:
            node = self._children.number(SHORT, node * 10 + int(digit))
        class_id = self._node_classes.number(SHORT, node)
        return self._classes[class_id] if class_id else None

    def carrier(self, digits: str) -> str:
        """Return the carrier that the first digits tell, empty where none is known."""
        return next((name for carriers in self.carriers if (name := carriers.name_for(digits))), "")
