"""IN_CALL: the call was answered, or is being answered. The handset is off."""

from firmware.phone.call import CallState
from firmware.phone.commands import HoldCall, ResumeCall, SendDtmf
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
    CALL_CLOCK_S,
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
from firmware.phone.state import DIGIT_KEYS, PhoneState

_KEPT_DTMF_DIGITS = 64


def _change_state(state: PhoneState, event: CallStateChanged) -> None:
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.ACTIVE | CallState.HELD:
            call.state = event.state
            if not call.answered:
                mark_answered(state, call)
        case CallState.INCOMING if not call.answered:
            call.state = event.state
        case CallState.DISCONNECTED:
            show_call_ended(state, call, event)
        case _:
            impossible(state, event)


def _change_audio(state: PhoneState, event: CallAudioChanged) -> None:
    call = state.call
    if call is not None and call.call_id == event.call_id:
        call.receiving = event.receiving
        call.sending = event.sending


def _send_dtmf(state: PhoneState, event: KeyPressed) -> None:
    call = state.call
    if call is not None and call.answered and not call.is_held:
        call.dtmf = (call.dtmf + event.key.value)[-_KEPT_DTMF_DIGITS:]
        state.emit(SendDtmf(call.call_id, event.key))


def _toggle_mute(state: PhoneState, _event: KeyPressed) -> None:
    if state.call is not None and state.call.answered:
        state.muted = not state.muted


def _toggle_hold(state: PhoneState, _event: KeyPressed) -> None:
    """Hold or resume; on hold the microphone shuts with the key, not only when the far end has agreed."""
    call = state.call
    if call is None or not call.answered:
        return
    if call.is_held:
        call.hold_wanted = False
        state.emit(ResumeCall(call.call_id))
    else:
        call.hold_wanted = True
        state.emit(HoldCall(call.call_id))


def _tick(state: PhoneState, _event: TimerExpired) -> None:
    if state.call is not None:
        state.call.duration_s += 1
        state.start_timer(Timer.CALL_CLOCK, CALL_CLOCK_S)


ROWS: Rows = {
    **BACKGROUND,
    KeyPressed: by_key(
        VOLUME_KEYS,
        dict.fromkeys(DIGIT_KEYS, _send_dtmf),
        {Key.MUTE: _toggle_mute, Key.HOLD: _toggle_hold},
    ),
    KeyRepeated: by_key(VOLUME_KEYS),
    KeyHeld: ignored,
    HandsetLifted: impossible,
    HandsetReplaced: hang_up_by_hook,
    TimerExpired: by_timer({Timer.CALL_CLOCK: _tick}),
    IncomingCallReceived: receive_call_while_busy,
    CallStateChanged: _change_state,
    CallAudioChanged: _change_audio,
    CallerNamed: name_caller,
}
