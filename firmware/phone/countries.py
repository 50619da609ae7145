"""What a country decides about dialling: its emergency numbers, its prefixes and its calling code.

Sources: the class "emergency" of libphonenumber's short number metadata, the prefixes and calling codes of its number
metadata (github.com/google/libphonenumber, release 9.0), and beyond it the national numbers that people are still
taught: CN 122 (traffic accidents, Ministry of Public Security), ES 061, 062, 080, 091 and 092 (ambulance, Guardia
Civil, fire brigade, national and local police), FR 114, 191 and 196 (Arcep's list of emergency numbers: text relay,
rescue by air and at sea), JP 118 (coast guard). US and CA have 911 alone: 112 is a courtesy of mobile networks there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CountryNumbers:
    """The numbers of one country.

    Attributes:
        emergency: what reaches police, fire brigade, ambulance or coast guard.
        calling_code: the country's own (ITU-T E.164).
        international_prefix: what stands for `+`.
        trunk_prefix: what stands before a national number; empty where nothing does.
        trunk_optional: many national numbers are dialled without it: North American ones, mobile ones in China and
            India.
    """

    emergency: frozenset[str]
    calling_code: str
    international_prefix: str
    trunk_prefix: str
    trunk_optional: bool


def _country(
    emergency: str,
    calling_code: str,
    international_prefix: str = "00",
    trunk_prefix: str = "0",
    *,
    trunk_optional: bool = False,
) -> CountryNumbers:
    numbers = frozenset(emergency.split())
    return CountryNumbers(numbers, calling_code, international_prefix, trunk_prefix, trunk_optional)


COUNTRIES = {
    "AU": _country("000 106 112", "61", "0011"),
    "CA": _country("911", "1", "011", "1", trunk_optional=True),
    "CN": _country("110 119 120 122", "86", trunk_optional=True),
    "DE": _country("110 112", "49"),
    "ES": _country("112 061 062 080 085 088 091 092", "34", trunk_prefix=""),
    "FR": _country("112 15 17 18 114 191 196", "33"),
    "GB": _country("112 999", "44"),
    "IE": _country("112 999", "353"),
    "IN": _country("112 100 101 102 108", "91", trunk_optional=True),
    "IT": _country("112 113 115 118", "39", trunk_prefix=""),
    "JP": _country("110 118 119", "81", "010"),
    "NL": _country("112 911", "31"),
    "NZ": _country("111", "64"),
    "US": _country("911", "1", "011", "1", trunk_optional=True),
}
"""By ISO 3166 code; every country that a configuration may name."""
