"""The letters of HD44780 character displays: what the controller's A02 set has, and what stands for the rest.

The set is in the data sheet's table 4, "Correspondence between Character Codes and Character Patterns (ROM Code: A02)".
"""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import Final

from firmware.display.families.fitting import ELLIPSIS, LONGEST, clean
from firmware.display.model import Icon

_SIGNAL = """
....#
....#
..#.#
..#.#
#.#.#
#.#.#
#.#.#
.....
"""

_NO_SIGNAL = """
#...#
.#.#.
..#..
.#.#.
#...#
.....
#.#.#
.....
"""

_MICROPHONE = """
..#..
.###.
.###.
#.#.#
#...#
.###.
..#..
.....
"""

_MUTED = """
#.#..
.#.#.
.##..
#.#.#
#..##
.####
..#.#
.....
"""

_LOCK = """
.###.
#...#
#...#
#####
##.##
##.##
#####
.....
"""

_MISSED = """
#....
##.#.
###..
.....
.###.
#####
#...#
.....
"""

_DO_NOT_DISTURB = """
.###.
#####
#####
#...#
#####
#####
.###.
.....
"""

_ELLIPSIS = """
.....
.....
.....
.....
.....
.....
#.#.#
.....
"""

_DRAWINGS: Final = (_SIGNAL, _NO_SIGNAL, _MICROPHONE, _MUTED, _LOCK, _MISSED, _DO_NOT_DISTURB, _ELLIPSIS)

GLYPHS: Final = tuple(
    tuple(int(row.replace("#", "1").replace(".", "0"), 2) for row in drawing.split()) for drawing in _DRAWINGS
)
"""The characters of our own, for the driver to load as codes 0 to 7: eight rows of five dots, the lowest bit right."""

SIGNS: Final[dict[Icon, str]] = {
    Icon.REGISTERED: "\x00",
    Icon.REGISTERING: "*",
    Icon.NOT_REGISTERED: "\x01",
    Icon.MICROPHONE: "\x02",
    Icon.MUTED: "\x03",
    Icon.RECORDING: "R",
    Icon.MISSED: "\x05",
    Icon.PROBLEM: "!",
    Icon.SPEAKER: "♪",
    Icon.LOCK: "\x04",
    Icon.QUALITY_0: "Q0",
    Icon.QUALITY_1: "Q1",
    Icon.QUALITY_2: "Q2",
    Icon.QUALITY_3: "Q3",
    Icon.QUALITY_4: "Q4",
    Icon.VOICEMAIL: "∞",
    Icon.MESSAGE: "@",
    Icon.DO_NOT_DISTURB: "\x06",
    Icon.FORWARD: "→",
}
"""The status bar's signs: characters of our own, or letters that look alike."""

_OTHERS: Final = {ELLIPSIS: 7, "→": 0x1A, "←": 0x1B, "♪": 0x91, "∞": 0x9C, "μ": 0xB5}
# Where the set has another letter than Latin-1.
_NOT_LATIN_1: Final = frozenset("\xa0\xa8\xac\xad\xaf\xb4\xb5\xb8\xd8")
_CODES: Final = {
    **{chr(code): code for code in range(8)},
    **{chr(code): code for code in range(0x20, 0x7F)},
    **{chr(code): code for code in range(0xA1, 0x100) if chr(code) not in _NOT_LATIN_1},
    **_OTHERS,
}
_UNKNOWN: Final = ord("?")
_FIRST_IDEOGRAPH: Final = "\u3400"
# Chinese punctuation has its room within itself; what stands for it has it behind.
_PUNCTUATION: Final = {"，": ", ", "、": ", ", "。": ". ", "：": ": ", "；": "; ", "！": "! ", "？": "? "}
_OPENING: Final = " (<[{\"'"


def readable(text: str) -> str:
    """Return a text in the controller's letters: Chinese as pinyin, other scripts in Latin letters."""
    text = clean(text)
    if text.isascii() or all(map(_CODES.__contains__, text)):
        return text
    shown = ""
    for is_chinese, letters in groupby(text, _is_chinese):
        part = "".join(letters)
        part = _pinyin(part) if is_chinese else "".join(map(_latin, part))
        if shown and part and shown[-1] not in _OPENING and (is_chinese or part[0].isalnum()):
            shown += " "
        shown += part
    return clean(shown[:1].upper() + shown[1:])


def encode(text: str) -> bytes:
    """Return the codes of a text that is readable already."""
    return bytes(_CODES.get(letter, _UNKNOWN) for letter in text)


@lru_cache(LONGEST)
def _is_chinese(letter: str) -> bool:
    return letter >= _FIRST_IDEOGRAPH and unicodedata.name(letter, "").startswith("CJK UNIFIED IDEOGRAPH")


def _pinyin(text: str) -> str:
    # The table takes memory that a phone without Chinese can do without.
    from firmware.base.pinyin.table import readings

    syllables = {letter: (readings(letter) or (_latin(letter).lower(),))[0].replace("v", "ü") for letter in set(text)}
    return " ".join(map(syllables.__getitem__, text))


@lru_cache(LONGEST)
def _latin(letter: str) -> str:
    if letter in _CODES:
        return letter
    if letter in _PUNCTUATION:
        return _PUNCTUATION[letter]
    from anyascii import anyascii

    return anyascii(letter) or ("" if unicodedata.combining(letter) else "?")
