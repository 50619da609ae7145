"""Whether two ways of writing a number mean the same line.

A table of prefixes for all countries does it: numbers are compared, never formatted or attributed, and the library that
knows all the world's plans costs megabytes of memory for that.
"""

import re
from dataclasses import dataclass
from typing import Final

from firmware.phone.country import Country
from firmware.phone.dial_string import parse_number

TAIL_DIGITS: Final = 7
"""What two spellings of one number share at the end; shorter numbers, as on small islands, have one spelling."""


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
