"""Calls that outlived the handset's process: the phone becomes what it would have been, and their records go on."""

from collections.abc import Callable, Collection

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, RejectReason
from firmware.phone.call_news import report_impossible
from firmware.phone.commands import AnnounceRecording, LookUpCaller, MarkCallAnswered, OpenCallRecord
from firmware.phone.dialling import EMERGENCY_CALLBACK_S
from firmware.phone.endings import close_call, hang_up, reject, show_call_ended
from firmware.phone.events import Timer
from firmware.phone.hook import Begin
from firmware.phone.moves import TONE_LIMIT_S, enter, show_notice
from firmware.phone.news import CallsFound, FoundCall
from firmware.phone.orders import SignalRecording, SplitCalls
from firmware.phone.recording import RecordingNotice, RecordingSign
from firmware.phone.state import Call, PhoneState
from firmware.phone.switching import answer, hold, put_down
from firmware.phone.view import Hint, Mode


def taking_over(begin: Begin) -> Callable[[PhoneState, CallsFound], None]:
    """Make the row of a mode in which nobody talks; `begin` is what lifting the handset means there."""

    def handle(state: PhoneState, event: CallsFound) -> None:
        if state.calls:
            end_found_calls(state, event)
            return
        calls = _take_records(state, event)
        live = [call for call in calls if call.is_live]
        _remember_emergency(state, event)
        if live:
            state.off_hook, state.speaker = event.off_hook, event.speaker
            _go_on(state, live, event)
            _end_recording(state, event)
        elif not state.digits and (ended := _just_ended(calls, event)) is not None:
            state.off_hook, state.speaker = event.off_hook, event.speaker
            show_call_ended(state, ended)
        elif event.off_hook and not state.engaged:
            state.off_hook = True
            begin(state)

    return handle


def end_found_calls(state: PhoneState, event: CallsFound) -> None:
    """End what is found while another call is there already; nobody could end it otherwise."""
    live = [call for call in _take_records(state, event) if call.is_live]
    if live:
        report_impossible(state, event)
    for call in live:
        if call.is_offered:
            reject(state, call, RejectReason.BUSY)
        else:
            hang_up(state, call)


def _take_records(state: PhoneState, event: CallsFound) -> list[Call]:
    """Go on with the records of all that were found and are not known, the oldest first; complete those that are over.

    What is known already was never lost.
    """
    oldest_first = sorted(event.calls, key=lambda found: -found.began_ago_s)
    return [_take_record(state, found) for found in oldest_first if state.find_call(found.call_id) is None]


def _take_record(state: PhoneState, found: FoundCall) -> Call:
    call = Call(
        found.call_id,
        found.direction,
        found.party,
        found.state,
        account=found.account,
        emergency=_is_emergency(state, found),
        accepted=found.accepted,
        answered=found.answered_ago_s is not None,
        hold_wanted=found.state is CallState.HELD,
        receiving=found.receiving,
        sending=found.sending,
        duration_s=int(found.answered_ago_s or 0),
        hides_dtmf=state.settings.hide_dtmf,
    )
    state.emit(
        OpenCallRecord(
            call.call_id,
            call.direction,
            call.party.number,
            account=call.account,
            began_ago_s=found.began_ago_s,
            verification=call.party.verification,
        )
    )
    if found.answered_ago_s is not None:
        state.emit(MarkCallAnswered(call.call_id, found.answered_ago_s))
    if not call.is_live:
        close_call(state, call, found.reason or DisconnectReason.INTERRUPTED, found.sip_code, found.ended_ago_s or 0.0)
    elif call.party.number:
        state.emit(LookUpCaller(call.call_id, call.party.number))
    return call


def _is_emergency(state: PhoneState, found: FoundCall) -> bool:
    outgoing = found.direction is CallDirection.OUTGOING
    return outgoing and state.settings.dial_plan.is_emergency(found.party.number)


def _remember_emergency(state: PhoneState, event: CallsFound) -> None:
    """Let whoever was called for help call back for as long as they could have."""
    ages_s = [found.began_ago_s for found in event.calls if _is_emergency(state, found)]
    if ages_s and min(ages_s) < EMERGENCY_CALLBACK_S:
        state.start_timer(Timer.EMERGENCY_CALLBACK, EMERGENCY_CALLBACK_S - min(ages_s))


def _go_on(state: PhoneState, live: list[Call], event: CallsFound) -> None:
    """Bring one call to the front, as the person has it in the ear, and the others beside it."""
    offered = [call for call in live if call.is_offered]
    for call in offered:
        call.state = CallState.WAITING
    running = [call for call in live if call not in offered]
    _join(state, running, event.joined)
    front = _foreground(running)
    enter(state, Mode.OUTGOING if front is not None and _is_being_placed(front) else Mode.IN_CALL)
    state.call = front
    state.others = [call for call in live if call is not front]
    state.muted = event.muted and state.mode is Mode.IN_CALL
    for call in running:
        if call is not front and not (front is not None and front.joined and call.joined):
            hold(state, call)
    if front is None and state.off_hook:
        # Somebody came to the phone while nobody was there to notice.
        state.others.remove(offered[0])
        answer(state, offered[0])
    elif front is None or not state.engaged:
        put_down(state)


def _join(state: PhoneState, running: list[Call], joined: Collection[CallId]) -> None:
    members = [call for call in running if call.answered and call.call_id in joined]
    if len(members) > 1:
        for call in members:
            call.joined = True
    elif joined:
        state.emit(SplitCalls())


def _foreground(running: list[Call]) -> Call | None:
    """Return the newest call that is being placed, or else talked to, or else on hold."""
    placed = [call for call in running if _is_being_placed(call)]
    talked_to = [call for call in running if not call.is_held and not _is_being_placed(call)]
    return next((calls[-1] for calls in (placed, talked_to, running) if calls), None)


def _is_being_placed(call: Call) -> bool:
    return call.direction is CallDirection.OUTGOING and not (call.answered or call.accepted)


def _just_ended(calls: list[Call], event: CallsFound) -> Call | None:
    """Return the call whose end somebody at the phone has not been told of, None where there is none."""
    if not (event.off_hook or event.speaker):
        return None
    ago_s = {found.call_id: found.ended_ago_s or 0.0 for found in event.calls}
    ended = [call for call in calls if call.answered or call.direction is CallDirection.OUTGOING]
    newest = min(ended, key=lambda call: ago_s[call.call_id], default=None)
    return newest if newest is not None and ago_s[newest.call_id] < TONE_LIMIT_S else None


def _end_recording(state: PhoneState, event: CallsFound) -> None:
    """Tell those who were told that they are recorded that they are no more: what recorded them ended."""
    told = {found.call_id for found in event.calls if found.recorded}
    recorded = [call for call in state.calls if call.call_id in told]
    if not recorded:
        return
    state.emit(*(SignalRecording(call.call_id, RecordingSign.OFF) for call in recorded))
    if state.microphone_open:
        state.emit_with_sound(AnnounceRecording(RecordingNotice.END))
    show_notice(state, Hint.RECORDING_ENDED)
