"""Digit maps of RFC 3435 section 2.1.5: which strings of digits are numbers, and which may still become one."""

from dataclasses import dataclass
from typing import Self

from firmware.base.errors import DialPlanError

_DIGITS = frozenset("0123456789")
_SYMBOLS = _DIGITS | frozenset("*#")


@dataclass(frozen=True, slots=True)
class _Position:
    """One digit position: what fits there, and whether it may stand any number of times, also none (`.`)."""

    symbols: frozenset[str]
    repeats: bool

    @property
    def names_digits(self) -> bool:
        """Whether it says more than "any digit"."""
        return self.symbols != _DIGITS


@dataclass(frozen=True, slots=True)
class Fit:
    """How a string of digits relates to one alternative.

    Attributes:
        complete: the alternative matches all of it.
        extensible: more digits may follow.
        named: more digits may follow, and the alternative names at least one of the digits rather than allowing any.
    """

    complete: bool
    extensible: bool
    named: bool


@dataclass(frozen=True, slots=True)
class Alternative:
    """One alternative of a digit map.

    Attributes:
        positions: what is dialled, one after the other.
        waits: complete only when the inter-digit timer has run out.
    """

    positions: tuple[_Position, ...]
    waits: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one alternative, such as `0[1-9]xxx.T`.

        Raises:
            DialPlanError: it is not one.
        """
        # Where the last position repeats, nothing but silence can tell that the number has ended: taken literally,
        # `x.` would send after the first digit.
        body = text.removesuffix("T")
        positions: list[_Position] = []
        rest = body
        while rest:
            symbols, rest = _take_symbols(text, rest)
            repeats = rest.startswith(".")
            positions.append(_Position(symbols, repeats))
            rest = rest[1:] if repeats else rest
        if not positions:
            raise DialPlanError(f"The digit map's alternative {text!r} has no digits. Give it some, such as 'x.T'.")
        return cls(tuple(positions), waits=body != text or positions[-1].repeats)

    @property
    def shortest(self) -> int:
        """How many digits it takes at least."""
        return sum(not position.repeats for position in self.positions)

    def fit(self, digits: str) -> Fit:
        """Compare a string with this alternative, digit by digit."""
        states = self._with_skips({(0, False)})
        for digit in digits:
            states = self._with_skips(
                {
                    (index if position.repeats else index + 1, named or position.names_digits)
                    for index, named in states
                    if index < len(self.positions) and digit in (position := self.positions[index]).symbols
                }
            )
        end = len(self.positions)
        return Fit(
            complete=any(index == end for index, _ in states),
            extensible=any(index < end for index, _ in states),
            named=any(index < end and named for index, named in states),
        )

    def _with_skips(self, states: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        """Add the states reached by leaving repeating positions out."""
        reached = set(states)
        for start, named in states:
            index = start
            while index < len(self.positions) and self.positions[index].repeats:
                index += 1
                reached.add((index, named))
        return reached


def _take_symbols(text: str, rest: str) -> tuple[frozenset[str], str]:
    head = rest[0]
    if head in "xX":
        return _DIGITS, rest[1:]
    if head in _SYMBOLS:
        return frozenset(head), rest[1:]
    if head == "[":
        inside, bracket, after = rest[1:].partition("]")
        if bracket and inside:
            return _take_range(text, inside), after
        raise DialPlanError(f"The digit map's alternative {text!r} has a '[' without digits and a ']' behind it.")
    if head == "T":
        raise DialPlanError(f"The digit map's alternative {text!r} has a 'T' before its end; put it last.")
    raise DialPlanError(
        f"The digit map's alternative {text!r} has a {head!r} where a digit, '*', '#', 'x' or '[' fits."
    )


def _take_range(text: str, inside: str) -> frozenset[str]:
    symbols: set[str] = set()
    rest = inside
    while rest:
        first, last = rest[0], rest[2:3]
        if rest[1:2] == "-" and first in _DIGITS and last in _DIGITS and last and first <= last:
            symbols.update(str(digit) for digit in range(int(first), int(last) + 1))
            rest = rest[3:]
        elif first in _SYMBOLS and rest[1:2] != "-":
            symbols.add(first)
            rest = rest[1:]
        else:
            raise DialPlanError(
                f"The digit map's alternative {text!r} has the range '[{inside}]', which is none; write it as '[2-9]'."
            )
    return frozenset(symbols)
