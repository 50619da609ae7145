"""Which countries a configuration may name."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

COUNTRY_CODES: Final = frozenset(
    (  # noqa: SIM905 - a line each would hide them
        "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS "
        "BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG "
        "EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR "
        "HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR "
        "LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG "
        "NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE "
        "SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ "
        "UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
    ).split()
)
"""ISO 3166-1, and AC, TA and XK, which have telephones of their own and no code there."""

_MEANT: Final = {"EL": "GR", "EN": "GB", "SU": "RU", "UK": "GB"}


def _check(code: str) -> str:
    """Return the code of a country that there is.

    Raises:
        ValueError: there is none.
    """
    if code in COUNTRY_CODES:
        return code
    near = f'; did you mean "{_MEANT[code]}"?' if code in _MEANT else ""
    raise ValueError(f"there is no country of this code; docs/countries.md lists them all{near}")


CountryCode = Annotated[
    str,
    Field(
        pattern=r"^[A-Z]{2}$",
        description='the two capital letters of a country (ISO 3166-1), such as "AT" or "CN"',
        examples=["AT"],
    ),
    AfterValidator(_check),
]
"""A country by its code: one of docs/countries.md."""
