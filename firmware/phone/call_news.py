"""News of calls, whichever of them it is and whatever the phone is doing."""

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import auto_redial, policy
from firmware.phone.call import CallState, Decision, RejectReason
from firmware.phone.commands import (
    KeepCallQuality,
    LookUpCaller,
    MarkCallAnswered,
    OpenCallRecord,
    ReportImpossibleEvent,
)
from firmware.phone.endings import close_call, end_reason, hang_up, note_decision, reject, show_call_ended
from firmware.phone.events import CallerNamed, Event, NumberAttributed
from firmware.phone.news import CallAudioChanged, CallPartyChanged, CallQualityMeasured, CallReplaced, CallStateChanged
from firmware.phone.orders import HangUpCall, HoldCall, JoinCalls, OpenText
from firmware.phone.state import Call, PhoneState
from firmware.phone.switching import bring_to_front, settle
from firmware.phone.texting import tell_that_text_is_kept


def report_impossible(state: PhoneState, event: Event) -> None:
    """Report what cannot happen; it changes nothing."""
    state.emit(ReportImpossibleEvent(state.mode.value, type(event).__name__))


def take_stray_call_state(state: PhoneState, event: CallStateChanged) -> None:
    """Take news of a call that is not in the foreground: one that waits or is on hold, or one that nobody knows.

    SIP's truth is that an unknown one runs, so it is ended. The last events of calls that were hung up are on the way
    when the phone has already moved on.
    """
    call = next((call for call in state.others if call.call_id == event.call_id), None)
    if call is not None:
        _move_other_call(state, call, event)
    elif event.state is not CallState.DISCONNECTED and event.call_id not in state.departed:
        state.emit(HangUpCall(event.call_id))
        report_impossible(state, event)


def _move_other_call(state: PhoneState, call: Call, event: CallStateChanged) -> None:
    match event.state:
        case CallState.DISCONNECTED:
            close_call(state, call, end_reason(call, event), event.sip_code)
        case CallState.ACTIVE | CallState.HELD if not call.is_offered:
            note_running(state, call, event.state)
        case CallState.DIALING | CallState.ALERTING if not call.answered and not call.is_offered:
            call.state = event.state
        case CallState.INCOMING | CallState.WAITING if not call.answered:
            pass
        case CallState.ACTIVE | CallState.HELD:
            end_unheard_call(state, call, event)
        case _:
            report_impossible(state, event)


def move_foreground_call(state: PhoneState, event: CallStateChanged) -> None:
    """Follow a call that is being placed, is being answered or is talked to."""
    call = state.call
    if call is None or call.call_id != event.call_id:
        take_stray_call_state(state, event)
        return
    match event.state:
        case CallState.DISCONNECTED:
            _end_foreground_call(state, call, event)
        case CallState.ACTIVE:
            note_running(state, call, event.state)
        case CallState.HELD if call.answered or call.accepted:
            note_running(state, call, event.state)
        case CallState.DIALING | CallState.ALERTING if not call.answered and call.direction is CallDirection.OUTGOING:
            call.state = event.state
        case CallState.INCOMING if call.accepted and not call.answered:
            call.state = event.state
        case _:
            report_impossible(state, event)


def _end_foreground_call(state: PhoneState, call: Call, event: CallStateChanged) -> None:
    partner = next((member for member in state.conference if call.joined and member is not call), None)
    caller = next((other for other in state.others if _is_handed_over_to(other, call)), None)
    answered_and_left = caller is not None and call.answered
    reason = DisconnectReason.TRANSFERRED if answered_and_left else end_reason(call, event)
    close_call(state, call, reason, event.sip_code)
    if caller is not None:
        # How the transfer fares is still to be told, and until then the caller may come back.
        caller.transfer_to = None
        bring_to_front(state, caller)
    elif partner is None:
        show_call_ended(state, call)
    else:
        state.others.remove(partner)
        state.call = partner


def _is_handed_over_to(call: Call, target: Call) -> bool:
    return call.is_being_handed_over and call.transfer_to == target.call_id


def note_running(state: PhoneState, call: Call, now: CallState) -> None:
    """The call runs; the first time, that is its answer, and what was wanted of it meanwhile is asked for."""
    call.state = CallState.HELD if call.hold_wanted else now
    if call.answered:
        return
    call.answered = True
    auto_redial.disarm(state)
    state.emit(MarkCallAnswered(call.call_id))
    if call.text is not None:
        state.emit(OpenText(call.call_id))
    if call.hold_wanted:
        state.emit(HoldCall(call.call_id))
    elif call.joined:
        state.emit(JoinCalls(tuple(member.call_id for member in state.conference)))


def end_unheard_call(state: PhoneState, call: Call, event: CallStateChanged) -> None:
    """End a call that runs although nobody has answered it: it must not listen to the room."""
    report_impossible(state, event)
    hang_up(state, call)
    if call is state.call:
        state.speaker = False
        settle(state)


def change_audio(state: PhoneState, event: CallAudioChanged) -> None:
    """Remember who can be heard by whom."""
    if (call := state.find_call(event.call_id)) is not None:
        call.receiving = event.receiving
        call.sending = event.sending


def name_caller(state: PhoneState, event: CallerNamed) -> None:
    """Show the address book's name, and ring the contact's own way; a blocked contact is turned away.

    As a rule the blocked number is known before it rings. The address book knows more: a number without its area code.
    """
    if (call := state.find_call(event.call_id)) is None:
        return
    call.contact_name = event.name
    call.contact_ring = event.ring
    call.picture = event.picture
    rings = call.let_through or policy.rings_even_if_blocked(state, call.party)
    if event.blocked and call.is_offered and not rings:
        rings = call is state.call
        note_decision(state, call, Decision.BLOCKED)
        reject(state, call, RejectReason.BLOCKED)
        if rings:
            state.speaker = False
            settle(state)


def attribute_number(state: PhoneState, event: NumberAttributed) -> None:
    """Show where the number belongs to."""
    if (call := state.find_call(event.call_id)) is not None:
        call.attribution = event.attribution


def change_party(state: PhoneState, event: CallPartyChanged) -> None:
    """Show who is at the other end now."""
    if (call := state.find_call(event.call_id)) is not None and call.is_live:
        call.party = event.party
        call.contact_name = call.attribution = call.picture = ""
        if call.text is not None:
            call.text.told = False
            tell_that_text_is_kept(state, call)
        if event.party.number:
            state.emit(LookUpCaller(call.call_id, event.party.number))


def note_quality(state: PhoneState, event: CallQualityMeasured) -> None:
    """Show how a call sounds; what is measured last, after this end has hung up, counts too."""
    if (call := state.find_call(event.call_id)) is not None and call.is_live:
        call.quality = event.quality
    elif event.call_id in state.departed:
        state.emit(KeepCallQuality(event.call_id, event.quality))
        for past in state.features.past_calls:
            if past.call_id == event.call_id:
                past.quality = event.quality


def replace_call(state: PhoneState, event: CallReplaced) -> None:
    """Let a call take another one's place, with a record of its own."""
    old = state.find_call(event.call_id)
    if old is None or not old.is_live or old.is_offered or state.find_call(event.new_call_id) is not None:
        return
    new = Call(
        event.new_call_id,
        event.direction,
        event.party,
        CallState.DIALING,
        account=old.account,
        accepted=True,
        hold_wanted=old.hold_wanted,
        joined=old.joined,
        post_dial=old.post_dial,
        hides_dtmf=old.hides_dtmf,
    )
    state.emit(OpenCallRecord(new.call_id, event.direction, event.party.number, account=new.account))
    if event.party.number:
        state.emit(LookUpCaller(new.call_id, event.party.number))
    if old is state.call:
        state.call = new
    else:
        state.others[state.others.index(old)] = new
    old.joined = False
    close_call(state, old, DisconnectReason.TRANSFERRED, 0)
