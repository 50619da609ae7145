"""Handing a call over: to a number (blind), or to a call that rings or talks (semi-attended, attended)."""

from contract.calls import DisconnectReason
from firmware.phone.call import TransferState
from firmware.phone.dial_plan import Match, Objection
from firmware.phone.dialling import offer_dial_tone, refuse_number
from firmware.phone.endings import hang_up, show_call_ended
from firmware.phone.events import KeyPressed
from firmware.phone.moves import show_notice
from firmware.phone.news import TransferChanged
from firmware.phone.orders import TransferCall, TransferToCall
from firmware.phone.state import Call, PhoneState
from firmware.phone.switching import bring_to_front, look_after_those_left, put_aside, resume, return_to_held, settle
from firmware.phone.view import Hint, Mode

_HINTS: dict[Objection, Hint] = {
    Objection.IMPOSSIBLE: Hint.NUMBER_IMPOSSIBLE,
    Objection.BARRED: Hint.NUMBER_BARRED,
    # Emergency services must reach the one who called them, and nobody is to be sent back to here.
    Objection.EMERGENCY: Hint.NUMBER_BARRED,
    Objection.OWN_NUMBER: Hint.NUMBER_IMPOSSIBLE,
}


def begin_transfer(state: PhoneState, _event: KeyPressed) -> None:
    """Ask whom to hand the call over to; with another call on hold, connect the two."""
    call = state.call
    if call is None or not call.answered or call.emergency or call.joined or call in state.handing_over:
        return
    if not connect_with_held(state, call):
        put_aside(state)
        offer_dial_tone(state)
        state.hint = state.hint or Hint.TRANSFER_TO_WHOM


def connect_with_held(state: PhoneState, target: Call) -> bool:
    """Hand the call that was put on hold last over to another one; False where none is on hold."""
    held = state.held
    if held is None or held.joined or target.emergency:
        return False
    held.transfer = TransferState.REQUESTED
    held.transfer_to = target.call_id
    state.emit(TransferToCall(held.call_id, target.call_id))
    return True


def hand_over_before_the_answer(state: PhoneState, _event: KeyPressed) -> None:
    """Hand the call on hold over to the one that is still ringing."""
    if state.call is not None and state.call not in state.handing_over:
        connect_with_held(state, state.call)


def transfer_to_number(state: PhoneState, _event: KeyPressed) -> None:
    """Hand the call on hold over to the number that was dialled; without a number go back to it."""
    held = state.held
    if held is None or held.joined or not state.engaged:
        return
    digits = state.digits
    if not digits or state.refused:
        return_to_held(state)
        return
    plan = state.settings.dial_plan
    if (objection := plan.objection(digits)) is not None:
        incomplete = objection is Objection.IMPOSSIBLE and plan.match(digits) is Match.INCOMPLETE
        refuse_number(state, digits, Hint.NUMBER_INCOMPLETE if incomplete else _HINTS[objection])
        return
    bring_to_front(state, held)
    held.transfer = TransferState.REQUESTED
    held.transfer_to = None
    state.emit(TransferCall(held.call_id, plan.normalize(digits)))


def follow_transfer(state: PhoneState, event: TransferChanged) -> None:
    """Show how far it has come; success ends both calls, failure returns the caller."""
    call = state.find_call(event.call_id)
    if call is None or not call.is_being_handed_over:
        return
    target = state.find_call(call.transfer_to) if call.transfer_to is not None else None
    if target is not None and not target.is_live:
        target = None
    call.transfer = event.state
    if event.state is TransferState.DONE:
        _let_both_go(state, call, target)
    elif event.state is TransferState.FAILED:
        call.transfer_to = None
        _return_caller(state, call, target)


def _let_both_go(state: PhoneState, call: Call, target: Call | None) -> None:
    was_in_front = state.call is call or (target is not None and state.call is target)
    hang_up(state, call, DisconnectReason.TRANSFERRED)
    if target is not None:
        hang_up(state, target)
    if not was_in_front:
        return
    if state.engaged:
        show_call_ended(state, call)
    else:
        settle(state)


def _return_caller(state: PhoneState, call: Call, target: Call | None) -> None:
    if not state.engaged:
        look_after_those_left(state)
    elif state.call is call:
        resume(state, call)
    elif state.mode is Mode.CALL_ENDED or (target is not None and state.call is target):
        bring_to_front(state, call)
        resume(state, call)
    show_notice(state, Hint.TRANSFER_FAILED)
