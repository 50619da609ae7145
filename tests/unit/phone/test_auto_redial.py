import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RejectReason
from firmware.phone.commands import CancelTimer, CloseCallRecord, MarkCallAnswered, StartTimer
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from firmware.phone.orders import (
    HangUpCall,
    OpenAudio,
    PlaceCall,
    PlayTone,
    RejectCall,
    StartRinging,
    StopRinging,
    Tone,
)
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.office import office

EVERY_S = 20


def busy(desk: Desk, call_id: CallId) -> None:
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.BUSY, 486)


def armed(**more: object) -> Desk:
    """A phone that was told to keep trying 2345, back in its cradle."""
    desk = office(auto_redial_every_s=EVERY_S, **more)
    busy(desk, desk.place_call("2345"))
    desk.press(Key.REDIAL)
    desk.replace()
    return desk


def tried(desk: Desk) -> CallId:
    desk.expire(Timer.AUTO_REDIAL)
    return desk.said(PlaceCall)[-1].call_id


@pytest.fixture
def desk() -> Desk:
    return armed()


def test_redial_after_a_busy_tone_arms_it_and_says_so() -> None:
    desk = office(auto_redial_every_s=EVERY_S)
    busy(desk, desk.place_call("2345"))
    assert desk.view.hint is Hint.PRESS_REDIAL_TO_KEEP_TRYING
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.press(Key.REDIAL)
    assert desk.shown().hint is Hint.REDIALLING
    assert desk.view.redial_in_s == EVERY_S
    desk.replace()
    assert desk.view.redial_in_s == EVERY_S
    assert len(desk.said(PlaceCall)) == 1


def test_redial_once_more_calls_at_once_and_goes_on_trying_where_it_is_still_busy() -> None:
    desk = office(auto_redial_every_s=EVERY_S)
    busy(desk, desk.place_call("2345"))
    desk.press(Key.REDIAL)
    assert CancelTimer(Timer.AUTO_REDIAL) in desk.press(Key.REDIAL)
    assert desk.view.mode is Mode.OUTGOING
    busy(desk, desk.said(PlaceCall)[-1].call_id)
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.all_commands[-6:]
    assert desk.view.hint is Hint.REDIALLING


def test_the_next_try_is_silent_until_the_far_end_rings_then_this_phone_rings_too(desk: Desk) -> None:
    sounds = len(desk.said(PlayTone)), len(desk.said(OpenAudio))
    call_id = tried(desk)
    assert desk.view.mode is Mode.REDIALLING
    assert desk.view.hint is Hint.REDIALLING
    desk.sip(CallState.DIALING, call_id)
    assert desk.said(StartRinging) == []
    assert StartRinging("recall") in desk.sip(CallState.ALERTING, call_id)
    assert desk.shown().hint is Hint.LIFT_HANDSET
    assert (len(desk.said(PlayTone)), len(desk.said(OpenAudio))) == sounds


def test_lifting_while_the_far_end_rings_lets_the_person_hear_it(desk: Desk) -> None:
    call_id = tried(desk)
    desk.sip(CallState.ALERTING, call_id)
    commands = desk.lift()
    assert StopRinging() in commands
    assert OpenAudio(talk=False) in commands
    assert PlayTone(Tone.RINGBACK) in commands
    assert desk.view.mode is Mode.OUTGOING
    desk.sip(CallState.ACTIVE, call_id)
    assert desk.shown().mode is Mode.IN_CALL
    assert desk.view.microphone_open
    assert desk.view.redial_in_s == 0


def test_who_answers_first_hears_silence_until_the_handset_is_lifted(desk: Desk) -> None:
    call_id = tried(desk)
    desk.sip(CallState.ALERTING, call_id)
    commands = desk.sip(CallState.ACTIVE, call_id)
    assert MarkCallAnswered(call_id) in commands
    assert not desk.view.microphone_open
    assert OpenAudio(talk=True) in desk.lift()
    assert desk.view.mode is Mode.IN_CALL


def test_an_answer_that_nobody_comes_for_is_given_up_and_the_trying_with_it(desk: Desk) -> None:
    call_id = tried(desk)
    assert StartRinging("recall") in desk.sip(CallState.ACTIVE, call_id)
    commands = desk.expire(Timer.AUTO_REDIAL)
    assert HangUpCall(call_id) in commands
    assert StopRinging() in commands
    assert (desk.view.mode, desk.view.redial_in_s) == (Mode.IDLE, 0)


def test_a_number_that_is_still_busy_is_tried_as_often_as_configured() -> None:
    desk = armed(auto_redial_tries=3)
    for _ in range(2):
        busy(desk, tried(desk))
        assert desk.view.redial_in_s == EVERY_S
    busy(desk, tried(desk))
    assert (desk.view.mode, desk.view.redial_in_s) == (Mode.IDLE, 0)
    desk.expire(Timer.AUTO_REDIAL)
    assert len(desk.said(PlaceCall)) == 4
    assert [record.reason for record in desk.said(CloseCallRecord)] == [DisconnectReason.BUSY] * 4


@pytest.mark.parametrize(
    "reason", [DisconnectReason.NOT_FOUND, DisconnectReason.REJECTED, DisconnectReason.UNREACHABLE]
)
def test_a_number_that_fails_otherwise_is_not_tried_again(desk: Desk, reason: DisconnectReason) -> None:
    desk.sip(CallState.DISCONNECTED, tried(desk), reason, 404)
    assert desk.view.redial_in_s == 0


@pytest.mark.parametrize("use", ["lift", "digit", "cancel while trying", "digit while trying", "code"])
def test_any_use_of_the_phone_ends_the_trying(desk: Desk, use: str) -> None:
    match use:
        case "lift":
            desk.lift()
            desk.replace()
        case "digit":
            desk.press("2")
        case "cancel while trying" | "digit while trying":
            call_id = tried(desk)
            assert HangUpCall(call_id) in desk.press("2" if use.startswith("digit") else Key.CANCEL)
        case "code":
            desk.dial("*86", Key.OK)
    assert desk.view.redial_in_s == 0
    assert Timer.AUTO_REDIAL not in desk.phone._state.timers


def test_a_caller_comes_first_and_the_number_is_tried_later(desk: Desk) -> None:
    call_id = tried(desk)
    assert HangUpCall(call_id) in desk.ring()
    assert desk.view.mode is Mode.RINGING
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.expire(Timer.AUTO_REDIAL)
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert desk.view.redial_in_s == EVERY_S
    tried(desk)
    assert desk.shown().mode is Mode.REDIALLING


def test_with_the_handset_still_off_it_is_redialled_audibly() -> None:
    desk = office()
    busy(desk, desk.place_call("2345"))
    desk.press(Key.REDIAL)
    call_id = tried(desk)
    assert desk.view.mode is Mode.OUTGOING
    assert PlayTone(Tone.RINGBACK) in desk.sip(CallState.ALERTING, call_id)


def test_a_code_arms_it_for_the_last_number() -> None:
    desk = office(auto_redial_every_s=EVERY_S)
    busy(desk, desk.place_call("2345"))
    desk.replace()
    desk.dial("*66", Key.OK)
    assert (desk.view.hint, desk.view.feature, desk.view.redial_in_s) == (Hint.FEATURE_ON, "auto_redial", EVERY_S)
    tried(desk)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"] * 2


def test_an_anonymous_call_stays_anonymous_when_it_is_tried_again() -> None:
    desk = office()
    busy(desk, desk.place_call("*672345"))
    desk.press(Key.REDIAL)
    desk.replace()
    tried(desk)
    assert [call.anonymous for call in desk.said(PlaceCall)] == [True, True]


def test_an_emergency_number_is_never_tried_without_a_person() -> None:
    desk = office()
    busy(desk, desk.place_call("112"))
    assert desk.view.hint is not Hint.PRESS_REDIAL_TO_KEEP_TRYING
    desk.press(Key.REDIAL)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"] * 2
    desk.replace()
    desk.dial("*66", Key.OK)
    assert desk.view.hint is Hint.FEATURE_IMPOSSIBLE
    assert desk.view.redial_in_s == 0


def test_a_line_that_is_down_only_puts_the_next_try_off(desk: Desk) -> None:
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE))
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.expire(Timer.AUTO_REDIAL)
    assert len(desk.said(PlaceCall)) == 1
    desk.handle(ProblemCleared(Problem.SIP_UNAVAILABLE))
    tried(desk)
    assert desk.view.mode is Mode.REDIALLING


def test_a_line_that_is_down_puts_the_next_try_off_in_the_hand_too() -> None:
    desk = office(auto_redial_every_s=EVERY_S)
    busy(desk, desk.place_call("2345"))
    desk.press(Key.REDIAL)
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE))
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.expire(Timer.AUTO_REDIAL)
    modes = [desk.view.mode]
    desk.handle(ProblemCleared(Problem.SIP_UNAVAILABLE))
    tried(desk)
    assert [*modes, desk.view.mode] == [Mode.CALL_ENDED, Mode.OUTGOING]


def test_a_person_who_reads_is_left_in_peace(desk: Desk) -> None:
    desk.press(Key.MENU)
    assert StartTimer(Timer.AUTO_REDIAL, EVERY_S) in desk.expire(Timer.AUTO_REDIAL)
    assert desk.view.mode is Mode.MENU


def test_hanging_up_a_call_that_is_tried_with_the_handset_off_ends_the_trying() -> None:
    desk = office()
    busy(desk, desk.place_call("2345"))
    desk.press(Key.REDIAL)
    tried(desk)
    desk.replace()
    assert desk.view.redial_in_s == 0


def test_a_caller_who_is_turned_away_does_not_stop_the_try(desk: Desk) -> None:
    desk.press(Key.DO_NOT_DISTURB)
    call_id = tried(desk)
    assert RejectCall(INCOMING, RejectReason.DO_NOT_DISTURB) in desk.ring()
    assert desk.said(HangUpCall) == []
    assert desk.view.mode is Mode.REDIALLING
    assert StartRinging("recall") in desk.sip(CallState.ALERTING, call_id)
