"""Where a number is from and which carrier it was given to, told without a network."""

import logging
from pathlib import Path
from typing import Final

from firmware.base.numbering.layout import NumberClass
from firmware.base.numbering.spelling import spellings
from firmware.base.numbering.table import Table

_log = logging.getLogger(__name__)

TABLE_PATH: Final = Path(__file__).with_name("numbers.dat")
"""The table that comes with the firmware; setup.py makes it when the package is built."""

# Chinese goes from the large to the small, and puts nothing in between.
_LARGE_TO_SMALL: Final = frozenset({"zh"})


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
