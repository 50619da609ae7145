"""Recording a call: nothing before everybody knows, never without consent, and an end that is told."""

from collections.abc import Iterable

import pytest

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallerId, CallId, CallState, Decision
from firmware.phone.call_recording import REMINDER_S
from firmware.phone.commands import (
    AnnounceRecording,
    CloseCallRecord,
    Command,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StartTimer,
    StopRecording,
)
from firmware.phone.events import RecordingAnnounced, RecordingEnded, RecordingStarted, RecordingsTrimmed, Timer
from firmware.phone.key import Key
from firmware.phone.news import CallPartyChanged, CallReplaced, RecordingSignalled
from firmware.phone.orders import OpenAudio, SignalRecording
from firmware.phone.recording import RecordingEnd, RecordingId, RecordingNotice, RecordingPreference, RecordingSign
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.view import Hint, Mode, RecordingView
from tests.unit.phone.desk import INCOMING, Desk, settings

pytestmark = pytest.mark.feature("call recording")

BEGINNING = AnnounceRecording(RecordingNotice.BEGINNING)
REMINDER = AnnounceRecording(RecordingNotice.REMINDER)
END = AnnounceRecording(RecordingNotice.END)
SECOND = CallId("second")
RECORDING = RecordingId("r1")
RECORDER = (StartRecording, PauseRecording, ResumeRecording, StopRecording, AnnounceRecording, SignalRecording)


def consent(desk: Desk, *, given: bool = True) -> list[Command]:
    granted = frozenset({Purpose.RECORDING}) if given else frozenset[Purpose]()
    return desk.handle(ConsentsChanged(granted, activated=True))


def talking(desk: Desk | None = None) -> Desk:
    """Return a desk with an answered call, whose holder lets calls be recorded."""
    desk = desk or Desk()
    consent(desk)
    desk.answered_incoming_call()
    desk.audio(INCOMING)
    return desk


def announced(desk: Desk, *, made: bool = True) -> list[Command]:
    return desk.handle(RecordingAnnounced(made))


def recording(desk: Desk | None = None) -> Desk:
    """Return a desk at which a call is being recorded."""
    desk = desk or talking()
    desk.press(Key.RECORD)
    announced(desk)
    desk.handle(RecordingStarted(INCOMING, RECORDING))
    assert desk.view.recording == RecordingView(0, is_kept=True)
    return desk


def about_recording(commands: Iterable[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, RECORDER)]


def second_call(desk: Desk) -> None:
    """Answer a second call; the first one goes on hold."""
    desk.ring(SECOND, CallerId("333"))
    desk.press(Key.OK)
    desk.sip(CallState.HELD, INCOMING)
    desk.sip(CallState.ACTIVE, SECOND)
    desk.audio(SECOND)


# --- how it begins ----------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    return recording()


def test_the_other_end_is_told_before_anything_is_recorded() -> None:
    desk = talking()
    assert about_recording(desk.press(Key.RECORD)) == [SignalRecording(INCOMING, RecordingSign.ON), BEGINNING]
    assert desk.view.recording == RecordingView(0, is_kept=False)
    assert about_recording(announced(desk)) == [StartRecording(INCOMING, "02012345678", "Anna")]
    assert not desk.view.recording.is_kept
    desk.handle(RecordingStarted(INCOMING, RECORDING))
    desk.expire(Timer.CALL_CLOCK)
    desk.expire(Timer.CALL_CLOCK)
    assert desk.view.recording == RecordingView(2, is_kept=True)


def test_what_cannot_be_announced_is_not_recorded() -> None:
    desk = talking()
    desk.press(Key.RECORD)
    commands = announced(desk, made=False)
    assert about_recording(commands) == [SignalRecording(INCOMING, RecordingSign.OFF)]
    assert desk.view.hint is Hint.RECORDING_FAILED
    assert desk.view.recording is None
    assert not desk.said(StartRecording)


def test_ok_records_when_it_is_pressed_twice() -> None:
    desk = talking()
    assert desk.view.may_record
    assert not about_recording(desk.press(Key.OK))
    assert desk.view.hint is Hint.RECORD_AGAIN
    assert BEGINNING in desk.press(Key.OK)
    assert desk.shown().hint is None
    assert not desk.view.may_record


def test_ok_that_was_meant_for_a_caller_who_gave_up_records_nothing() -> None:
    desk = talking()
    desk.ring(SECOND, CallerId("333"))
    desk.sip(CallState.DISCONNECTED, SECOND, DisconnectReason.CANCELLED)
    desk.press(Key.OK)
    desk.expire(Timer.NOTICE)
    desk.press(Key.OK)
    assert not desk.said(AnnounceRecording)


def test_a_caller_who_waits_comes_before_recording() -> None:
    desk = talking()
    desk.ring(SECOND, CallerId("333"))
    desk.press(Key.OK)
    assert desk.call.party.number == "333"
    assert not desk.said(AnnounceRecording)


def test_it_is_announced_again_within_fifteen_seconds_each_time() -> None:
    desk = talking()
    desk.press(Key.RECORD)
    assert StartTimer(Timer.RECORDING, REMINDER_S) in announced(desk)
    tone_s = 0.5
    assert REMINDER_S + tone_s <= 15
    for _ in range(3):
        commands = desk.expire(Timer.RECORDING)
        assert REMINDER in commands
        assert StartTimer(Timer.RECORDING, REMINDER_S) in commands


# --- when it is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [[Key.RECORD], [Key.OK], [Key.OK, Key.OK]])
def test_without_consent_nothing_is_recorded_and_the_reason_is_shown_and_logged(keys: list[Key]) -> None:
    desk = Desk()
    desk.answered_incoming_call()
    desk.audio(INCOMING)
    assert not desk.view.may_record
    for key in keys:
        desk.press(key)
    assert desk.view.hint is Hint.RECORDING_NOT_ALLOWED
    assert not about_recording(desk.all_commands)
    desk.replace()
    assert desk.said(CloseCallRecord)[-1].decision is Decision.RECORDING_NOT_ALLOWED


@pytest.mark.parametrize("preference", [RecordingPreference.UNWANTED, RecordingPreference.PAUSED])
def test_who_wants_no_recording_is_not_recorded(preference: RecordingPreference) -> None:
    desk = talking()
    desk.handle(RecordingSignalled(INCOMING, False, preference))
    assert not desk.view.may_record
    desk.press(Key.RECORD)
    assert desk.view.hint is Hint.RECORDING_UNWANTED
    assert not about_recording(desk.all_commands)
    desk.replace()
    assert desk.said(CloseCallRecord)[-1].decision is Decision.RECORDING_UNWANTED


def test_an_emergency_call_is_not_recorded() -> None:
    desk = Desk()
    consent(desk)
    desk.answered_outgoing_call("112")
    assert not desk.view.may_record
    desk.press(Key.RECORD)
    assert desk.view.hint is Hint.RECORDING_EMERGENCY
    assert not about_recording(desk.all_commands)


def test_a_call_on_hold_is_not_recorded() -> None:
    desk = talking()
    desk.press(Key.HOLD, Key.RECORD)
    assert desk.view.hint is Hint.RECORDING_ON_HOLD
    assert not about_recording(desk.all_commands)


def test_the_record_key_means_nothing_outside_a_call(subtests: pytest.Subtests) -> None:
    for mode in [mode for mode in Mode if mode is not Mode.IN_CALL]:
        with subtests.test(mode=mode):
            from tests.unit.phone.test_phone_table import DESKS  # noqa: PLC0415 - only here

            desk = DESKS[mode]()
            consent(desk)
            assert not about_recording(desk.press(Key.RECORD))
            assert desk.view.mode is mode


# --- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [Key.RECORD, Key.OK])
def test_a_key_ends_it_and_both_ends_hear_so(desk: Desk, key: Key) -> None:
    commands = desk.press(key)
    assert about_recording(commands) == [SignalRecording(INCOMING, RecordingSign.OFF), StopRecording(), END]
    assert desk.view.recording is None
    assert desk.view.hint is Hint.RECORDING_ENDED
    assert not about_recording(desk.handle(RecordingEnded(INCOMING, RecordingEnd.STOPPED)))
    assert BEGINNING in desk.press(Key.RECORD)


def test_another_one_begins_only_when_the_last_has_come_to_its_end(desk: Desk) -> None:
    desk.press(Key.RECORD)
    assert not about_recording(desk.press(Key.RECORD))


def test_withdrawing_the_consent_ends_it_at_once(desk: Desk) -> None:
    commands = consent(desk, given=False)
    assert about_recording(commands) == [
        SignalRecording(INCOMING, RecordingSign.OFF),
        StopRecording(RecordingEnd.CONSENT_WITHDRAWN),
        END,
    ]
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.hint is Hint.RECORDING_WITHDRAWN


def test_withdrawing_the_consent_while_it_is_being_announced_leaves_nothing_recorded() -> None:
    desk = talking()
    desk.press(Key.RECORD)
    consent(desk, given=False)
    announced(desk)
    assert not desk.said(StartRecording)
    assert desk.view.recording is None


def test_other_consents_may_change_meanwhile(desk: Desk) -> None:
    both = frozenset({Purpose.RECORDING, Purpose.CDR_SYNC})
    assert not about_recording(desk.handle(ConsentsChanged(both, activated=True)))


def test_it_ends_where_the_other_end_comes_to_want_none(desk: Desk) -> None:
    commands = desk.handle(RecordingSignalled(INCOMING, False, RecordingPreference.UNWANTED))
    assert StopRecording(RecordingEnd.REFUSED_BY_PEER) in commands
    assert END in commands
    assert desk.view.hint is Hint.RECORDING_UNWANTED
    desk.replace()
    assert desk.said(CloseCallRecord)[-1].decision is Decision.RECORDING_UNWANTED


def test_it_waits_while_the_other_end_wants_it_to(desk: Desk) -> None:
    commands = desk.handle(RecordingSignalled(INCOMING, False, RecordingPreference.PAUSED))
    assert about_recording(commands) == [PauseRecording(), SignalRecording(INCOMING, RecordingSign.PAUSED)]
    commands = desk.handle(RecordingSignalled(INCOMING, False, RecordingPreference.NONE))
    assert about_recording(commands) == [SignalRecording(INCOMING, RecordingSign.ON), REMINDER, ResumeRecording()]


@pytest.mark.parametrize(
    ("reason", "hint"),
    [(RecordingEnd.DISK_FULL, Hint.RECORDING_DISK_FULL), (RecordingEnd.FAILED, Hint.RECORDING_FAILED)],
)
def test_a_recorder_that_gives_up_leaves_the_call(desk: Desk, reason: RecordingEnd, hint: Hint) -> None:
    commands = desk.handle(RecordingEnded(INCOMING, reason))
    assert about_recording(commands) == [SignalRecording(INCOMING, RecordingSign.OFF), END]
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.recording is None
    assert desk.view.hint is hint


@pytest.mark.parametrize("by_whom", ["this end", "the other end"])
def test_the_end_of_the_call_is_the_end_of_its_recording(desk: Desk, by_whom: str) -> None:
    if by_whom == "this end":
        commands = desk.replace()
    else:
        commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert about_recording(commands) == [StopRecording(RecordingEnd.CALL_OVER)]
    assert desk.view.recording is None
    assert not about_recording(desk.handle(RecordingEnded(INCOMING, RecordingEnd.CALL_OVER)))


def test_a_disk_that_is_found_full_at_the_very_end_is_told_of(desk: Desk) -> None:
    desk.press(Key.RECORD)
    desk.handle(RecordingEnded(INCOMING, RecordingEnd.DISK_FULL))
    assert desk.view.hint is Hint.RECORDING_DISK_FULL


def test_recordings_that_made_room_are_told_of(desk: Desk) -> None:
    desk.handle(RecordingsTrimmed(2))
    assert desk.view.hint is Hint.RECORDINGS_TRIMMED
    desk.expire(Timer.NOTICE)
    assert desk.view.recording is not None


def test_news_of_another_recording_change_nothing(desk: Desk) -> None:
    assert not about_recording(desk.handle(RecordingEnded(SECOND, RecordingEnd.FAILED)))
    assert not about_recording(announced(desk, made=False))
    assert desk.view.recording is not None


# --- hold and other calls ---------------------------------------------------------------------------------------------


def test_it_waits_while_the_call_is_on_hold_and_goes_on_with_a_tone_once_that_can_be_heard(desk: Desk) -> None:
    assert about_recording(desk.press(Key.HOLD)) == [PauseRecording()]
    assert desk.view.recording == RecordingView(0, is_kept=False)
    desk.sip(CallState.HELD, INCOMING)
    desk.press(Key.HOLD)
    commands = desk.sip(CallState.ACTIVE, INCOMING)
    assert about_recording(commands) == [REMINDER, ResumeRecording()]
    assert commands.index(OpenAudio(talk=True, speaker=False)) < commands.index(REMINDER)


def test_it_waits_while_the_other_end_holds_the_call(desk: Desk) -> None:
    assert about_recording(desk.audio(INCOMING, sending=False)) == [PauseRecording()]
    assert about_recording(desk.audio(INCOMING)) == [REMINDER, ResumeRecording()]


def test_no_tone_comes_while_it_waits(desk: Desk) -> None:
    desk.press(Key.HOLD)
    assert not about_recording(desk.expire(Timer.RECORDING))


def test_a_call_that_is_held_while_it_is_announced_is_told_again_before_it_is_recorded() -> None:
    desk = talking()
    desk.press(Key.RECORD, Key.HOLD)
    announced(desk, made=False)
    desk.sip(CallState.HELD, INCOMING)
    desk.press(Key.HOLD)
    assert about_recording(desk.sip(CallState.ACTIVE, INCOMING)) == [BEGINNING]
    assert about_recording(announced(desk)) == [StartRecording(INCOMING, "02012345678", "Anna")]


def test_a_second_call_is_not_part_of_it(desk: Desk) -> None:
    second_call(desk)
    assert desk.said(PauseRecording)
    assert not desk.said(ResumeRecording)
    assert SignalRecording(SECOND, RecordingSign.ON) not in desk.all_commands
    desk.press(Key.CANCEL)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.said(ResumeRecording)


def test_whoever_joins_is_told_before_they_are_recorded(desk: Desk) -> None:
    second_call(desk)
    commands = desk.press(Key.CONFERENCE)
    assert about_recording(commands) == [SignalRecording(SECOND, RecordingSign.ON), BEGINNING]
    desk.sip(CallState.ACTIVE, INCOMING)
    assert not desk.said(ResumeRecording)
    assert about_recording(announced(desk)) == [ResumeRecording()]


def test_whoever_joins_and_wants_no_recording_ends_it(desk: Desk) -> None:
    second_call(desk)
    desk.handle(RecordingSignalled(SECOND, False, RecordingPreference.UNWANTED))
    assert not desk.said(StopRecording)
    assert StopRecording(RecordingEnd.REFUSED_BY_PEER) in desk.press(Key.CONFERENCE)


def test_whoever_leaves_a_conference_hears_that_they_are_not_recorded_any_more(desk: Desk) -> None:
    second_call(desk)
    desk.press(Key.CONFERENCE)
    desk.sip(CallState.ACTIVE, INCOMING)
    announced(desk)
    commands = desk.press(Key.CONFERENCE)
    # The second call stays in the foreground, so the recording of the first one waits.
    assert SignalRecording(SECOND, RecordingSign.OFF) in commands
    assert PauseRecording() in commands


def test_somebody_new_at_the_other_end_is_told_before_they_are_recorded(desk: Desk) -> None:
    commands = desk.handle(CallPartyChanged(INCOMING, CallerId("444")))
    assert about_recording(commands) == [PauseRecording(), BEGINNING]
    assert about_recording(announced(desk)) == [ResumeRecording()]


def test_a_call_that_takes_the_place_of_the_recorded_one_is_not_recorded(desk: Desk) -> None:
    commands = desk.handle(CallReplaced(INCOMING, SECOND, CallerId("444")))
    assert StopRecording(RecordingEnd.CALL_OVER) in commands
    assert not any(isinstance(command, SignalRecording) and command.call_id == SECOND for command in commands)


def test_handing_the_call_over_makes_its_recording_wait_and_then_end(desk: Desk) -> None:
    assert PauseRecording() in desk.press(Key.TRANSFER)
    desk.sip(CallState.HELD, INCOMING)
    assert StopRecording(RecordingEnd.CALL_OVER) in desk.sip(
        CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP
    )


def test_a_muted_microphone_stops_neither_the_recording_nor_its_tone(desk: Desk) -> None:
    desk.press(Key.MUTE)
    assert REMINDER in desk.expire(Timer.RECORDING)
    assert not desk.said(PauseRecording)


# --- the other end's recording ----------------------------------------------------------------------------------------


def test_the_display_knows_that_the_other_end_records() -> None:
    desk = talking()
    desk.handle(RecordingSignalled(INCOMING, True, RecordingPreference.NONE))
    assert desk.call.recorded_by_peer
    desk.handle(RecordingSignalled(INCOMING, False, RecordingPreference.NONE))
    assert not desk.call.recorded_by_peer


def test_a_locked_phone_records_nothing() -> None:
    from firmware.phone.requests.pin import StoreWaitsForPin  # noqa: PLC0415

    desk = Desk(settings())
    desk.handle(StoreWaitsForPin())
    talking(desk)
    desk.press(Key.RECORD)
    assert desk.view.hint is Hint.RECORDING_LOCKED
    assert not about_recording(desk.all_commands)
