"""OUTGOING: a call was placed and nobody has answered yet. Somebody uses the phone."""

from firmware.phone.call_news import move_foreground_call
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.endings import hang_up
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, TimerExpired
from firmware.phone.feature_keys import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, nothing_to_begin, replace_handset, speaker_key
from firmware.phone.key import Key
from firmware.phone.moves import enter
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import PhoneState
from firmware.phone.switching import answer_waiting, decline_waiting, end_and_return, silence_waiting_call
from firmware.phone.transfer import hand_over_before_the_answer
from firmware.phone.view import Mode


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    move_foreground_call(state, event)
    if state.mode is Mode.OUTGOING and state.call is not None and state.call.answered:
        enter(state, Mode.IN_CALL)


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    """Turn the waiting call away, or give this one up."""
    if decline_waiting(state) or end_and_return(state):
        return
    if state.call is not None:
        hang_up(state, state.call)
    offer_dial_tone(state)


def _answer_waiting(state: PhoneState, _event: KeyPressed) -> None:
    answer_waiting(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {
            Key.CANCEL: _cancel,
            Key.OK: _answer_waiting,
            Key.HOLD: _answer_waiting,
            Key.MUTE: silence_waiting_call,
            Key.TRANSFER: hand_over_before_the_answer,
        },
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: by_key(HELD_FEATURE_KEYS),
    HandsetLifted: lifting(nothing_to_begin),
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call,
    CallStateChanged: _change_state,
}
