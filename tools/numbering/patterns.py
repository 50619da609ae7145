"""Number patterns as an automaton of positions: several patterns are followed side by side, digit by digit."""

from dataclasses import dataclass, field
from typing import Final

DIGITS: Final = "0123456789"

State = frozenset[int]
"""The positions that the next digit may be at."""


@dataclass(slots=True)
class Positions:
    """All digit positions of some patterns. A position knows which digits fit, and what may come after each.

    Patterns are built from their end, which needs no empty moves: what follows a part is known when the part is read.
    """

    _follow: list[dict[str, State]] = field(default_factory=list)
    _ends: set[int] = field(default_factory=set)

    def add_pattern(self, pattern: str) -> State:
        """Return where a number that is matched as a whole by the pattern begins."""
        end = self._add(frozenset(), frozenset())
        self._ends.add(end)
        return _Reader(pattern, self).read(frozenset({end}))

    def add_leading_digits(self, pattern: str) -> State:
        """Return where a number that only begins with the pattern begins."""
        rest = len(self._follow)
        self._add(frozenset(DIGITS), frozenset({rest}))
        return _Reader(pattern, self).read(frozenset({rest}))

    def after(self, state: State, digit: str) -> State:
        """Return the state behind one more digit, empty where nothing fits."""
        return frozenset().union(*(self._follow[position].get(digit, ()) for position in state))

    def is_end(self, state: State) -> bool:
        """Whether at least one pattern is complete here."""
        return not self._ends.isdisjoint(state)

    def _add(self, digits: frozenset[str], follow: State) -> int:
        self._follow.append(dict.fromkeys(digits, follow))
        return len(self._follow) - 1

    def add_digit(self, digits: frozenset[str], follow: State) -> State:
        """Return a new position where any of the digits fits."""
        return frozenset({self._add(digits, follow)})


@dataclass(frozen=True, slots=True)
class _Digit:
    digits: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: "_Part"
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _Choice:
    sequences: tuple[tuple["_Part", ...], ...]


_Part = _Digit | _Repeat | _Choice


class _Reader:
    r"""Reads the regular expressions of libphonenumber's metadata: digits, \d, [..], (?:..|..), ?, {n} and {n,m}."""

    def __init__(self, pattern: str, positions: Positions) -> None:
        self._pattern = pattern
        self._positions = positions
        self._index = 0

    def read(self, follow: State) -> State:
        """Add the pattern's positions before `follow`, and return where it begins.

        Raises:
            ValueError: the pattern has something else in it.
        """
        choice = self._choice()
        if self._index != len(self._pattern):
            raise self._unknown()
        return self._before(choice, follow)

    def _before(self, part: _Part, follow: State) -> State:
        match part:
            case _Digit(digits):
                return self._positions.add_digit(digits, follow)
            case _Repeat(repeated, least, most):
                begin = follow
                for _ in range(most - least):
                    begin = self._before(repeated, begin) | follow
                for _ in range(least):
                    begin = self._before(repeated, begin)
                return begin
            case _Choice(sequences):
                begins = []
                for sequence in sequences:
                    begin = follow
                    for item in reversed(sequence):
                        begin = self._before(item, begin)
                    begins.append(begin)
                return frozenset().union(*begins)

    def _choice(self) -> _Choice:
        sequences: list[tuple[_Part, ...]] = []
        parts: list[_Part] = []
        while self._index < len(self._pattern) and self._pattern[self._index] != ")":
            if self._take("|"):
                sequences.append(tuple(parts))
                parts = []
            else:
                parts.append(self._repeat(self._atom()))
        return _Choice((*sequences, tuple(parts)))

    def _atom(self) -> _Part:
        if self._take("(?:"):
            choice = self._choice()
            if not self._take(")"):
                raise self._unknown()
            return choice
        if self._take(r"\d"):
            return _Digit(frozenset(DIGITS))
        if self._take("["):
            return self._set()
        return _Digit(frozenset(self._digit()))

    def _set(self) -> _Digit:
        digits: set[str] = set()
        while not self._take("]"):
            first = last = self._digit()
            if self._take("-"):
                last = self._digit()
            digits.update(DIGITS[int(first) : int(last) + 1])
        return _Digit(frozenset(digits))

    def _repeat(self, part: _Part) -> _Part:
        if self._take("?"):
            return _Repeat(part, 0, 1)
        if not self._take("{"):
            return part
        least = most = self._count()
        if self._take(","):
            most = self._count()
        if not self._take("}"):
            raise self._unknown()
        return _Repeat(part, least, most)

    def _count(self) -> int:
        text = self._digit()
        while self._pattern[self._index : self._index + 1].isdigit():
            text += self._digit()
        return int(text)

    def _digit(self) -> str:
        digit = self._pattern[self._index : self._index + 1]
        if not digit or digit not in DIGITS:
            raise self._unknown()
        self._index += 1
        return digit

    def _take(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._index)
        self._index += len(text) if found else 0
        return found

    def _unknown(self) -> ValueError:
        return ValueError(
            f"The pattern {self._pattern!r} has something at {self._index} that is not understood; teach it to _Reader."
        )
