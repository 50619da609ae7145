"""Somebody calls: what becomes of it, and of those whom nobody answers."""

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import policy
from firmware.phone.call import CallState, Decision, RejectReason, SipUri
from firmware.phone.commands import LookUpCaller, OpenCallRecord
from firmware.phone.endings import close_call, hang_up, note_decision, reject
from firmware.phone.events import Event, Timer, TimerExpired
from firmware.phone.moves import enter
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import RedirectCall, SignalRinging, Tone
from firmware.phone.state import Call, PhoneState
from firmware.phone.switching import answer, settle
from firmware.phone.view import Mode

_MOVED_TEMPORARILY = 302  # RFC 3261 section 21.3.3
_SHORTEST_WARNING_S = 1.0
"""A person in the room has to hear that the phone is about to answer."""


def receive_call(state: PhoneState, event: IncomingCallReceived) -> None:
    """Let a call ring, wait, answer itself, or turn it away, as the rules and the other calls have it."""
    if state.find_call(event.call_id) is not None or event.call_id in state.departed:
        return
    call = Call(
        event.call_id,
        CallDirection.INCOMING,
        event.caller,
        CallState.INCOMING,
        account=event.account,
        diverted_by=event.diverted_by,
        ring=event.ring,
        hides_dtmf=state.settings.hide_dtmf,
    )
    state.features.last_caller = event.caller
    verdict = policy.judge(state, event)
    if state.is_busy and isinstance(verdict, policy.Ring | policy.AutoAnswer):
        verdict = policy.on_busy(state, event)
    match verdict:
        case policy.Reject(reason, decision):
            _open_record(state, call)
            note_decision(state, call, decision)
            reject(state, call, reason)
        case policy.Forward(uri, decision):
            _open_record(state, call)
            _send_on(state, call, uri, decision)
        case policy.Ring(aloud):
            call.aloud = aloud
            _offer(state, call)
        case policy.AutoAnswer(delay_s):
            _offer(state, call)
            if state.call is call:
                _warn_before_answering(state, delay_s)


def _open_record(state: PhoneState, call: Call) -> None:
    state.emit(
        OpenCallRecord(
            call.call_id,
            CallDirection.INCOMING,
            call.party.number,
            account=call.account,
            verification=call.party.verification,
        )
    )


def _offer(state: PhoneState, call: Call) -> None:
    """Ring, or let the call wait beside another one or beside the dial tone."""
    call.let_through = policy.spend_once(state, call.party)
    if state.engaged or state.mode is Mode.RINGING:
        call.state = CallState.WAITING
        state.others.append(call)
    else:
        enter(state, Mode.RINGING)
        state.call = call
    state.emit(SignalRinging(call.call_id))
    _open_record(state, call)
    if call.party.number:
        state.emit(LookUpCaller(call.call_id, call.party.number))


def _send_on(state: PhoneState, call: Call, uri: SipUri, decision: Decision) -> None:
    state.emit(RedirectCall(call.call_id, uri))
    note_decision(state, call, decision)
    close_call(state, call, DisconnectReason.FORWARDED, _MOVED_TEMPORARILY)


def _warn_before_answering(state: PhoneState, delay_s: float) -> None:
    """Sound the warning in the room; without a loudspeaker the earpiece has to do."""
    state.auto_answering = True
    state.speaker = True
    state.tone = Tone.WARNING
    state.start_timer(Timer.AUTO_ANSWER, max(delay_s, _SHORTEST_WARNING_S))


def answer_by_itself(state: PhoneState, _event: TimerExpired) -> None:
    """Answer on the loudspeaker after the warning, and let nobody hear the room; ring, where that may be no more."""
    call = state.call
    if call is None:
        return
    if not policy.may_answer_itself(state, call.party):
        state.auto_answering = state.speaker = False
        state.tone = None
        return
    call.decision = Decision.AUTO_ANSWERED
    answer(state, call)
    state.muted = True


def stop_ringing_for(state: PhoneState, call: Call) -> None:
    """End what rings, because the person said so: a caller is declined, one who was on hold is hung up on."""
    state.speaker = False
    if call.is_offered:
        reject(state, call, RejectReason.DECLINED)
    else:
        hang_up(state, call)
    settle(state)


def give_up_longest(state: PhoneState, _event: Event) -> None:
    """Nobody came: free the line of whoever has waited longest."""
    call = state.first_to_answer
    if call is None:
        return
    if call.is_offered:
        match policy.on_no_answer(state, call):
            case policy.Forward(uri, decision):
                _send_on(state, call, uri, decision)
            case policy.Reject(reason, decision):
                note_decision(state, call, decision)
                reject(state, call, reason)
            case _:
                reject(state, call, RejectReason.NO_ANSWER)
    else:
        hang_up(state, call)
    if state.mode is Mode.RINGING:
        state.speaker = False
        settle(state)
