"""COLLECTING_DIGITS: a number is being dialled, with the handset off or still in its cradle."""

from firmware.phone import auto_redial
from firmware.phone.call import CallerId
from firmware.phone.dial_plan import MAX_DIGITS, Match
from firmware.phone.dialled import (
    PATIENCE_S,
    accepts,
    call_from_cradle,
    call_hotline,
    chosen_number,
    dial,
    dial_quickly,
    hint_for,
    match,
    move_match,
    recall_on_hook,
    redial_off_hook,
    show_on_hook,
    switch_on_hook,
    takes_hash,
)
from firmware.phone.dialling import offer_dial_tone, refuse_number
from firmware.phone.emergency_digits import begun_number
from firmware.phone.events import HandsetLifted, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.lock import unless_locked
from firmware.phone.menu.messages import write_to
from firmware.phone.modes.menu import press_voicemail
from firmware.phone.moves import SETTLE_S, TONE_LIMIT_S, enter, go_home, show_notice
from firmware.phone.news import CallsFound
from firmware.phone.orders import Tone
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import (
    answer_waiting,
    decline_waiting,
    fall_quiet,
    put_down,
    return_to_held,
    silence_waiting_call,
    take_other_call,
)
from firmware.phone.takeover import taking_over
from firmware.phone.transfer import transfer_to_number
from firmware.phone.view import Hint, Mode

_DIAL_TONES = frozenset({Tone.DIAL, Tone.STUTTER_DIAL})
_SPEED_DIAL_KEYS = frozenset(key for key in DIGIT_KEYS if key.value in "123456789")


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
            dial(state, digits)
        return
    digits += event.key.value
    match match(state, digits):
        case Match.IMPOSSIBLE:
            refuse_number(state, digits[:MAX_DIGITS], Hint.NUMBER_IMPOSSIBLE)
        case Match.COMPLETE:
            dial(state, digits)
        case Match.INCOMPLETE | Match.COMPLETE_AFTER_TIMEOUT:
            _keep_collecting(state, digits)


def _press_digit_on_hook(state: PhoneState, event: KeyPressed) -> None:
    if _sends(state, event.key, state.digits):
        _send_on_hook(state)
        return
    # Nothing can be typed behind an address: it is another one then.
    digits = "" if "@" in state.digits else state.digits
    longer = (digits + event.key.value)[: max(MAX_DIGITS, len(digits))]
    show_on_hook(state, begun_number(state) or longer)


def _sends(state: PhoneState, key: Key, digits: str) -> bool:
    return key is Key.HASH and not takes_hash(state, digits)


def _keep_collecting(state: PhoneState, digits: str) -> None:
    """Wait for the next digit with the handset off; the dial tone, and what was refused before, are over."""
    auto_redial.disarm(state)
    if state.tone is not None or state.refused or not state.listening or Timer.HOTLINE in state.timers:
        enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.hint = hint_for(state, digits)
    state.start_timer(Timer.INTER_DIGIT, state.settings.inter_digit_timeout_s)


def collect_on_hook(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number with the handset in its cradle."""
    if not _sends(state, event.key, ""):
        show_on_hook(state, event.key.value)


def _write_to_number(state: PhoneState, _event: KeyPressed) -> None:
    """Write a text message to the number that was dialled with the handset in its cradle."""
    if not state.engaged:
        write_to(state, CallerId(state.digits))


def _redial(state: PhoneState, event: KeyPressed) -> None:
    if not state.engaged:
        recall_on_hook(state, event)
    elif not state.digits or state.refused:
        redial_off_hook(state, event)


def _turn_or_choose(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    """Choose among the contacts that the digits may mean; where there are none, turn the volume.

    With the handset up the digits are not sent while somebody chooses.
    """
    if state.matches:
        move_match(state, -1 if event.key is Key.VOLUME_UP else 1)
        chooses = state.match is not None or not state.engaged
        state.start_timer(Timer.INTER_DIGIT, PATIENCE_S if chooses else state.settings.inter_digit_timeout_s)
    else:
        VOLUME_KEYS[event.key](state, event)


def _send(state: PhoneState, _event: KeyPressed) -> None:
    if not state.engaged:
        _send_on_hook(state)
    elif not state.digits:
        answer_waiting(state)
    elif not state.refused:
        dial(state, chosen_number(state) or state.digits)


def _send_on_hook(state: PhoneState) -> None:
    """Do what a code says, or call the number or the contact that was chosen instead of it."""
    number = chosen_number(state) or state.digits
    hint = switch_on_hook(state, number)
    if hint is None:
        call_from_cradle(state, number)
    else:
        go_home(state)
        show_notice(state, hint)


def _cancel(state: PhoneState, event: KeyPressed) -> None:
    """Delete the last digit; where there is none, turn the waiting call away or go back to the one on hold.

    Where there is none of these either, the loudspeaker is switched off.
    """
    if not state.digits and (decline_waiting(state) or return_to_held(state)):
        return
    if not state.digits and not state.off_hook:
        put_down(state)
        return
    _delete_last(state, event)


def _delete_last(state: PhoneState, _event: KeyPressed | KeyRepeated) -> None:
    if not state.engaged:
        show_on_hook(state, "" if "@" in state.digits else state.digits[:-1])
    elif state.refused or len(state.digits) == 1:
        offer_dial_tone(state)
    elif state.digits:
        _keep_collecting(state, state.digits[:-1])
    elif state.tone not in _DIAL_TONES:
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
        show_on_hook(state, "+")


def _begin(state: PhoneState) -> None:
    """Send the number, or go on with it where it is not complete; call the contact that was chosen instead of it."""
    digits = chosen_number(state) or state.digits
    if match(state, digits) is Match.INCOMPLETE and not accepts(state, digits):
        _keep_collecting(state, digits)
    else:
        dial(state, digits)


def _inter_digit_timeout(state: PhoneState, _event: TimerExpired) -> None:
    if not state.engaged:
        go_home(state)
    elif state.tone is Tone.CONFIRMATION:
        offer_dial_tone(state)
    elif state.refused:
        state.settled = True
    elif state.match is not None:
        # Whoever has chosen somebody does not mean the digits.
        offer_dial_tone(state)
    else:
        dial(state, state.digits)


def _tone_timeout(state: PhoneState, _event: TimerExpired) -> None:
    if state.tone in _DIAL_TONES:
        state.tone = Tone.REORDER
        state.hint = Hint.REPLACE_HANDSET
        state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)
    else:
        fall_quiet(state)


_CHOOSING_KEYS = dict.fromkeys(VOLUME_KEYS, _turn_or_choose)

ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        _CHOOSING_KEYS,
        FEATURE_KEYS,
        dict.fromkeys(DIGIT_KEYS, press_digit),
        speaker_key(_begin),
        {
            Key.OK: _send,
            Key.CANCEL: _cancel,
            Key.REDIAL: unless_locked(_redial),
            Key.HOLD: take_other_call,
            Key.MUTE: silence_waiting_call,
            Key.TRANSFER: unless_locked(transfer_to_number),
            Key.VOICEMAIL: unless_locked(press_voicemail),
            Key.MENU: unless_locked(_write_to_number),
        },
    ),
    KeyRepeated: by_key(_CHOOSING_KEYS, {Key.CANCEL: _delete_last}),
    KeyHeld: by_key(
        HELD_FEATURE_KEYS,
        dict.fromkeys(_SPEED_DIAL_KEYS, unless_locked(dial_quickly)),
        {Key.CANCEL: _delete_all, Key.DIGIT_0: _turn_zero_into_plus},
    ),
    CallsFound: taking_over(_begin),
    HandsetLifted: lifting(_begin),
    TimerExpired: by_timer(
        {
            Timer.INTER_DIGIT: _inter_digit_timeout,
            Timer.DIAL_TONE: _tone_timeout,
            Timer.HOTLINE: call_hotline,
        }
    ),
}
