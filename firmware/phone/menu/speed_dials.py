"""The numbers that holding a digit dials."""

from collections.abc import Callable

from firmware.base.words import Text, word
from firmware.phone.holder_settings import set_speed_dial, speed_dial, speed_dial_objection
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.entry import NumberEntry
from firmware.phone.phrases import OBJECTIONS
from firmware.phone.state import PhoneState

_DIGITS = "123456789"


def speed_dials_page(_state: PhoneState) -> Choices:
    """Make the page with a row for each digit; lifting the handset calls the one that is selected."""
    return Choices(word("Speed dials"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    return [_row(state, digit) for digit in _DIGITS]


def _row(state: PhoneState, digit: str) -> Choice:
    number = speed_dial(state, digit)
    return Choice(number or word("not set"), opening(_entry(digit)), number=number)


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
