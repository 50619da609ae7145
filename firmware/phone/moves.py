"""The moves from mode to mode that more than one mode makes."""

from firmware.phone.call import CallDirection, CallState, DisconnectReason, RejectReason
from firmware.phone.commands import (
    CloseCallRecord,
    HangUpCall,
    LookUpCaller,
    MarkCallAnswered,
    OpenCallRecord,
    RejectCall,
    SignalRinging,
    Tone,
)
from firmware.phone.events import CallStateChanged, HandsetReplaced, IncomingCallReceived, Timer
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode

NOTICE_S = 3.0
CALL_CLOCK_S = 1.0
SETTLE_S = 3.0
"""Keys that a person goes on pressing after a call ended or a number was refused are not a new number: the end of
a long one could spell an emergency number."""
TONE_LIMIT_S = 30.0
"""A handset that stays off is warned for this long, then left in peace."""

_LASTING = frozenset({Timer.NOTICE, Timer.EMERGENCY_CALLBACK, Timer.AUTO_REDIAL})
_BUSY_REASONS = frozenset({DisconnectReason.BUSY, DisconnectReason.REJECTED})
# RFC 3261 sections 21.4.24, 21.4.18 and 21.6.2: what sip answers for each RejectReason.
_BUSY_HERE = 486
_TEMPORARILY_UNAVAILABLE = 480
_DECLINE = 603


def enter(state: PhoneState, mode: Mode) -> None:
    """Change the mode; what belonged to the last one ends."""
    for timer in sorted(state.timers - _LASTING):
        state.cancel_timer(timer)
    state.mode = mode
    state.digits = ""
    state.refused = False
    state.settled = True
    state.tone = None
    state.listening = True
    state.hint = None
    state.notice = None
    state.details_step = 0
    state.features.info = None
    if mode in {Mode.IDLE, Mode.UNPROVISIONED, Mode.COLLECTING_DIGITS}:
        state.call = None


def go_home(state: PhoneState) -> None:
    """Be a phone that nobody uses."""
    enter(state, state.home)


def show_notice(state: PhoneState, hint: Hint) -> None:
    """Show a hint for a few seconds."""
    state.notice = hint
    state.start_timer(Timer.NOTICE, NOTICE_S)


def fall_quiet(state: PhoneState) -> None:
    """Leave a handset that stays off in peace: no tone, earpiece shut, and a word on the display."""
    state.tone = None
    state.listening = False
    state.hint = Hint.HANDSET_IS_OFF


def hang_up_by_hook(state: PhoneState, _event: HandsetReplaced) -> None:
    """End the call, because the handset was put down."""
    if state.call is not None:
        hang_up(state, state.call)
    state.off_hook = False
    go_home(state)


def receive_call(state: PhoneState, event: IncomingCallReceived) -> None:
    """Ring; also without a configuration, because emergency services call back."""
    enter(state, Mode.RINGING)
    state.call = Call(event.call_id, CallDirection.INCOMING, event.caller, CallState.INCOMING)
    state.emit(
        SignalRinging(event.call_id),
        OpenCallRecord(event.call_id, CallDirection.INCOMING, event.caller.number),
    )
    if event.caller.number:
        state.emit(LookUpCaller(event.call_id, event.caller.number))
    state.start_timer(Timer.NO_ANSWER, state.settings.no_answer_s)


def receive_call_while_busy(state: PhoneState, event: IncomingCallReceived) -> None:
    """Turn a call away because the handset is off or another call rings; the person finds it among the missed."""
    if state.call is not None and state.call.call_id == event.call_id:
        return
    call = Call(event.call_id, CallDirection.INCOMING, event.caller, CallState.INCOMING)
    state.emit(
        RejectCall(event.call_id, RejectReason.BUSY),
        OpenCallRecord(event.call_id, CallDirection.INCOMING, event.caller.number),
    )
    close_call(state, call, DisconnectReason.BUSY, _BUSY_HERE)
    _count_missed(state, call)


def decline_call(state: PhoneState, call: Call) -> None:
    """Turn the ringing call away because the person said so."""
    state.emit(RejectCall(call.call_id, RejectReason.DECLINED))
    close_call(state, call, DisconnectReason.REJECTED, _DECLINE)
    go_home(state)


def give_up_ringing(state: PhoneState, call: Call) -> None:
    """Nobody came: free the caller's line."""
    state.emit(RejectCall(call.call_id, RejectReason.NO_ANSWER))
    close_call(state, call, DisconnectReason.NO_ANSWER, _TEMPORARILY_UNAVAILABLE)
    _count_missed(state, call)
    go_home(state)


def miss_call(state: PhoneState, call: Call, event: CallStateChanged) -> None:
    """The caller gave up."""
    close_call(state, call, event.reason or DisconnectReason.CANCELLED, event.sip_code)
    _count_missed(state, call)
    go_home(state)


def hang_up(state: PhoneState, call: Call) -> None:
    """End the call from this side; its record closes now, whatever SIP still has to say."""
    state.emit(HangUpCall(call.call_id))
    unanswered = call.direction is CallDirection.OUTGOING and not call.answered
    close_call(state, call, DisconnectReason.CANCELLED if unanswered else DisconnectReason.LOCAL_HANGUP, 0)
    state.muted = False


def mark_answered(state: PhoneState, call: Call) -> None:
    """The call has become one: the microphone opens and the clock runs."""
    call.answered = True
    state.emit(MarkCallAnswered(call.call_id))
    state.start_timer(Timer.CALL_CLOCK, CALL_CLOCK_S)


def show_call_ended(state: PhoneState, call: Call, event: CallStateChanged) -> None:
    """The call is over while the handset is off: show why; the tone that asks to hang up follows."""
    fallback = DisconnectReason.REMOTE_HANGUP if call.answered else DisconnectReason.UNREACHABLE
    reason = event.reason or fallback
    close_call(state, call, reason, event.sip_code)
    if call.direction is CallDirection.INCOMING and not call.answered:
        _count_missed(state, call)
    state.muted = False
    enter(state, Mode.CALL_ENDED)
    state.settled = False
    if not call.answered:
        state.tone = Tone.BUSY if reason in _BUSY_REASONS else Tone.REORDER
    state.start_timer(Timer.CALL_ENDED, SETTLE_S)


def close_call(state: PhoneState, call: Call, reason: DisconnectReason, sip_code: int) -> None:
    """Complete the call's record."""
    call.state = CallState.DISCONNECTED
    call.reason = reason
    call.sip_code = sip_code
    state.departed.append(call.call_id)
    state.emit(CloseCallRecord(call.call_id, reason, sip_code))


def _count_missed(state: PhoneState, call: Call) -> None:
    """Count at once: without a store nobody else would."""
    state.missed_calls += 1
    state.missed_party = call.title
