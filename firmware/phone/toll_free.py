"""How toll-free numbers begin, and what is dialled before them within their country.

By the country's calling code: the beginning of the national significant number, and the trunk prefix that is dialled
before it, which is not always the one of other numbers (national numbering plans as communicated to ITU-T, E.129).
Where shorter numbers begin so too, each further digit is an x.
"""

from collections.abc import Mapping
from typing import Final

_NORTH_AMERICA: Final = dict.fromkeys(("800", "833", "844", "855", "866", "877", "888"), "1")

TOLL_FREE: Final[Mapping[str, Mapping[str, str]]] = {
    "1": _NORTH_AMERICA,
    "31": {"800": "0"},
    "32": {"800": "0"},
    "33": {"80": "0"},
    "34": {"800": "", "900": ""},
    "39": {"800": "", "803": ""},
    "41": {"800": "0"},
    "43": {"800": "0"},
    "44": {"800": "0", "808": "0"},
    "45": {"80": ""},
    "46": {"20": "0"},
    "47": {"800": ""},
    "48": {"800": ""},
    "49": {"800": "0"},
    "52": {"800": ""},
    "55": {"800": "0"},
    "61": {"180": ""},
    "64": {"508": "0", "800": "0"},
    "65": {"1800": "", "800": ""},
    "81": {"120": "0", "800": "0"},
    "82": {"80": "0"},
    "86": {"400": "", "800": ""},
    "91": {"1800": ""},
    "351": {"800": ""},
    "353": {"1800xxxxxx": ""},
    "358": {"800": "0"},
    "420": {"800": ""},
    "852": {"800": ""},
    "886": {"800": "0"},
}
