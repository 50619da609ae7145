"""How the table of pinyin is written down: text, since it is read once and small.

Each line of the first part is a syllable, a tab, and its characters, the most frequent first. After an empty line each
line is a character that has several readings, a tab, and these, the most usual first. Syllables are without tones, and
`v` stands for `ü`, as on keyboards.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pinyin:
    """What the table says.

    Attributes:
        characters: of each syllable, the most frequent first.
        readings: of each character, the most usual first.
    """

    characters: Mapping[str, str]
    readings: Mapping[str, tuple[str, ...]]


def to_text(pinyin: Pinyin) -> str:
    """Write the table."""
    syllables = [f"{syllable}\t{characters}" for syllable, characters in pinyin.characters.items()]
    several = [f"{character}\t{' '.join(known)}" for character, known in pinyin.readings.items() if len(known) > 1]
    return "\n".join([*syllables, "", *several, ""])


def from_text(text: str) -> Pinyin:
    """Read the table.

    Raises:
        ValueError: it is not one.
    """
    first, _, second = text.partition("\n\n")
    characters = dict(_pairs(first))
    readings: dict[str, tuple[str, ...]] = {
        character: (syllable,) for syllable, those in characters.items() for character in those
    }
    readings |= {character: tuple(known.split(" ")) for character, known in _pairs(second)}
    return Pinyin(characters, readings)


def _pairs(lines: str) -> list[tuple[str, str]]:
    pairs = [tuple(line.split("\t")) for line in lines.splitlines()]
    return [(key, value) for key, value in pairs]
