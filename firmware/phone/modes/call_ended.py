"""CALL_ENDED: the far end or the network ended the call, and somebody still uses the phone."""

from firmware.phone.call_news import take_stray_call_state
from firmware.phone.dialled import redial_or_keep_trying, try_again_off_hook
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.hook import lifting, nothing_to_begin, replace_handset, speaker_key
from firmware.phone.key import Key
from firmware.phone.lock import unless_locked
from firmware.phone.modes.collecting_digits import press_digit
from firmware.phone.moves import SETTLE_S, TONE_LIMIT_S
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.orders import Tone
from firmware.phone.receiving import receive_call
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.switching import decline_waiting, fall_quiet, return_to_held, silence_waiting_call, take_other_call
from firmware.phone.view import Hint


def _go_on(state: PhoneState, _event: TimerExpired) -> None:
    """First ask to hang up, then leave the handset in peace; the loudspeaker is switched off."""
    if state.settled or not state.off_hook:
        fall_quiet(state)
        return
    state.settled = True
    state.tone = state.tone or Tone.BUSY
    state.hint = state.hint or Hint.REPLACE_HANDSET
    state.start_timer(Timer.CALL_ENDED, TONE_LIMIT_S)


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number, unless the key was still meant for the call that has just ended."""
    if state.settled:
        offer_dial_tone(state)
        press_digit(state, event)
    else:
        state.start_timer(Timer.CALL_ENDED, SETTLE_S)


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    if not decline_waiting(state) and not return_to_held(state):
        offer_dial_tone(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit),
        FEATURE_KEYS,
        speaker_key(nothing_to_begin),
        {
            Key.CANCEL: _cancel,
            Key.REDIAL: unless_locked(redial_or_keep_trying),
            Key.OK: take_other_call,
            Key.HOLD: take_other_call,
            Key.MUTE: silence_waiting_call,
        },
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: by_key(HELD_FEATURE_KEYS),
    HandsetLifted: lifting(nothing_to_begin),
    HandsetReplaced: replace_handset,
    TimerExpired: by_timer({Timer.CALL_ENDED: _go_on, Timer.AUTO_REDIAL: try_again_off_hook}),
    IncomingCallReceived: receive_call,
    CallStateChanged: take_stray_call_state,
}
