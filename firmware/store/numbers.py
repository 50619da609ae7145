"""Whether two ways of writing a number mean the same line.

A table of prefixes for all countries does it: numbers are compared, never formatted or attributed, and the library that
knows all the world's plans costs megabytes of memory for that.
"""

import re
from dataclasses import dataclass
from typing import Final

from firmware.phone.countries import COUNTRIES
from firmware.phone.dial_string import parse_number

TAIL_DIGITS: Final = 7
"""What two spellings of one number share at the end; shorter numbers, as on small islands, have one spelling."""


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """How a country's numbers are dialled within it (ITU-T E.164 and the list of dialling procedures, E.164D).

    Attributes:
        country_code: what follows `+`.
        trunk_prefix: what stands before a national number and is left out after the country code.
        international_prefix: what stands for `+`; empty where a carrier has to be chosen with it.
    """

    country_code: str
    trunk_prefix: str
    international_prefix: str


def plan_of(country: str) -> NumberingPlan:
    """Return how numbers are dialled in a country, by its ISO 3166 code."""
    numbers = COUNTRIES[country]
    return NumberingPlan(numbers.calling_code, numbers.trunk_prefix, numbers.international_prefix)


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


def read_number(text: str, plan: NumberingPlan) -> Line:
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
        return Line(plan.country_code + digits.removeprefix(plan.trunk_prefix), international=True)
    return Line(digits, international=False)


def same_line(one: Line, other: Line, plan: NumberingPlan) -> bool:
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
        and whole.digits.startswith(plan.country_code)
        and whole.digits.removeprefix(plan.country_code).endswith(part.digits)
    )
