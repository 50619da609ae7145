"""The table of numbers in memory: what a number is, and what its first digits say."""

import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from firmware.numbering import layout
from firmware.numbering.layout import Header, NumberClass, NumberingPlan, Sections

_MOST_HEADER_BYTES: Final = 1 << 20
_MOST_PREFIX_DIGITS: Final = 9
"""What 32 bits hold for certain."""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Names by the digits that a number begins with; the longest that fits counts.

    Attributes:
        sorted_prefixes: as numbers; no calling code begins with 0, so none of two lengths is the same.
        name_indexes: of each prefix.
        name_ends: where in the text each name ends; it begins where the one before it ends.
        text: all names, in UTF-8.
    """

    sorted_prefixes: Sequence[int]
    name_indexes: Sequence[int]
    name_ends: Sequence[int]
    text: bytes

    def name_for(self, digits: str) -> str:
        """Return the name that the longest fitting prefix has, empty where none fits."""
        for length in range(min(len(digits), _MOST_PREFIX_DIGITS), 0, -1):
            prefix = int(digits[:length])
            index = bisect_left(self.sorted_prefixes, prefix)
            if index < len(self.sorted_prefixes) and self.sorted_prefixes[index] == prefix:
                return self._name(self.name_indexes[index])
        return ""

    def _name(self, index: int) -> str:
        begin = self.name_ends[index - 1] if index else 0
        return self.text[begin : self.name_ends[index]].decode()


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
    _children: Sequence[int]
    _node_classes: Sequence[int]
    _classes: tuple[NumberClass, ...]

    @classmethod
    def read(cls, path: Path, language: str) -> Self:
        """Read one language's part.

        Carriers without a name in the language are shown with their English one, which is what is on their signs.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is damaged, of another version, or without that language.
        """
        with path.open("rb") as file:
            header = Header.from_lines(file.readline(_MOST_HEADER_BYTES), file.readline(_MOST_HEADER_BYTES))
            sections = _SectionReader(file, header)
            if language not in header.region_names:
                raise ValueError(f"it has no language {language!r}")
            carrier_languages = dict.fromkeys((language, "en"))
            return cls(
                region_names=header.region_names[language],
                plans=header.plans,
                trunk_prefixes=header.trunk_prefixes,
                areas=sections.prefixes(layout.AREA, language),
                carriers=tuple(sections.prefixes(layout.CARRIER, one) for one in carrier_languages),
                _root=header.root,
                _children=sections.numbers(Sections.CHILDREN, layout.SHORT),
                _node_classes=sections.numbers(Sections.NODE_CLASSES, layout.SHORT),
                _classes=header.classes,
            )

    def classify(self, digits: str) -> NumberClass | None:
        """Say what kind of number these digits of E.164 are; None where they are none."""
        node = self._root
        for digit in digits:
            node = self._children[node * 10 + int(digit)]
        class_id = self._node_classes[node]
        return self._classes[class_id] if class_id else None

    def carrier(self, digits: str) -> str:
        """Return the carrier that the first digits tell, empty where none is known."""
        return next((name for carriers in self.carriers if (name := carriers.name_for(digits))), "")


class _SectionReader:
    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._header = header
        self._begin = file.tell()

    def prefixes(self, kind: str, language: str) -> Prefixes:
        return Prefixes(
            self.numbers(Sections.prefixes(kind, language), layout.LONG),
            self.numbers(Sections.name_indexes(kind, language), layout.SHORT),
            self.numbers(Sections.name_ends(language), layout.LONG),
            self.bytes(Sections.name_text(language)),
        )

    def numbers(self, name: str, type_code: str) -> Sequence[int]:
        return layout.from_bytes(type_code, self.bytes(name))

    def bytes(self, name: str) -> bytes:
        section = self._header.sections[name]
        self._file.seek(self._begin + section.offset)
        data = self._file.read(section.length)
        if zlib.crc32(data) != section.crc32:
            raise ValueError(f"its section {name} is damaged")
        return data
