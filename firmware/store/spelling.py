"""By which digits a contact is found, where it stands in the list, and which numbers mean one line.

A Latin letter is on its key of ITU-T E.161, accents left out; a Chinese character is spelled by its pinyin, once for
each of its usual readings. A name is found from each of its words on, a character being a word, and by the first
letters of all of them. Numbers are found from their beginning, without what a country puts before them, by that alone,
and from the beginning of their last seven digits.

Numbers are compared by a table of prefixes for all countries, never formatted or attributed: the library that knows all
the world's plans costs megabytes of memory for that.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Final

from firmware.base.pinyin.table import readings
from firmware.phone.country import Country
from firmware.phone.dial_string import parse_number

TAIL_DIGITS: Final = 7
"""What two spellings of one number share at the end; shorter numbers, as on small islands, have one spelling."""

VERSION: Final = "3"
"""Changes whenever something here changes what is found by what: then every contact is spelled again."""

MAX_KEYS: Final = 20
"""Nobody types more to find somebody, and no number is longer (ITU-T E.164, with a prefix before it)."""

_BEGINNING, _WORD, _NUMBER = range(3)
RANKS: Final = (_BEGINNING, _WORD, _NUMBER)

_MOST_WORDS: Final = 8
_MOST_WAYS: Final = 16
"""A name of many characters that are read in several ways each would fill the store."""

_KEY_OF: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_UNACCENTED: Final = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "ħ": "h",
        "\u0131": "i",
        "þ": "th",
        "ŋ": "n",
    }
)
_LATIN_WORD: Final = re.compile("[a-z0-9]+")

# How characters are read in a family name, where that is not their most usual reading (Xinhua Zidian).
_SURNAMES: Final = {
    "万俟": ("mo", "qi"), "尉迟": ("yu", "chi"), "长孙": ("zhang", "sun"), "澹台": ("tan", "tai"),
    "单于": ("chan", "yu"), "单": ("shan",), "解": ("xie",), "仇": ("qiu",), "任": ("ren",), "曾": ("zeng",),
    "区": ("ou",), "查": ("zha",), "朴": ("piao",), "盖": ("ge",), "缪": ("miao",), "覃": ("qin",), "翟": ("zhai",),
    "召": ("shao",), "员": ("yun",), "折": ("she",), "黑": ("he",), "秘": ("bi",), "繁": ("po",), "种": ("chong",),
    "重": ("chong",), "薄": ("bo",), "乐": ("yue",), "冼": ("xian",), "祭": ("zhai",), "句": ("gou",), "晟": ("cheng",),
    "宓": ("mi",), "牟": ("mu",), "隗": ("wei",), "訾": ("zi",), "逄": ("pang",), "佴": ("nai",), "郗": ("xi",),
    "都": ("du",), "洗": ("xian",), "哈": ("ha",), "应": ("ying",), "燕": ("yan",), "宁": ("ning",), "曲": ("qu",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line, however its number was written.

    Attributes:
        digits: the number without prefixes; for an address, the address in lower case.
        international: `digits` begins with the country code.
    """

    digits: str
    international: bool

    @property
    def tail(self) -> str:
        """What every spelling of this line has in common, to search by."""
        return self.digits[-TAIL_DIGITS:] if self.digits.isdigit() else self.digits


def read_number(text: str, plan: Country) -> Line:
    """Understand a number, an extension or a URI as typed, dialled or received.

    What is to be sent after the answer is left out.
    """
    bare = re.sub(r"^(?:sips?|tel):", "", parse_number(text).number, flags=re.IGNORECASE)
    bare = re.split(r"[;?]", bare, maxsplit=1)[0]
    user = bare.partition("@")[0]
    digits = re.sub(r"[\s().\-/]", "", user)
    if not re.fullmatch(r"\+?[0-9]+", digits):
        return Line(bare.lower(), international=False)
    if digits.startswith("+"):
        # "+44 (0)20 ..." is how many write it; the trunk prefix in brackets is no part of the number.
        return Line(re.sub(r"[^0-9]", "", user.replace("(0)", "")), international=True)
    if len(digits) <= TAIL_DIGITS - 1:
        # Too short for a subscriber: an extension, which means something in its own domain only.
        return Line(bare.lower() if "@" in bare else digits, international=False)
    if plan.international_prefix and digits.startswith(plan.international_prefix):
        return Line(digits.removeprefix(plan.international_prefix), international=True)
    if plan.trunk_prefix and digits.startswith(plan.trunk_prefix):
        return Line(plan.calling_code + digits.removeprefix(plan.trunk_prefix), international=True)
    return Line(digits, international=False)


def same_line(one: Line, other: Line, plan: Country) -> bool:
    """Tell whether two numbers mean one line.

    A number without its area code matches the one with it; two whole numbers match only as a whole.
    """
    if one.digits == other.digits:
        return True
    if one.international == other.international or not (one.digits.isdigit() and other.digits.isdigit()):
        return False
    whole, part = (one, other) if one.international else (other, one)
    return (
        len(part.digits) >= TAIL_DIGITS
        and whole.digits.startswith(plan.calling_code)
        and whole.digits.removeprefix(plan.calling_code).endswith(part.digits)
    )


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One row of contact_keys; `position` is the place of the number that is meant, 0 for a name."""

    rank: int
    keys: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Rows of contact_keys that begin with the same keys: `start` is the first of them, `end` the first behind them."""

    rank: int
    start: str
    end: str


def keys_of(name: str, numbers: Sequence[str], plan: Country) -> frozenset[Key]:
    """Return all that a contact is found by."""
    found = set(_keys_of_name(name))
    for position, number in enumerate(numbers):
        found.update(Key(_NUMBER, digits[:MAX_KEYS], position) for digits in _keys_of_number(number, plan))
    return frozenset(found)


def sort_key(name: str) -> str:
    """Return what puts names into one order, Chinese ones by their pinyin; equal for equal names only."""
    words = [word[0] if isinstance(word, tuple) else word for word in _words(name)]
    # A name without a letter that can be spelled comes after all that have one.
    return f"{' '.join(words) or chr(0x10FFFF)}\t{name}"


def ranges_of(keys: str, plan: Country) -> list[KeyRange]:
    """Return where to look for what was typed; nowhere, where it can mean nobody."""
    digits = keys.lstrip("+")
    if not re.fullmatch("[0-9]+", digits) or len(digits) > MAX_KEYS:
        return []
    names = [] if keys != digits else [(_BEGINNING, digits), (_WORD, digits)]
    return [
        KeyRange(rank, key, _behind(key))
        for rank, key in (*names, *((_NUMBER, key) for key in _number_keys(keys, plan)))
    ]


def _behind(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


# --- names ------------------------------------------------------------------------------------------------------------

_Word = str | tuple[str, ...]
"""A Latin word without accents, or the readings of a Chinese character."""


def _words(name: str) -> list[_Word]:
    """Take a name apart."""
    words: list[_Word] = []
    surname = next((_SURNAMES[name[:length]] for length in (2, 1) if name[:length] in _SURNAMES), ())
    latin = ""
    for place, character in enumerate(name):
        known = readings(character)
        if place < len(surname):
            known = (surname[place], *(reading for reading in known if reading != surname[place]))
        if known:
            words += _latin_words(latin)
            words.append(known)
            latin = ""
        else:
            latin += character
    return words + _latin_words(latin)


def _latin_words(text: str) -> list[_Word]:
    if not text:
        return []
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_UNACCENTED))
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    # An apostrophe is within a word: O'Brien is found as obrien.
    return list(_LATIN_WORD.findall(re.sub("['\u2019]", "", bare)))


def _keys_of_name(name: str) -> Iterator[Key]:
    ways = [_ways(word) for word in _words(name)]
    for first in range(min(len(ways), _MOST_WORDS)):
        for spelled in _joined(ways[first:]):
            yield Key(_WORD if first else _BEGINNING, spelled)
    if len(ways) > 1:
        initials = [tuple(dict.fromkeys(way[0] for way in several)) for several in ways]
        for spelled in _joined(initials):
            yield Key(_BEGINNING, spelled)


@lru_cache(maxsize=4096)
def _ways(word: _Word) -> tuple[str, ...]:
    spelled = (word,) if isinstance(word, str) else word
    return tuple(dict.fromkeys(each.translate(_KEY_OF) for each in spelled))


def _joined(ways: Sequence[Sequence[str]]) -> Iterable[str]:
    """Put the words one after the other, in each of their ways, the most usual ways first."""
    # Every word has a key at least, so that more words than keys are never needed.
    together = islice(product(*ways[:MAX_KEYS]), _MOST_WAYS)
    return {"".join(way)[:MAX_KEYS] for way in together}


# --- numbers ----------------------------------------------------------------------------------------------------------


def _keys_of_number(number: str, plan: Country) -> Iterator[str]:
    line = read_number(number, plan)
    if not line.digits.isdigit():
        # An address: found by the letters before its domain.
        yield "".join(re.findall("[0-9]+", line.digits.partition("@")[0].translate(_KEY_OF)))[:MAX_KEYS] or "0"
        return
    national = _without_code(line.digits, plan) if line.international else line.digits
    yield national
    if line.international and (prefix := _prefix_of(line.digits, plan)):
        yield prefix
    if len(line.digits) > TAIL_DIGITS:
        yield line.tail


def _number_keys(keys: str, plan: Country) -> list[str]:
    """Return what the beginning of a number may stand in the store as."""
    digits = keys.lstrip("+")
    if keys != digits:
        whole = [digits]
    else:
        whole = [digits, digits.removeprefix(plan.international_prefix) if _is_abroad(digits, plan) else ""]
    within = keys == digits and not _is_abroad(digits, plan)
    national = digits.removeprefix(plan.trunk_prefix) if plan.trunk_prefix and within else ""
    candidates = [*whole, *(_without_code(each, plan) for each in whole), national]
    return [key for key in dict.fromkeys(candidates) if key]


def _is_abroad(digits: str, plan: Country) -> bool:
    return bool(plan.international_prefix) and digits.startswith(plan.international_prefix)


def _prefix_of(digits: str, plan: Country) -> str:
    """Return what is dialled before a number, which alone finds all that begin so."""
    return plan.trunk_prefix if digits.startswith(plan.calling_code) else plan.international_prefix


def _without_code(digits: str, plan: Country) -> str:
    """Leave the country's own code out: its numbers are kept without."""
    return digits.removeprefix(plan.calling_code)
