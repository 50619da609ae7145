"""The countries as a page of the documentation."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import phonenumbers

from firmware.phone.countries import COUNTRIES
from firmware.phone.country import GENERAL_NUMBER, USUAL_EMERGENCY_NUMBERS, Country
from firmware.voice.audio.tone_plans import GENERAL_PLAN, plan_name
from tools.countries.corrections import EMERGENCY

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "countries.md"

_SPAN: Final = 10
_USUAL: Final = sorted(USUAL_EMERGENCY_NUMBERS)

_HEAD: Final = f"""# Countries

What `country` in `[device]` may be, and what it decides: every country of ISO 3166-1, and AC, TA and XK, which have
telephones of their own and no code there. `make countries` writes this page and the table in the firmware
(`firmware/phone/countries.py`) from the data of libphonenumber {phonenumbers.__version__} and from what
`tools/countries/corrections.py` knows better, with its sources; a test finds either out of date.

**Emergency numbers** are called whatever the configuration bars, rewrites or forbids, locked or not. Those with \\* are
corrected by hand from the country's own list. Where none are known, and as long as nobody has said the country,
{", ".join(_USUAL[:-1])} and {_USUAL[-1]} are all help. A building's own are `emergency_numbers` in `[dialing]`.

**112** is an emergency number everywhere. Where it is none of the country's numbers it is sent as the country's general
number, or, where there is none for all, as that of the police; there it waits for silence, because an office may have
an extension that begins with it. In some countries libphonenumber lists 112 because mobile networks know it; the
server's operator knows whether a fixed line does.

**Tones** are the country's own (ITU-T E.180 Supplement 2 or the country's specification) where its code stands there,
else those of the country whose exchanges it has used, else the general ones that ITU-T E.180 recommends.

| code | country | calling code | before a national number | for `+` | emergency numbers | 112 is sent as | tones |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def document() -> str:
    """Return the page, in Markdown."""
    return _HEAD + "".join(_row(code, country) for code, country in COUNTRIES.items())


def _row(code: str, country: Country) -> str:
    numbers = ", ".join(_spans(country.emergency)) or "not known"
    checked = r" \*" if EMERGENCY.get(code) else ""
    sent_as = GENERAL_NUMBER if GENERAL_NUMBER in country.emergency else country.general_number or GENERAL_NUMBER
    plan = plan_name(code)
    tones = "general" if plan == GENERAL_PLAN else code if plan == code else f"as in {plan}"
    trunk = f"{country.trunk_prefix or 'nothing'}{' or nothing' if country.trunk_optional else ''}"
    abroad = country.international_prefix or "with a carrier"
    cells = (code, country.english_name, f"+{country.calling_code}", trunk, abroad, numbers + checked, sent_as, tones)
    return f"| {' | '.join(cells)} |\n"


def _spans(numbers: Iterable[str]) -> Iterator[str]:
    """Write ten and more numbers in a row as a span."""
    ordered = sorted(numbers, key=lambda number: (len(number), number))
    while ordered:
        length = 1
        while length < len(ordered) and int(ordered[length]) == int(ordered[0]) + length:
            length += 1
        if length < _SPAN:
            length = 1
        yield ordered[0] if length == 1 else f"{ordered[0]} to {ordered[length - 1]}"
        ordered = ordered[length:]
