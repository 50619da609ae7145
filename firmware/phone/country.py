"""What a country decides about dialling: its emergency numbers, its prefixes and its calling code."""

from dataclasses import dataclass
from typing import Final

ASSUMED_COUNTRY: Final = "CN"
"""How numbers are written and what sounds where nobody has said the country.

It is what a configuration without `country` has always meant. Of emergency numbers nothing is assumed.
"""

GENERAL_NUMBER: Final = "112"
"""The emergency number that every phone knows, wherever it is (3GPP TS 22.101 section 10.1; ITU-T E.161.1)."""

USUAL_EMERGENCY_NUMBERS: Final = frozenset({"112", "911", "999", "110", "119", "120", "122"})
"""What people call for help where it is not known which country's numbers count."""


@dataclass(frozen=True, slots=True)
class Country:
    """One country's names and numbers.

    Attributes:
        english_name, chinese_name: what the country is called.
        calling_code: the country's own (ITU-T E.164).
        international_prefix: what stands for `+`; empty where a carrier has to be chosen with it.
        trunk_prefix: what stands before a national number; empty where nothing does.
        emergency: what reaches police, fire brigade, ambulance or coast guard; empty where that is not known.
        general_number: what to call where it is not known who has to come; empty where that is not known.
        trunk_optional: many national numbers are dialled without it: North American ones, mobile ones in China and
            India.
    """

    english_name: str
    chinese_name: str
    calling_code: str
    international_prefix: str
    trunk_prefix: str
    emergency: frozenset[str]
    general_number: str
    trunk_optional: bool = False

    def name(self, language: str) -> str:
        """Return what it is called in one of the display's languages."""
        return self.chinese_name if language == "zh" else self.english_name


def country(  # noqa: PLR0917 - the columns of a table
    english_name: str,
    chinese_name: str,
    calling_code: str,
    international_prefix: str,
    trunk_prefix: str,
    emergency: str,
    general_number: str,
    *,
    trunk_optional: bool = False,
) -> Country:
    """Make a country out of a line of the table; its emergency numbers have spaces between them."""
    return Country(
        english_name,
        chinese_name,
        calling_code,
        international_prefix,
        trunk_prefix,
        frozenset(emergency.split()),
        general_number,
        trunk_optional,
    )
