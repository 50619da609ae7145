import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationFailure, RegistrationState, SipUri
from firmware.phone.commands import (
    CancelTimer,
    CloseCallRecord,
    IndicatorPattern,
    LookUpCaller,
    OpenCallRecord,
    SetIndicator,
    StartTimer,
)
from firmware.phone.events import KeyRepeated, LastDialledLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.news import NO_CALLS, Problem, ProblemCleared, ProblemRaised, RegistrationChanged
from firmware.phone.orders import CloseAudio, HangUpCall, OpenAudio, PlaceCall, PlayTone, StopTone, Tone
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import Desk, settings, without_page


def test_lifting_the_handset_brings_dial_tone_and_no_microphone() -> None:
    desk = Desk(settings(first_digit_timeout_s=12))
    assert without_page(desk.lift()) == [
        StartTimer(Timer.DIAL_TONE, 12),
        OpenAudio(talk=False),
        PlayTone(Tone.DIAL),
        SetIndicator(IndicatorPattern.ON),
    ]
    assert desk.view.mode is Mode.COLLECTING_DIGITS


def test_the_first_digit_stops_the_dial_tone_and_starts_the_inter_digit_timer() -> None:
    desk = Desk(settings(inter_digit_timeout_s=3))
    desk.lift()
    assert without_page(desk.press("2")) == [
        StopTone(),
        CancelTimer(Timer.DIAL_TONE),
        StartTimer(Timer.INTER_DIGIT, 3),
        SearchContacts("2"),
    ]
    assert desk.view.digits == "2"


def test_a_number_is_recorded_before_it_is_called(desk: Desk) -> None:
    desk.lift()
    desk.dial("004420123456")
    call_id = CallId("out-1")
    assert without_page(desk.press("#")) == [
        OpenCallRecord(call_id, CallDirection.OUTGOING, "+4420123456", dialled="004420123456"),
        PlaceCall(call_id, SipUri("sip:+4420123456@example.com")),
        LookUpCaller(call_id, "+4420123456"),
        CancelTimer(Timer.INTER_DIGIT),
    ]
    assert desk.view.mode is Mode.OUTGOING


@pytest.mark.parametrize("key", [Key.HASH, Key.OK])
def test_a_key_sends_the_number_at_once(desk: Desk, key: Key) -> None:
    desk.lift()
    desk.dial("23")
    desk.press(key)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:23@example.com"]


def test_silence_sends_a_number_that_may_be_complete(desk: Desk) -> None:
    desk.lift()
    desk.dial("23")
    desk.expire(Timer.INTER_DIGIT)
    assert len(desk.said(PlaceCall)) == 1


def test_a_number_that_can_only_be_complete_is_sent_with_its_last_digit() -> None:
    desk = Desk(settings("0xxx"))
    desk.lift()
    desk.dial("0123")
    assert desk.view.mode is Mode.OUTGOING


def test_silence_in_the_middle_of_a_number_brings_reorder_tone_and_a_reason() -> None:
    desk = Desk(settings("0xxx"))
    desk.lift()
    desk.dial("01")
    assert PlayTone(Tone.REORDER) in desk.expire(Timer.INTER_DIGIT)
    assert desk.view.hint is Hint.NUMBER_INCOMPLETE
    assert desk.view.digits == "01"


def test_an_impossible_number_brings_reorder_tone_and_a_reason() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.lift()
    assert PlayTone(Tone.REORDER) in desk.dial("00")
    assert desk.view.hint is Hint.NUMBER_IMPOSSIBLE


def test_the_rest_of_a_refused_number_is_not_taken_for_an_emergency_number() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.lift()
    desk.dial("00112")
    assert desk.said(PlaceCall) == []
    assert desk.view.hint is Hint.NUMBER_IMPOSSIBLE


def test_after_a_pause_the_next_digit_begins_a_new_number() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.lift()
    desk.dial("00")
    desk.expire(Timer.INTER_DIGIT)
    assert StopTone() in desk.press("1")
    desk.dial("12")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_cancel_after_a_refused_number_brings_dial_tone_at_once() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.lift()
    desk.dial("00")
    assert PlayTone(Tone.DIAL) in desk.press(Key.CANCEL)
    assert desk.view.digits == ""
    assert desk.view.hint is None


def test_without_a_first_digit_dial_tone_turns_into_reorder_and_then_into_silence(desk: Desk) -> None:
    desk.lift()
    assert PlayTone(Tone.REORDER) in desk.expire(Timer.DIAL_TONE)
    assert desk.view.hint is Hint.REPLACE_HANDSET
    assert without_page(desk.expire(Timer.DIAL_TONE)) == [StopTone(), CloseAudio()]
    assert desk.shown().hint is Hint.HANDSET_IS_OFF


def test_a_forgotten_handset_still_dials(desk: Desk) -> None:
    desk.lift()
    desk.expire(Timer.DIAL_TONE)
    desk.expire(Timer.DIAL_TONE)
    assert OpenAudio(talk=False) in desk.press("1")
    desk.dial("12")
    assert len(desk.said(PlaceCall)) == 1


def test_cancel_deletes_the_last_digit_and_brings_dial_tone_back_with_the_first(desk: Desk) -> None:
    desk.lift()
    desk.dial("23", Key.CANCEL)
    assert desk.view.digits == "2"
    assert PlayTone(Tone.DIAL) in desk.handle(KeyRepeated(Key.CANCEL))
    assert desk.view.digits == ""
    assert desk.press(Key.CANCEL) == []


def test_holding_cancel_deletes_all_digits(desk: Desk) -> None:
    desk.lift()
    desk.dial("23456", Key.CANCEL)
    desk.hold_down(Key.CANCEL)
    assert desk.view.digits == ""


def test_holding_zero_makes_a_plus(desk: Desk) -> None:
    desk.lift()
    desk.press("0")
    desk.hold_down("0")
    desk.dial("4420123456")
    desk.press("#")
    assert desk.said(PlaceCall)[0].uri == "sip:+4420123456@example.com"


def test_holding_zero_within_a_number_changes_nothing(desk: Desk) -> None:
    desk.lift()
    desk.dial("20")
    assert desk.hold_down("0") == []


def test_hash_belongs_to_a_service_code_where_the_digit_map_has_it() -> None:
    desk = Desk(settings("x.T", "*21*x.#"))
    desk.lift()
    desk.dial("*21*55#")
    assert desk.said(PlaceCall)[0].uri == "sip:*21*55%23@example.com"


def test_a_key_that_sends_before_any_digit_does_nothing(desk: Desk) -> None:
    desk.lift()
    assert desk.press("#") == []
    assert desk.press(Key.OK) == []


# --- before lifting ---


def test_digits_dialled_before_lifting_are_shown_silently_and_sent_by_lifting(desk: Desk) -> None:
    desk.dial("23")
    assert desk.view.digits == "23"
    assert desk.said(OpenAudio) == []
    assert without_page(desk.lift()) == [
        OpenCallRecord(CallId("out-1"), CallDirection.OUTGOING, "23", dialled="23"),
        PlaceCall(CallId("out-1"), SipUri("sip:23@example.com")),
        LookUpCaller(CallId("out-1"), "23"),
        CancelTimer(Timer.INTER_DIGIT),
        OpenAudio(talk=False),
        SetIndicator(IndicatorPattern.ON),
    ]
    assert desk.said(PlayTone) == []


def test_an_incomplete_number_goes_on_after_lifting() -> None:
    desk = Desk(settings("0xxx"))
    desk.dial("01")
    desk.lift()
    assert desk.view.digits == "01"
    desk.dial("23")
    assert desk.view.mode is Mode.OUTGOING
    assert desk.said(PlayTone) == []


def test_an_impossible_number_is_called_out_before_lifting_and_refused_after() -> None:
    desk = Desk(settings("0[1-9]xx"))
    desk.dial("00")
    assert desk.view.hint is Hint.NUMBER_IMPOSSIBLE
    assert PlayTone(Tone.REORDER) in desk.lift()


@pytest.mark.parametrize("key", [Key.OK, Key.HASH])
def test_sending_before_lifting_asks_for_the_handset(desk: Desk, key: Key) -> None:
    desk.dial("23")
    desk.press(key)
    assert desk.view.hint is Hint.LIFT_HANDSET
    desk.expire(Timer.NOTICE)
    assert desk.shown().hint is None
    assert desk.view.digits == "23"


@pytest.mark.parametrize("key", [Key.OK, Key.HASH])
def test_sending_before_lifting_calls_on_the_loudspeaker_where_there_is_one(key: Key) -> None:
    desk = Desk(settings(has_loudspeaker=True))
    desk.dial("23")
    desk.press(key)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:23@example.com"]
    assert (desk.view.mode, desk.view.speaker) == (Mode.OUTGOING, True)


def test_digits_that_nobody_sends_are_forgotten(desk: Desk) -> None:
    assert StartTimer(Timer.INTER_DIGIT, 30) in desk.dial("23")
    desk.expire(Timer.INTER_DIGIT)
    assert desk.view.mode is Mode.IDLE
    assert desk.view.digits == ""


def test_deleting_the_last_digit_before_lifting_goes_home(desk: Desk) -> None:
    desk.dial("23", Key.CANCEL, Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


def test_replacing_the_handset_gives_up_what_was_dialled(desk: Desk) -> None:
    desk.lift()
    desk.dial("23")
    assert CloseAudio() in desk.replace()
    desk.lift()
    assert desk.view.digits == ""
    assert desk.said(PlaceCall) == []


def test_rapid_taps_of_the_hook_end_in_one_fresh_dial_tone(desk: Desk) -> None:
    for _ in range(5):
        desk.lift()
        desk.replace()
    assert PlayTone(Tone.DIAL) in desk.lift()
    assert desk.view.mode is Mode.COLLECTING_DIGITS


# --- redial ---


def test_redial_calls_the_last_number_again(desk: Desk) -> None:
    desk.place_call("23")
    desk.replace()
    desk.lift()
    desk.press(Key.REDIAL)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:23@example.com"] * 2


def test_redial_before_lifting_shows_the_number_and_lifting_calls_it(desk: Desk) -> None:
    desk.handle(LastDialledLoaded("23"))
    desk.press(Key.REDIAL)
    assert desk.view.digits == "23"
    assert desk.said(PlaceCall) == []
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (DisconnectReason.BUSY, DisconnectReason.BUSY),
        (DisconnectReason.NETWORK_LOST, DisconnectReason.NETWORK_LOST),
        (DisconnectReason.REMOTE_HANGUP, None),
    ],
)
def test_redial_says_why_the_last_call_failed_until_another_one_is_placed(
    reason: DisconnectReason, shown: DisconnectReason | None
) -> None:
    desk = Desk()
    desk.sip(CallState.DISCONNECTED, desk.place_call("23"), reason)
    desk.replace()
    desk.press(Key.REDIAL)
    assert (desk.view.digits, desk.view.why_failed) == ("23", shown)
    desk.press("4")
    assert desk.view.why_failed is None
    desk.press(Key.CANCEL)
    desk.lift()
    desk.replace()
    desk.press(Key.REDIAL)
    assert desk.view.why_failed is None


def test_redial_with_nothing_dialled_yet_says_so(desk: Desk) -> None:
    desk.press(Key.REDIAL)
    assert desk.view.hint is Hint.NOTHING_TO_REDIAL
    desk.lift()
    desk.press(Key.REDIAL)
    assert desk.view.hint is Hint.NOTHING_TO_REDIAL


def test_a_number_dialled_since_the_start_is_newer_than_the_stored_one(desk: Desk) -> None:
    desk.place_call("23")
    desk.replace()
    desk.handle(LastDialledLoaded("99"))
    desk.press(Key.REDIAL)
    assert desk.view.digits == "23"


def test_redial_in_the_middle_of_a_number_does_nothing(desk: Desk) -> None:
    desk.handle(LastDialledLoaded("23"))
    desk.lift()
    desk.dial("4")
    assert desk.press(Key.REDIAL) == []


# --- emergencies and a line that does not work ---


def test_an_emergency_number_is_called_with_its_last_digit(desk: Desk) -> None:
    desk.lift()
    desk.dial("112")
    assert desk.said(PlaceCall)[0].uri == "sip:112@example.com"
    assert desk.call.emergency


def test_an_emergency_number_dialled_before_lifting_is_called_by_lifting(desk: Desk) -> None:
    desk.dial("112")
    assert desk.view.hint is Hint.EMERGENCY_NUMBER
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


def test_no_standing_problem_keeps_an_emergency_call_from_being_tried(subtests: pytest.Subtests) -> None:
    for problem in [problem for problem in Problem if problem not in NO_CALLS]:
        with subtests.test(problem=problem):
            desk = Desk()
            desk.handle(ProblemRaised(problem, "Something is wrong."))
            desk.handle(RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.NO_NETWORK))
            desk.lift()
            desk.dial("112")
            assert len(desk.said(PlaceCall)) == 1


def test_a_failed_registration_forbids_no_other_call(desk: Desk) -> None:
    desk.handle(RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 401))
    desk.place_call("23")
    assert len(desk.said(PlaceCall)) == 1


def test_without_a_sip_stack_the_phone_says_that_it_cannot_call(desk: Desk) -> None:
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE, "The SIP stack is missing."))
    assert PlayTone(Tone.REORDER) in desk.lift()
    assert desk.view.hint is Hint.CANNOT_CALL
    desk.dial("112")
    assert desk.view.hint is Hint.CANNOT_CALL
    assert desk.records() == []


def test_without_a_sip_library_the_phone_says_that_it_has_none(desk: Desk) -> None:
    desk.handle(ProblemRaised(Problem.SIP_LIBRARY_MISSING, "The SIP library is missing."))
    assert PlayTone(Tone.REORDER) in desk.lift()
    assert desk.view.hint is Hint.NO_SIP_LIBRARY
    desk.dial("23")
    assert desk.view.hint is Hint.NO_SIP_LIBRARY
    desk.handle(ProblemCleared(Problem.SIP_LIBRARY_MISSING))
    desk.replace()
    desk.place_call("23")
    assert len(desk.said(PlaceCall)) == 1


def test_a_line_that_starts_again_blinks_and_takes_every_number(desk: Desk) -> None:
    assert SetIndicator(IndicatorPattern.SLOW_BLINK) in desk.handle(ProblemRaised(Problem.VOICE_AWAY))
    desk.place_call("23")
    assert len(desk.said(PlaceCall)) == 1
    desk.replace()
    assert SetIndicator(IndicatorPattern.OFF) in desk.handle(ProblemCleared(Problem.VOICE_AWAY))


def test_a_sip_stack_that_comes_back_can_be_called_with_at_once(desk: Desk) -> None:
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE))
    desk.lift()
    desk.handle(ProblemCleared(Problem.SIP_UNAVAILABLE))
    desk.dial("112")
    assert len(desk.said(PlaceCall)) == 1


def test_without_a_configuration_and_an_account_the_phone_says_that_it_cannot_call() -> None:
    desk = Desk(settings(provisioned=False, line_usable=False, mistakes=("accounts: is missing.",)))
    assert desk.view.mistakes == ("accounts: is missing.",)
    desk.dial("112")
    assert desk.view.mode is Mode.UNPROVISIONED
    assert PlayTone(Tone.REORDER) in desk.lift()
    assert desk.view.hint is Hint.CANNOT_CALL
    assert StopTone() in desk.expire(Timer.DIAL_TONE)
    desk.replace()
    assert desk.view.mode is Mode.UNPROVISIONED
    assert desk.view.hint is None


def test_without_a_configuration_an_account_serves_emergencies_only() -> None:
    desk = Desk(settings(provisioned=False))
    assert desk.view.mode is Mode.UNPROVISIONED
    desk.lift()
    assert desk.view.hint is Hint.EMERGENCY_ONLY
    desk.dial("23")
    desk.press("#")
    assert desk.said(PlaceCall) == []
    assert desk.view.hint is Hint.EMERGENCY_ONLY
    desk.press(Key.CANCEL)
    desk.dial("112")
    assert len(desk.said(PlaceCall)) == 1
    desk.replace()
    assert desk.view.mode is Mode.UNPROVISIONED


# --- a call on its way ---


def test_ringback_plays_while_the_far_end_rings(desk: Desk) -> None:
    call_id = desk.place_call()
    assert desk.sip(CallState.DIALING, call_id) == []
    assert PlayTone(Tone.RINGBACK) in desk.sip(CallState.ALERTING, call_id)


def test_early_media_takes_the_place_of_ringback(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.sip(CallState.ALERTING, call_id)
    assert StopTone() in desk.audio(call_id)
    assert desk.sip(CallState.ALERTING, call_id) == []
    assert PlayTone(Tone.RINGBACK) in desk.audio(call_id, receiving=False)


def test_replacing_the_handset_cancels_a_call_that_nobody_has_answered(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.sip(CallState.ALERTING, call_id)
    assert without_page(desk.replace()) == [
        StopTone(),
        CloseAudio(),
        HangUpCall(call_id),
        CloseCallRecord(call_id, DisconnectReason.CANCELLED, 0),
        SetIndicator(IndicatorPattern.OFF),
    ]
    assert desk.view.mode is Mode.IDLE


def test_the_cancel_key_cancels_a_call_and_brings_dial_tone(desk: Desk) -> None:
    call_id = desk.place_call()
    commands = desk.press(Key.CANCEL)
    assert HangUpCall(call_id) in commands
    assert PlayTone(Tone.DIAL) in commands
    assert desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.CANCELLED, 487) == []
    assert len(desk.said(CloseCallRecord)) == 1


def test_an_answer_that_crosses_the_cancel_changes_nothing(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.replace()
    assert desk.sip(CallState.ACTIVE, call_id) == []
    assert not desk.view.microphone_open


@pytest.mark.parametrize(
    ("reason", "code", "tone"),
    [
        (DisconnectReason.BUSY, 486, Tone.BUSY),
        (DisconnectReason.REJECTED, 603, Tone.BUSY),
        (DisconnectReason.NOT_FOUND, 404, Tone.REORDER),
        (DisconnectReason.UNREACHABLE, 0, Tone.REORDER),
    ],
)
def test_a_call_that_fails_says_why_in_a_tone_and_in_words(reason: DisconnectReason, code: int, tone: Tone) -> None:
    desk = Desk()
    call_id = desk.place_call()
    desk.sip(CallState.ALERTING, call_id)
    commands = desk.sip(CallState.DISCONNECTED, call_id, reason, code)
    assert PlayTone(tone) in commands
    assert CloseCallRecord(call_id, reason, code) in commands
    assert desk.view.mode is Mode.CALL_ENDED
    assert desk.call.reason is reason
    assert desk.call.sip_code == code
