"""Writing with twelve keys: pressing a digit again and again walks through its letters, as on mobile phones.

The letters are those of ITU-T E.161 with the accented ones of western European languages behind them. `*` goes from
small letters to capitals, to digits, and to Chinese by pinyin where the handset knows it. `#` writes a space.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, islice, zip_longest

from firmware.phone.key import Key

_KEY_OF = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
MAX_CANDIDATES = 120
SHOWN_CANDIDATES = 9

Syllables = Callable[[], Mapping[str, str]]
"""Returns the characters of each syllable, the most frequent first; read where somebody writes Chinese, not before."""


def no_syllables() -> Mapping[str, str]:
    """Know no Chinese."""
    return {}


@dataclass(frozen=True, slots=True)
class Composition:
    """A syllable that is being spelled.

    Attributes:
        keys: the digits so far.
        letters: how it may be read so far.
        candidates: the characters that may be meant, the likeliest first.
        chosen: which of them, from 0.
    """

    keys: str
    letters: str
    candidates: tuple[str, ...]
    chosen: int = 0

    @property
    def character(self) -> str:
        """The character that is chosen."""
        return self.candidates[self.chosen]

    @property
    def first_shown(self) -> int:
        """Where the group of candidates begins that the chosen one is in."""
        return self.chosen - self.chosen % SHOWN_CANDIDATES

    @property
    def shown(self) -> tuple[str, ...]:
        """The group of candidates that the chosen one is in."""
        return self.candidates[self.first_shown : self.first_shown + SHOWN_CANDIDATES]


def compose(keys: str, syllables: Mapping[str, str]) -> Composition | None:
    """Return what digits may spell, None where no syllable begins so.

    Characters of whole syllables come first, then those of syllables that the digits only begin.
    """
    spelled = {syllable: syllable.translate(_KEY_OF) for syllable in syllables}
    whole = [syllable for syllable, digits in spelled.items() if digits == keys]
    begun = [syllable for syllable, digits in spelled.items() if digits.startswith(keys) and digits != keys]
    candidates = tuple(
        islice(
            dict.fromkeys(chain(_by_turns([syllables[s] for s in whole]), _by_turns([syllables[s] for s in begun]))),
            MAX_CANDIDATES,
        )
    )
    if not candidates:
        return None
    return Composition(keys, (whole or begun)[0][: len(keys)], candidates)


def _by_turns(lists: Sequence[str]) -> Iterator[str]:
    """Yield every list's first, then every list's second, and so on."""
    return (character for group in zip_longest(*lists, fillvalue="") for character in group if character)


MAX_CHARACTERS = 500
# RFC 3428 section 8: a request of more than 1300 bytes must not go over UDP. The rest is for the headers, of which
# those that carry credentials alone take some 300 bytes.
MAX_BYTES = 800

_LETTERS = {
    Key.DIGIT_0: "0+&%$€*#",
    Key.DIGIT_1: ".,?!'\"1-()@/:;_",
    Key.DIGIT_2: "abc2äàáâãåæç",
    Key.DIGIT_3: "def3éèêë",
    Key.DIGIT_4: "ghi4íìîï",
    Key.DIGIT_5: "jkl5",
    Key.DIGIT_6: "mno6öóòôõøñœ",
    Key.DIGIT_7: "pqrs7ß",
    Key.DIGIT_8: "tuv8üúùû",
    Key.DIGIT_9: "wxyz9ýÿ",
}
# What stands between Chinese words is as wide as they are.
_CHINESE_LETTERS = _LETTERS | {Key.DIGIT_1: "\uff0c\u3002\uff1f\uff01\u3001\uff1a\uff1b\u201c\u201d\uff08\uff09·1"}


class WritingMode(StrEnum):
    """What digits write; the values are what the display shows."""

    SMALL = "abc"
    CAPITALS = "ABC"
    DIGITS = "123"
    PINYIN = "拼"


@dataclass(slots=True)
class TextEntry:
    """A text and where its writer is in it.

    Attributes:
        text: what has been written.
        key: the key whose letters the last character is being chosen from, None where it is settled.
        mode: what digits write.
        composition: the Chinese syllable that is being spelled, None where none is.
        before_key: text and composition before the last key that spells, for a key that turns out to be held.
        syllables: knows Chinese.
        max_characters, max_bytes: how long the text may become, in UTF-8.
    """

    text: str = ""
    key: Key | None = None
    mode: WritingMode = WritingMode.SMALL
    composition: Composition | None = None
    before_key: tuple[str, Composition | None] = ("", None)
    syllables: Syllables = no_syllables
    max_characters: int = MAX_CHARACTERS
    max_bytes: int = MAX_BYTES

    @property
    def shown(self) -> str:
        """The text with the letters of the syllable that is being spelled."""
        return self.text + (self.composition.letters if self.composition else "")

    def press(self, key: Key) -> None:
        """Take a key: digits write, `*` changes what they write, `#` writes a space."""
        if key is Key.STAR:
            self.choose()
            self.settle()
            self._change_mode()
        elif key is Key.HASH:
            self.settle()
            # A space is for whoever does not want what is being spelled to be the end.
            if not self.choose():
                self._append(" ")
        elif self.mode is WritingMode.DIGITS:
            self._append(key.value)
        elif self.mode is WritingMode.PINYIN and key not in {Key.DIGIT_0, Key.DIGIT_1}:
            self._spell(key)
        elif key is self.key:
            self._walk_on(self._letters[key])
        else:
            self.choose()
            self.key = key if self._append(self._letters[key][0]) else None

    def write_digit(self, key: Key) -> None:
        """Take a digit that is held: write it in the place of what pressing its key has just written.

        While a Chinese syllable is spelled it chooses the candidate at that place instead.
        """
        if self.composition is not None:
            self._choose_instead(int(key.value) - 1)
        elif key is self.key:
            self.text = self.text[:-1] + key.value
            self.settle()

    def settle(self) -> None:
        """Keep the letter that was chosen: the next press of the same key writes another one."""
        self.key = None

    def move(self, step: int) -> bool:
        """Choose a candidate before or after the chosen one; False where there are none."""
        if self.composition is None:
            return False
        count = len(self.composition.candidates)
        self.composition = replace(self.composition, chosen=(self.composition.chosen + step) % count)
        return True

    def choose(self) -> bool:
        """Write the candidate that is chosen; False where there is none."""
        if self.composition is None:
            return False
        character, self.composition = self.composition.character, None
        self._append(character)
        return True

    def delete_last(self) -> bool:
        """Take the last key of a syllable, or the last character, away; False where there is nothing."""
        self.settle()
        if self.composition is not None:
            keys = self.composition.keys[:-1]
            self.composition = compose(keys, self.syllables()) if keys else None
            return True
        was_there, self.text = bool(self.text), self.text[:-1]
        return was_there

    @property
    def _letters(self) -> dict[Key, str]:
        return _CHINESE_LETTERS if self.mode is WritingMode.PINYIN else _LETTERS

    def _change_mode(self) -> None:
        modes = list(WritingMode)
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
        if self.mode is WritingMode.PINYIN and not self.syllables():
            self.mode = modes[0]

    def _spell(self, key: Key) -> None:
        """Go on with a syllable; a key that it cannot go on with begins the next one."""
        self.settle()
        self.before_key = (self.text, self.composition)
        keys = self.composition.keys if self.composition else ""
        longer = compose(keys + key.value, self.syllables())
        if longer is None and keys:
            self.choose()
            longer = compose(key.value, self.syllables())
        self.composition = longer

    def _choose_instead(self, place: int) -> None:
        """Choose from the candidates that were shown before the key was pressed that is now held."""
        text, before = self.before_key
        if before is not None and 0 <= place < len(before.shown):
            self.text = text
            self.composition = replace(before, chosen=before.first_shown + place)
            self.choose()

    def _append(self, letter: str) -> bool:
        longer = self.text + self._cased(letter)
        if len(longer) > self.max_characters or len(longer.encode()) > self.max_bytes:
            return False
        self.text = longer
        return True

    def _walk_on(self, letters: str) -> None:
        """Put the next letter that the text has room for in the place of the last one."""
        rest, last = self.text[:-1], self.text[-1]
        place = letters.index(last if last in letters else last.lower())
        following = letters[place + 1 :] + letters[: place + 1]
        fitting = (rest + self._cased(letter) for letter in following)
        self.text = next(text for text in fitting if len(text.encode()) <= self.max_bytes)

    def _cased(self, letter: str) -> str:
        # "ß" and "ÿ" have no capital of one letter in the fonts that displays carry.
        has_capital = len(letter.upper()) == 1 and letter != "ÿ"
        return letter.upper() if self.mode is WritingMode.CAPITALS and has_capital else letter
