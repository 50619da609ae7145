from datetime import date, timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.consent import RequestKind, RequestState
from firmware.privacy.rights import MONDAY_TO_FRIDAY, WORKING_DAYS, Request, WorkingDays, working_days_of
from tools.public_holidays.compile import FIRST_YEAR, LAST_YEAR, table, working_days

WEDNESDAY = date(2026, 11, 25)


def test_a_request_is_overdue_only_where_it_is_known_which_day_it_is() -> None:
    request = Request(7, 4711, RequestKind.ACCESS, 0.0, WEDNESDAY)
    assert request.state(WEDNESDAY) is RequestState.OPEN
    assert request.state(WEDNESDAY + timedelta(days=1)) is RequestState.OVERDUE
    assert request.state(None) is RequestState.OPEN
    assert request.told(None).due == "2026-11-25"


def test_a_request_without_a_day_is_never_late() -> None:
    request = Request(7, 4711, RequestKind.ACCESS, None, None)
    assert request.state(date(2082, 10, 15)) is RequestState.OPEN
    told = request.told(date(2082, 10, 15))
    assert (told.due, told.state) == (None, RequestState.OPEN)


def due_day(filed: date, country: str = "") -> date:
    return working_days_of(country).after(filed, WORKING_DAYS)


def test_where_nothing_is_known_of_a_country_an_answer_is_due_on_the_fifth_day_from_monday_to_friday() -> None:
    assert working_days_of("") is MONDAY_TO_FRIDAY
    assert due_day(WEDNESDAY) == date(2026, 12, 2)
    assert (
        due_day(date(2026, 11, 27)) == due_day(date(2026, 11, 28)) == due_day(date(2026, 11, 29)) == date(2026, 12, 4)
    )


@pytest.mark.parametrize(
    ("country", "filed", "due"),
    [
        # Labour Day, 1 to 5 May, with the Saturday that is worked for it.
        ("CN", date(2026, 4, 29), date(2026, 5, 9)),
        # National Day, 1 to 7 October, with Saturday the 10th.
        ("CN", date(2026, 9, 28), date(2026, 10, 10)),
        ("DE", date(2026, 12, 23), date(2026, 12, 31)),
        ("US", date(2026, 11, 24), date(2026, 12, 2)),
        # The weekend is on Friday and Saturday.
        ("SA", date(2026, 6, 10), date(2026, 6, 17)),
    ],
)
def test_public_holidays_and_the_weekend_of_a_country_do_not_count(country: str, filed: date, due: date) -> None:
    assert due_day(filed, country) == due


def test_beyond_the_years_of_the_table_weekends_alone_are_known() -> None:
    assert due_day(date(LAST_YEAR + 5, 12, 24), "DE") == MONDAY_TO_FRIDAY.after(date(LAST_YEAR + 5, 12, 24), 5)


@given(st.sampled_from(["AU", "CN", "DE", "IR", "NP", "US"]), st.dates(date(2024, 1, 1), date(2060, 1, 1)))
def test_whatever_the_day_and_country_five_working_days_lie_between(country: str, filed: date) -> None:
    days = working_days_of(country)
    due = due_day(filed, country)
    between = [filed + timedelta(days=number) for number in range(1, (due - filed).days + 1)]
    assert sum(map(days.includes, between)) == WORKING_DAYS
    assert days.includes(due)


def test_a_line_of_the_table_says_all_that_it_was_made_from() -> None:
    days = WorkingDays(
        frozenset({4, 5}), frozenset({date(2026, 1, 1), date(2027, 2, 3)}), frozenset({date(2027, 1, 1)})
    )
    assert days.to_line() == "45 2026: 0101 2027: +0101 0203"
    assert WorkingDays.from_line(days.to_line()) == days


def test_the_table_is_what_the_library_says() -> None:
    for country in ("CN", "DE", "US", "SA", "IR"):
        assert working_days_of(country) == working_days(country)
    read = working_days_of("CN").free
    assert {day.year for day in read} == set(range(FIRST_YEAR, LAST_YEAR + 1))


def test_the_whole_table_is_as_the_tool_writes_it() -> None:
    written = (resources.files("firmware.privacy") / "holidays.txt").read_text(encoding="ascii")
    assert written == table(), "run make holidays"
