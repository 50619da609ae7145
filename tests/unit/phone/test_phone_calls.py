from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, Decision, RegistrationState, RejectReason, Verification
from firmware.phone.commands import (
    CancelTimer,
    CloseCallRecord,
    IndicatorPattern,
    LookUpCaller,
    MarkCallAnswered,
    MarkMissedCallsSeen,
    OpenCallRecord,
    SavePreferences,
    SetIndicator,
    ShowPage,
    StartTimer,
)
from firmware.phone.events import CallerNamed, KeyRepeated, MissedCallsCounted, Timer
from firmware.phone.features import Feature, FeatureCodes
from firmware.phone.key import Key
from firmware.phone.news import IncomingCallReceived, Problem, ProblemRaised, RegistrationChanged
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
    SetMute,
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


# --- ringing ---


@pytest.mark.feature("verified callers")
def test_what_the_server_says_of_the_number_is_kept_with_the_call(desk: Desk) -> None:
    desk.handle(IncomingCallReceived(INCOMING, replace(CALLER, verification=Verification.VERIFIED)))
    assert desk.records() == [
        OpenCallRecord(INCOMING, CallDirection.INCOMING, CALLER.number, verification=Verification.VERIFIED)
    ]


def test_an_incoming_call_rings_is_recorded_and_looked_up() -> None:
    desk = Desk(settings(no_answer_s=60))
    assert without_page(desk.ring()) == [
        SignalRinging(INCOMING),
        OpenCallRecord(INCOMING, CallDirection.INCOMING, CALLER.number),
        LookUpCaller(INCOMING, CALLER.number),
        StartTimer(Timer.NO_ANSWER, 60),
        StartRinging(),
        SetIndicator(IndicatorPattern.FAST_BLINK),
    ]
    assert desk.view.mode is Mode.RINGING


def test_the_address_book_s_name_is_shown_for_the_call_that_it_belongs_to(desk: Desk) -> None:
    desk.ring()
    assert desk.handle(CallerNamed(OTHER, "Somebody else")) == []
    desk.handle(CallerNamed(INCOMING, "Aunt Anna"))
    assert desk.call.contact_name == "Aunt Anna"


def test_a_withheld_number_is_not_looked_up(desk: Desk) -> None:
    assert not any(isinstance(command, LookUpCaller) for command in desk.ring(caller=CallerId("")))


def test_lifting_the_handset_while_ringing_answers(desk: Desk) -> None:
    desk.ring()
    assert without_page(desk.lift()) == [
        StopRinging(),
        CancelTimer(Timer.NO_ANSWER),
        AnswerCall(INCOMING),
        OpenAudio(talk=False),
        SetIndicator(IndicatorPattern.ON),
    ]
    assert not desk.view.microphone_open


def test_the_microphone_opens_when_sip_says_that_the_call_is_active(desk: Desk) -> None:
    desk.ring()
    desk.lift()
    assert without_page(desk.sip(CallState.ACTIVE, INCOMING)) == [
        MarkCallAnswered(INCOMING),
        StartTimer(Timer.CALL_CLOCK, 1),
        OpenAudio(talk=True),
    ]
    assert desk.view.microphone_open


def test_the_ok_key_while_ringing_asks_for_the_handset(desk: Desk) -> None:
    desk.ring()
    desk.press(Key.OK)
    assert desk.view.hint is Hint.LIFT_HANDSET


def test_the_cancel_key_declines_and_nothing_is_missed(desk: Desk) -> None:
    desk.ring()
    assert without_page(desk.press(Key.CANCEL)) == [
        StopRinging(),
        RejectCall(INCOMING, RejectReason.DECLINED),
        CloseCallRecord(INCOMING, DisconnectReason.REJECTED, 603),
        CancelTimer(Timer.NO_ANSWER),
        SetIndicator(IndicatorPattern.OFF),
    ]
    assert desk.view.missed_calls == 0


def test_the_mute_key_silences_the_ringer_and_the_call_can_still_be_answered(desk: Desk) -> None:
    desk.ring()
    assert without_page(desk.press(Key.MUTE)) == [StopRinging()]
    assert desk.view.hint is Hint.RINGER_SILENCED
    assert AnswerCall(INCOMING) in desk.lift()
    desk.replace()
    assert StartRinging() in desk.ring(OTHER)


def test_a_caller_who_gives_up_is_missed_by_name(desk: Desk) -> None:
    desk.ring()
    desk.handle(CallerNamed(INCOMING, "Aunt Anna"))
    commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED, 487)
    assert CloseCallRecord(INCOMING, DisconnectReason.CANCELLED, 487) in commands
    assert SetIndicator(IndicatorPattern.SLOW_BLINK) in commands
    assert desk.view.mode is Mode.IDLE
    assert (desk.view.missed_calls, desk.view.missed_party) == (1, "Aunt Anna")


@pytest.mark.parametrize("has_loudspeaker", [True, False])
def test_ok_on_the_idle_page_calls_back_whose_call_was_missed(has_loudspeaker: bool) -> None:
    desk = Desk(settings(has_loudspeaker=has_loudspeaker))
    desk.ring(caller=CallerId("2345", "Aunt Anna"))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert (desk.view.missed_calls, desk.view.may_call_back) == (1, True)
    desk.press(Key.OK)
    assert desk.view.digits == ("" if has_loudspeaker else "2345")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]
    assert desk.shown().missed_calls == 0


def test_a_caller_whose_number_is_an_emergency_number_is_called_back_by_lifting_alone() -> None:
    desk = Desk(settings(has_loudspeaker=True))
    desk.ring(caller=CallerId("112"))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    desk.press(Key.OK)
    assert (desk.said(PlaceCall), desk.view.digits, desk.view.hint) == ([], "112", Hint.LIFT_HANDSET)
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


@pytest.mark.parametrize("key", [Key.OK, Key.REDIAL])
def test_a_caller_whose_number_is_a_feature_code_changes_no_setting(key: Key) -> None:
    codes = FeatureCodes({Feature.FORWARD_ALWAYS_ON: "*72"})
    desk = Desk(settings("xxxx", "*xxxxxx", has_loudspeaker=True, feature_codes=codes))
    desk.ring(caller=CallerId("*722345"))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    desk.press(key)
    desk.lift()
    assert not desk.said(SavePreferences)


def test_who_withheld_the_number_is_not_called_back_and_ok_opens_the_menu(desk: Desk) -> None:
    desk.ring(caller=CallerId(""))
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert not desk.view.may_call_back
    desk.press(Key.OK)
    assert desk.view.mode is Mode.MENU


def test_a_call_that_nobody_answers_is_given_up_and_missed(desk: Desk) -> None:
    desk.ring()
    commands = desk.expire(Timer.NO_ANSWER)
    assert RejectCall(INCOMING, RejectReason.NO_ANSWER) in commands
    assert CloseCallRecord(INCOMING, DisconnectReason.NO_ANSWER, 480) in commands
    assert desk.view.missed_calls == 1


def test_digits_dialled_before_lifting_give_way_to_a_call_that_comes_in(desk: Desk) -> None:
    desk.dial("23")
    assert StartRinging() in desk.ring()
    assert AnswerCall(INCOMING) in desk.lift()
    assert desk.said(PlaceCall) == []


def _off_hook(desk: Desk) -> None:
    desk.lift()


def _placing(desk: Desk) -> None:
    desk.place_call()


def _talking(desk: Desk) -> None:
    desk.answered_incoming_call()


def _ended(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)


def _ringing(desk: Desk) -> None:
    desk.ring()


@pytest.mark.parametrize("occupy", [_off_hook, _placing, _talking, _ended, _ringing])
def test_without_call_waiting_a_call_that_finds_the_phone_in_use_gets_busy_and_is_missed(
    occupy: Callable[[Desk], None],
) -> None:
    desk = Desk(settings(call_waiting=False))
    occupy(desk)
    mode = desk.view.mode
    assert without_page(desk.ring(OTHER)) == [
        OpenCallRecord(OTHER, CallDirection.INCOMING, CALLER.number),
        RejectCall(OTHER, RejectReason.BUSY),
        CloseCallRecord(OTHER, DisconnectReason.BUSY, 486, Decision.PHONE_BUSY),
    ]
    assert desk.view.mode is mode
    assert desk.view.missed_calls == 1
    assert desk.sip(CallState.DISCONNECTED, OTHER, DisconnectReason.BUSY, 486) == []


def test_a_phone_that_is_not_set_up_rings_when_emergency_services_call_back() -> None:
    desk = Desk(settings(provisioned=False))
    desk.lift()
    desk.dial("112")
    desk.replace()
    assert StartRinging() in desk.ring()
    assert AnswerCall(INCOMING) in desk.lift()
    desk.replace()
    assert desk.view.mode is Mode.UNPROVISIONED


def test_replacing_the_handset_before_the_answer_has_gone_through_hangs_up(desk: Desk) -> None:
    desk.ring()
    desk.lift()
    assert HangUpCall(INCOMING) in desk.replace()
    assert desk.said(CloseCallRecord) == [CloseCallRecord(INCOMING, DisconnectReason.REJECTED, 0)]


def test_a_caller_who_gives_up_while_the_handset_is_being_lifted_is_missed(desk: Desk) -> None:
    desk.ring()
    desk.lift()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED, 487)
    assert desk.view.mode is Mode.CALL_ENDED
    assert desk.view.missed_calls == 1


# --- talking ---


def test_an_answer_stops_ringback_before_the_microphone_opens(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.sip(CallState.ALERTING, call_id)
    assert without_page(desk.sip(CallState.ACTIVE, call_id)) == [
        StopTone(),
        MarkCallAnswered(call_id),
        StartTimer(Timer.CALL_CLOCK, 1),
        OpenAudio(talk=True),
    ]


def test_the_clock_counts_while_the_call_lasts(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    for _ in range(61):
        assert StartTimer(Timer.CALL_CLOCK, 1) in desk.expire(Timer.CALL_CLOCK)
    assert desk.call.duration_s == 61
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    assert desk.expire(Timer.CALL_CLOCK) == []
    assert desk.call.duration_s == 61


def test_replacing_the_handset_shuts_the_microphone_before_anything_else(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    assert without_page(desk.replace()) == [
        CloseAudio(),
        HangUpCall(call_id),
        CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 0),
        CancelTimer(Timer.CALL_CLOCK),
        SetIndicator(IndicatorPattern.OFF),
    ]
    assert desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.LOCAL_HANGUP, 200) == []


def test_digits_in_a_call_are_sent_and_shown(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    assert without_page(desk.press("#")) == [SendDtmf(call_id, Key.HASH)]
    desk.press("5")
    assert desk.call.dtmf == "#5"


def test_digits_before_the_answer_are_not_sent(desk: Desk) -> None:
    desk.place_call()
    assert desk.press("5") == []


def test_mute_sends_silence_and_the_next_call_is_not_muted(desk: Desk) -> None:
    desk.answered_outgoing_call()
    assert without_page(desk.press(Key.MUTE)) == [SetMute(muted=True)]
    assert desk.view.muted
    assert desk.view.microphone_open
    assert SetMute(muted=False) in desk.replace()
    desk.answered_outgoing_call()
    assert not desk.view.muted


def test_mute_pressed_again_unmutes(desk: Desk) -> None:
    desk.answered_outgoing_call()
    desk.press(Key.MUTE)
    assert without_page(desk.press(Key.MUTE)) == [SetMute(muted=False)]


def test_hold_shuts_the_microphone_with_the_key(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    assert without_page(desk.press(Key.HOLD)) == [
        OpenAudio(talk=False),
        HoldCall(call_id),
        StartTimer(Timer.HOLD_REMINDER, 60),
    ]
    assert desk.call.state is CallState.HELD
    assert desk.sip(CallState.HELD, call_id) == []


def test_the_microphone_opens_again_only_when_the_call_is_active_again(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.press(Key.HOLD)
    desk.sip(CallState.HELD, call_id)
    assert without_page(desk.press(Key.HOLD)) == [ResumeCall(call_id)]
    assert not desk.view.microphone_open
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, call_id)


def test_a_hold_that_is_taken_back_at_once_opens_the_microphone_only_when_the_call_is_active_again(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.press(Key.HOLD)
    assert without_page(desk.press(Key.HOLD))[0] == ResumeCall(call_id)
    assert not desk.view.microphone_open
    assert desk.sip(CallState.HELD, call_id) == []
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, call_id)


def test_a_refresh_from_the_far_end_does_not_open_the_microphone_of_a_held_call(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.press(Key.HOLD)
    desk.sip(CallState.HELD, call_id)
    desk.sip(CallState.ACTIVE, call_id)
    assert not desk.view.microphone_open
    assert desk.call.state is CallState.HELD


def test_a_far_end_that_holds_is_shown_and_not_listened_for(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    assert OpenAudio(talk=False) in desk.audio(call_id, receiving=True, sending=False)
    assert desk.call.held_by_peer
    assert OpenAudio(talk=True) in desk.audio(call_id)
    assert not desk.call.held_by_peer


def test_a_call_that_this_end_holds_is_not_said_to_be_held_by_the_other(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.press(Key.HOLD)
    desk.audio(call_id, receiving=False, sending=False)
    assert not desk.call.held_by_peer


def test_a_muted_call_that_the_far_end_ends_leaves_nothing_muted(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.press(Key.MUTE)
    assert SetMute(muted=False) in desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)


def test_audio_news_of_another_call_means_nothing(desk: Desk) -> None:
    desk.answered_outgoing_call()
    assert desk.audio(OTHER, receiving=False, sending=False) == []


# --- ended ---


def test_a_far_end_that_hangs_up_is_shown_and_a_tone_asks_to_hang_up(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    assert without_page(desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP, 200)) == [
        OpenAudio(talk=False),
        CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200),
        CancelTimer(Timer.CALL_CLOCK),
        StartTimer(Timer.CALL_ENDED, 3),
    ]
    assert desk.view.mode is Mode.CALL_ENDED
    assert PlayTone(Tone.BUSY) in desk.expire(Timer.CALL_ENDED)
    assert desk.view.hint is Hint.REPLACE_HANDSET
    assert without_page(desk.expire(Timer.CALL_ENDED)) == [StopTone(), CloseAudio()]
    assert desk.shown().hint is Hint.HANDSET_IS_OFF
    desk.replace()
    assert desk.shown().mode is Mode.IDLE


def test_a_call_whose_end_has_no_reason_gets_one(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.sip(CallState.DISCONNECTED, call_id)
    assert desk.said(CloseCallRecord)[-1].reason is DisconnectReason.REMOTE_HANGUP


def test_digits_meant_for_a_call_that_has_just_ended_dial_nothing(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    desk.dial("112")
    assert desk.view.mode is Mode.CALL_ENDED
    assert len(desk.said(PlaceCall)) == 1


def test_after_a_pause_a_digit_begins_the_next_number_without_hanging_up(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    desk.expire(Timer.CALL_ENDED)
    assert StopTone() in desk.press("1")
    desk.dial("12")
    assert desk.said(PlaceCall)[-1].uri == "sip:112@example.com"


def test_cancel_after_a_call_brings_dial_tone_and_redial_calls_again(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REJECTED, 603)
    desk.press(Key.REDIAL)
    assert desk.view.mode is Mode.OUTGOING
    desk.sip(CallState.DISCONNECTED, CallId("out-2"), DisconnectReason.REJECTED, 603)
    assert PlayTone(Tone.DIAL) in desk.press(Key.CANCEL)


# --- volume, notices, indicator ---


def test_the_volume_keys_turn_the_ringer_with_the_handset_down_and_the_earpiece_with_it_up() -> None:
    desk = Desk(settings(earpiece_volume_percent=70, ringer_volume_percent=80))
    assert SetVolume(AudioRoute.EARPIECE, 70) in desk.all_commands
    assert SetVolume(AudioRoute.RINGER, 80) in desk.all_commands
    assert without_page(desk.press(Key.VOLUME_UP)) == [
        StartTimer(Timer.LET_GO, 2),
        StartTimer(Timer.NOTICE, 2),
        SetVolume(AudioRoute.RINGER, 90),
    ]
    assert desk.view.volume_percent == 90
    desk.lift()
    assert SetVolume(AudioRoute.EARPIECE, 60) in desk.handle(KeyRepeated(Key.VOLUME_DOWN))
    assert desk.view.volume_percent == 60
    desk.expire(Timer.NOTICE)
    assert desk.view.volume_percent is None


def test_the_ringer_can_be_turned_off_but_the_earpiece_stays_audible(desk: Desk) -> None:
    for _ in range(20):
        desk.press(Key.VOLUME_DOWN)
    assert desk.view.volume_percent == 0
    desk.lift()
    for _ in range(20):
        desk.press(Key.VOLUME_DOWN)
    assert desk.view.volume_percent == 10
    for _ in range(20):
        desk.press(Key.VOLUME_UP)
    assert desk.view.volume_percent == 100


def test_missed_calls_are_counted_by_the_store_and_seen_with_the_cancel_key(desk: Desk) -> None:
    desk.handle(MissedCallsCounted(2))
    assert desk.said(SetIndicator)[-1] == SetIndicator(IndicatorPattern.SLOW_BLINK)
    commands = desk.press(Key.CANCEL)
    assert MarkMissedCallsSeen() in commands
    assert SetIndicator(IndicatorPattern.OFF) in commands
    assert desk.press(Key.CANCEL) == []


def test_a_store_that_counts_no_missed_calls_forgets_who_called(desk: Desk) -> None:
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    desk.handle(MissedCallsCounted(0))
    assert desk.view.missed_party == ""


def test_the_ok_key_pages_through_what_is_wrong_and_cancel_leaves(desk: Desk) -> None:
    desk.handle(ProblemRaised(Problem.CLOCK_NOT_SET, "The clock is not set."))
    desk.press(Key.OK, Key.OK)
    assert desk.view.details_step == 2
    desk.press(Key.CANCEL)
    assert desk.view.details_step == 0
    desk.press(Key.OK)
    desk.expire(Timer.NOTICE)
    assert desk.view.details_step == 0


def test_problems_are_listed_by_importance(desk: Desk) -> None:
    for problem in reversed(Problem):
        desk.handle(ProblemRaised(problem))
    listed = [problem for problem, _ in desk.view.problems]
    assert set(listed) == set(Problem)
    assert listed[:2] == [Problem.SIP_LIBRARY_MISSING, Problem.SIP_UNAVAILABLE]
    assert listed[-1] is Problem.RECIPIENTS_UNTOLD


def test_a_line_that_is_down_blinks_slowly(desk: Desk) -> None:
    assert desk.handle(RegistrationChanged(RegistrationState.FAILED))[0] == SetIndicator(IndicatorPattern.SLOW_BLINK)
    assert desk.handle(RegistrationChanged(RegistrationState.REGISTERED))[0] == SetIndicator(IndicatorPattern.OFF)


def test_a_page_is_shown_only_when_something_on_it_changed(desk: Desk) -> None:
    assert desk.handle(RegistrationChanged(RegistrationState.REGISTERED)) == []
    assert sum(isinstance(command, ShowPage) for command in desk.lift()) == 1
