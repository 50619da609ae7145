"""TAKING_MESSAGE: the answering machine has answered, and a caller hears its greeting or speaks.

Nobody is at the phone and its microphone is shut. Whoever lifts the handset, or presses SPEAKER, takes the call over:
the recording ends, and what was said until then is kept.
"""

from firmware.phone.call import CallState
from firmware.phone.call_news import move_foreground_call
from firmware.phone.endings import close_call, end_reason, hang_up
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyPressed
from firmware.phone.holder_settings import FEATURE_KEYS
from firmware.phone.hook import lifting, speaker_key
from firmware.phone.key import Key
from firmware.phone.moves import enter, show_notice
from firmware.phone.news import CallStateChanged
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, impossible
from firmware.phone.state import PhoneState
from firmware.phone.switching import settle
from firmware.phone.view import Hint, Mode


def _take_over(state: PhoneState) -> None:
    if state.call is not None:
        state.call.decision = None
    enter(state, Mode.IN_CALL)


def _ask_to_lift(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, Hint.LIFT_HANDSET)


def _end(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        hang_up(state, state.call)
    settle(state)


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id or event.state is not CallState.DISCONNECTED:
        move_foreground_call(state, event)
        return
    close_call(state, call, end_reason(call, event), event.sip_code)
    settle(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(VOLUME_KEYS, FEATURE_KEYS, speaker_key(_take_over), {Key.OK: _ask_to_lift, Key.CANCEL: _end}),
    HandsetLifted: lifting(_take_over),
    HandsetReplaced: impossible,
    CallStateChanged: _change_state,
}
