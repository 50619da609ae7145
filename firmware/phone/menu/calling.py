"""Calling from a menu with the handset in its cradle."""

from firmware.phone.dialled import call_from_cradle, is_switch, show_on_hook
from firmware.phone.emergency_digits import dialled_number
from firmware.phone.menu.question import Notice
from firmware.phone.moves import show_notice
from firmware.phone.phrases import HINTS, UNKNOWN_CALLER
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint


def offer_call(state: PhoneState, number: str) -> None:
    """Call a number from the cradle, in place of the menu; say where it cannot be called.

    One that a digit has chosen waits for the handset or OK: more digits of another number may follow. So does a call
    for help, whose number any caller may send; and one that is a code changes no setting.
    """
    plan = state.settings.dial_plan
    if help_number := dialled_number(state):
        # The digit that has chosen the number was the last one of another.
        state.menu.close()
        show_on_hook(state, help_number)
    elif plan.accepts(number) and not is_switch(state, number):
        state.menu.close()
        if state.digit_row.grows or plan.reaches_emergency(number):
            show_on_hook(state, number)
            show_notice(state, Hint.LIFT_HANDSET)
        else:
            call_from_cradle(state, number)
    else:
        state.menu.push(state, Notice(number or UNKNOWN_CALLER, HINTS[Hint.NUMBER_IMPOSSIBLE]))
