"""Writing Chinese with ten keys: the digits spell a syllable's letters, and its characters are chosen from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

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
