"""The rules of the holder's requests: when an answer is due, how often may be asked, and what goes to the operator.

Working days are of a country, from a table that is compiled from public holidays (tools/public_holidays). It has a line
of text for each country (ISO 3166): its weekend, as `date.weekday` counts, then for each year, as month and day, what
is free though not a weekend, and after `+` the weekend days that are worked in exchange.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Final, Literal, Self

from contract.consent import RequestKind, RequestState

TABLE_NAME: Final = "holidays.txt"
"""Beside this module; `make holidays` writes it."""

_WORKED: Final = "+"

WORKING_DAYS: Final = 5
"""So many working days the operator has for an answer, after the day on which it was asked."""

MOST_A_DAY: Final = 5
"""So many requests are taken in a day; whoever asks more often has nothing to gain but noise."""

COPIES_A_DAY: Final = 3
"""So many copies are made in a day."""

DAY_S: Final = 86_400


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


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that waits for the operator's answer.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        epoch: the run of the handset in which it was filed; the number may come again after a reset, both never do.
        kind: what is asked for.
        due: the day by which it is to be answered, as "2026-11-25"; None until the handset's clock was right once.
        state: how far it is.
        objected: the holder objects to the answer that it was given, so that it waits for another one.
    """

    number: int
    epoch: int
    kind: RequestKind
    due: str | None
    state: Literal[RequestState.OPEN, RequestState.OVERDUE] = RequestState.OPEN
    objected: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One of the holder's requests.

    Attributes:
        number: what the holder sees on the display and names to the operator.
        epoch: the run of the handset in which it was filed; with the number it names this request and never another,
            of whichever holder.
        kind: what is asked for.
        filed_at: when, in seconds since the epoch; None until the clock has been proved right.
        due: the day by which it is to be answered; None likewise.
        objected: it was answered, and waits again because the holder objects to that.
        closed: how it came to its end, None while it waits.
        closed_at: when that was, None where it waits or the clock was not known to be right.
    """

    number: int
    epoch: int
    kind: RequestKind
    filed_at: float | None
    due: date | None
    objected: bool = False
    closed: RequestState | None = None
    closed_at: float | None = None

    def state(self, today: date | None) -> RequestState:
        """Say how far it is on a day; None where it is not known which day it is."""
        if self.closed is not None:
            return self.closed
        return RequestState.OVERDUE if self._is_late(today) else RequestState.OPEN

    def told(self, today: date | None) -> OpenRequest:
        """Return what the operator is told of it while it waits."""
        state: Literal[RequestState.OPEN, RequestState.OVERDUE] = (
            RequestState.OVERDUE if self._is_late(today) else RequestState.OPEN
        )
        due = None if self.due is None else self.due.isoformat()
        return OpenRequest(self.number, self.epoch, self.kind, due, state, objected=self.objected)

    def _is_late(self, today: date | None) -> bool:
        return today is not None and self.due is not None and today > self.due
