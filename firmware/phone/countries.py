"""What a country decides about dialling: its emergency numbers and its international prefix.

Sources: the class "emergency" of libphonenumber's short number metadata and the international prefixes of its number
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
        international_prefix: what stands for `+`.
    """

    emergency: frozenset[str]
    international_prefix: str


def _country(emergency: str, international_prefix: str = "00") -> CountryNumbers:
    return CountryNumbers(frozenset(emergency.split()), international_prefix)


COUNTRIES = {
    "AU": _country("000 106 112", "0011"),
    "CA": _country("911", "011"),
    "CN": _country("110 119 120 122"),
    "DE": _country("110 112"),
    "ES": _country("112 061 062 080 085 088 091 092"),
    "FR": _country("112 15 17 18 114 191 196"),
    "GB": _country("112 999"),
    "IE": _country("112 999"),
    "IN": _country("112 100 101 102 108"),
    "IT": _country("112 113 115 118"),
    "JP": _country("110 118 119", "010"),
    "NL": _country("112 911"),
    "NZ": _country("111"),
    "US": _country("911", "011"),
}
"""By ISO 3166 code; every country that a configuration may name."""
