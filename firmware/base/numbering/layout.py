"""How the table of numbers lies in its file; what compiles it and what reads it agree here.

Two lines of text, then sections of little-endian numbers and UTF-8, each with its length and checksum in the second
line, so that a reader takes only its language's.
"""

import json
import sys
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Self

MAGIC: Final = b"wecall-numbers 1"
"""Begins the first line; the checksum of the second follows it."""

LANGUAGES: Final = ("en", "zh")


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
