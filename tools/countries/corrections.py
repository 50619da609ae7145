"""What the table of countries has in place of libphonenumber's data, or beyond it."""

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "AC": {"en": "Ascension Island", "zh": "阿森松岛"},
    "TA": {"en": "Tristan da Cunha", "zh": "特里斯坦-达库尼亚"},
    "AS": {"zh": "美属萨摩亚"},
    "WS": {"zh": "萨摩亚"},
    "XK": {"en": "Kosovo", "zh": "科索沃"},
}
"""By code and language, where libphonenumber has none or not the one that is used now."""

TELEPHONES_OF: Final = {
    "AQ": "NF",
    "BV": "NO",
    "GS": "FK",
    "HM": "AU",
    "PN": "NZ",
    "TF": "RE",
    "UM": "US",
}
"""Whose telephones those countries have that have no numbering plan of their own.

AQ: calling code 672, Australia's external territories, as Norfolk Island has it; its stations have each their own
numbers for help.
"""

EMERGENCY: Final = {
    "AQ": "",
    "AU": "000 106",
    "CA": "911",
    "CN": "110 119 120 122",
    "DE": "110 112",
    "ES": "112 061 062 080 085 088 091 092",
    "FR": "112 15 17 18 114 191 196",
    "GB": "112 999",
    "IE": "112 999",
    "IN": "112 100 101 102 108",
    "IT": "112 113 115 118",
    "JP": "110 118 119",
    "NL": "112 911",
    "NZ": "111",
    "PN": "",
    "US": "911",
}
"""Emergency numbers in place of libphonenumber's class "emergency", where they are known better.

Beyond it are national numbers that people are still taught: CN 122 (traffic accidents, Ministry of Public Security),
ES 061, 062, 080, 091 and 092 (ambulance, Guardia Civil, fire brigade, national and local police), FR 114, 191 and 196
(Arcep's list of emergency numbers: text relay, rescue by air and at sea), JP 118 (coast guard). US and CA have 911
alone, AU 000 and 106 (text relay): 112 is a courtesy of mobile networks there. AQ and PN: nobody has published any.
"""

GENERAL: Final = {
    "AF": "119",
    "AM": "102",
    "AU": "000",
    "BA": "122",
    "BF": "17",
    "BL": "18",
    "BN": "993",
    "BO": "110",
    "CD": "113",
    "CF": "117",
    "CG": "117",
    "CI": "110",
    "CL": "133",
    "CM": "117",
    "CN": "110",
    "CU": "106",
    "CV": "132",
    "DJ": "17",
    "EG": "122",
    "EH": "19",
    "GA": "1730",
    "GF": "17",
    "GH": "191",
    "GM": "117",
    "GP": "17",
    "GT": "110",
    "GW": "117",
    "HN": "199",
    "HT": "114",
    "IQ": "104",
    "JP": "110",
    "KG": "102",
    "KH": "117",
    "KI": "192",
    "KM": "17",
    "KN": "911",
    "LA": "191",
    "LY": "193",
    "MA": "19",
    "MF": "17",
    "MG": "117",
    "ML": "17",
    "MM": "199",
    "MN": "102",
    "MR": "17",
    "MV": "119",
    "MW": "997",
    "MZ": "119",
    "NA": "10111",
    "NC": "17",
    "NE": "17",
    "NG": "199",
    "NI": "118",
    "NZ": "111",
    "OM": "9999",
    "PE": "105",
    "PF": "17",
    "PG": "000",
    "PM": "17",
    "PS": "100",
    "SM": "113",
    "SN": "17",
    "SO": "888",
    "SR": "115",
    "SX": "919",
    "TD": "17",
    "TG": "117",
    "TH": "191",
    "TM": "02",
    "TN": "197",
    "TO": "911",
    "UZ": "02",
    "VN": "113",
    "WF": "17",
    "WS": "911",
    "YE": "199",
}
"""Which of its own numbers 112 becomes where that is none of them and neither 999 nor 911 is general: the police's,
who sends the others, where there is no number for all of them."""


TRUNK_OPTIONAL: Final = frozenset({"CN", "IN"})
"""Where mobile numbers are dialled without the trunk prefix; in North America all numbers are."""
