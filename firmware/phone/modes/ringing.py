"""RINGING: somebody calls. The handset is in its cradle, since one that is off makes the phone busy."""

from firmware.phone.call import CallState
from firmware.phone.commands import AnswerCall
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
from firmware.phone.moves import (
    decline_call,
    enter,
    give_up_ringing,
    go_home,
    hang_up,
    miss_call,
    receive_call_while_busy,
    show_notice,
)
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
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint, Mode


def _answer(state: PhoneState, _event: HandsetLifted) -> None:
    """Accept the call; the microphone waits until SIP says that the call is active."""
    state.off_hook = True
    enter(state, Mode.IN_CALL)
    if state.call is not None:
        state.emit(AnswerCall(state.call.call_id))


def _ask_to_lift(state: PhoneState, _event: KeyPressed) -> None:
    show_notice(state, Hint.LIFT_HANDSET)


def _decline(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        decline_call(state, state.call)


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
        case CallState.INCOMING | CallState.WAITING:
            call.state = event.state
        case CallState.DISCONNECTED:
            miss_call(state, call, event)
        case CallState.DIALING | CallState.ALERTING:
            impossible(state, event)
        case CallState.ACTIVE | CallState.HELD:
            # A call that nobody has answered must not listen to the room.
            impossible(state, event)
            hang_up(state, call)
            go_home(state)


def _give_up(state: PhoneState, _event: TimerExpired) -> None:
    if state.call is not None:
        give_up_ringing(state, state.call)


def _change_audio(state: PhoneState, event: CallAudioChanged) -> None:
    if state.call is not None and state.call.call_id == event.call_id:
        state.call.receiving = event.receiving
        state.call.sending = event.sending


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(VOLUME_KEYS, {Key.OK: _ask_to_lift, Key.CANCEL: _decline, Key.MUTE: _silence}),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: _answer,
    HandsetReplaced: impossible,
    TimerExpired: by_timer({Timer.NO_ANSWER: _give_up}),
    IncomingCallReceived: receive_call_while_busy,
    CallStateChanged: _change_state,
    CallAudioChanged: _change_audio,
    CallerNamed: name_caller,
}
