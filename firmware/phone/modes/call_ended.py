"""CALL_ENDED: the far end or the network ended the call, and the handset is still off."""

from firmware.phone.commands import Tone
from firmware.phone.dialling import offer_dial_tone
from firmware.phone.events import (
    CallAudioChanged,
    CallerNamed,
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
from firmware.phone.modes.collecting_digits import press_digit, redial_off_hook
from firmware.phone.moves import SETTLE_S, TONE_LIMIT_S, fall_quiet, go_home, receive_call_while_busy
from firmware.phone.rows import (
    BACKGROUND,
    VOLUME_KEYS,
    Rows,
    by_key,
    by_timer,
    ignored,
    impossible,
    name_caller,
    take_stray_call_state,
)
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.view import Hint


def _go_on(state: PhoneState, _event: TimerExpired) -> None:
    """First ask to hang up, then leave the handset in peace."""
    if state.settled:
        fall_quiet(state)
        return
    state.settled = True
    state.tone = state.tone or Tone.BUSY
    state.hint = Hint.REPLACE_HANDSET
    state.start_timer(Timer.CALL_ENDED, TONE_LIMIT_S)


def _press_digit(state: PhoneState, event: KeyPressed) -> None:
    """Begin a number, unless the key was still meant for the call that has just ended."""
    if state.settled:
        offer_dial_tone(state)
        press_digit(state, event)
    else:
        state.start_timer(Timer.CALL_ENDED, SETTLE_S)


def _begin_anew(state: PhoneState, _event: KeyPressed) -> None:
    offer_dial_tone(state)


def _replace(state: PhoneState, _event: HandsetReplaced) -> None:
    state.off_hook = False
    go_home(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _press_digit),
        {Key.CANCEL: _begin_anew, Key.REDIAL: redial_off_hook},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: impossible,
    HandsetReplaced: _replace,
    TimerExpired: by_timer({Timer.CALL_ENDED: _go_on}),
    IncomingCallReceived: receive_call_while_busy,
    CallStateChanged: take_stray_call_state,
    CallAudioChanged: ignored,
    CallerNamed: name_caller,
}
