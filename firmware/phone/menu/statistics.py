"""How much was called: today, this month and ever."""

from firmware.base.words import Text, counted, word
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.sound_rows import verdict_row
from firmware.phone.menu_views import MenuRow
from firmware.phone.request import Failed
from firmware.phone.requests.calls import CountCalls
from firmware.phone.state import PhoneState

_SECONDS_A_MINUTE = 60
_MINUTES_AN_HOUR = 60
_TODAY = word("Today")
_MONTH = word("This month")
_EVER = word("All calls")


class StatisticsPage(Choices):
    """Three times to choose from, each with its number of calls; counted anew whenever the page comes up."""

    def __init__(self) -> None:
        super().__init__(word("Statistics"), lambda _state: self._counted, empty=ONE_MOMENT)
        self._counted: list[Choice] = []

    def open(self, state: PhoneState) -> None:
        """Have the calls counted."""
        state.ask(CountCalls(), self._show, page=self)

    def _show(self, _state: PhoneState, answer: CallStatistics | Failed) -> None:
        if isinstance(answer, Failed):
            self._counted, self._empty = [], answer.words
            return
        self._counted = [
            _choice(_TODAY, answer.today, answer.undated),
            _choice(_MONTH, answer.month, answer.undated),
            _choice(_EVER, answer.ever, 0),
            Choice(word("Only on this phone")),
        ]


def statistics_page(_state: PhoneState) -> StatisticsPage:
    """Make the page of the statistics."""
    return StatisticsPage()


def _choice(title: Text, counts: CallCounts | None, undated: int) -> Choice:
    """Make the row of a time, which opens all that is known of it."""
    rows = _rows(counts)
    if counts is not None and undated:
        rows.append(MenuRow(counted("{count} call has no date", "{count} calls have no date", undated)))
    value = str(counts.calls) if counts is not None else "?"
    return Choice(title, opening(lambda _state: Card(title, lambda _state: rows)), value)


def _rows(counts: CallCounts | None) -> list[MenuRow]:
    if counts is None:
        return [MenuRow(word("The clock is not set yet. See All calls."))]
    return [
        MenuRow(word("Dialled"), str(counts.dialled)),
        MenuRow(word("Received"), str(counts.received)),
        MenuRow(word("Missed"), str(counts.missed)),
        MenuRow(word("Talked"), _duration(counts.talked_s)),
        MenuRow(word("Sound"), word("unknown")) if counts.mos is None else verdict_row(counts.mos),
    ]


def _duration(seconds: int) -> Text:
    if seconds < _SECONDS_A_MINUTE:
        return word("{s} s", s=seconds)
    minutes = round(seconds / _SECONDS_A_MINUTE)
    if minutes < _MINUTES_AN_HOUR:
        return word("{min} min", min=minutes)
    hours, minutes = divmod(minutes, _MINUTES_AN_HOUR)
    return word("{hours} h {minutes} min", hours=hours, minutes=minutes)
