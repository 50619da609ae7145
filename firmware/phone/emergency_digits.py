"""Emergency digits count on every page: typed with the handset down, they are called when it is lifted.

On a page where digits choose, search or spell, those count that are pressed one after the other: any other key and a
pause end the row. Where digits stand together as a number or a PIN, all of them are the number, or none is: 1120 is a
PIN and calls nobody. See ADR 0115.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, Timer
from firmware.phone.view import Mode

if TYPE_CHECKING:
    from firmware.phone.menu_stack import Screen
    from firmware.phone.state import PhoneState

SAME_NUMBER_S = 3.0
"""Digits that follow one another so soon may be a telephone number rather than choices."""

_ON_HOOK_PAGES = frozenset({Mode.MENU, Mode.WRITING})
_ROW_BEGINS = _ON_HOOK_PAGES | {Mode.LISTENING, Mode.REDIALLING}
_ROW_GOES_ON = _ROW_BEGINS | {Mode.COLLECTING_DIGITS}
"""A digit may have chosen a number to call, and be the first digit of another one."""


@dataclass(slots=True)
class DigitRow:
    """The digit keys that were pressed one after the other, whatever each of them did.

    `grows` is whether the key that is being handled is one of them; `page` is the menu's page on which the first one
    was pressed.
    """

    digits: str = ""
    grows: bool = False
    page: "Screen | None" = None


def take_digit(state: "PhoneState", event: Event) -> None:
    """Count a digit key before the page does something about it."""
    if not isinstance(event, KeyPressed) or not event.key.value.isdigit():
        state.digit_row.grows = False
        return
    before = state.digit_row.digits if Timer.DIGIT_ROW in state.timers else ""
    state.digit_row.grows = bool(before) or state.mode in _ROW_BEGINS
    state.digit_row.digits = before + event.key.value if state.digit_row.grows else ""
    if state.digit_row.grows:
        if not before:
            state.digit_row.page = state.menu.top
        state.start_timer(Timer.DIGIT_ROW, SAME_NUMBER_S)


def end_row(state: "PhoneState", event: Event) -> None:
    """End the row once another key was pressed, the handset moved, or the phone does something else, such as speak."""
    is_speech_asked = state.aloud.is_due and not dialled_number(state)
    other_key = isinstance(event, KeyPressed | KeyHeld) and not event.key.value.isdigit()
    is_over = is_speech_asked or other_key or isinstance(event, HandsetLifted | HandsetReplaced)
    if is_over or state.mode not in _ROW_GOES_ON:
        state.digit_row.digits = ""
        state.digit_row.page = None
        state.cancel_timer(Timer.DIGIT_ROW)


def dialled_number(state: "PhoneState") -> str:
    """Return the emergency number that the row is; empty where it is none."""
    digits = state.digit_row.digits
    return digits if state.settings.dial_plan.is_emergency(digits) else ""


def begun_number(state: "PhoneState") -> str:
    """Return the row that a number of its own begins with; empty where its digits belong to what is shown."""
    digits = state.digit_row.digits
    may_be_help = any(number.startswith(digits) for number in state.settings.dial_plan.emergency_numbers)
    return digits if digits and may_be_help else ""


def number_for_help(state: "PhoneState") -> str:
    """Return the emergency number that was typed on the page that is shown; empty where none was."""
    if state.mode not in _ON_HOOK_PAGES or not state.can_call:
        return ""
    page = state.menu.top if state.mode is Mode.MENU else None
    written = page.written if page is not None else ""
    if state.settings.dial_plan.is_emergency(written):
        return written
    # Behind other digits the row is no number, unless it began on an earlier page: a digit of it has opened this one.
    row = dialled_number(state)
    is_behind = state.digit_row.page is page and written.endswith(row)
    return "" if is_behind else row
