"""A page of things that are kept in the store, however many there are: a stretch of them is read at a time."""

from dataclasses import replace
from typing import Generic, TypeVar

from firmware.base.words import Text
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import ListView, MenuRow, SoftKeys
from firmware.phone.request import Failed, Request, Stretch
from firmware.phone.state import PhoneState

STRETCH = 60
"""So many rows are read at once."""
_MARGIN = 15
"""Another stretch is read when the selected row is so near to the end of what is known."""
_SHOWN = 16
"""More than the largest display has rows."""
_DIGITS = 9

T = TypeVar("T")


class LongList(Quiet, Generic[T]):
    """A list in the store; pages of one kind of thing build on it and say what the first three methods ask them.

    Attributes:
        digits_choose: whether a digit chooses one of the first rows; on a page that does something else with digits
            the rows have none.
    """

    digits_choose = True

    def __init__(self, title: Text, empty: Text) -> None:
        """`empty` is said in place of the rows where there are none."""
        self._title = title
        self._empty = empty
        self._items: tuple[T, ...] = ()
        self._first = 0
        self._total = 0
        self._selected = 0
        self._asked = False
        self._words: Text = ONE_MOMENT

    def request(self, first: int, limit: int) -> Request[Stretch[T]]:
        """Return what reads a stretch."""
        raise NotImplementedError

    def row(self, item: T) -> MenuRow:
        """Return how one thing is shown; its digit is filled in."""
        raise NotImplementedError

    def choose(self, state: PhoneState, item: T) -> None:
        """Do what OK does with one thing."""
        raise NotImplementedError

    @property
    def selected_item(self) -> T | None:
        """The thing that is selected, None where there is none or it is not read yet."""
        return self._items[self._selected - self._first] if self._knows(self._selected) else None

    def show(self, state: PhoneState, answer: Stretch[T] | Failed) -> None:
        """Show a stretch that was read, or why nothing can be read."""
        self._asked = False
        if isinstance(answer, Failed):
            self._items, self._first, self._total, self._selected = (), 0, 0, 0
            self._words = answer.words
        else:
            self._first, self._total, self._items = answer.first, answer.total, answer.items
            self._words = self._empty
            self._selected = max(0, min(self._selected, self._total - 1))
            # The list has become shorter, or this is a stretch that nobody is in any more.
            elsewhere = self._items or self._first > self._selected
            if self._total and elsewhere and not self._knows(self._selected):
                self._ask(state)

    def view(self, _state: PhoneState) -> ListView:
        """Show the rows around the selected one."""
        end = self._first + len(self._items)
        start = max(self._first, min(self._selected - _SHOWN // 2, end - _SHOWN))
        rows = [self._numbered(place) for place in range(start, min(end, start + _SHOWN))]
        keys = SoftKeys(BACK, CHOOSE if rows else "")
        return ListView(self._title, tuple(rows), self._selected, start if rows else 0, self._total, self._words, keys)

    def open(self, state: PhoneState) -> None:
        """Read the stretch around the selected row: what is kept may have changed."""
        self._ask(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Move, choose what is selected, or choose one of the first by its digit."""
        match key:
            case Key.VOLUME_UP:
                self._move_to(state, self._selected - 1)
            case Key.VOLUME_DOWN:
                self._move_to(state, self._selected + 1)
            case Key.OK if (item := self.selected_item) is not None:
                self.choose(state, item)
            case _ if self.digits_choose and key.value in "123456789" and self._knows(int(key.value) - 1):
                self._selected = int(key.value) - 1
                self.choose(state, self._items[self._selected - self._first])

    def _move_to(self, state: PhoneState, place: int) -> None:
        """Select another row, where it is known; the next stretch is read well before the end of this one."""
        if not self._knows(place):
            return
        self._selected = place
        before, behind = self._first, self._first + len(self._items)
        near_start = before > 0 and place - before < _MARGIN
        near_end = behind < self._total and behind - place <= _MARGIN
        if (near_start or near_end) and not self._asked:
            self._ask(state)

    def _ask(self, state: PhoneState) -> None:
        self._asked = True
        state.ask(self.request(max(0, self._selected - STRETCH // 2), STRETCH), self.show, page=self)

    def _knows(self, place: int) -> bool:
        return self._first <= place < self._first + len(self._items)

    def _numbered(self, place: int) -> MenuRow:
        number = place + 1 if self.digits_choose and place < _DIGITS else 0
        return replace(self.row(self._items[place - self._first]), number=number)
