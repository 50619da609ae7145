"""The answering machine: whom it answers, that nobody is recorded who has not been told, and when it is over."""

from dataclasses import replace

import pytest

from contract.calls import DisconnectReason
from firmware.phone.answering_machine import GREETING_LIMIT_S
from firmware.phone.call import CallerId, CallId, CallState, Decision, RejectReason
from firmware.phone.commands import (
    AnnounceRecording,
    CloseCallRecord,
    StartRecording,
    StartTimer,
    StopRecording,
)
from firmware.phone.events import (
    CallerFellSilent,
    Event,
    MissedCallsCounted,
    RecordingAnnounced,
    RecordingEnded,
    Timer,
)
from firmware.phone.key import Key
from firmware.phone.news import IncomingCallReceived, RecordingSignalled
from firmware.phone.orders import AnswerCall, CloseAudio, HangUpCall, OpenAudio, RejectCall, StopRinging
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingEnd, RecordingNotice, RecordingPreference
from firmware.phone.requests.recordings import ListRecordings
from firmware.phone.view import Mode
from tests.unit.phone.desk import CALLER, INCOMING, Desk
from tests.unit.phone.machine import SWITCHED_ON, agree, answered, recording_a_message, taking_message, unattended
from tests.unit.phone.recorded import list_recordings, recorded

pytestmark = pytest.mark.feature("answering machine")

GREETING = AnnounceRecording(RecordingNotice.GREETING)
SECOND = CallId("second")


def waits_for_machine(desk: Desk) -> bool:
    return Timer.ANSWERING_MACHINE in desk.phone._state.timers


def pass_seconds(desk: Desk, seconds: int) -> None:
    for _ in range(seconds):
        if desk.view.mode is Mode.TAKING_MESSAGE:
            desk.expire(Timer.CALL_CLOCK)


# --- whom it answers --------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    return unattended()


def test_a_call_that_nobody_comes_to_is_answered_after_as_long_as_the_holder_wants() -> None:
    desk = unattended(replace(SWITCHED_ON, answer_after_s=30))
    assert StartTimer(Timer.ANSWERING_MACHINE, 30) in desk.ring()
    commands = desk.expire(Timer.ANSWERING_MACHINE)
    assert commands.index(StopRinging()) < commands.index(AnswerCall(INCOMING))
    assert desk.view.mode is Mode.TAKING_MESSAGE


def test_it_answers_before_the_call_would_be_given_up() -> None:
    desk = unattended(replace(SWITCHED_ON, answer_after_s=45), no_answer_s=20)
    assert StartTimer(Timer.ANSWERING_MACHINE, 19) in desk.ring()


@pytest.mark.parametrize("how", ["switched off", "no consent", "withdrawn meanwhile"])
def test_switched_off_or_without_consent_it_answers_nobody(how: str) -> None:
    desk = unattended(Preferences(screen_off_s=0) if how == "switched off" else SWITCHED_ON)
    if how == "no consent":
        agree(desk, given=False)
    desk.ring()
    if how == "withdrawn meanwhile":
        agree(desk, given=False)
    assert not waits_for_machine(desk)
    assert desk.view.mode is Mode.RINGING


def test_what_emergency_services_may_call_back_with_rings_until_somebody_comes(desk: Desk) -> None:
    desk.place_call("112")
    desk.replace()
    desk.ring()
    assert desk.view.mode is Mode.RINGING
    assert not waits_for_machine(desk)


@pytest.mark.parametrize(
    "preferences",
    [replace(SWITCHED_ON, do_not_disturb=True), replace(SWITCHED_ON, blocked=(CALLER.number,))],
    ids=["do not disturb", "blocked"],
)
def test_who_is_turned_away_is_not_answered(preferences: Preferences) -> None:
    desk = unattended(preferences)
    desk.ring()
    assert desk.said(RejectCall)
    assert not waits_for_machine(desk)


def test_who_wants_no_recording_is_not_answered(desk: Desk) -> None:
    desk.ring()
    desk.handle(RecordingSignalled(INCOMING, records=False, preference=RecordingPreference.UNWANTED))
    assert not waits_for_machine(desk)


def test_a_call_that_answers_itself_on_the_loudspeaker_is_left_to_that() -> None:
    desk = unattended(replace(SWITCHED_ON, auto_answer=True, allowed=(CALLER.number,)), has_loudspeaker=True)
    desk.handle(IncomingCallReceived(INCOMING, replace(CALLER, asserted=True), answer_after_s=0))
    assert not waits_for_machine(desk)


def test_whoever_comes_to_the_phone_in_time_talks_as_always(desk: Desk) -> None:
    desk.ring()
    desk.lift()
    assert not waits_for_machine(desk)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.microphone_open
    assert not desk.said(AnnounceRecording)


def test_a_second_caller_hears_that_the_phone_is_busy() -> None:
    desk = taking_message()
    desk.ring(SECOND, CallerId("333"))
    assert RejectCall(SECOND, RejectReason.BUSY) in desk.all_commands
    assert desk.view.mode is Mode.TAKING_MESSAGE


# --- what the caller hears, and what is kept --------------------------------------------------------------------------


def test_the_greeting_comes_before_anything_is_recorded_and_the_microphone_stays_shut(desk: Desk) -> None:
    commands = answered(desk)
    assert commands.index(OpenAudio(talk=False, unattended=True)) < commands.index(GREETING)
    assert not desk.view.microphone_open
    assert not desk.said(StartRecording)
    commands = desk.handle(RecordingAnnounced(made=True))
    assert StartRecording(INCOMING, CALLER.number, "Anna", message=True) in commands
    assert not [order for order in desk.said(OpenAudio) if order.talk]


def test_no_tone_interrupts_whoever_speaks() -> None:
    desk = taking_message()
    assert Timer.RECORDING not in desk.phone._state.timers
    pass_seconds(desk, 60)
    assert desk.said(AnnounceRecording) == [GREETING]


def test_where_the_greeting_cannot_be_heard_the_call_ends_and_nothing_is_recorded(desk: Desk) -> None:
    answered(desk)
    assert HangUpCall(INCOMING) in desk.handle(RecordingAnnounced(made=False))
    assert not desk.said(StartRecording)
    assert desk.view.mode is Mode.IDLE


def test_who_puts_this_phone_on_hold_in_the_greeting_is_not_waited_for(desk: Desk) -> None:
    answered(desk)
    desk.audio(INCOMING, sending=False)
    desk.handle(RecordingAnnounced(made=False))
    pass_seconds(desk, GREETING_LIMIT_S)
    assert HangUpCall(INCOMING) in desk.all_commands


# --- when it is over --------------------------------------------------------------------------------------------------


def test_the_caller_hangs_up_and_the_call_was_missed_all_the_same() -> None:
    desk = taking_message()
    commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert StopRecording(RecordingEnd.CALL_OVER) in commands
    assert CloseAudio() in commands
    assert desk.said(CloseCallRecord)[-1].decision is Decision.MESSAGE_TAKEN
    assert (desk.view.mode, desk.view.missed_calls, desk.view.missed_party) == (Mode.IDLE, 1, "Anna")


@pytest.mark.parametrize(
    "event",
    [CallerFellSilent(INCOMING), RecordingEnded(INCOMING, RecordingEnd.DISK_FULL)],
    ids=["silence", "a full card"],
)
def test_it_hangs_up_where_nothing_more_comes_or_can_be_kept(event: Event) -> None:
    desk = taking_message()
    assert HangUpCall(INCOMING) in desk.handle(event)
    assert desk.view.mode is Mode.IDLE


def test_the_silence_of_another_call_ends_nothing() -> None:
    desk = taking_message()
    desk.handle(CallerFellSilent(SECOND))
    assert desk.view.mode is Mode.TAKING_MESSAGE


def test_it_hangs_up_when_the_message_is_as_long_as_it_may_be() -> None:
    desk = recording_a_message(unattended(replace(SWITCHED_ON, longest_message_s=60)))
    pass_seconds(desk, 59)
    assert desk.view.mode is Mode.TAKING_MESSAGE
    pass_seconds(desk, 1)
    assert HangUpCall(INCOMING) in desk.all_commands
    assert desk.said(StopRecording) == [StopRecording(RecordingEnd.CALL_OVER)]


def test_a_consent_that_is_withdrawn_ends_the_message_at_once() -> None:
    desk = taking_message()
    commands = agree(desk, given=False)
    assert StopRecording(RecordingEnd.CONSENT_WITHDRAWN) in commands
    assert HangUpCall(INCOMING) in commands


def test_cancel_ends_it() -> None:
    desk = taking_message()
    assert HangUpCall(INCOMING) in desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


@pytest.mark.parametrize("by", ["handset", "loudspeaker"])
def test_whoever_comes_to_the_phone_takes_the_call_over_and_what_was_said_is_kept(by: str) -> None:
    desk = recording_a_message(unattended(has_loudspeaker=True))
    commands = desk.lift() if by == "handset" else desk.press(Key.SPEAKER)
    assert StopRecording(RecordingEnd.STOPPED) in commands
    assert OpenAudio(talk=True, speaker=by == "loudspeaker") in commands
    # The caller hears that nothing more is recorded.
    assert AnnounceRecording(RecordingNotice.END) in commands
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.microphone_open
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert desk.said(CloseCallRecord)[-1].decision is None
    assert desk.view.missed_calls == 0


def test_the_call_is_taken_over_before_sip_has_said_that_it_runs(desk: Desk) -> None:
    desk.ring()
    desk.expire(Timer.ANSWERING_MACHINE)
    desk.lift()
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.microphone_open
    assert not desk.said(AnnounceRecording)


# --- how many there are -----------------------------------------------------------------------------------------------


def test_messages_that_nobody_has_heard_are_counted_when_the_store_opens_and_after_each(desk: Desk) -> None:
    desk.handle(MissedCallsCounted(0))
    list_recordings(desk, recorded(is_new=True), unheard=1)
    assert desk.view.voicemail == 1
    recording_a_message(desk)
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    desk.handle(RecordingEnded(INCOMING, RecordingEnd.CALL_OVER))
    list_recordings(desk, recorded(is_new=True), recorded(2, is_new=True), unheard=2)
    assert desk.view.voicemail == 2


def test_switched_off_nobody_asks_for_messages() -> None:
    desk = Desk()
    desk.handle(MissedCallsCounted(0))
    assert not desk.waiting(ListRecordings)
