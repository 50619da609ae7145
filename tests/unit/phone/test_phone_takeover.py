"""A new process of the handset finds the calls that outlived the one before."""

from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallerId, CallId, CallState
from firmware.phone.commands import (
    AnnounceRecording,
    CloseCallRecord,
    Command,
    LookUpCaller,
    MarkCallAnswered,
    OpenCallRecord,
    ReportImpossibleEvent,
    StartTimer,
)
from firmware.phone.events import KeyPressed, Timer
from firmware.phone.key import Key
from firmware.phone.news import CallsFound, CallStateChanged, FoundCall
from firmware.phone.orders import (
    AnswerCall,
    CloseAudio,
    HangUpCall,
    HoldCall,
    JoinCalls,
    OpenAudio,
    PlaceCall,
    PlayTone,
    RejectCall,
    ResumeCall,
    SetMute,
    SignalRecording,
    SplitCalls,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
)
from firmware.phone.phone import Phone
from firmware.phone.recording import RecordingNotice, RecordingSign
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.running_call import Call
from firmware.phone.view import Hint, Mode
from tests.lab.chance import counted
from tests.unit.phone.desk import CALLER, Desk, settings
from tests.unit.phone.test_phone_invariants import AnyEvening
from tests.unit.phone.test_phone_table import DESKS

A, B = CallId("a"), CallId("b")
OUTGOING, INCOMING = CallDirection.OUTGOING, CallDirection.INCOMING
ACTIVE, HELD, DISCONNECTED = CallState.ACTIVE, CallState.HELD, CallState.DISCONNECTED
TOLD_ANEW = (StopRinging(), StopTone())


def found(
    call_id: CallId = A, state: CallState = ACTIVE, direction: CallDirection = OUTGOING, **more: Any
) -> FoundCall:
    party = CALLER if direction is INCOMING else CallerId("2345")
    known: dict[str, Any] = {"party": party, "began_ago_s": 70.0}
    if state in {ACTIVE, HELD}:
        known["answered_ago_s"] = 65.5
    return FoundCall(call_id, direction, state, **(known | more))


def take_over(
    *calls: FoundCall, off_hook: bool = True, desk: Desk | None = None, **more: Any
) -> tuple[Desk, list[Command]]:
    desk = desk or Desk()
    return desk, desk.handle(CallsFound(calls, off_hook=off_hook, **more))


def records(commands: list[Command]) -> list[Command]:
    return [each for each in commands if isinstance(each, OpenCallRecord | MarkCallAnswered | CloseCallRecord)]


def test_a_conversation_goes_on_with_its_clock_its_record_and_its_sound() -> None:
    desk, commands = take_over(found(receiving=True, account="office"))
    assert desk.view.mode is Mode.IN_CALL
    assert (desk.call.state, desk.call.duration_s) == (ACTIVE, 65)
    assert desk.view.microphone_open
    assert records(commands) == [
        OpenCallRecord(A, OUTGOING, "2345", account="office", began_ago_s=70),
        MarkCallAnswered(A, 65.5),
    ]
    assert commands[:4] == [*TOLD_ANEW, OpenAudio(talk=True), SetMute(muted=False)]
    assert commands.count(OpenAudio(talk=True)) == 1
    assert LookUpCaller(A, "2345") in commands
    desk.expire(Timer.CALL_CLOCK)
    assert desk.call.duration_s == 66
    assert HangUpCall(A) in desk.replace()
    assert desk.said(CloseCallRecord) == [CloseCallRecord(A, DisconnectReason.LOCAL_HANGUP, 0)]


def test_a_microphone_that_was_muted_stays_so() -> None:
    desk, commands = take_over(found(), muted=True)
    assert commands[2:4] == [OpenAudio(talk=True), SetMute(muted=True)]
    assert SetMute(muted=False) in desk.press(Key.MUTE)


def test_a_conversation_on_the_loudspeaker_goes_on_there() -> None:
    desk, commands = take_over(found(), off_hook=False, speaker=True, desk=Desk(settings(has_loudspeaker=True)))
    assert OpenAudio(talk=True, speaker=True) in commands
    assert desk.view.speaker
    assert not desk.view.off_hook
    assert HangUpCall(A) in desk.press(Key.SPEAKER)


def test_a_conversation_whose_handset_was_put_down_meanwhile_is_over() -> None:
    desk, commands = take_over(found(), off_hook=False)
    assert HangUpCall(A) in commands
    assert CloseCallRecord(A, DisconnectReason.LOCAL_HANGUP, 0) in commands
    assert CloseAudio() in commands
    assert desk.view.mode is Mode.IDLE


def test_a_call_on_hold_is_on_hold_and_can_be_resumed() -> None:
    desk, commands = take_over(found(state=HELD))
    assert desk.view.mode is Mode.IN_CALL
    assert desk.call.state is HELD
    assert OpenAudio(talk=False) in commands
    assert HoldCall(A) not in commands
    assert ResumeCall(A) in desk.press(Key.HOLD)
    desk.sip(ACTIVE, A)
    assert desk.view.microphone_open


def test_a_call_on_hold_rings_where_the_handset_is_down() -> None:
    desk, commands = take_over(found(state=HELD), off_hook=False)
    assert desk.view.mode is Mode.RINGING
    assert StartRinging("recall") in commands
    assert ResumeCall(A) in desk.lift()


def test_of_two_calls_the_one_that_is_talked_to_is_in_front_and_they_can_be_swapped() -> None:
    desk, _ = take_over(found(A, HELD, began_ago_s=90), found(B, ACTIVE, INCOMING, began_ago_s=20))
    assert desk.call.party == CALLER
    assert [call.state for call in desk.view.other_calls] == [HELD]
    commands = desk.press(Key.HOLD)
    assert HoldCall(B) in commands
    assert ResumeCall(A) in commands


def test_of_two_calls_that_were_both_talked_to_the_older_one_goes_on_hold() -> None:
    desk, commands = take_over(found(A, began_ago_s=90), found(B, began_ago_s=80))
    assert HoldCall(A) in commands
    assert HoldCall(B) not in commands
    assert [call.state for call in desk.view.other_calls] == [HELD]


def test_a_conference_goes_on_and_ends_with_the_handset() -> None:
    desk, commands = take_over(found(A), found(B), joined=(A, B))
    assert desk.call.in_conference
    assert not any(isinstance(each, HoldCall | JoinCalls | SplitCalls) for each in commands)
    assert {HangUpCall(A), HangUpCall(B)} <= set(desk.replace())
    assert desk.view.mode is Mode.IDLE


def test_what_is_left_of_a_conference_is_a_call_like_any_other() -> None:
    desk, commands = take_over(found(A), found(B, DISCONNECTED, ended_ago_s=2.0), joined=(A, B))
    assert SplitCalls() in commands
    assert not desk.call.in_conference


@pytest.mark.parametrize("state", [CallState.DIALING, CallState.ALERTING])
def test_a_call_that_is_being_placed_waits_for_its_answer(state: CallState) -> None:
    desk, commands = take_over(found(state=state))
    assert desk.view.mode is Mode.OUTGOING
    assert (PlayTone(Tone.RINGBACK) in commands) is (state is CallState.ALERTING)
    assert MarkCallAnswered(A) in desk.sip(ACTIVE, A)
    assert desk.shown().mode is Mode.IN_CALL


def test_a_call_that_is_being_placed_is_given_up_where_the_handset_is_down() -> None:
    desk, commands = take_over(found(state=CallState.DIALING), off_hook=False)
    assert HangUpCall(A) in commands
    assert desk.said(CloseCallRecord) == [CloseCallRecord(A, DisconnectReason.CANCELLED, 0)]
    assert desk.view.mode is Mode.IDLE


def test_a_second_call_is_placed_beside_the_one_that_was_about_to_be_held_for_it() -> None:
    desk, commands = take_over(found(A), found(B, CallState.DIALING, began_ago_s=1))
    assert desk.view.mode is Mode.OUTGOING
    assert HoldCall(A) in commands
    assert HangUpCall(B) in desk.press(Key.CANCEL)
    assert desk.shown().mode is Mode.IN_CALL


def test_a_call_rings_again_and_can_be_answered() -> None:
    desk, commands = take_over(found(state=CallState.INCOMING, direction=INCOMING), off_hook=False)
    assert desk.view.mode is Mode.RINGING
    assert commands.index(StopRinging()) < commands.index(StartRinging("normal"))
    assert StartTimer(Timer.NO_ANSWER, desk.phone._state.settings.no_answer_s) in commands
    assert AnswerCall(A) in desk.lift()


def test_whoever_has_lifted_while_it_rang_answers() -> None:
    desk, commands = take_over(found(state=CallState.INCOMING, direction=INCOMING))
    assert AnswerCall(A) in commands
    assert StopRinging() in commands
    assert not any(isinstance(each, StartRinging) for each in commands)
    desk.sip(ACTIVE, A)
    assert desk.view.microphone_open


def test_a_loudspeaker_alone_answers_nobody() -> None:
    desk, commands = take_over(found(state=CallState.INCOMING, direction=INCOMING), off_hook=False, speaker=True)
    assert desk.view.mode is Mode.RINGING
    assert AnswerCall(A) not in commands


def test_a_call_whose_answer_is_on_its_way_is_not_answered_twice() -> None:
    call = found(state=CallState.INCOMING, direction=INCOMING, accepted=True)
    desk, commands = take_over(call)
    assert desk.view.mode is Mode.IN_CALL
    assert AnswerCall(A) not in commands
    desk.sip(ACTIVE, A)
    assert desk.view.microphone_open
    assert HangUpCall(A) in take_over(call, off_hook=False)[1]


def test_a_caller_waits_beside_a_conversation_and_rings_after_it() -> None:
    desk, commands = take_over(found(A), found(B, CallState.INCOMING, INCOMING))
    assert PlayTone(Tone.CALL_WAITING) in commands
    assert desk.call.state is ACTIVE
    assert StartRinging("normal") in desk.replace()


def test_an_emergency_call_is_known_as_one() -> None:
    desk, commands = take_over(found(party=CallerId("112"), began_ago_s=100.0))
    assert desk.call.emergency
    assert StartTimer(Timer.EMERGENCY_CALLBACK, 1700) in commands
    desk.press(Key.HOLD)
    assert desk.said(HoldCall) == []
    desk.ring(B, answer_after_s=None)
    assert B in [command.call_id for command in desk.said(RejectCall)]


def test_whoever_was_called_for_help_and_has_hung_up_may_call_back() -> None:
    ended = found(state=DISCONNECTED, party=CallerId("112"), ended_ago_s=40.0)
    desk, commands = take_over(ended, off_hook=False)
    assert StartTimer(Timer.EMERGENCY_CALLBACK, 1730) in commands
    assert desk.view.mode is Mode.IDLE


def test_a_number_that_only_calls_in_is_no_emergency() -> None:
    desk, _ = take_over(found(direction=INCOMING, party=CallerId("112")))
    assert not desk.call.emergency


def test_a_call_that_ended_while_nobody_was_there_gets_its_end() -> None:
    desk, commands = take_over(
        found(
            state=DISCONNECTED,
            answered_ago_s=60.0,
            reason=DisconnectReason.REMOTE_HANGUP,
            sip_code=200,
            ended_ago_s=3.0,
        )
    )
    assert records(commands) == [
        OpenCallRecord(A, OUTGOING, "2345", began_ago_s=70),
        MarkCallAnswered(A, 60),
        CloseCallRecord(A, DisconnectReason.REMOTE_HANGUP, 200, ended_ago_s=3),
    ]
    assert desk.view.mode is Mode.CALL_ENDED
    desk.replace()
    assert desk.shown().mode is Mode.IDLE


def test_a_call_that_ended_long_ago_leaves_a_dial_tone_to_whoever_lifts() -> None:
    desk, commands = take_over(found(state=DISCONNECTED, ended_ago_s=50.0))
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert PlayTone(Tone.DIAL) in commands


def test_a_number_that_is_being_dialled_already_comes_before_the_end_of_a_call(desk: Desk) -> None:
    desk.lift()
    desk.dial("11")
    take_over(found(state=DISCONNECTED, ended_ago_s=3.0), desk=desk)
    desk.dial("2")
    assert len(desk.said(PlaceCall)) == 1


def test_a_caller_who_gave_up_while_nobody_was_there_was_missed() -> None:
    desk, commands = take_over(
        found(state=DISCONNECTED, direction=INCOMING, reason=DisconnectReason.CANCELLED, ended_ago_s=1.0),
        off_hook=False,
    )
    assert CloseCallRecord(A, DisconnectReason.CANCELLED, 0, ended_ago_s=1) in commands
    assert (desk.view.missed_calls, desk.view.missed_party) == (1, "Anna")
    assert desk.view.mode is Mode.IDLE


def test_nobody_s_end_is_invented_for_a_call_of_which_none_is_known() -> None:
    _, commands = take_over(found(state=DISCONNECTED, ended_ago_s=1.0), off_hook=False)
    assert CloseCallRecord(A, DisconnectReason.INTERRUPTED, 0, ended_ago_s=1) in commands


def test_who_was_told_of_a_recording_hears_that_it_is_over() -> None:
    desk, commands = take_over(found(recorded=True))
    assert SignalRecording(A, RecordingSign.OFF) in commands
    assert commands.index(OpenAudio(talk=True)) < commands.index(AnnounceRecording(RecordingNotice.END))
    assert desk.view.hint is Hint.RECORDING_ENDED
    assert not any(isinstance(each, SignalRecording | AnnounceRecording) for each in take_over(found())[1])


@pytest.mark.parametrize("off_hook", [False, True])
def test_where_nothing_is_found_the_phone_is_as_it_was_and_says_how_it_sounds(off_hook: bool) -> None:
    desk, commands = take_over(off_hook=off_hook)
    assert desk.view.mode is (Mode.COLLECTING_DIGITS if off_hook else Mode.IDLE)
    assert commands[:2] == list(TOLD_ANEW)
    assert (CloseAudio() in commands) is not off_hook
    assert (PlayTone(Tone.DIAL) in commands) is off_hook
    assert records(commands) == []


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.UNPROVISIONED, Mode.MENU, Mode.COLLECTING_DIGITS])
def test_a_phone_that_nobody_talks_on_takes_over_in_any_mode(mode: Mode) -> None:
    desk, commands = take_over(found(), desk=DESKS[mode]())
    assert desk.view.mode is Mode.IN_CALL
    assert not any(isinstance(each, ReportImpossibleEvent) for each in commands)


@pytest.mark.parametrize("mode", [Mode.OUTGOING, Mode.RINGING, Mode.IN_CALL, Mode.REDIALLING, Mode.WRITING])
def test_what_is_found_too_late_is_ended_and_disturbs_nobody(mode: Mode) -> None:
    desk = DESKS[mode]()
    before = desk.view.call
    _, commands = take_over(found(A), found(B, CallState.INCOMING, INCOMING), off_hook=desk.view.off_hook, desk=desk)
    assert ReportImpossibleEvent(mode.value, "CallsFound") in commands
    assert HangUpCall(A) in commands
    assert B in [each.call_id for each in commands if isinstance(each, RejectCall)]
    assert {each.call_id for each in commands if isinstance(each, CloseCallRecord)} == {A, B}
    assert (desk.view.mode, desk.view.call) == (mode, before)


def test_a_call_that_is_known_already_is_let_be() -> None:
    desk = DESKS[Mode.IN_CALL]()
    known = desk.view.call
    _, commands = take_over(found(CallId("in"), ACTIVE, INCOMING), desk=desk)
    assert records(commands) == []
    assert desk.view.call == known


class ReplacedEvening(AnyEvening):
    """An evening on which the handset's process dies again and again, and its calls do not."""

    @rule(closed=st.integers(0, 2))
    def replace_the_process(self, closed: int) -> None:
        before = self.phone._state
        calls = [self._found(call, age) for age, call in enumerate(before.calls)]
        calls += [found(CallId(call_id), DISCONNECTED, ended_ago_s=5.0) for call_id in sorted(self.closed)[-closed:]]
        event = CallsFound(
            tuple(calls),
            tuple(call.call_id for call in before.conference),
            before.muted,
            before.loudspeaker_in_use,
            self.off_hook,
        )
        twin, heir = self._new_phone(), self._new_phone()
        self._compare(self.phone, twin, event)
        self.phone = heir
        self._begin_anew(event)

    @precondition(lambda self: self.live)
    @rule(keys=st.lists(st.sampled_from([Key.CONFERENCE, Key.SPEAKER, Key.HOLD, Key.MUTE, Key.RECORD]), max_size=2))
    def die_in_the_middle_of_something(self, keys: list[Key]) -> None:
        self.let_every_answer_arrive()
        for key in keys:
            self._handle(KeyPressed(key))
        self.replace_the_process(0)

    def _found(self, call: Call, age: int) -> FoundCall:
        recording = self.phone._state.recording
        told = recording is not None and recording.signs.get(call.call_id, RecordingSign.OFF) is not RecordingSign.OFF
        return FoundCall(
            call.call_id,
            call.direction,
            call.state,
            call.party,
            call.account,
            receiving=call.receiving,
            sending=call.sending,
            recorded=told,
            began_ago_s=100.0 - age,
            answered_ago_s=float(call.duration_s) if call.answered else None,
            accepted=call.accepted,
        )

    def _new_phone(self) -> Phone:
        return Phone(self.phone._state.settings, self._next_id)

    def _compare(self, old: Phone, new: Phone, event: CallsFound) -> None:
        """Have all calls end, with the phone that knew them and with the one that found them."""
        answered = {call.call_id for call in old._state.calls if call.answered}
        uncertain = {call.call_id for call in old._state.handing_over}
        # One that took the place of a call on hold is known to be on hold once it is answered.
        uncertain |= {call.call_id for call in old._state.calls if call.hold_wanted and not call.answered}
        unattended = old.view.mode in {Mode.REDIALLING, Mode.TAKING_MESSAGE}
        nobody = unattended or (old._state.speaker and not old._state.loudspeaker_in_use)
        live = sorted(self.live)
        taken = new.handle(event)
        ends = [CallStateChanged(call_id, DISCONNECTED, DisconnectReason.NETWORK_LOST, 408) for call_id in live]
        written: list[dict[CallId, CloseCallRecord]] = []
        for phone, said in ((old, []), (new, taken)):
            commands = [*said, *(command for end in ends for command in phone.handle(end))]
            closed = [each for each in commands if isinstance(each, CloseCallRecord) and each.call_id in live]
            written.append({each.call_id: each for each in closed})
            assert sorted(each.call_id for each in closed) == live
        assert {each.call_id for each in taken if isinstance(each, OpenCallRecord)} >= set(live)
        assert {e.call_id for e in taken if isinstance(e, MarkCallAnswered) and e.call_id in live} == answered
        if not nobody:
            assert {each: written[1][each].reason for each in live if each not in uncertain} == {
                each: written[0][each].reason for each in live if each not in uncertain
            }

    def _begin_anew(self, event: CallsFound) -> None:
        self.running, self.spoken, self.brightness_percent = set(), False, 0
        self.announcing, self.was_told, self.recording, self.keeps = False, False, None, False
        for command in self.phone.start():
            self._follow(command)
        before = set(self.closed)
        for command in self.phone.handle(event):
            match command:
                case StopRinging():
                    self.ringing = False
                case StopTone():
                    self.tone = None
                case CloseAudio():
                    self.audio, self.unattended = None, False
                case OpenAudio(talk, speaker):
                    self.audio, self.unattended = (talk, speaker), False
                case OpenCallRecord(call_id):
                    assert call_id in self.recorded
                case CloseCallRecord(call_id) if call_id in before:
                    pass
                case _:
                    self._follow(command)
        self._handle(ConsentsChanged(frozenset({Purpose.RECORDING} if self.consents else ()), activated=True))


TestReplacedEvening = ReplacedEvening.TestCase
TestReplacedEvening.settings = hypothesis_settings(
    max_examples=counted(full=600, landing=40),
    stateful_step_count=60,
    suppress_health_check=list(HealthCheck),
)
