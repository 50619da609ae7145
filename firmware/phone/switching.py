"""Between several calls: hold and resume, put one aside, join two, and who rings when the phone is put down."""

from contract.calls import CallDirection
from firmware.phone.call import CallState, RejectReason
from firmware.phone.endings import hang_up, reject
from firmware.phone.events import Event, KeyPressed
from firmware.phone.moves import enter, go_home, show_notice
from firmware.phone.orders import AnswerCall, HoldCall, JoinCalls, ResumeCall, SplitCalls
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode


def hold(state: PhoneState, call: Call) -> None:
    """Put a call on hold, with all that it is joined to; the microphone shuts now, not when the far end has agreed.

    A call that SIP has not reported as active yet is put on hold as soon as it does.
    """
    for member in _together_with(state, call):
        if not member.hold_wanted:
            member.hold_wanted = True
            if member.answered:
                # Until SIP reports it as active once more: the microphone must not open between two quick wishes.
                member.state = CallState.HELD
                state.emit(HoldCall(member.call_id))


def resume(state: PhoneState, call: Call) -> None:
    """Talk to a call again, and to all that it is joined to."""
    members = _together_with(state, call)
    for member in members:
        member.hold_wanted = False
    if len(members) > 1:
        state.emit(JoinCalls(tuple(member.call_id for member in members)))
    elif call.answered:
        state.emit(ResumeCall(call.call_id))


def _together_with(state: PhoneState, call: Call) -> list[Call]:
    return state.conference if call.joined else [call]


def put_aside(state: PhoneState) -> None:
    """Make room in the foreground: an answered call goes on hold, one that was being placed ends."""
    call = state.call
    if call is not None and call.is_live:
        was_only_placed = call.direction is CallDirection.OUTGOING and not call.answered
        if was_only_placed and call not in state.handing_over:
            hang_up(state, call)
        else:
            state.others.append(call)
            hold(state, call)
    state.call = None


def bring_to_front(state: PhoneState, call: Call) -> None:
    """Take a call from beside the foreground into it; what was there is put aside."""
    state.others.remove(call)
    put_aside(state)
    enter(state, Mode.IN_CALL)
    state.call = call


def return_to_held(state: PhoneState) -> bool:
    """Resume the call that was put on hold last; False where there is none."""
    call = state.held
    if call is None:
        return False
    bring_to_front(state, call)
    resume(state, call)
    return True


def end_and_return(state: PhoneState) -> bool:
    """End the call in the foreground in favour of the one on hold; False where there is none."""
    if state.call is None or state.held is None or state.call.joined:
        return False
    hang_up(state, state.call)
    return return_to_held(state)


def swap(state: PhoneState) -> bool:
    """Put the foreground on hold and talk to the call that has been on hold the longest; False where there is none."""
    call = state.held_longest
    if call is None:
        return False
    bring_to_front(state, call)
    resume(state, call)
    return True


def answer(state: PhoneState, call: Call) -> None:
    """Accept a call that is in the foreground; the microphone waits until SIP says that it is active."""
    call.accepted = True
    state.muted = False
    enter(state, Mode.IN_CALL)
    state.call = call
    state.emit(AnswerCall(call.call_id))


def answer_waiting(state: PhoneState) -> bool:
    """Put the present call on hold and answer the one that waits; False where none does."""
    call = state.waiting
    if call is None:
        return False
    state.others.remove(call)
    put_aside(state)
    answer(state, call)
    return True


def decline_waiting(state: PhoneState) -> bool:
    """Turn away the call that waits, because the person said so; False where none does."""
    call = state.waiting
    if call is None:
        return False
    reject(state, call, RejectReason.DECLINED)
    return True


def silence_waiting(state: PhoneState) -> bool:
    """Stop the tone that tells of calls that wait; False where none sounds."""
    loud = [call for call in state.others if call.is_offered and not call.silenced]
    for call in loud:
        call.silenced = True
    return bool(loud)


def silence_waiting_call(state: PhoneState, _event: Event) -> None:
    """Silence the waiting tone, where there is one."""
    silence_waiting(state)


def take_other_call(state: PhoneState, _event: Event) -> None:
    """Answer the call that waits, or else go back to the one on hold."""
    if not answer_waiting(state):
        return_to_held(state)


def toggle_conference(state: PhoneState, _event: KeyPressed) -> None:
    """Join the call in the foreground and the one on hold, or split those that are joined."""
    call = state.call
    if call is None or not call.answered or call.emergency or call in state.handing_over:
        return
    if call.joined:
        _split(state, call)
    elif state.conference:
        show_notice(state, Hint.TOO_MANY_CALLS)
    elif (other := state.held) is not None:
        for member in (call, other):
            member.joined = True
            member.hold_wanted = False
        state.emit(JoinCalls((call.call_id, other.call_id)))


def _split(state: PhoneState, call: Call) -> None:
    """Go on with the foreground alone; the other one goes on hold."""
    others = [member for member in state.conference if member is not call]
    call.joined = False
    state.emit(SplitCalls())
    for member in others:
        member.joined = False
        if not member.hold_wanted:
            member.hold_wanted = True
            member.state = CallState.HELD
            state.emit(HoldCall(member.call_id))


def put_down(state: PhoneState) -> None:
    """End what was talked to; calls on hold, and those that wait, ring. The handset is in its cradle."""
    state.speaker = False
    call = state.call
    if call is not None and call.is_live:
        if call.is_held or call in state.handing_over:
            # A call that is handed over ends by itself, as does the one that takes its place.
            state.others.append(call)
            hold(state, call)
        elif call.joined:
            for member in state.conference:
                hang_up(state, member)
        else:
            hang_up(state, call)
    state.call = None
    state.muted = False
    settle(state)


def settle(state: PhoneState) -> None:
    """Ring for whoever waits or is on hold, or be a phone that nobody uses. The handset is in its cradle."""
    if (waiting := state.waiting) is not None:
        waiting.state = CallState.INCOMING
        waiting.silenced = False
        _ring_for(state, waiting)
    elif (held := state.held) is not None:
        held.silenced = False
        _ring_for(state, held)
    else:
        go_home(state)


def look_after_those_left(state: PhoneState) -> None:
    """End calls that have lost their purpose, and ring for those that came back while nobody is at the phone."""
    for call in state.abandoned:
        hang_up(state, call)
    rings_already = state.mode in {Mode.RINGING, Mode.REDIALLING}
    if not state.engaged and not rings_already and (state.waiting or state.held):
        settle(state)


def _ring_for(state: PhoneState, call: Call) -> None:
    state.others.remove(call)
    enter(state, Mode.RINGING)
    state.call = call


def fall_quiet(state: PhoneState) -> None:
    """Leave a handset that stays off in peace, with a word on the display; a loudspeaker is simply switched off."""
    if not state.off_hook:
        put_down(state)
        return
    state.tone = None
    state.listening = False
    state.hint = Hint.HANDSET_IS_OFF
