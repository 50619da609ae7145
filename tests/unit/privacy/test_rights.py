from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.rights import RequestKind, RequestState
from firmware.privacy.rights import Request, due_day

WEDNESDAY = date(2026, 11, 25)


def test_an_answer_is_due_on_the_fifth_day_from_monday_to_friday() -> None:
    assert due_day(WEDNESDAY) == date(2026, 12, 2)
    assert (
        due_day(date(2026, 11, 27)) == due_day(date(2026, 11, 28)) == due_day(date(2026, 11, 29)) == date(2026, 12, 4)
    )


@given(st.dates(date(2024, 1, 1), date(2090, 1, 1)))
def test_whatever_the_day_five_working_days_lie_between(filed: date) -> None:
    due = due_day(filed)
    days = [filed + timedelta(days=number) for number in range(1, (due - filed).days + 1)]
    assert sum(day.weekday() < 5 for day in days) == 5
    assert due.weekday() < 5


def test_a_request_is_overdue_only_where_it_is_known_which_day_it_is() -> None:
    request = Request(7, RequestKind.ACCESS, 0.0, True, WEDNESDAY)
    assert request.state(WEDNESDAY) is RequestState.OPEN
    assert request.state(WEDNESDAY + timedelta(days=1)) is RequestState.OVERDUE
    assert request.state(None) is RequestState.OPEN
    assert request.told(None).due == "2026-11-25"
