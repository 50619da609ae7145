"""Compiles the countries from libphonenumber's data, as PyPI's `phonenumbers` carries it, and from its corrections."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.geodata.locale import LOCALE_DATA

from tools.countries.corrections import EMERGENCY, GENERAL, NAMES, TELEPHONES_OF, TRUNK_OPTIONAL

MODULE_PATH: Final = Path(__file__).resolve().parents[2] / "firmware" / "phone" / "countries.py"

_NORTH_AMERICA: Final = "1"
_FIRST_GENERAL: Final = ("112", "999", "911")
"""Where a country has 999 and 911, the former is what it was used to and the latter came with mobile networks."""

_HEAD: Final = '''"""Every country of ISO 3166-1, and AC, TA and XK, which have no code there but their own telephones.

`make countries` writes this module; tools/countries says where what is in it is from.
"""

# ruff: noqa: E501 - a line a country

from typing import Final

from firmware.phone.country import country

# fmt: off
COUNTRIES: Final = {
'''
_END: Final = '''}
"""By ISO 3166 code; every country that a configuration may name."""
'''


def country_codes() -> list[str]:
    """Return the codes of all countries, sorted."""
    return sorted({*phonenumbers.SUPPORTED_REGIONS, *TELEPHONES_OF})


def module_text() -> str:
    """Return the module that the phone reads."""
    return "".join((_HEAD, *(f"    {_line(code)}\n" for code in country_codes()), _END))


def _line(code: str) -> str:
    region = TELEPHONES_OF.get(code, code)
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise LookupError(f"phonenumbers lists the region {region} but has no data about it. Try another release.")
    calling_code = str(metadata.country_code)
    emergency = sorted(emergency_numbers(code), key=lambda number: (len(number), number))
    columns = [
        _name(code, "en"),
        _name(code, "zh"),
        calling_code,
        _international_prefix(metadata),
        metadata.national_prefix or "",
        " ".join(emergency),
        _general_number(code, emergency),
    ]
    written = ", ".join(f'"{column}"' for column in columns)
    optional = ", trunk_optional=True" if calling_code == _NORTH_AMERICA or code in TRUNK_OPTIONAL else ""
    return f'"{code}": country({written}{optional}),'


def _name(code: str, language: str) -> str:
    if name := NAMES.get(code, {}).get(language, ""):
        return name
    name = LOCALE_DATA[code].get(language, "")
    # "*xx" stands for "as in the language xx".
    return LOCALE_DATA[code][name[1:]] if name.startswith("*") else name


def _international_prefix(metadata: PhoneMetadata) -> str:
    """Return the prefix that people are taught; none where it is a pattern, because carriers can be chosen."""
    prefix = (metadata.preferred_international_prefix or metadata.international_prefix or "").replace("~", "")
    return prefix if prefix.isdigit() else ""


def emergency_numbers(code: str) -> set[str]:
    """Return a country's emergency numbers; none where they are not known."""
    region = TELEPHONES_OF.get(code, code)
    known = EMERGENCY.get(code, EMERGENCY.get(region))
    return set(_numbers_of_metadata(region)) if known is None else set(known.split())


def _numbers_of_metadata(region: str) -> Iterator[str]:
    metadata = PhoneMetadata.short_metadata_for_region(region)
    if metadata is None or metadata.emergency is None or not metadata.emergency.national_number_pattern:
        return
    pattern = re.compile(metadata.emergency.national_number_pattern)
    for length in metadata.emergency.possible_length:
        for digits in product("0123456789", repeat=length):
            if pattern.fullmatch(number := "".join(digits)):
                yield number


def _general_number(code: str, emergency: list[str]) -> str:
    if not emergency:
        return ""
    number = GENERAL.get(TELEPHONES_OF.get(code, code)) or next(
        (usual for usual in _FIRST_GENERAL if usual in emergency), ""
    )
    if number not in emergency:
        raise LookupError(
            f"Which of the emergency numbers of {code} is called where it is not known who has to come? "
            f"Write one of {', '.join(emergency)} into GENERAL in tools/countries/corrections.py."
        )
    return number
