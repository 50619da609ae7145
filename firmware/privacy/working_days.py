"""Which days are working days, by country: from a table that is compiled from public holidays (tools/public_holidays).

The table has a line of text for each country (ISO 3166): its weekend, as `date.weekday` counts, then for each year,
as month and day, what is free though not a weekend, and after `+` the weekend days that are worked in exchange.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Final, Self

TABLE_NAME: Final = "holidays.txt"
"""Beside this module; `make holidays` writes it."""

_WORKED: Final = "+"


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The working days of one country.

    Attributes:
        weekend: days of the week that are free, 0 for Monday.
        free: public holidays of the whole country that are on no weekend; what is free in one region of it is not here.
        worked: days of a weekend that are worked in exchange for others.
    """

    weekend: frozenset[int] = frozenset({5, 6})
    free: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def includes(self, day: date) -> bool:
        """Tell whether a day is a working day; beyond the years of the table only weekends are known."""
        if day.weekday() in self.weekend:
            return day in self.worked
        return day not in self.free

    def after(self, day: date, count: int) -> date:
        """Return the so manieth working day after a day, which does not count itself."""
        while count:
            day += timedelta(days=1)
            count -= self.includes(day)
        return day

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what stands in the table after the name of a country.

        Raises:
            ValueError: it is no such line.
        """
        weekend, *tokens = line.split()
        free: set[date] = set()
        worked: set[date] = set()
        year = 0
        for token in tokens:
            if token.endswith(":"):
                year = int(token[:-1])
            else:
                digits = token.removeprefix(_WORKED)
                days = free if digits == token else worked
                days.add(date(year, int(digits[:2]), int(digits[2:])))
        return cls(frozenset(map(int, weekend)), frozenset(free), frozenset(worked))

    def to_line(self) -> str:
        """Write it as the table has it."""
        tokens = ["".join(map(str, sorted(self.weekend)))]
        year = 0
        for day in sorted(self.free | self.worked):
            if day.year != year:
                year = day.year
                tokens.append(f"{year}:")
            tokens.append(f"{_WORKED if day in self.worked else ''}{day:%m%d}")
        return " ".join(tokens)


MONDAY_TO_FRIDAY: Final = WorkingDays()
"""The working days of a country of which nothing is known."""


@cache
def working_days_of(country: str) -> WorkingDays:
    """Return the working days of a country by its ISO 3166 code, from Monday to Friday where the table has none."""
    with (resources.files("firmware.privacy") / TABLE_NAME).open(encoding="ascii") as table:
        for line in table:
            if line.startswith(f"{country} "):
                return WorkingDays.from_line(line.removeprefix(country))
    return MONDAY_TO_FRIDAY
