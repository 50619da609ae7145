"""Compiles the table of public holidays from the library holidays, which follows the laws of 250 countries.

Days that a calendar of the moon decides are its forecasts: a later release may know them better.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Final

import holidays
from holidays.version import __version__ as release

from firmware.privacy.rights import WorkingDays

FIRST_YEAR: Final = 2026
LAST_YEAR: Final = 2035

_HEAD: Final = """\
# Public holidays by country, {first} to {last}: see rights.py. Written by `make holidays` from the library
# holidays {release} (https://github.com/vacanza/holidays, MIT licence, copyright Vacanza Team and contributors).
"""


def table() -> str:
    """Return the whole table, a line for each country."""
    head = _HEAD.format(first=FIRST_YEAR, last=LAST_YEAR, release=release)
    countries = sorted(holidays.list_supported_countries(include_aliases=False))
    return head + "".join(f"{country} {working_days(country).to_line()}\n" for country in countries)


def working_days(country: str) -> WorkingDays:
    """Return the working days of a country by its ISO 3166 code."""
    known = holidays.country_holidays(country, years=range(FIRST_YEAR, LAST_YEAR + 1))
    day, days = date(FIRST_YEAR, 1, 1), list[date]()
    while day.year <= LAST_YEAR:
        days.append(day)
        day += timedelta(days=1)
    working = {day for day in days if known.is_working_day(day)}
    # The library tells of a country's weekend as it was in the year asked for last; what most weeks have is the one.
    counted = Counter(day.weekday() for day in working)
    weekend = frozenset(weekday for weekday in range(7) if 2 * counted[weekday] < len(days) // 7)
    return WorkingDays(
        weekend,
        frozenset(day for day in days if day not in working and day.weekday() not in weekend),
        frozenset(day for day in working if day.weekday() in weekend),
    )
