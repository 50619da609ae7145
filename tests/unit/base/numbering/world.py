"""Numbers from all over the world, and what the library that the table was compiled from says of them."""

import random
from collections.abc import Iterator
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, carrier, geocoder
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.geodata import GEOCODE_DATA

CONFIGURABLE = ("AU", "CA", "CN", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "NL", "NZ", "US")
"""Some of the countries that a configuration may name: every kind of prefix."""
_TYPES = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def region_of(number: PhoneNumber) -> str:
    return phonenumbers.region_code_for_number(number) or "ZZ"


def sample(chance: random.Random, count: int) -> Iterator[PhoneNumber]:
    """Yield as many numbers of every region and kind and of random prefixes, valid and not."""
    examples = _examples()
    prefixes = [*GEOCODE_DATA, *CARRIER_DATA]
    for index in range(count):
        if index % 2:
            yield _with_other_end(chance, examples[index // 2 % len(examples)], kept=chance.randrange(2, 8))
        else:
            prefix = chance.choice(prefixes)
            yield _with_other_end(chance, _example_behind(prefix), kept=0, prefix=prefix)


def sample_of(chance: random.Random, region: str, count: int) -> Iterator[PhoneNumber]:
    """Yield valid numbers of a region."""
    found = 0
    while found < count:
        number = _with_other_end(chance, chance.choice(_examples_of(region)), kept=chance.randrange(2, 6))
        if phonenumbers.is_valid_number(number) and region_of(number) == region:
            found += 1
            yield number


def expected(number: PhoneNumber, language: str) -> str:
    """Return place and carrier, the place as the number's own country is told it."""
    place = geocoder.description_for_number(number, language)
    # Carriers without a Chinese name are known by their English one.
    name = carrier.name_for_number(number, language) or carrier.name_for_number(number, "en")
    return " · ".join(filter(None, (place, name)))


@cache
def _examples_of(region: str) -> list[PhoneNumber]:
    return [number for number in _examples() if region_of(number) == region]


@cache
def _examples() -> list[PhoneNumber]:
    found = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in _TYPES
    ]
    found += [
        phonenumbers.example_number_for_non_geo_entity(code)
        for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    ]
    return [number for number in found if number is not None]


def _example_behind(prefix: str) -> PhoneNumber:
    """Return an example of a mobile number of where the prefix belongs."""
    for length in (1, 2, 3):
        code = int(prefix[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            region = phonenumbers.region_code_for_country_code(code)
            number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
            number = number or phonenumbers.example_number(region)
            number = number or phonenumbers.example_number_for_non_geo_entity(code)
            assert number is not None
            return number
    raise AssertionError(f"no calling code begins {prefix}")


def _with_other_end(chance: random.Random, number: PhoneNumber, *, kept: int, prefix: str = "") -> PhoneNumber:
    code = str(number.country_code)
    national = phonenumbers.national_significant_number(number)
    begin = prefix.removeprefix(code) if prefix else national[:kept]
    digits = begin + "".join(chance.choice("0123456789") for _ in range(len(national) - len(begin)))
    zeros = min(len(digits) - len(digits.lstrip("0")), len(digits) - 1)
    return PhoneNumber(
        country_code=number.country_code,
        national_number=int(digits),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros or None,
    )
