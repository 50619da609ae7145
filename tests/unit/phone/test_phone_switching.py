"""Calls that wait, calls on hold, and going from one to the other."""

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, Decision, RejectReason
from firmware.phone.commands import (
    CancelTimer,
    CloseCallRecord,
    IndicatorPattern,
    LookUpCaller,
    OpenCallRecord,
    SetIndicator,
    StartTimer,
)
from firmware.phone.events import CallerNamed, Timer
from firmware.phone.key import Key
from firmware.phone.orders import (
    AnswerCall,
    AudioRoute,
    CloseAudio,
    HangUpCall,
    HoldCall,
    OpenAudio,
    PlaceCall,
    PlayTone,
    RejectCall,
    ResumeCall,
    SendDtmf,
    SetVolume,
    SignalRinging,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
)
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import CALLER, INCOMING, Desk, settings, without_page

OTHER = CallId("other")
THIRD = CallId("third")
BOB = CallerId("02087654321", "Bob")


def _talking_with_one_waiting() -> Desk:
    desk = Desk()
    desk.answered_incoming_call()
    desk.ring(OTHER, BOB)
    return desk


def _talking_with_one_on_hold() -> Desk:
    """INCOMING is on hold, OTHER is talked to."""
    desk = _talking_with_one_waiting()
    desk.press(Key.OK)
    desk.sip(CallState.HELD, INCOMING)
    desk.sip(CallState.ACTIVE, OTHER)
    return desk


# --- waiting ---


def test_a_second_caller_waits_and_is_announced_over_the_running_call(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert without_page(desk.ring(OTHER, BOB)) == [
        SignalRinging(OTHER),
        OpenCallRecord(OTHER, CallDirection.INCOMING, BOB.number),
        LookUpCaller(OTHER, BOB.number),
        StartTimer(Timer.NO_ANSWER, 120),
        PlayTone(Tone.CALL_WAITING),
    ]
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.microphone_open
    assert desk.view.hint is Hint.CALL_WAITING
    assert [(call.party, call.state) for call in desk.view.other_calls] == [(BOB, CallState.WAITING)]


@pytest.mark.parametrize("key", [Key.OK, Key.HOLD])
def test_a_key_puts_the_present_call_on_hold_and_answers_the_waiting_one(key: Key) -> None:
    desk = _talking_with_one_waiting()
    commands = without_page(desk.press(key))
    assert commands[:2] == [StopTone(), OpenAudio(talk=False)]
    assert commands.index(HoldCall(INCOMING)) < commands.index(AnswerCall(OTHER))
    assert not desk.view.microphone_open
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, OTHER)
    assert [(call.party, call.state) for call in desk.view.other_calls] == [(CALLER, CallState.HELD)]
    assert desk.view.hint is None


def test_cancel_turns_the_waiting_call_away_and_the_conversation_goes_on() -> None:
    desk = _talking_with_one_waiting()
    assert without_page(desk.press(Key.CANCEL)) == [
        StopTone(),
        RejectCall(OTHER, RejectReason.DECLINED),
        CloseCallRecord(OTHER, DisconnectReason.REJECTED, 603),
        CancelTimer(Timer.NO_ANSWER),
    ]
    assert desk.view.microphone_open
    assert desk.view.missed_calls == 0
    assert desk.view.other_calls == ()


def test_mute_silences_the_waiting_tone_before_it_mutes_the_microphone() -> None:
    desk = _talking_with_one_waiting()
    assert without_page(desk.press(Key.MUTE)) == [StopTone()]
    assert not desk.view.muted
    assert desk.view.other_calls[0].state is CallState.WAITING
    desk.press(Key.MUTE)
    assert desk.view.muted


def test_a_waiting_caller_who_gives_up_is_missed_and_the_tone_stops() -> None:
    desk = _talking_with_one_waiting()
    commands = desk.sip(CallState.DISCONNECTED, OTHER, DisconnectReason.CANCELLED, 487)
    assert StopTone() in commands
    assert CloseCallRecord(OTHER, DisconnectReason.CANCELLED, 487) in commands
    assert (desk.view.missed_calls, desk.view.missed_party) == (1, "Bob")
    assert desk.view.microphone_open


def test_a_waiting_caller_whom_nobody_answers_is_given_up() -> None:
    desk = _talking_with_one_waiting()
    assert RejectCall(OTHER, RejectReason.NO_ANSWER) in desk.expire(Timer.NO_ANSWER)
    assert desk.view.missed_calls == 1
    assert desk.view.mode is Mode.IN_CALL


def test_replacing_the_handset_with_a_call_waiting_ends_the_present_one_and_rings() -> None:
    desk = _talking_with_one_waiting()
    commands = desk.replace()
    assert HangUpCall(INCOMING) in commands
    assert StartRinging() in commands
    assert desk.view.mode is Mode.RINGING
    assert AnswerCall(OTHER) in desk.lift()


def test_a_call_waits_beside_the_dial_tone_and_ok_answers_it(desk: Desk) -> None:
    desk.lift()
    assert PlayTone(Tone.CALL_WAITING) in desk.ring()
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert AnswerCall(INCOMING) in desk.press(Key.OK)


def test_the_dial_tone_comes_back_when_the_waiting_caller_gives_up(desk: Desk) -> None:
    desk.lift()
    desk.ring()
    assert PlayTone(Tone.DIAL) in desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)


def test_a_number_can_be_dialled_to_its_end_while_a_call_waits(desk: Desk) -> None:
    desk.lift()
    desk.dial("23")
    desk.ring()
    desk.press(Key.OK)
    assert len(desk.said(PlaceCall)) == 1
    assert desk.said(AnswerCall) == []


def test_answering_while_another_call_is_being_placed_gives_that_one_up(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.ring()
    commands = desk.press(Key.OK)
    assert commands.index(HangUpCall(call_id)) < commands.index(AnswerCall(INCOMING))


def test_a_second_caller_is_shown_while_the_first_rings_and_rings_when_that_one_is_declined(desk: Desk) -> None:
    desk.ring()
    desk.handle(CallerNamed(INCOMING, "Anna"))
    assert desk.ring(OTHER, BOB)[0] == SignalRinging(OTHER)
    assert len(desk.view.other_calls) == 1
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.RINGING
    assert desk.call.party == BOB


def test_a_second_caller_waits_on_when_the_first_is_answered(desk: Desk) -> None:
    desk.ring()
    desk.ring(OTHER, BOB)
    commands = desk.lift()
    assert AnswerCall(INCOMING) in commands
    assert PlayTone(Tone.CALL_WAITING) in commands


def test_each_caller_in_a_row_is_given_the_full_time(desk: Desk) -> None:
    desk.ring()
    desk.ring(OTHER, BOB)
    assert StartTimer(Timer.NO_ANSWER, 120) in desk.press(Key.CANCEL)


def test_a_call_that_finds_the_table_full_gets_busy_and_touches_nobody() -> None:
    desk = Desk(settings(max_calls=2))
    desk.answered_incoming_call()
    desk.ring(OTHER, BOB)
    commands = desk.ring(THIRD, CallerId("99"))
    assert RejectCall(THIRD, RejectReason.BUSY) in commands
    assert CloseCallRecord(THIRD, DisconnectReason.BUSY, 486, Decision.PHONE_BUSY) in commands
    assert desk.view.microphone_open
    assert desk.view.other_calls[0].party == BOB
    assert desk.view.refusal is not None
    assert desk.view.refusal.decision is Decision.PHONE_BUSY


def test_nothing_disturbs_an_emergency_call(desk: Desk) -> None:
    desk.lift()
    desk.dial("112")
    assert RejectCall(INCOMING, RejectReason.BUSY) in desk.ring()


def test_a_waiting_call_that_becomes_active_by_itself_is_ended_and_never_heard() -> None:
    desk = _talking_with_one_waiting()
    assert HangUpCall(OTHER) in desk.sip(CallState.ACTIVE, OTHER)
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.other_calls == ()


# --- hold and swap ---


def test_hold_swaps_between_two_calls() -> None:
    desk = _talking_with_one_on_hold()
    commands = desk.press(Key.HOLD)
    assert commands.index(HoldCall(OTHER)) < commands.index(ResumeCall(INCOMING))
    assert not desk.view.microphone_open
    desk.sip(CallState.HELD, OTHER)
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.call.party == CALLER


def test_news_of_a_held_call_does_not_open_its_microphone() -> None:
    desk = _talking_with_one_on_hold()
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.other_calls[0].state is CallState.HELD


def test_a_held_call_that_the_far_end_ends_leaves_the_present_one_alone() -> None:
    desk = _talking_with_one_on_hold()
    commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP, 200)
    assert CloseCallRecord(INCOMING, DisconnectReason.REMOTE_HANGUP, 200) in commands
    assert desk.view.microphone_open
    assert desk.view.other_calls == ()


@pytest.mark.parametrize("key", [Key.OK, Key.HOLD, Key.CANCEL])
def test_when_the_far_end_ends_the_present_call_a_key_resumes_the_one_on_hold(key: Key) -> None:
    desk = _talking_with_one_on_hold()
    desk.sip(CallState.DISCONNECTED, OTHER, DisconnectReason.REMOTE_HANGUP)
    assert desk.view.mode is Mode.CALL_ENDED
    assert desk.view.hint is Hint.CALL_ON_HOLD
    assert desk.call.reason is DisconnectReason.REMOTE_HANGUP
    assert ResumeCall(INCOMING) in desk.press(key)
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, INCOMING)


def test_cancel_ends_the_present_call_and_goes_back_to_the_one_on_hold() -> None:
    desk = _talking_with_one_on_hold()
    commands = desk.press(Key.CANCEL)
    assert commands.index(HangUpCall(OTHER)) < commands.index(ResumeCall(INCOMING))
    assert desk.view.mode is Mode.IN_CALL


def test_cancel_with_a_single_call_and_the_handset_off_ends_nothing(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert desk.press(Key.CANCEL) == []


def test_a_call_on_hold_is_remembered_by_a_beep_once_a_period() -> None:
    desk = Desk(settings(hold_reminder_s=30))
    desk.answered_incoming_call()
    assert StartTimer(Timer.HOLD_REMINDER, 30) in desk.press(Key.HOLD)
    assert without_page(desk.expire(Timer.HOLD_REMINDER)) == [
        StartTimer(Timer.HOLD_REMINDER, 1),
        PlayTone(Tone.HOLD_REMINDER),
    ]
    assert without_page(desk.expire(Timer.HOLD_REMINDER)) == [StopTone(), StartTimer(Timer.HOLD_REMINDER, 30)]


def test_the_beep_sounds_over_the_call_that_is_talked_to() -> None:
    desk = _talking_with_one_on_hold()
    assert PlayTone(Tone.HOLD_REMINDER) in desk.expire(Timer.HOLD_REMINDER)
    assert desk.view.microphone_open


def test_a_handset_that_lies_forgotten_still_reminds_of_the_call_on_hold_and_of_one_that_waits(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.press(Key.HOLD)
    desk.dial("99")
    desk.hold_down(Key.CANCEL)
    desk.expire(Timer.DIAL_TONE)
    assert CloseAudio() in desk.expire(Timer.DIAL_TONE)
    commands = desk.expire(Timer.HOLD_REMINDER)
    assert commands.index(OpenAudio(talk=False)) < commands.index(PlayTone(Tone.HOLD_REMINDER))
    assert CloseAudio() in desk.expire(Timer.HOLD_REMINDER)
    assert PlayTone(Tone.CALL_WAITING) in desk.ring(OTHER, BOB)


def test_no_beep_where_the_configuration_wants_none() -> None:
    desk = Desk(settings(hold_reminder_s=0))
    desk.answered_incoming_call()
    desk.press(Key.HOLD)
    assert not any(command.timer is Timer.HOLD_REMINDER for command in desk.said(StartTimer))


def test_the_music_of_a_far_end_that_holds_stays_audible(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert without_page(desk.audio(INCOMING, receiving=True, sending=False)) == [OpenAudio(talk=False)]


# --- putting the handset down with calls left ---


def test_replacing_the_handset_with_a_call_on_hold_recalls_and_lifting_resumes() -> None:
    desk = _talking_with_one_on_hold()
    commands = desk.replace()
    assert HangUpCall(OTHER) in commands
    assert StartRinging("recall") in commands
    assert desk.call.state is CallState.HELD
    commands = desk.lift()
    assert StopRinging() in commands
    assert ResumeCall(INCOMING) in commands
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, INCOMING)


def test_the_only_call_is_recalled_too_when_it_is_on_hold(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.press(Key.HOLD)
    commands = desk.replace()
    assert StartRinging("recall") in commands
    assert desk.said(HangUpCall) == []


def test_cancel_drops_a_call_that_is_recalled() -> None:
    desk = _talking_with_one_on_hold()
    desk.replace()
    commands = desk.press(Key.CANCEL)
    assert HangUpCall(INCOMING) in commands
    assert CloseCallRecord(INCOMING, DisconnectReason.LOCAL_HANGUP, 0) in commands
    assert desk.view.mode is Mode.IDLE


def test_a_recall_that_nobody_hears_frees_the_line_in_the_end() -> None:
    desk = _talking_with_one_on_hold()
    desk.replace()
    assert HangUpCall(INCOMING) in desk.expire(Timer.NO_ANSWER)
    assert desk.said(SetIndicator)[-1] == SetIndicator(IndicatorPattern.OFF)


def test_whoever_waits_rings_before_whoever_is_on_hold() -> None:
    desk = _talking_with_one_on_hold()
    desk.ring(THIRD, CallerId("99"))
    desk.replace()
    assert desk.call.party.number == "99"
    desk.press(Key.CANCEL)
    assert desk.call.party == CALLER
    assert desk.said(StartRinging)[-1] == StartRinging("recall")


# --- a second call from here ---


def test_digits_with_the_call_on_hold_call_somebody_else(desk: Desk) -> None:
    first = desk.answered_outgoing_call("2345")
    desk.press(Key.HOLD)
    desk.dial("6789")
    assert desk.view.digits == "6789"
    assert [call.state for call in desk.view.other_calls] == [CallState.HELD]
    desk.press("#")
    assert desk.said(PlaceCall)[-1].uri == "sip:6789@example.com"
    assert desk.said(SendDtmf) == []
    desk.sip(CallState.ACTIVE, desk.said(PlaceCall)[-1].call_id)
    assert ResumeCall(first) in desk.press(Key.HOLD)


def test_cancel_while_dialling_goes_back_to_the_call_on_hold(desk: Desk) -> None:
    first = desk.answered_outgoing_call("2345")
    desk.press(Key.HOLD, "6", Key.CANCEL)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert ResumeCall(first) in desk.press(Key.CANCEL)
    assert desk.shown().mode is Mode.IN_CALL


def test_cancel_while_the_second_one_rings_goes_back_to_the_call_on_hold(desk: Desk) -> None:
    first = desk.answered_outgoing_call("2345")
    desk.press(Key.HOLD)
    desk.dial("67#")
    second = desk.said(PlaceCall)[-1].call_id
    commands = desk.press(Key.CANCEL)
    assert HangUpCall(second) in commands
    assert ResumeCall(first) in commands


def test_one_call_too_many_is_refused_in_words_and_by_tone_and_the_other_is_left_alone() -> None:
    desk = Desk(settings(max_calls=1))
    desk.answered_incoming_call()
    desk.press(Key.HOLD)
    desk.dial("23")
    assert PlayTone(Tone.REORDER) in desk.press("#")
    assert desk.view.hint is Hint.TOO_MANY_CALLS
    assert [call.state for call in desk.view.other_calls] == [CallState.HELD]
    assert desk.said(PlaceCall) == []
    assert desk.said(HangUpCall) == []


def test_why_a_number_was_refused_is_heard_and_read_even_while_somebody_waits() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.lift()
    desk.ring()
    assert PlayTone(Tone.REORDER) in desk.dial("00")
    assert desk.view.hint is Hint.NUMBER_IMPOSSIBLE
    assert PlayTone(Tone.CALL_WAITING) in desk.expire(Timer.INTER_DIGIT)
    assert PlayTone(Tone.DIAL) not in desk.press(Key.CANCEL)
    assert desk.shown().hint is Hint.CALL_WAITING


def test_an_emergency_call_finds_room_in_a_full_table() -> None:
    desk = Desk(settings(max_calls=2))
    desk.answered_incoming_call()
    desk.press(Key.HOLD, "1")
    desk.ring(OTHER, BOB)
    commands = desk.dial("12")
    assert RejectCall(OTHER, RejectReason.BUSY) in commands
    assert desk.said(PlaceCall)[-1].uri == "sip:112@example.com"
    assert desk.view.other_calls[0].party == CALLER


def test_a_call_on_hold_makes_room_for_an_emergency_call_where_it_must() -> None:
    desk = Desk(settings(max_calls=1))
    desk.answered_incoming_call()
    desk.press(Key.HOLD)
    commands = desk.dial("112")
    assert commands.index(HangUpCall(INCOMING)) < [type(command) for command in commands].index(PlaceCall)


def test_the_clock_counts_for_every_call() -> None:
    desk = _talking_with_one_on_hold()
    desk.expire(Timer.CALL_CLOCK)
    assert (desk.call.duration_s, desk.view.other_calls[0].duration_s) == (1, 1)


# --- how it rings ---


def test_the_server_chooses_the_ring_and_the_contact_s_own_wins(desk: Desk) -> None:
    assert StartRinging("internal") in desk.ring(ring="internal")
    commands = desk.handle(CallerNamed(INCOMING, "Anna", "priority"))
    assert without_page(commands) == [StopRinging(), StartRinging("priority")]
    assert desk.handle(CallerNamed(INCOMING, "Anna", "priority")) == []


def test_whoever_calls_back_after_an_emergency_call_is_heard_even_with_the_ringer_turned_off() -> None:
    desk = Desk(settings(ringer_volume_percent=0))
    desk.lift()
    desk.dial("112")
    desk.replace()
    commands = desk.ring()
    assert commands.index(SetVolume(AudioRoute.RINGER, 60)) < commands.index(StartRinging())
    assert SetVolume(AudioRoute.RINGER, 0) in desk.lift()
