"""Whether two ways of writing a number mean the same line: `020 1234`, `+49 20 1234` and `0049 20 1234`.

TOLL_FREE has, by the calling code of a country, how toll-free numbers begin: the beginning of the national significant
number, and the trunk prefix that is dialled before it, which is not always the one of other numbers (national numbering
plans as communicated to ITU-T, E.129). Where shorter numbers begin so too, each further digit is an x.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from firmware.phone.countries import COUNTRIES
from firmware.phone.country import ASSUMED_COUNTRY, Country

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


# What people write between digits, and what a visual separator is to RFC 3966 section 5.
_SEPARATORS = str.maketrans("", "", " -./()")
_SHORTEST_NATIONAL = 8
"""Anything shorter is an extension, a service or a local number, and means the same only where it is dialled."""
_SHORTEST_WITH_CODE = 11
"""National numbers that begin like the country's own calling code are shorter."""


@dataclass(frozen=True, slots=True)
class NumberForms:
    """Writes a number in all the ways that are usual in a country.

    Attributes:
        calling_code: the country's (ITU-T E.164).
        international_prefix: what stands for `+`; empty where nothing does.
        trunk_prefix: what stands before a national number; empty where nothing does.
        trunk_optional: national numbers are dialled without it too.
    """

    calling_code: str
    international_prefix: str
    trunk_prefix: str
    trunk_optional: bool

    @classmethod
    def of(cls, country: Country, international_prefix: str | None = None) -> Self:
        """Know the habits of a country; `international_prefix` stands in for its own."""
        prefix = country.international_prefix if international_prefix is None else international_prefix
        return cls(country.calling_code, prefix, country.trunk_prefix, country.trunk_optional)

    def forms(self, number: str) -> frozenset[str]:
        """Return every way to write a number; that of a URI is itself in lower case."""
        plain = self.plain(number)
        if plain.startswith("+"):
            home = f"+{self.calling_code}"
            spelled = {f"{self.international_prefix}{plain[1:]}"} if self.international_prefix else set()
            national = self._national_forms(plain.removeprefix(home)) if plain.startswith(home) else set()
            return frozenset({plain} | spelled | national)
        if not plain.isdigit() or len(plain) < _SHORTEST_NATIONAL:
            return frozenset({plain})
        if plain.startswith(self.calling_code) and len(plain) >= _SHORTEST_WITH_CODE:
            # Many servers leave the `+` out.
            return self.forms(f"+{plain}") | {plain}
        if self.trunk_prefix and plain.startswith(self.trunk_prefix):
            significant = plain.removeprefix(self.trunk_prefix)
        elif self.trunk_optional or not self.trunk_prefix:
            significant = plain
        else:
            return frozenset({plain})
        return frozenset({plain, f"+{self.calling_code}{significant}"} | self._national_forms(significant))

    def plain(self, number: str) -> str:
        """Leave out separators and URI parts that say nothing, and write the international prefix as `+`."""
        text = number.strip().lower()
        for scheme in ("sips:", "sip:", "tel:"):
            text = text.removeprefix(scheme)
        if "@" in text:
            return text
        text = text.translate(_SEPARATORS)
        prefix = self.international_prefix
        if prefix and text.startswith(prefix) and len(text) > len(prefix) + _SHORTEST_NATIONAL - 2:
            return f"+{text.removeprefix(prefix)}"
        return text

    def toll_free(self, plain: str) -> str:
        """Return how one of the country's toll-free numbers is dialled within it; another number as it is.

        Such numbers belong to their country: many networks route them in no other form (ITU-T E.164 has them as
        national services, unlike those of +800, which are as they are).
        """
        significant = plain.removeprefix(f"+{self.calling_code}")
        if significant == plain:
            return plain
        beginnings = TOLL_FREE.get(self.calling_code, {})
        trunk = next((trunk for begins, trunk in beginnings.items() if _begins(significant, begins)), None)
        return plain if trunk is None else f"{trunk}{significant}"

    def _national_forms(self, significant: str) -> set[str]:
        forms = {f"{self.trunk_prefix}{significant}"}
        return forms | {significant} if self.trunk_optional else forms

    def same(self, one: str, other: str) -> bool:
        """Whether two numbers mean the same line."""
        return not self.forms(one).isdisjoint(self.forms(other))


def _begins(significant: str, begins: str) -> bool:
    whole = not begins.endswith("x") or len(significant) == len(begins)
    return whole and significant.startswith(begins.rstrip("x"))


DEFAULT_FORMS = NumberForms.of(COUNTRIES[ASSUMED_COUNTRY])


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """A number, or the beginning of numbers where `*` ends it; a lone `*` is everybody."""

    text: str

    def matches(self, number: str, forms: NumberForms) -> bool:
        """Whether a number is meant, however either is written; a number that is withheld never is."""
        if not number:
            return False
        if not self.text.endswith("*"):
            return forms.same(number, self.text)
        beginning = forms.plain(self.text[:-1])
        prefix = forms.international_prefix
        if prefix and beginning.startswith(prefix):
            beginning = f"+{beginning.removeprefix(prefix)}"
        if f"+{forms.calling_code}".startswith(beginning):
            # It says "abroad", or anybody; every national number has an international form as well.
            return forms.plain(number).startswith(beginning)
        return any(form.startswith(beginning) for form in forms.forms(number))
