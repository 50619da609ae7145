"""From digits to a call: dial tone, sending a number, and turning one down."""

from typing import Literal

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import auto_redial
from firmware.phone.call import CallerId, CallState, Decision, RejectReason
from firmware.phone.commands import CloseCallRecord, LookUpCaller, OpenCallRecord
from firmware.phone.dial_plan import Match
from firmware.phone.dial_string import parse_number
from firmware.phone.endings import hang_up, note_decision, reject
from firmware.phone.events import Timer
from firmware.phone.moves import SETTLE_S, TONE_LIMIT_S, enter
from firmware.phone.orders import PlaceCall, Tone
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Hint, Mode

EMERGENCY_CALLBACK_S = 1800.0
"""For so long after an emergency call nothing stands in the way of a call that comes back."""


def offer_dial_tone(state: PhoneState) -> None:
    """Begin with an empty number and the handset off."""
    enter(state, Mode.COLLECTING_DIGITS)
    if not state.can_call:
        state.tone = Tone.REORDER
        state.hint = state.why_no_calls
        state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)
        return
    state.tone = Tone.STUTTER_DIAL if state.features.voicemail_count else Tone.DIAL
    state.hint = state.restriction
    state.start_timer(Timer.DIAL_TONE, state.settings.first_digit_timeout_s)


def send_number(state: PhoneState, digits: str, *, anonymous_code: str = "") -> None:
    """Call what was dialled, or say why not. The handset is off.

    Args:
        state: the phone.
        digits: the number as dialled.
        anonymous_code: what was dialled before it to withhold who calls; empty where that was not asked for.
    """
    plan = state.settings.dial_plan
    if not plan.accepts(digits):
        hopeless = plan.match(digits) is Match.IMPOSSIBLE
        refuse_number(state, digits, Hint.NUMBER_IMPOSSIBLE if hopeless else Hint.NUMBER_INCOMPLETE)
    elif not state.can_call:
        refuse_number(state, digits, state.why_no_calls)
    elif (restriction := state.restriction) is not None and not plan.reaches_emergency(digits):
        refuse_number(state, digits, restriction)
    elif plan.is_barred(digits) and digits != state.features.unbarred:
        _bar_number(state, digits)
    elif not state.has_room and not plan.reaches_emergency(digits):
        refuse_number(state, digits, Hint.TOO_MANY_CALLS)
    else:
        place_call(state, digits, anonymous_code=anonymous_code)


def _bar_number(state: PhoneState, digits: str) -> None:
    """Turn down a number that the configuration forbids; the call log says so."""
    call_id = state.new_call_id()
    state.emit(
        # Without the digits: after a restart redial is to offer the last number that can be called.
        OpenCallRecord(
            call_id,
            CallDirection.OUTGOING,
            state.settings.dial_plan.number(digits),
            account=state.settings.dial_plan.account(digits),
            decision=Decision.BARRED,
        ),
        CloseCallRecord(call_id, DisconnectReason.BARRED, 0, Decision.BARRED),
    )
    refuse_number(state, digits, Hint.NUMBER_BARRED)


def _make_room(state: PhoneState) -> None:
    """Let nothing stand in the way of an emergency call: nobody waits beside it, and a full table has room again."""
    for call in [call for call in state.others if call.is_offered]:
        note_decision(state, call, Decision.PHONE_BUSY)
        reject(state, call, RejectReason.BUSY)
    while state.others and not state.has_room:
        hang_up(state, state.others[0])


def refuse_number(state: PhoneState, digits: str, hint: Hint) -> None:
    """Turn down what was dialled, with reorder tone and a reason."""
    enter(state, Mode.COLLECTING_DIGITS)
    state.digits = digits
    state.refused = True
    state.settled = False
    state.tone = Tone.REORDER
    state.hint = hint
    state.start_timer(Timer.INTER_DIGIT, SETTLE_S)
    state.start_timer(Timer.DIAL_TONE, TONE_LIMIT_S)


def place_call(
    state: PhoneState,
    digits: str,
    *,
    anonymous_code: str = "",
    mode: Literal[Mode.OUTGOING, Mode.REDIALLING] = Mode.OUTGOING,
) -> None:
    """Call a number that nothing stands against, with somebody at the phone or (REDIALLING) with nobody."""
    plan = state.settings.dial_plan
    number = plan.number(digits)
    # Redial repeats the code too: a call that was anonymous stays so.
    dialled = anonymous_code + digits
    emergency = plan.reaches_emergency(digits)
    account = plan.account(digits)
    call = Call(
        call_id=state.new_call_id(),
        direction=CallDirection.OUTGOING,
        party=CallerId(number),
        state=CallState.DIALING,
        account=state.features.working_account(account) if emergency else account,
        emergency=emergency,
        # Whoever answers a call for help listens to a person.
        post_dial="" if emergency else parse_number(digits).post_dial,
        hides_dtmf=state.settings.hide_dtmf or digits == state.settings.voicemail_number,
    )
    if call.emergency:
        _make_room(state)
    state.emit(
        OpenCallRecord(call.call_id, CallDirection.OUTGOING, number, dialled=dialled, account=call.account),
        PlaceCall(
            call.call_id,
            plan.normalize(digits, call.account),
            call.account,
            # Whoever calls for help is found by the number.
            anonymous=bool(anonymous_code) and not call.emergency,
        ),
        LookUpCaller(call.call_id, number),
    )
    state.features.unbarred = ""
    state.features.why_failed = None
    state.last_dialled = dialled
    auto_redial.take_call(state, dialled)
    enter(state, mode)
    state.call = call
    if call.emergency:
        state.start_timer(Timer.EMERGENCY_CALLBACK, EMERGENCY_CALLBACK_S)
