"""A page of things to choose from, all of which are known: by moving and OK, or by the digit before each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware.phone.events import Key
from firmware.phone.menu.stack import Quiet
from firmware.phone.menu.views import ListView, MenuRow, SoftKeys
from firmware.phone.state import PhoneState
from firmware.phone.words import Text, Word, word

BACK = word("Back")
CHOOSE = word("OK")
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose.

    Attributes:
        label: what it is.
        choose: what choosing it does, such as pushing another page.
        value: what it is set to now.
    """

    label: Text
    choose: Callable[[PhoneState], None]
    value: Callable[[PhoneState], Text] | None = None


class Choices(Quiet):
    """A list of choices; the ends meet."""

    def __init__(self, title: Word, choices: Callable[[PhoneState], Sequence[Choice]]) -> None:
        """`choices` says what there is to choose, each time that the page is shown."""
        self._title = title
        self._choices = choices
        self._selected = 0

    def view(self, state: PhoneState) -> ListView:
        """Show all choices."""
        choices = self._choices(state)
        rows = tuple(
            MenuRow(choice.label, choice.value(state) if choice.value else "", number if number <= _DIGITS else 0)
            for number, choice in enumerate(choices, start=1)
        )
        return ListView(self._title, rows, self._selected, total=len(rows), keys=SoftKeys(BACK, CHOOSE))

    def press(self, state: PhoneState, key: Key) -> None:
        """Move, choose what is selected, or choose by digit."""
        choices = self._choices(state)
        match key:
            case Key.VOLUME_UP:
                self._selected = (self._selected - 1) % len(choices)
            case Key.VOLUME_DOWN:
                self._selected = (self._selected + 1) % len(choices)
            case Key.OK:
                choices[self._selected].choose(state)
            case _ if key.value.isdigit() and 0 < int(key.value) <= len(choices):
                self._selected = int(key.value) - 1
                choices[self._selected].choose(state)
