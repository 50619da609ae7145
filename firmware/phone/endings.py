"""How calls end: their records are completed, and nothing of them stays behind."""

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import auto_redial
from firmware.phone.call import MISSED_DECISIONS, NOT_MISSED, CallState, Decision, RejectReason
from firmware.phone.commands import CloseCallRecord, KeepCallQuality, MarkMissedCallsSeen
from firmware.phone.events import Timer
from firmware.phone.features import PastCall
from firmware.phone.last_calls import failure
from firmware.phone.moves import SETTLE_S, enter
from firmware.phone.news import CallStateChanged
from firmware.phone.orders import HangUpCall, RejectCall, SplitCalls, Tone
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode, Refusal

_BUSY_REASONS = frozenset({DisconnectReason.BUSY, DisconnectReason.REJECTED})
# What sip answers for each reason (RFC 3261 sections 21.4.18, 21.4.24 and 21.6.2; RFC 5079), and what the log says.
_REJECTIONS: dict[RejectReason, tuple[DisconnectReason, int]] = {
    RejectReason.BUSY: (DisconnectReason.BUSY, 486),
    RejectReason.DECLINED: (DisconnectReason.REJECTED, 603),
    RejectReason.NO_ANSWER: (DisconnectReason.NO_ANSWER, 480),
    RejectReason.DO_NOT_DISTURB: (DisconnectReason.REJECTED, 480),
    RejectReason.BLOCKED: (DisconnectReason.REJECTED, 603),
    RejectReason.ANONYMOUS: (DisconnectReason.REJECTED, 433),
    RejectReason.OUT_OF_HOURS: (DisconnectReason.REJECTED, 480),
}


def close_call(
    state: PhoneState, call: Call, reason: DisconnectReason, sip_code: int, ended_ago_s: float = 0.0
) -> None:
    """Complete the call's record and take the call from among those that run."""
    call.state = CallState.DISCONNECTED
    call.reason = reason
    call.sip_code = sip_code
    state.departed.append(call.call_id)
    if call.quality is not None:
        state.emit(KeepCallQuality(call.call_id, call.quality))
    if call.answered:
        state.features.past_calls.appendleft(PastCall(call.call_id, call.title, call.quality))
    state.emit(CloseCallRecord(call.call_id, reason, sip_code, call.decision, ended_ago_s))
    auto_redial.take_end(state, call)
    if call.direction is CallDirection.OUTGOING:
        state.features.why_failed = failure(reason)
    if call in state.others:
        state.others.remove(call)
    if call.joined:
        _leave_conference(state, call)
    if _is_missed(call):
        # Count at once: without a store nobody else would.
        state.missed_calls += 1
        state.missed_party = call.title
        state.features.missed = call.party


def see_missed_calls(state: PhoneState) -> None:
    """Take note that the person has seen which calls were missed."""
    if state.missed_calls:
        state.missed_calls = 0
        state.missed_party = ""
        state.features.missed = None
        state.emit(MarkMissedCallsSeen())


def _leave_conference(state: PhoneState, call: Call) -> None:
    """Take a call out; the one that is left is a normal call again."""
    call.joined = False
    if len(state.conference) == 1:
        state.conference[0].joined = False
        state.emit(SplitCalls())


def _is_missed(call: Call) -> bool:
    talked = call.answered and call.decision is not Decision.MESSAGE_TAKEN
    if call.direction is not CallDirection.INCOMING or talked:
        return False
    if call.decision is not None:
        return call.decision in MISSED_DECISIONS
    return call.reason not in NOT_MISSED


def hang_up(state: PhoneState, call: Call, reason: DisconnectReason | None = None) -> None:
    """End the call from this side; its record closes now, whatever SIP still has to say."""
    state.emit(HangUpCall(call.call_id))
    close_call(state, call, reason or _ended_here(call), 0)
    if call is state.call:
        state.muted = False


def _ended_here(call: Call) -> DisconnectReason:
    if call.answered:
        return DisconnectReason.LOCAL_HANGUP
    return DisconnectReason.CANCELLED if call.direction is CallDirection.OUTGOING else DisconnectReason.REJECTED


def reject(state: PhoneState, call: Call, why: RejectReason) -> None:
    """Turn away a call that has been offered to the person."""
    state.emit(RejectCall(call.call_id, why))
    close_call(state, call, *_REJECTIONS[why])


def note_decision(state: PhoneState, call: Call, decision: Decision | None) -> None:
    """Remember what the handset decides about a call, for the log and for the display."""
    call.decision = decision
    if decision is not None:
        state.features.refusal = Refusal(call.title, decision)


def end_reason(call: Call, event: CallStateChanged) -> DisconnectReason:
    """Say why a call is over that SIP reports as ended: one that is handed over ends because of that."""
    if call.is_being_handed_over:
        return DisconnectReason.TRANSFERRED
    fallback = DisconnectReason.REMOTE_HANGUP if call.answered else DisconnectReason.UNREACHABLE
    if call.is_offered:
        fallback = DisconnectReason.CANCELLED
    return event.reason or fallback


def show_call_ended(state: PhoneState, call: Call) -> None:
    """Show how a call ended, in words and by the tone that asks to hang up, while the phone is still in use."""
    state.muted = False
    enter(state, Mode.CALL_ENDED)
    state.call = call
    state.settled = False
    state.hint = Hint.CALL_ON_HOLD if state.held is not None else auto_redial.hint_after(state, call)
    if not call.answered:
        state.tone = Tone.BUSY if call.reason in _BUSY_REASONS else Tone.REORDER
    state.start_timer(Timer.CALL_ENDED, SETTLE_S)
