"""A page of things to choose from, all of which are known: by moving and OK, or by the digit before each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from firmware.base.words import Text, word
from firmware.phone.key import Key
from firmware.phone.menu_stack import Quiet, Screen
from firmware.phone.menu_views import ListView, MenuRow, SoftKeys
from firmware.phone.state import PhoneState

BACK = word("Back")
CHOOSE = word("OK")
_DIGITS = 9

Then = Callable[[PhoneState], None]
"""What is to be done next."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One row.

    Attributes:
        label: what it is.
        choose: what choosing it does, such as pushing another page; None for a row that is only read.
        value: what it is set to now.
        number: whom lifting the handset calls while it is selected, as dialled; empty for nobody.
        sign, said: see MenuRow.
    """

    label: Text
    choose: Callable[[PhoneState], None] | None = None
    value: Text = ""
    number: str = ""
    sign: str = ""
    said: Text = ""


class Choices(Quiet):
    """A list of choices; the ends meet."""

    def __init__(
        self,
        title: Text,
        choices: Callable[[PhoneState], Sequence[Choice]],
        *,
        empty: Text = "",
        selected: int | None = 0,
    ) -> None:
        """Make the page.

        Args:
            title: above the rows.
            choices: says what there is to choose, each time that the page is shown.
            empty: said in place of the rows where there are none.
            selected: which row is selected at first, from 0; None for none, and then OK does nothing before one is.
        """
        self._title = title
        self._choices = choices
        self._empty = empty
        self._selected = selected

    def view(self, state: PhoneState) -> ListView:
        """Show all choices."""
        choices = self._choices(state)
        digits = {row: digit for digit, row in _rows_by_digit(choices).items()}
        rows = tuple(
            MenuRow(each.label, each.value, digits.get(row, 0), sign=each.sign, said=each.said)
            for row, each in enumerate(choices)
        )
        selected = self._selected_among(choices)
        chooses = bool(choices) and selected is not None and choices[selected].choose is not None
        keys = SoftKeys(BACK, CHOOSE if chooses else "")
        return ListView(self._title, rows, selected, total=len(rows), empty=self._empty, keys=keys)

    def press(self, state: PhoneState, key: Key) -> None:
        """Move, choose what is selected, or choose by digit."""
        choices = self._choices(state)
        if not choices:
            return
        selected = self._selected_among(choices)
        match key:
            case Key.VOLUME_UP:
                self._selected = ((selected or 0) - 1) % len(choices)
            case Key.VOLUME_DOWN:
                self._selected = 0 if selected is None else (selected + 1) % len(choices)
            case Key.OK if selected is not None:
                self._choose(state, choices, selected)
            case _ if key.value.isdigit() and (row := _rows_by_digit(choices).get(int(key.value))) is not None:
                self._choose(state, choices, row)

    def number_to_call(self, state: PhoneState) -> str:
        """Call whom the selected row is about."""
        choices = self._choices(state)
        selected = self._selected_among(choices)
        return choices[selected].number if choices and selected is not None else ""

    def _choose(self, state: PhoneState, choices: Sequence[Choice], row: int) -> None:
        self._selected = row
        if (choose := choices[row].choose) is not None:
            choose(state)

    def _selected_among(self, choices: Sequence[Choice]) -> int | None:
        """Return the selected row: a list may have become shorter since."""
        return None if self._selected is None else max(0, min(self._selected, len(choices) - 1))


class Unnumbered(Choices):
    """Answers to a question, from which no digit chooses: it may be the first of an emergency number."""

    def view(self, state: PhoneState) -> ListView:
        """Show all choices without digits, and what the keys do."""
        view = super().view(state)
        return replace(view, rows=tuple(replace(row, number=0) for row in view.rows), asks=True)

    def press(self, state: PhoneState, key: Key) -> None:
        """Move, or choose what is selected."""
        if not key.value.isdigit():
            super().press(state, key)


def _rows_by_digit(choices: Sequence[Choice]) -> dict[int, int]:
    """Number the rows that do something."""
    active = (row for row, choice in enumerate(choices) if choice.choose is not None)
    return dict(zip(range(1, _DIGITS + 1), active, strict=False))


def opening(make: Callable[[PhoneState], Screen]) -> Then:
    """Make a choice open another page."""

    def choose(state: PhoneState) -> None:
        state.menu.push(state, make(state))

    return choose
