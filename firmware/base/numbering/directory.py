"""Where a number is from and which carrier it was given to, told without a network."""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from firmware.base.numbering.table import NumberClass, NumberingPlan, Table

_MOST_CHARACTERS: Final = 64
"""Whatever is longer is no number, however it is grouped."""

_MOST_CALLING_CODE_DIGITS: Final = 3
_SEPARATORS = str.maketrans("", "", " \t().-/\u00a0")
_FEWEST_DIGITS_DIALLED: Final = 7
"""Fewer are an extension or a service, which mean something in their own domain only."""

_NUMBER = re.compile(r"\+?[0-9]{1,24}")
_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_AFTER_USER = re.compile(r"[@;?]")

_log = logging.getLogger(__name__)

TABLE_PATH: Final = Path(__file__).with_name("numbers.dat")
"""The table that comes with the firmware; setup.py makes it when the package is built."""

# Chinese goes from the large to the small, and puts nothing in between.
_LARGE_TO_SMALL: Final = frozenset({"zh"})


def spellings(number: str, plan: NumberingPlan | None, trunk_prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield the digits of E.164, calling code first, that the number may stand for, the likeliest first.

    Args:
        number: as received or dialled; an address counts by the part before its host.
        plan: of where the handset stands; without one only numbers with `+` mean anything.
        trunk_prefixes: by calling code.
    """
    scheme = _SCHEME.match(number)
    begin = scheme.end() if scheme else 0
    user = _AFTER_USER.split(number[begin : begin + _MOST_CHARACTERS + 1], maxsplit=1)[0]
    if len(user) > _MOST_CHARACTERS:
        return
    digits = user.translate(_SEPARATORS)
    if not _NUMBER.fullmatch(digits):
        return
    if digits.startswith("+"):
        yield from _international(digits[1:], trunk_prefixes)
        return
    if plan is None or len(digits) < _FEWEST_DIGITS_DIALLED:
        return
    if plan.international_prefix and digits.startswith(plan.international_prefix):
        yield from _international(digits.removeprefix(plan.international_prefix), trunk_prefixes)
    if plan.trunk_prefix and digits.startswith(plan.trunk_prefix):
        yield plan.calling_code + digits.removeprefix(plan.trunk_prefix)
    yield plan.calling_code + digits
    # Operators hand over numbers in E.164 without its `+`, too.
    if digits.startswith(plan.calling_code):
        yield digits


def _international(digits: str, trunk_prefixes: Mapping[str, str]) -> Iterator[str]:
    yield digits
    # "+44 (0)20 ..." is how many write it; the trunk prefix in brackets is no part of the number.
    for end in range(1, _MOST_CALLING_CODE_DIGITS + 1):
        code, national = digits[:end], digits[end:]
        trunk_prefix = trunk_prefixes.get(code)
        if trunk_prefix and national.startswith(trunk_prefix):
            yield code + national.removeprefix(trunk_prefix)


class NumberDirectory:
    """Tells of a number its place and its carrier, in one language at a time.

    The carrier is the one that the number was given to first: people take their numbers along to another.

    The table stays on the card. Once it could not be read it is asked again in another language only: a failing card
    takes its time.
    """

    def __init__(self, path: Path, language: str) -> None:
        self._path = path
        self._language = language
        self._spoken: tuple[Table, str] | None = None

    def start(self) -> None:
        """Open the table. Without one nothing is known of any number, which is logged."""
        self.speak(self._language)

    def speak(self, language: str) -> None:
        """Tell in this language from now on. Checking its part takes some 10 ms, on any thread."""
        try:
            self._spoken = Table.open(self._path, language), language
        except (OSError, ValueError, LookupError) as error:
            self._give_up(self._spoken, error)

    def describe(self, number: str, country: str) -> str:
        """Return place and carrier, such as "Shenzhen, Guangdong · China Mobile"; empty where nothing is known.

        Args:
            number: as received or dialled: with `+` or the international prefix, or national. Anything else, such as an
                extension, is no number of the world's plan.
            country: the ISO 3166 code of where this handset stands; places elsewhere are named with their country.
        """
        # Another thread may change the language meanwhile.
        spoken = self._spoken
        try:
            return _description(*spoken, number, country) if spoken else ""
        except (OSError, ValueError, LookupError) as error:
            self._give_up(spoken, error)
            return ""

    def _give_up(self, spoken: tuple[Table, str] | None, error: Exception) -> None:
        """Ask this table no more, unless another has taken its place already."""
        if self._spoken is spoken:
            self._spoken = None
        _log.warning(
            "The table of numbers in %s cannot be used: %s. Calls are shown without place and carrier. "
            "Install the firmware again.",
            self._path,
            error,
        )


def _description(table: Table, language: str, number: str, country: str) -> str:
    for digits in spellings(number, table.plans.get(country), table.trunk_prefixes):
        number_class = table.classify(digits)
        if number_class is not None:
            place = _place(table, language, digits, number_class, country)
            carrier = table.carrier(digits) if number_class.carrier else ""
            return " · ".join(filter(None, (place, carrier)))
    return ""


def _place(table: Table, language: str, digits: str, number_class: NumberClass, country: str) -> str:
    area = ""
    if number_class.geographic:
        left_out = number_class.mobile_digit
        area = table.areas.name_for(digits[:left_out] + digits[left_out + 1 :] if left_out else digits)
    region = table.region_names.get(number_class.region, "")
    if not area:
        return region
    if number_class.region == country or region in area:
        return area
    return f"{region}{area}" if language in _LARGE_TO_SMALL else f"{area}, {region}"
