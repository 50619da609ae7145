"""Digits that wait for the handset to be lifted."""

from firmware.phone import auto_redial
from firmware.phone.dial_plan import Match
from firmware.phone.dialled import accepts, match
from firmware.phone.events import Timer
from firmware.phone.moves import enter, go_home
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint, Mode

PATIENCE_S = 30.0


def show_on_hook(state: PhoneState, digits: str) -> None:
    """Show digits that wait for the handset to be lifted."""
    auto_redial.disarm(state)
    if not digits:
        go_home(state)
        return
    if state.mode is not Mode.COLLECTING_DIGITS:
        enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.hint = hint_for(state, digits)
    state.start_timer(Timer.INTER_DIGIT, PATIENCE_S)


def hint_for(state: PhoneState, digits: str) -> Hint | None:
    """Say what to know of these digits, None where they may become a call like any other."""
    plan = state.settings.dial_plan
    if not state.can_call:
        return state.why_no_calls
    if plan.reaches_emergency(digits):
        return Hint.EMERGENCY_NUMBER
    if match(state, digits) is Match.IMPOSSIBLE and not accepts(state, digits):
        return Hint.NUMBER_IMPOSSIBLE
    return state.restriction
