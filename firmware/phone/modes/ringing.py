"""RINGING: somebody calls, or a call was left on hold. The handset is in its cradle."""

from firmware.phone.auto_redial import put_off
from firmware.phone.call import CallState
from firmware.phone.call_news import end_unheard_call, note_running, take_stray_call_state
from firmware.phone.endings import close_call, end_reason
from firmware.phone.events import HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer, TimerExpired
from firmware.phone.holder_settings import FEATURE_KEYS, HELD_FEATURE_KEYS
from firmware.phone.key import Key
from firmware.phone.moves import enter, show_notice
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.receiving import answer_by_itself, receive_call, stop_ringing_for
from firmware.phone.rows import BACKGROUND, VOLUME_KEYS, Rows, by_key, by_timer, impossible
from firmware.phone.state import PhoneState
from firmware.phone.switching import answer, resume, settle
from firmware.phone.view import Hint, Mode


def _pick_up(state: PhoneState) -> None:
    call = state.call
    if call is None:
        return
    if call.is_offered:
        answer(state, call)
    else:
        enter(state, Mode.IN_CALL)
        resume(state, call)


def _lift(state: PhoneState, _event: HandsetLifted) -> None:
    """Answer, or go on with the call that was on hold."""
    state.off_hook = True
    state.speaker = False
    _pick_up(state)


def _press_speaker(state: PhoneState, event: KeyPressed) -> None:
    """Answer on the loudspeaker; where the call was about to be answered there, that is called off."""
    if state.auto_answering:
        _decline(state, event)
    elif state.settings.has_loudspeaker:
        state.speaker = True
        _pick_up(state)
    else:
        show_notice(state, Hint.NO_LOUDSPEAKER)


def _ask_to_lift(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, Hint.LIFT_HANDSET)


def _decline(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        stop_ringing_for(state, state.call)


def _silence(state: PhoneState, _event: KeyPressed) -> None:
    """Stop the noise without telling the caller."""
    if state.call is not None:
        state.call.silenced = True
        state.hint = Hint.RINGER_SILENCED


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.DISCONNECTED:
            close_call(state, call, end_reason(call, event), event.sip_code)
            state.speaker = False
            settle(state)
        case CallState.INCOMING | CallState.WAITING if call.is_offered:
            pass
        case CallState.ACTIVE | CallState.HELD if not call.is_offered:
            note_running(state, call, event.state)
        case CallState.ACTIVE | CallState.HELD:
            end_unheard_call(state, call, event)
        case _:
            impossible(state, event)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        FEATURE_KEYS,
        {Key.OK: _ask_to_lift, Key.CANCEL: _decline, Key.MUTE: _silence, Key.SPEAKER: _press_speaker},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: by_key(HELD_FEATURE_KEYS),
    HandsetLifted: _lift,
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.AUTO_ANSWER: answer_by_itself, Timer.AUTO_REDIAL: put_off}),
    IncomingCallReceived: receive_call,
    CallStateChanged: _change_state,
}
