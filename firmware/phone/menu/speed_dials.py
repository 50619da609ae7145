"""Whom the digits 1 to 9 call, and whether those who are called most have the places that are free."""

from collections.abc import Callable

from firmware.base.words import Text, word
from firmware.phone.dialled import number_behind
from firmware.phone.holder_settings import set_speed_dial, speed_dial, speed_dial_objection
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.menu.switches import switch
from firmware.phone.people import DIGITS
from firmware.phone.phrases import OBJECTIONS
from firmware.phone.state import PhoneState


def speed_dials_page(_state: PhoneState) -> Choices:
    """Make the page with a row for each digit; lifting the handset calls the one that is selected."""
    return Choices(word("Speed dials"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    digits = [_row(state, digit) for digit in DIGITS]
    return [*digits, switch(state, word("Add most called"), "most_called")]


def _row(state: PhoneState, digit: str) -> Choice:
    number = number_behind(state, digit)
    is_counted = bool(number) and digit in state.people.called and not speed_dial(state, digit)
    return Choice(
        name_behind(state, digit), opening(_entry(digit)), word("often called") if is_counted else "", number=number
    )


def name_behind(state: PhoneState, digit: str) -> Text:
    """Return whom a digit calls, in a word."""
    person = state.people.view(digit, state.features.preferences, state.settings)
    return word("not set") if person is None else person.name


def _entry(digit: str) -> Callable[[PhoneState], NumberEntry]:
    def accept(state: PhoneState, number: str) -> Text | None:
        objection = speed_dial_objection(state, number) if number else None
        if objection is not None:
            return OBJECTIONS[objection]
        set_speed_dial(state, digit, number)
        return None

    return lambda state: NumberEntry(
        word("Speed dial {digit}", digit=digit),
        accept,
        text=speed_dial(state, digit),
        note=word("Number to dial. None: cleared."),
    )
