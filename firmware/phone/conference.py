"""Three talk: this handset and two others, mixed here."""

from firmware.phone.call import CallState
from firmware.phone.events import KeyPressed
from firmware.phone.moves import show_notice
from firmware.phone.orders import HoldCall, JoinCalls, SplitCalls
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint


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
