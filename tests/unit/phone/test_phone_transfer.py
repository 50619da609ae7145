"""Handing a call over: blind, attended, while the other one still rings; and calls that others hand over to us."""

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, SipUri, TransferState
from firmware.phone.commands import CloseCallRecord, LookUpCaller, MarkCallAnswered, OpenCallRecord
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.news import CallPartyChanged, CallReplaced, CallStateChanged, TransferChanged
from firmware.phone.orders import (
    HangUpCall,
    HoldCall,
    JoinCalls,
    OpenAudio,
    PlaceCall,
    PlayTone,
    ResumeCall,
    StartRinging,
    Tone,
    TransferCall,
    TransferToCall,
)
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import CALLER, INCOMING, Desk, settings, without_page

BOB = CallerId("02087654321", "Bob")
NEW = CallId("new")


def _asked_whom() -> Desk:
    """Anna is on hold, and whoever she is to be handed over to is being dialled."""
    desk = Desk()
    desk.answered_incoming_call()
    desk.press(Key.TRANSFER)
    desk.sip(CallState.HELD, INCOMING)
    return desk


def _handed_over_blindly() -> Desk:
    desk = _asked_whom()
    desk.dial("23", Key.TRANSFER)
    return desk


def _consulting(state: CallState = CallState.ACTIVE) -> tuple[Desk, CallId]:
    """Anna is on hold, and whoever she is to be handed over to has been called."""
    desk = _asked_whom()
    desk.dial("23#")
    call_id = desk.said(PlaceCall)[-1].call_id
    desk.sip(state, call_id)
    return desk, call_id


def _transfer(desk: Desk, state: TransferState, call_id: CallId = INCOMING) -> None:
    desk.handle(TransferChanged(call_id, state))


def test_the_transfer_key_holds_the_call_and_asks_whom(desk: Desk) -> None:
    desk.answered_incoming_call()
    commands = desk.press(Key.TRANSFER)
    assert HoldCall(INCOMING) in commands
    assert PlayTone(Tone.DIAL) in commands
    assert desk.view.hint is Hint.TRANSFER_TO_WHOM
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert not desk.view.microphone_open


# --- blind ---


def test_the_transfer_key_after_a_number_hands_the_call_over_to_it() -> None:
    desk = _asked_whom()
    desk.dial("23")
    assert TransferCall(INCOMING, SipUri("sip:23@example.com")) in desk.press(Key.TRANSFER)
    assert desk.said(PlaceCall) == []
    assert desk.view.mode is Mode.IN_CALL
    assert (desk.call.state, desk.call.transfer) == (CallState.HELD, TransferState.REQUESTED)


def test_a_transfer_that_has_come_about_ends_the_call() -> None:
    desk = _handed_over_blindly()
    _transfer(desk, TransferState.RINGING)
    assert desk.call.transfer is TransferState.RINGING
    _transfer(desk, TransferState.DONE)
    assert desk.said(HangUpCall) == [HangUpCall(INCOMING)]
    assert desk.said(CloseCallRecord) == [CloseCallRecord(INCOMING, DisconnectReason.TRANSFERRED, 0)]
    assert desk.view.mode is Mode.CALL_ENDED
    assert desk.call.reason is DisconnectReason.TRANSFERRED


def test_a_far_end_that_hangs_up_before_it_says_how_the_transfer_went_was_transferred() -> None:
    desk = _handed_over_blindly()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP, 200)
    assert desk.said(CloseCallRecord) == [CloseCallRecord(INCOMING, DisconnectReason.TRANSFERRED, 200)]


def test_a_transfer_that_fails_brings_the_caller_back() -> None:
    desk = _handed_over_blindly()
    _transfer(desk, TransferState.FAILED)
    assert desk.said(ResumeCall) == [ResumeCall(INCOMING)]
    assert desk.view.hint is Hint.TRANSFER_FAILED
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, INCOMING)


def test_the_handset_may_be_replaced_before_the_transfer_is_through() -> None:
    desk = _handed_over_blindly()
    desk.replace()
    assert desk.view.mode is Mode.IDLE
    assert desk.said(HangUpCall) == []
    assert StartRinging("recall") not in desk.all_commands
    _transfer(desk, TransferState.DONE)
    assert desk.said(CloseCallRecord) == [CloseCallRecord(INCOMING, DisconnectReason.TRANSFERRED, 0)]
    assert desk.view.mode is Mode.IDLE


def test_a_transfer_that_fails_after_the_handset_was_replaced_recalls() -> None:
    desk = _handed_over_blindly()
    desk.replace()
    _transfer(desk, TransferState.FAILED)
    assert StartRinging("recall") in desk.all_commands
    assert desk.view.hint is Hint.TRANSFER_FAILED
    assert ResumeCall(INCOMING) in desk.lift()


@pytest.mark.parametrize(
    ("digits", "hint"), [("2", Hint.NUMBER_INCOMPLETE), ("110", Hint.NUMBER_BARRED)], ids=["incomplete", "emergency"]
)
def test_a_number_that_calls_must_not_be_handed_over_to_is_refused(digits: str, hint: Hint) -> None:
    # Longer numbers begin like the emergency number, so that it is not called by itself.
    desk = Desk(settings("2xT", "110xx"))
    desk.answered_incoming_call()
    desk.press(Key.TRANSFER)
    desk.dial(digits, Key.TRANSFER)
    assert desk.view.hint is hint
    assert desk.said(TransferCall) == []
    assert [call.state for call in desk.view.other_calls] == [CallState.HELD]


def test_the_transfer_key_without_a_number_or_cancel_goes_back_to_the_caller() -> None:
    for key in (Key.TRANSFER, Key.CANCEL):
        desk = _asked_whom()
        assert ResumeCall(INCOMING) in desk.press(key)
        assert desk.view.mode is Mode.IN_CALL


# --- attended ---


def test_the_transfer_key_connects_the_one_on_hold_with_the_one_who_was_asked() -> None:
    desk, asked = _consulting()
    assert TransferToCall(INCOMING, asked) in desk.press(Key.TRANSFER)
    assert desk.view.other_calls[0].transfer is TransferState.REQUESTED
    _transfer(desk, TransferState.DONE)
    assert {command.call_id: command.reason for command in desk.said(CloseCallRecord)} == {
        INCOMING: DisconnectReason.TRANSFERRED,
        asked: DisconnectReason.LOCAL_HANGUP,
    }
    assert desk.view.mode is Mode.CALL_ENDED


def test_the_transfer_key_while_the_other_one_still_rings_connects_them_too() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    assert TransferToCall(INCOMING, asked) in desk.press(Key.TRANSFER)
    assert desk.press(Key.TRANSFER) == []


@pytest.mark.parametrize("state", [CallState.ACTIVE, CallState.ALERTING])
def test_one_who_was_asked_may_leave_before_it_is_known_how_the_transfer_went(state: CallState) -> None:
    desk, asked = _consulting(state)
    desk.press(Key.TRANSFER)
    desk.sip(CallState.DISCONNECTED, asked, DisconnectReason.REMOTE_HANGUP)
    assert desk.view.mode is Mode.IN_CALL
    assert (desk.call.party, desk.call.transfer) == (CALLER, TransferState.REQUESTED)
    assert desk.said(ResumeCall) == []
    _transfer(desk, TransferState.DONE)
    assert desk.shown().mode is Mode.CALL_ENDED
    assert desk.call.reason is DisconnectReason.TRANSFERRED


def test_a_transfer_that_fails_after_the_one_who_was_asked_has_left_brings_the_caller_back() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    desk.press(Key.TRANSFER)
    desk.sip(CallState.DISCONNECTED, asked, DisconnectReason.CANCELLED)
    _transfer(desk, TransferState.FAILED)
    assert desk.said(ResumeCall) == [ResumeCall(INCOMING)]
    assert desk.view.hint is Hint.TRANSFER_FAILED


def test_an_attended_transfer_that_fails_brings_the_caller_back_and_holds_the_other_one() -> None:
    desk, asked = _consulting()
    desk.press(Key.TRANSFER)
    _transfer(desk, TransferState.FAILED)
    assert HoldCall(asked) in desk.all_commands
    assert desk.said(ResumeCall) == [ResumeCall(INCOMING)]
    assert desk.view.hint is Hint.TRANSFER_FAILED
    assert desk.call.party == CALLER


def test_replacing_the_handset_during_an_attended_transfer_hangs_up_on_nobody() -> None:
    desk, asked = _consulting()
    desk.press(Key.TRANSFER)
    assert HoldCall(asked) in desk.replace()
    assert desk.said(HangUpCall) == []
    assert desk.view.mode is Mode.IDLE
    desk.sip(CallState.DISCONNECTED, asked, DisconnectReason.REMOTE_HANGUP)
    _transfer(desk, TransferState.DONE)
    assert len(desk.said(CloseCallRecord)) == 2
    assert desk.view.other_calls == ()


def test_an_attended_transfer_that_fails_with_the_handset_down_ends_a_call_that_nobody_answered() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    desk.press(Key.TRANSFER)
    desk.replace()
    _transfer(desk, TransferState.FAILED)
    assert desk.said(HangUpCall) == [HangUpCall(asked)]
    assert StartRinging("recall") in desk.all_commands


def test_a_call_that_is_answered_after_the_handset_was_replaced_is_put_on_hold_at_once() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    desk.press(Key.TRANSFER)
    desk.replace()
    assert desk.sip(CallState.ACTIVE, asked)[:2] == [MarkCallAnswered(asked), HoldCall(asked)]


def test_one_who_was_asked_is_recalled_when_the_caller_hangs_up_in_the_middle_of_the_transfer() -> None:
    desk, _ = _consulting()
    desk.press(Key.TRANSFER)
    desk.replace()
    assert StartRinging("recall") in desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)


def test_a_call_that_is_handed_over_to_goes_on_ringing_while_somebody_else_is_answered() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    desk.press(Key.TRANSFER)
    desk.ring(NEW, BOB)
    desk.press(Key.OK)
    assert desk.said(HangUpCall) == []
    desk.sip(CallState.ACTIVE, NEW)
    _transfer(desk, TransferState.FAILED)
    assert desk.said(HangUpCall) == [HangUpCall(asked)]
    assert desk.call.party == BOB


def test_one_who_was_asked_and_is_busy_leaves_the_caller_on_hold() -> None:
    desk, asked = _consulting(CallState.ALERTING)
    desk.sip(CallState.DISCONNECTED, asked, DisconnectReason.BUSY, 486)
    assert desk.view.hint is Hint.CALL_ON_HOLD
    assert ResumeCall(INCOMING) in desk.press(Key.OK)


def test_replacing_the_handset_while_consulting_recalls_the_caller() -> None:
    desk, asked = _consulting()
    commands = desk.replace()
    assert HangUpCall(asked) in commands
    assert StartRinging("recall") in commands


def test_an_emergency_call_cannot_be_handed_over_or_put_on_hold(desk: Desk) -> None:
    desk.lift()
    desk.dial("112")
    desk.sip(CallState.ACTIVE, desk.said(PlaceCall)[-1].call_id)
    for key in (Key.TRANSFER, Key.HOLD, Key.CONFERENCE):
        assert desk.press(key) == []


def test_news_of_a_transfer_that_nobody_asked_for_means_nothing(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert desk.handle(TransferChanged(INCOMING, TransferState.DONE)) == []


# --- handed over from afar ---


@pytest.mark.parametrize("direction", CallDirection)
def test_a_call_takes_the_place_of_another_with_a_record_of_its_own(desk: Desk, direction: CallDirection) -> None:
    desk.answered_incoming_call()
    assert without_page(desk.handle(CallReplaced(INCOMING, NEW, BOB, direction)))[:4] == [
        OpenAudio(talk=False),
        OpenCallRecord(NEW, direction, BOB.number),
        LookUpCaller(NEW, BOB.number),
        CloseCallRecord(INCOMING, DisconnectReason.TRANSFERRED, 0),
    ]
    assert desk.view.mode is Mode.IN_CALL
    assert desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP) == []
    commands = desk.sip(CallState.ACTIVE, NEW)
    assert MarkCallAnswered(NEW) in commands
    assert OpenAudio(talk=True) in commands
    assert desk.call.party == BOB


def test_ringback_is_heard_while_the_one_we_were_sent_to_rings(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.handle(CallReplaced(INCOMING, NEW, BOB), CallStateChanged(NEW, CallState.DIALING))
    assert PlayTone(Tone.RINGBACK) in desk.sip(CallState.ALERTING, NEW)
    desk.sip(CallState.DISCONNECTED, NEW, DisconnectReason.BUSY, 486)
    assert desk.view.mode is Mode.CALL_ENDED
    assert desk.view.missed_calls == 0


def test_a_call_on_hold_that_is_replaced_stays_on_hold() -> None:
    desk, _ = _consulting()
    desk.handle(CallReplaced(INCOMING, NEW, BOB))
    assert HoldCall(NEW) in desk.sip(CallState.ACTIVE, NEW)
    assert [(call.party, call.state) for call in desk.view.other_calls] == [(BOB, CallState.HELD)]


def test_a_call_in_conference_that_is_replaced_is_joined_again() -> None:
    desk, asked = _consulting()
    desk.press(Key.CONFERENCE)
    desk.handle(CallReplaced(INCOMING, NEW, BOB))
    joined = [command for command in desk.sip(CallState.ACTIVE, NEW) if isinstance(command, JoinCalls)]
    assert joined == [JoinCalls((asked, NEW))]


def test_no_ringback_is_heard_over_the_other_one_in_a_conference() -> None:
    desk, asked = _consulting()
    desk.press(Key.CONFERENCE)
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.handle(CallReplaced(asked, NEW, BOB))
    assert PlayTone(Tone.RINGBACK) not in desk.sip(CallState.ALERTING, NEW)
    assert desk.view.microphone_open


def test_another_party_at_the_far_end_is_shown_and_looked_up(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert LookUpCaller(INCOMING, BOB.number) in desk.handle(CallPartyChanged(INCOMING, BOB))
    assert desk.call.party == BOB


def test_the_recall_is_not_timed_by_a_transfer_that_is_long_over() -> None:
    desk = _handed_over_blindly()
    desk.replace()
    assert Timer.NO_ANSWER not in desk.phone._state.timers
