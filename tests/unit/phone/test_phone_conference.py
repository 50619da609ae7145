"""Three talk."""

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState
from firmware.phone.key import Key
from firmware.phone.orders import CloseAudio, HangUpCall, HoldCall, JoinCalls, OpenAudio, ResumeCall, SplitCalls
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk

OTHER = CallId("other")


def _with_two_calls() -> Desk:
    """INCOMING is on hold, OTHER is talked to."""
    desk = Desk()
    desk.answered_incoming_call()
    desk.ring(OTHER)
    desk.press(Key.OK)
    desk.sip(CallState.HELD, INCOMING)
    desk.sip(CallState.ACTIVE, OTHER)
    return desk


def _in_conference() -> Desk:
    desk = _with_two_calls()
    desk.press(Key.CONFERENCE)
    desk.sip(CallState.ACTIVE, INCOMING)
    return desk


def test_the_conference_key_joins_the_present_call_and_the_one_on_hold() -> None:
    desk = _with_two_calls()
    assert JoinCalls((OTHER, INCOMING)) in desk.press(Key.CONFERENCE)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.call is not None
    joined = [desk.view.call, *desk.view.other_calls]
    assert [(call.in_conference, call.state) for call in joined] == [(True, CallState.ACTIVE)] * 2
    assert desk.view.microphone_open


def test_the_conference_key_with_a_single_call_does_nothing(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert desk.press(Key.CONFERENCE) == []


def test_the_conference_key_again_splits_and_holds_the_other_one() -> None:
    desk = _in_conference()
    commands = desk.press(Key.CONFERENCE)
    assert commands.index(SplitCalls()) < commands.index(HoldCall(INCOMING))
    assert desk.view.microphone_open
    assert [call.state for call in desk.view.other_calls] == [CallState.HELD]
    assert not desk.view.other_calls[0].in_conference


def test_hold_holds_both_and_again_joins_both() -> None:
    desk = _in_conference()
    commands = desk.press(Key.HOLD)
    assert {HoldCall(INCOMING), HoldCall(OTHER)} <= set(commands)
    assert OpenAudio(talk=False) in commands
    assert JoinCalls((OTHER, INCOMING)) in desk.press(Key.HOLD)


@pytest.mark.parametrize(("leaves", "stays"), [(INCOMING, OTHER), (OTHER, INCOMING)])
def test_when_one_leaves_the_rest_is_a_normal_call(leaves: CallId, stays: CallId) -> None:
    desk = _in_conference()
    assert SplitCalls() in desk.sip(CallState.DISCONNECTED, leaves, DisconnectReason.REMOTE_HANGUP)
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.microphone_open
    assert desk.view.other_calls == ()
    assert not desk.call.in_conference
    assert HangUpCall(stays) in desk.replace()


def test_the_microphone_stays_open_for_one_when_the_other_one_holds() -> None:
    desk = _in_conference()
    assert OpenAudio(talk=False) not in desk.audio(OTHER, sending=False)
    assert OpenAudio(talk=False) in desk.audio(INCOMING, sending=False)


def test_hanging_up_ends_all() -> None:
    desk = _in_conference()
    commands = desk.replace()
    assert commands[0] == CloseAudio()
    assert {HangUpCall(INCOMING), HangUpCall(OTHER)} <= set(commands)
    assert desk.view.mode is Mode.IDLE


def test_a_third_one_who_calls_is_answered_with_both_on_hold_and_both_come_back_together() -> None:
    desk = _in_conference()
    desk.ring(CallId("third"))
    commands = desk.press(Key.OK)
    assert {HoldCall(INCOMING), HoldCall(OTHER)} <= set(commands)
    desk.sip(CallState.ACTIVE, CallId("third"))
    desk.press(Key.CONFERENCE)
    assert desk.view.hint is Hint.TOO_MANY_CALLS
    commands = desk.press(Key.HOLD)
    assert HoldCall(CallId("third")) in commands
    assert JoinCalls((INCOMING, OTHER)) in commands or JoinCalls((OTHER, INCOMING)) in commands
    assert desk.said(ResumeCall) == []


def test_a_conference_on_hold_is_recalled_as_one() -> None:
    desk = _in_conference()
    desk.press(Key.HOLD)
    desk.replace()
    assert desk.view.mode is Mode.RINGING
    desk.lift()
    assert len(desk.said(JoinCalls)) == 2
