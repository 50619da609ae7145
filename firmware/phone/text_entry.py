"""Writing with twelve keys: pressing a digit again and again walks through its letters, as on mobile phones.

The letters are those of ITU-T E.161 with the accented ones of western European languages behind them. A word or a
sentence begins with a capital by itself. `*` goes on to small letters, to capitals, to digits, and to Chinese by pinyin
where the handset knows it. `#` writes a space.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from heapq import merge
from itertools import chain, islice

from firmware.base.pinyin.table import Pinyin
from firmware.phone.key import Key
from firmware.phone.preferences import Preferences

_KEY_OF = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
MAX_CANDIDATES = 120
SHOWN_CANDIDATES = 9

Chinese = Callable[[], Pinyin]
"""Returns how Chinese is spelled; read where somebody writes it, not before."""


def no_chinese() -> Pinyin:
    """Know no Chinese."""
    return Pinyin({}, {})


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


def compose(
    keys: str, pinyin: Pinyin, likely: str = "", written: str = "", *, traditional: bool = False
) -> Composition | None:
    """Return what digits may spell, None where no syllable begins so.

    What was written by these very digits comes first, then characters of whole syllables, then those of syllables that
    the digits only begin; each in one order of frequency.

    Args:
        keys: the digits.
        pinyin: how Chinese is spelled.
        likely: characters that come before all others which a whole syllable may mean, the likeliest first.
        written: characters that were written by these digits before, the latest first.
        traditional: in traditional characters, as frequent as what they stand for.
    """
    spelled = {syllable: syllable.translate(_KEY_OF) for syllable in pinyin.characters}
    whole = [syllable for syllable, digits in spelled.items() if digits == keys]
    begun = [syllable for syllable, digits in spelled.items() if digits.startswith(keys) and digits != keys]
    meant = frozenset(chain.from_iterable(pinyin.characters[syllable] for syllable in whole))
    first = (character for character in likely if character in meant)
    spelled_so = chain(first, _by_frequency(pinyin, whole), _by_frequency(pinyin, begun))
    if traditional:
        spelled_so = chain.from_iterable(pinyin.traditional.get(character, character) for character in spelled_so)
    candidates = tuple(islice(_once(chain(written, spelled_so)), MAX_CANDIDATES))
    if not candidates:
        return None
    return Composition(keys, (whole or begun)[0][: len(keys)], candidates)


def _once(characters: Iterable[str]) -> Iterator[str]:
    """Yield each character where it comes first, and look no further than is asked for: one digit begins thousands."""
    seen: set[str] = set()
    for character in characters:
        if character not in seen:
            seen.add(character)
            yield character


def _by_frequency(pinyin: Pinyin, syllables: list[str]) -> Iterator[str]:
    """Yield the characters of syllables, the most frequent first; within a syllable its own order stays."""
    rank, rarest = pinyin.rank, len(pinyin.rank)
    return merge(*(pinyin.characters[syllable] for syllable in syllables), key=lambda each: rank.get(each, rarest))


_NO_PREFERENCES = Preferences()
MAX_WRITTEN = 200
"""So many syllables are remembered."""
_MOST_OF_A_SYLLABLE = 4


def with_chosen(written: tuple[tuple[str, str], ...], entry: "TextEntry") -> tuple[tuple[str, str], ...]:
    """Return what is to be remembered of the characters that were chosen in a text, and stayed in it.

    Each comes before what its keys wrote earlier; of the syllables those stay that were written last.
    """
    remembered = dict(written)
    for keys, character in entry.chosen:
        if character in entry.text:
            before = remembered.pop(keys, "").replace(character, "")
            remembered[keys] = (character + before)[:_MOST_OF_A_SYLLABLE]
    return tuple(remembered.items())[-MAX_WRITTEN:]


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


class Writing(Enum):
    """What kind of text it is, and so where capitals come by themselves and which characters are likely.

    WORDS: any letters, none of them a capital by itself. NAME: of a person or a firm. SENTENCES: a message.
    """

    WORDS = auto()
    NAME = auto()
    SENTENCES = auto()


_SENTENCE_ENDS = ".?!"


class WritingMode(StrEnum):
    """What digits write; the values are what the display shows."""

    BEGINS_LARGE = "Abc"
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
        writing: what kind of text it is.
        chinese: knows how Chinese is spelled.
        traditional: Chinese is written in traditional characters.
        written: what was written before by the keys of a syllable, the latest first.
        chosen: the characters that were chosen in this text before those that came first, each with its keys.
        max_characters, max_bytes: how long the text may become, in UTF-8.
    """

    text: str = ""
    key: Key | None = None
    mode: WritingMode = WritingMode.SMALL
    composition: Composition | None = None
    before_key: tuple[str, Composition | None] = ("", None)
    writing: Writing = Writing.WORDS
    chinese: Chinese = no_chinese
    traditional: bool = False
    written: Mapping[str, str] = field(default_factory=dict)
    chosen: list[tuple[str, str]] = field(default_factory=list)
    max_characters: int = MAX_CHARACTERS
    max_bytes: int = MAX_BYTES

    @classmethod
    def of_kind(
        cls,
        writing: Writing,
        text: str = "",
        *,
        language: str,
        chinese: Chinese,
        preferences: Preferences = _NO_PREFERENCES,
        max_characters: int = MAX_CHARACTERS,
        max_bytes: int = MAX_BYTES,
    ) -> "TextEntry":
        """Begin or go on with a text, in Chinese where that is the display's language and the handset knows it.

        What was chosen before, and in which script, the holder's `preferences` say.
        """
        in_chinese = language == "zh" and bool(chinese().characters)
        mode = WritingMode.PINYIN if in_chinese else WritingMode.BEGINS_LARGE
        return cls(
            text, mode=mode, writing=writing, chinese=chinese, traditional=preferences.traditional,
            written=dict(preferences.written), max_characters=max_characters, max_bytes=max_bytes,
        )  # fmt: skip

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

    def turn(self, step: int) -> bool:
        """Choose the first candidate of the group after the one that is shown, or of the one before it."""
        if self.composition is None:
            return False
        count, first = len(self.composition.candidates), self.composition.first_shown + step * SHOWN_CANDIDATES
        last_group = (count - 1) // SHOWN_CANDIDATES * SHOWN_CANDIDATES
        chosen = first if 0 <= first < count else last_group if step < 0 else 0
        self.composition = replace(self.composition, chosen=chosen)
        return True

    def choose(self) -> bool:
        """Write the candidate that is chosen; False where there is none."""
        if self.composition is None:
            return False
        composition, self.composition = self.composition, None
        # What came first anyway is nothing to remember of what somebody writes.
        if self._append(composition.character) and composition.chosen:
            self.chosen.append((composition.keys, composition.character))
        return True

    def delete_last(self) -> bool:
        """Take the last key of a syllable, or the last character, away; False where there is nothing."""
        self.settle()
        if self.composition is not None:
            keys = self.composition.keys[:-1]
            self.composition = self._compose(keys) if keys else None
            return True
        was_there, self.text = bool(self.text), self.text[:-1]
        return was_there

    @property
    def _letters(self) -> dict[Key, str]:
        return _CHINESE_LETTERS if self.mode is WritingMode.PINYIN else _LETTERS

    def _change_mode(self) -> None:
        begins_large = [] if self.writing is Writing.WORDS else [WritingMode.BEGINS_LARGE]
        modes = [*begins_large, WritingMode.SMALL, WritingMode.CAPITALS, WritingMode.DIGITS, WritingMode.PINYIN]
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
        if self.mode is WritingMode.PINYIN and not self.chinese().characters:
            self.mode = modes[0]

    def _spell(self, key: Key) -> None:
        """Go on with a syllable; a key that it cannot go on with begins the next one."""
        self.settle()
        self.before_key = (self.text, self.composition)
        keys = self.composition.keys if self.composition else ""
        longer = self._compose(keys + key.value)
        if longer is None and keys:
            self.choose()
            longer = self._compose(key.value)
        self.composition = longer

    def _compose(self, keys: str) -> Composition | None:
        pinyin = self.chinese()
        likely = ""
        if self.writing is Writing.NAME:
            likely = pinyin.given_names if self.text else pinyin.surnames
        return compose(keys, pinyin, likely, self.written.get(keys, ""), traditional=self.traditional)

    def _choose_instead(self, place: int) -> None:
        """Choose from the candidates that were shown before the key was pressed that is now held."""
        text, before = self.before_key
        if before is not None and 0 <= place < len(before.shown):
            self.text = text
            self.composition = replace(before, chosen=before.first_shown + place)
            self.choose()

    def _append(self, letter: str) -> bool:
        longer = self.text + self._cased(letter, self.text)
        if len(longer) > self.max_characters or len(longer.encode()) > self.max_bytes:
            return False
        self.text = longer
        return True

    def _walk_on(self, letters: str) -> None:
        """Put the next letter that the text has room for in the place of the last one."""
        rest, last = self.text[:-1], self.text[-1]
        place = letters.index(last if last in letters else last.lower())
        following = letters[place + 1 :] + letters[: place + 1]
        fitting = (rest + self._cased(letter, rest) for letter in following)
        self.text = next(text for text in fitting if len(text.encode()) <= self.max_bytes)

    def _cased(self, letter: str, before: str) -> str:
        # "ß" and "ÿ" have no capital of one letter in the fonts that displays carry.
        has_capital = len(letter.upper()) == 1 and letter != "ÿ"
        is_large = self.mode is WritingMode.CAPITALS or (
            self.mode is WritingMode.BEGINS_LARGE and self._begins_behind(before)
        )
        return letter.upper() if is_large and has_capital else letter

    def _begins_behind(self, before: str) -> bool:
        """Say whether a word of a name, or a sentence of a message, begins behind what is written."""
        if self.writing is Writing.NAME:
            return not before or before[-1] in " -"
        said = before.rstrip(" ")
        return not said or (said != before and said[-1] in _SENTENCE_ENDS)
