"""COLLECTING_DIGITS: a number is being dialled, with the handset off or still in its cradle."""

from firmware.phone.call_news import take_stray_call_state
from firmware.phone.commands import Tone
from firmware.phone.dial_plan import MAX_DIGITS, Match
from firmware.phone.dialling import offer_dial_tone, refuse_number, send_number
from firmware.phone.events import (
    CallStateChanged,
    HandsetLifted,
    HandsetReplaced,
    IncomingCallReceived,
    Key,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    Timer,
    TimerExpired,
)
from firmware.phone.hook import lifting, replace_handset, speaker_key
from firmware.phone.moves import (
    SETTLE_S,
    TONE_LIMIT_S,
    enter,
    fall_quiet,
    go_home,
    show_notice,
)
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import (
    answer_waiting,
    decline_waiting,
    return_to_held,
    silence_waiting_call,
    take_other_call,
)
from firmware.phone.transfer import transfer_to_number
from firmware.phone.view import Hint, Mode

_ON_HOOK_PATIENCE_S = 30.0


def press_digit(state: PhoneState, event: KeyPressed) -> None:
    """Take the next digit; `#` sends unless it is one."""
    if not state.engaged:
        _press_digit_on_hook(state, event)
    elif not state.settled:
        state.start_timer(Timer.INTER_DIGIT, SETTLE_S)
    else:
        _press_digit_off_hook(state, event)


def _press_digit_off_hook(state: PhoneState, event: KeyPressed) -> None:
    digits = "" if state.refused else state.digits
    if _sends(state, event.key, digits):
        if digits:
            send_number(state, digits)
        return
    digits += event.key.value
    match state.settings.dial_plan.match(digits):
        case Match.IMPOSSIBLE:
            refuse_number(state, digits[:MAX_DIGITS], Hint.NUMBER_IMPOSSIBLE)
        case Match.COMPLETE:
            send_number(state, digits)
        case Match.INCOMPLETE | Match.COMPLETE_AFTER_TIMEOUT:
            _keep_collecting(state, digits)


def _press_digit_on_hook(state: PhoneState, event: KeyPressed) -> None:
    if _sends(state, event.key, state.digits):
        _ask_to_lift(state, event)
        return
    _keep_on_hook(state, (state.digits + event.key.value)[:MAX_DIGITS])


def _sends(state: PhoneState, key: Key, digits: str) -> bool:
    return key is Key.HASH and not state.settings.dial_plan.takes_hash(digits)


def _keep_collecting(state: PhoneState, digits: str) -> None:
    """Wait for the next digit with the handset off; the dial tone, and what was refused before, are over."""
    if state.tone is not None or state.refused or not state.listening:
        enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.hint = _hint_for(state, digits)
    state.start_timer(Timer.INTER_DIGIT, state.settings.inter_digit_timeout_s)


def _keep_on_hook(state: PhoneState, digits: str) -> None:
    """Show digits that wait for the handset to be lifted."""
    if not digits:
        go_home(state)
        return
    if state.mode is not Mode.COLLECTING_DIGITS:
        enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.hint = _hint_for(state, digits)
    state.start_timer(Timer.INTER_DIGIT, _ON_HOOK_PATIENCE_S)


def _hint_for(state: PhoneState, digits: str) -> Hint | None:
    plan = state.settings.dial_plan
    if not state.can_call:
        return Hint.CANNOT_CALL
    if plan.is_emergency(digits):
        return Hint.EMERGENCY_NUMBER
    if plan.match(digits) is Match.IMPOSSIBLE:
        return Hint.NUMBER_IMPOSSIBLE
    return None if state.settings.provisioned else Hint.EMERGENCY_ONLY


def collect_on_hook(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number with the handset in its cradle."""
    if not _sends(state, event.key, ""):
        _keep_on_hook(state, event.key.value)


def recall_on_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Show the last number; lifting the handset calls it."""
    if state.last_dialled:
        _keep_on_hook(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def redial_off_hook(state: PhoneState, _event: KeyPressed) -> None:
    """Call the last number."""
    if state.last_dialled:
        send_number(state, state.last_dialled)
    else:
        show_notice(state, Hint.NOTHING_TO_REDIAL)


def _redial(state: PhoneState, event: KeyPressed) -> None:
    if not state.engaged:
        recall_on_hook(state, event)
    elif not state.digits or state.refused:
        redial_off_hook(state, event)


def _send(state: PhoneState, event: KeyPressed) -> None:
    if not state.engaged:
        _ask_to_lift(state, event)
    elif not state.digits:
        answer_waiting(state)
    elif not state.refused:
        send_number(state, state.digits)


def _ask_to_lift(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, Hint.LIFT_HANDSET)


def _cancel(state: PhoneState, event: KeyPressed) -> None:
    """Delete the last digit; where there is none, turn the waiting call away or go back to the one on hold."""
    if state.digits or not (decline_waiting(state) or return_to_held(state)):
        _delete_last(state, event)


def _delete_last(state: PhoneState, _event: KeyPressed | KeyRepeated) -> None:
    if not state.engaged:
        _keep_on_hook(state, state.digits[:-1])
    elif state.refused or len(state.digits) == 1:
        offer_dial_tone(state)
    elif state.digits:
        _keep_collecting(state, state.digits[:-1])
    elif state.tone is not Tone.DIAL:
        offer_dial_tone(state)


def _delete_all(state: PhoneState, _event: KeyHeld) -> None:
    if not state.engaged:
        go_home(state)
    elif state.digits:
        offer_dial_tone(state)


def _turn_zero_into_plus(state: PhoneState, _event: KeyHeld) -> None:
    """Make the `+` of an international number, as mobile phones do."""
    if state.digits != "0" or state.refused:
        return
    if state.engaged:
        _keep_collecting(state, "+")
    else:
        _keep_on_hook(state, "+")


def _begin(state: PhoneState) -> None:
    """Send the number, or go on with it where it is not complete."""
    digits = state.digits
    plan = state.settings.dial_plan
    if plan.match(digits) is Match.INCOMPLETE and not plan.accepts(digits):
        _keep_collecting(state, digits)
    else:
        send_number(state, digits)


def _inter_digit_timeout(state: PhoneState, _event: TimerExpired) -> None:
    if not state.engaged:
        go_home(state)
    elif state.refused:
        state.settled = True
    else:
        send_number(state, state.digits)


def _tone_timeout(state: PhoneState, _event: TimerExpired) -> None:
    if state.tone is Tone.DIAL:
        state.tone = Tone.REORDER
        state.hint = Hint.REPLACE_HANDSET
        state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)
    else:
        fall_quiet(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, press_digit),
        speaker_key(_begin),
        {
            Key.OK: _send,
            Key.CANCEL: _cancel,
            Key.REDIAL: _redial,
            Key.HOLD: take_other_call,
            Key.MUTE: silence_waiting_call,
            Key.TRANSFER: transfer_to_number,
        },
    ),
    KeyRepeated: by_key(VOLUME_KEYS, {Key.CANCEL: _delete_last}),
    KeyHeld: by_key({Key.CANCEL: _delete_all, Key.DIGIT_0: _turn_zero_into_plus}),
    HandsetLifted: lifting(_begin),
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({Timer.INTER_DIGIT: _inter_digit_timeout, Timer.DIAL_TONE: _tone_timeout}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
