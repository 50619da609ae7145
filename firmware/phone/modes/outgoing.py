"""OUTGOING: a call was placed and nobody has answered yet. The handset is off."""

from firmware.phone.call import CallState
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
    TimerExpired,
)
from firmware.phone.moves import (
    enter,
    hang_up,
    hang_up_by_hook,
    mark_answered,
    receive_call_while_busy,
    show_call_ended,
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
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Mode


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.DIALING:
            call.state = event.state
        case CallState.ALERTING:
            call.state = event.state
            _play_ringback_where_needed(state, call)
        case CallState.ACTIVE:
            enter(state, Mode.IN_CALL)
            call.state = event.state
            mark_answered(state, call)
        case CallState.DISCONNECTED:
            show_call_ended(state, call, event)
        case CallState.INCOMING | CallState.WAITING | CallState.HELD:
            impossible(state, event)


def _change_audio(state: PhoneState, event: CallAudioChanged) -> None:
    call = state.call
    if call is not None and call.call_id == event.call_id:
        call.receiving = event.receiving
        call.sending = event.sending
        _play_ringback_where_needed(state, call)


def _play_ringback_where_needed(state: PhoneState, call: Call) -> None:
    """The network's early media is the better ringback: it may be an announcement (RFC 3960 section 3.2)."""
    needed = call.state is CallState.ALERTING and not call.receiving
    state.tone = Tone.RINGBACK if needed else None


def _cancel(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None:
        hang_up(state, state.call)
    offer_dial_tone(state)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(VOLUME_KEYS, {Key.CANCEL: _cancel}),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: impossible,
    HandsetReplaced: hang_up_by_hook,
    TimerExpired: by_timer({}),
    IncomingCallReceived: receive_call_while_busy,
    CallStateChanged: _change_state,
    CallAudioChanged: _change_audio,
    CallerNamed: name_caller,
}
