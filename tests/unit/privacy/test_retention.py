from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.my_data import DataCategory
from firmware.privacy.retention import DAY_S, Mark, ended, is_due, needed

CALLS, RECORDINGS = DataCategory.CALLS, DataCategory.RECORDINGS


def marks_until(day: int) -> list[Mark]:
    """One mark a day, and ten calls and one recording between two."""
    return [Mark(each * DAY_S, {CALLS: each * 10, RECORDINGS: each}) for each in range(day + 1)]


def test_what_was_there_at_a_mark_goes_once_the_mark_is_old_enough() -> None:
    marks = marks_until(100)
    assert ended(marks, {CALLS: 30, RECORDINGS: 90}, 100 * DAY_S) == {CALLS: 700, RECORDINGS: 10}
    assert ended(marks, {CALLS: 30}, 100 * DAY_S - 1) == {CALLS: 690}


def test_what_has_no_period_stays() -> None:
    assert ended(marks_until(1000), {CALLS: 0}, 1000 * DAY_S) == {}


def test_a_mark_is_due_each_night_and_once_a_day_whatever_the_clock_says() -> None:
    last = Mark(1000.0, {})
    assert is_due(None, 0, 12)
    assert is_due(last, 1000 + DAY_S, 12)
    assert not is_due(last, 1000 + DAY_S - 1, 12)
    assert is_due(last, 1000 + 3 * 3600, 3)
    assert not is_due(last, 1000 + 600, 3), "one mark a night is enough"


@given(st.integers(0, 400), st.integers(1, 120), st.integers(0, 120))
def test_marks_that_are_dropped_change_nothing_that_follows_later(
    day: int, calls_days: int, recordings_days: int
) -> None:
    periods = {CALLS: calls_days, RECORDINGS: recordings_days}
    marks, now_s = marks_until(day), day * DAY_S
    kept = needed(marks, periods, now_s)
    assert kept[-1] == marks[-1]
    assert len(kept) <= max(calls_days, recordings_days) + 1
    for later_s in (now_s, now_s + DAY_S // 2, now_s + 40 * DAY_S, now_s + 500 * DAY_S):
        assert ended(kept, periods, later_s) == ended(marks, periods, later_s)
