import pytest

from firmware.base.words import Text, counted, word
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.key import Key
from firmware.phone.menu_views import MenuRow
from firmware.phone.request import Failed
from firmware.phone.requests.calls import CountCalls
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, facts, open_page
from tests.unit.phone.office import office

TODAY = CallCounts(dialled=1, received=2, missed=3, talked_s=65 * 60, mos=4.24)
EVER = CallCounts(dialled=10, received=20, missed=30, talked_s=40, mos=None)


def open_statistics(*, today: CallCounts | None = TODAY, undated: int = 0) -> Desk:
    desk = office()
    open_page(desk, "This phone", "Statistics")
    desk.reply(CountCalls, CallStatistics(today, today, EVER, undated))
    return desk


def test_the_page_shows_how_many_calls_there_were_and_that_nobody_else_hears_of_it() -> None:
    desk = office()
    open_page(desk, "This phone", "Statistics")
    assert desk.listing.empty == word("One moment…")
    desk.reply(CountCalls, CallStatistics(TODAY, TODAY, EVER, undated=0))
    assert desk.listing.rows == (
        MenuRow(word("Today"), "6", 1),
        MenuRow(word("This month"), "6", 2),
        MenuRow(word("All calls"), "60", 3),
        MenuRow(word("Only on this phone")),
    )


@pytest.mark.parametrize("row", ["Today", "This month"])
def test_a_time_opens_all_that_is_known_of_it(row: str) -> None:
    desk = open_statistics()
    choose(desk, row)
    assert facts(desk) == [
        ("Dialled", "1"),
        ("Received", "2"),
        ("Missed", "3"),
        ("Talked", word("{hours} h {minutes} min", hours=1, minutes=5)),
        ("Sound", word("{verdict}, {mos} of 5", verdict=word("good"), mos="4.2")),
    ]


@pytest.mark.parametrize(
    ("talked_s", "words"),
    [
        (0, word("{s} s", s=0)),
        (59, word("{s} s", s=59)),
        (60, word("{min} min", min=1)),
        (95, word("{min} min", min=2)),
        (59 * 60 + 45, word("{hours} h {minutes} min", hours=1, minutes=0)),
    ],
)
def test_what_was_talked_is_said_in_seconds_minutes_or_hours(talked_s: int, words: Text) -> None:
    desk = open_statistics(today=CallCounts(1, 0, 0, talked_s, None))
    choose(desk, "Today")
    assert facts(desk)[3:] == [("Talked", words), ("Sound", word("unknown"))]


def test_calls_that_belong_to_no_day_are_told_of_where_they_are_missing() -> None:
    desk = open_statistics(undated=2)
    choose(desk, "Today")
    words = counted("{count} call has no date", "{count} calls have no date", 2)
    assert desk.card.rows[-1] == MenuRow(words)
    desk.press(Key.CANCEL)
    choose(desk, "All calls")
    assert len(facts(desk)) == 5


def test_without_a_clock_the_page_says_so_and_counts_no_day() -> None:
    desk = open_statistics(today=None)
    assert [row.value for row in desk.listing.rows] == ["?", "?", "60", ""]
    choose(desk, "Today")
    [(words, value)] = facts(desk)
    assert words.startswith("The clock is not set")
    assert value == ""


def test_the_calls_are_counted_anew_when_the_page_comes_up_again() -> None:
    desk = open_statistics()
    choose(desk, "Today")
    desk.press(Key.CANCEL)
    assert len(desk.said(CountCalls)) == 2


def test_where_the_log_cannot_be_read_the_page_says_why() -> None:
    desk = open_statistics()
    choose(desk, "Today")
    desk.press(Key.CANCEL)
    desk.reply(CountCalls, Failed(word("The store is full.")))
    assert desk.listing.rows == ()
    assert desk.listing.empty == word("The store is full.")
