"""The table of numbers on the card: what a number is, and what its first digits say."""

import os
import weakref
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Self

from firmware.base.numbering import layout
from firmware.base.numbering.layout import Header, NumberClass, NumberingPlan, Section, Sections

_MOST_HEADER_BYTES: Final = 1 << 20
_MOST_PREFIX_DIGITS: Final = 9
"""What 32 bits hold for certain."""

_CHUNK_BYTES: Final = 1 << 16
_BLOCK: Final = 64
"""How many prefixes are read at once; of each block the first is kept in memory."""


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
        return layout.from_bytes(type_code, self.read(begin * size, min(end * size, self._section.length)))

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
            block = self.sorted_prefixes.numbers(layout.LONG, begin, begin + _BLOCK)
            index = bisect_left(block, prefix)
            if index < len(block) and block[index] == prefix:
                return self._name(self.name_indexes.number(layout.SHORT, begin + index))
        return ""

    def _name(self, index: int) -> str:
        begin = self.name_ends.number(layout.LONG, index - 1) if index else 0
        return self.text.read(begin, self.name_ends.number(layout.LONG, index)).decode()


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
            blocks = (layout.from_bytes(layout.LONG, chunk)[::_BLOCK] for chunk in sorted_prefixes.chunks())
            return Prefixes(
                array(layout.LONG, chain.from_iterable(blocks)),
                sorted_prefixes,
                checked(Sections.name_indexes(kind, language)),
                checked(Sections.name_ends(language)),
                checked(Sections.name_text(language)),
            )

        return cls(
            region_names=header.region_names[language],
            plans=header.plans,
            trunk_prefixes=header.trunk_prefixes,
            areas=prefixes(layout.AREA, language),
            carriers=tuple(prefixes(layout.CARRIER, one) for one in dict.fromkeys((language, "en"))),
            _root=header.root,
            _children=checked(Sections.CHILDREN),
            _node_classes=checked(Sections.NODE_CLASSES),
            _classes=header.classes,
        )

    def classify(self, digits: str) -> NumberClass | None:
        """Say what kind of number these digits of E.164 are; None where they are none."""
        node = self._root
        for digit in digits:
            node = self._children.number(layout.SHORT, node * 10 + int(digit))
        class_id = self._node_classes.number(layout.SHORT, node)
        return self._classes[class_id] if class_id else None

    def carrier(self, digits: str) -> str:
        """Return the carrier that the first digits tell, empty where none is known."""
        return next((name for carriers in self.carriers if (name := carriers.name_for(digits))), "")
