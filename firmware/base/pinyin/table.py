"""How Chinese characters are read, and how the table of that is written down: text, since it is read once and small.

Each line of the first part is a syllable, a tab, and its characters, the most frequent first. After an empty line each
line is a character that has several readings, a tab, and these, the most usual first. Syllables are without tones, and
`v` stands for `ü`, as on keyboards. After another empty line there are three lines of characters, the most frequent
first: of all texts, of surnames, and of given names. After a last empty line each line is a character of simplified
Chinese, a tab, and what may stand for it in traditional Chinese, the most usual first.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

TABLE_PATH: Final = Path(__file__).with_name("pinyin.dat")
"""The table that comes with the firmware; setup.py makes it when the package is built."""

_FIRST_RADICAL: Final = "\u2e80"
"""No Chinese character comes before it."""


@dataclass(frozen=True, slots=True)
class Pinyin:
    """What the table says.

    Attributes:
        characters: of each syllable, the most frequent first.
        readings: of each character, the most usual first.
        rank: of each frequent character, from 0 for the most frequent.
        surnames: characters that surnames consist of, the most frequent first.
        given_names: characters that given names consist of, the most frequent first.
        traditional: what stands for a character in traditional Chinese, where that is not the same alone.
    """

    characters: Mapping[str, str]
    readings: Mapping[str, tuple[str, ...]]
    rank: Mapping[str, int] = field(default_factory=dict)
    surnames: str = ""
    given_names: str = ""
    traditional: Mapping[str, str] = field(default_factory=dict)


def to_text(pinyin: Pinyin) -> str:
    """Write the table."""
    syllables = [f"{syllable}\t{characters}" for syllable, characters in pinyin.characters.items()]
    several = [f"{character}\t{' '.join(known)}" for character, known in pinyin.readings.items() if len(known) > 1]
    by_frequency = "".join(sorted(pinyin.rank, key=pinyin.rank.__getitem__))
    traditional = [f"{character}\t{written}" for character, written in pinyin.traditional.items()]
    by_use = [by_frequency, pinyin.surnames, pinyin.given_names]
    return "\n".join([*syllables, "", *several, "", *by_use, "", *traditional, ""])


def from_text(text: str) -> Pinyin:
    """Read the table.

    Raises:
        ValueError: it is not one.
    """
    first, second, third, fourth = text.split("\n\n", 3)
    by_frequency, surnames, given_names = third.splitlines()
    characters = dict(_pairs(first))
    readings: dict[str, tuple[str, ...]] = {
        character: (syllable,) for syllable, those in characters.items() for character in those
    }
    readings |= {character: tuple(known.split(" ")) for character, known in _pairs(second)}
    rank = {character: place for place, character in enumerate(by_frequency)}
    return Pinyin(characters, readings, rank, surnames, given_names, dict(_pairs(fourth)))


def _pairs(lines: str) -> list[tuple[str, str]]:
    pairs = [tuple(line.split("\t")) for line in lines.splitlines()]
    return [(key, value) for key, value in pairs]


@cache
def pinyin() -> Pinyin:
    """Return the table, read at the first call, in some 20 ms; an empty one where it cannot be read.

    Without it Chinese is neither typed nor found by its sound, and all else works.
    """
    try:
        return from_text(TABLE_PATH.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning(
            "The table of pinyin in %s cannot be used: %s. Chinese can be neither typed nor searched. "
            "Install the firmware again.",
            TABLE_PATH,
            type(error).__name__,
        )
        return Pinyin({}, {})


def readings(character: str) -> tuple[str, ...]:
    """Return the usual readings of a character, the most usual first; none of what is not Chinese."""
    # A phone that knows nobody of a Chinese name need not spend the table's memory, nor its time in somebody's call.
    return pinyin().readings.get(character, ()) if character >= _FIRST_RADICAL else ()
