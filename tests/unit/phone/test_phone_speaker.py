"""The loudspeaker in place of the handset, and calls that answer themselves on it."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, CallState, Decision, RejectReason
from firmware.phone.commands import CloseCallRecord, Command, IndicatorPattern, SetIndicator, StartTimer
from firmware.phone.digit_map import Alternative
from firmware.phone.events import Timer
from firmware.phone.features import CallRules
from firmware.phone.key import Key
from firmware.phone.news import CallPartyChanged
from firmware.phone.orders import (
    AnswerCall,
    AudioRoute,
    CloseAudio,
    HangUpCall,
    OpenAudio,
    PlaceCall,
    PlayTone,
    RejectCall,
    SetMute,
    SetVolume,
    StartRinging,
    StopTone,
    Tone,
)
from firmware.phone.preferences import Preferences
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import CALLER, INCOMING, Desk, settings, without_page

COLLEAGUE = CallerId("201", asserted=True)


def _desk(**more: Any) -> Desk:
    return Desk(settings(has_loudspeaker=True, **more))


def _intercom(*, has_loudspeaker: bool = True) -> Desk:
    rules = CallRules(auto_answer_from=(Alternative.parse("2xx"),))
    preferences = Preferences(auto_answer=True)
    return Desk(settings(has_loudspeaker=has_loudspeaker, preferences=preferences, call_rules=rules))


@pytest.fixture
def desk() -> Desk:
    return _desk()


def test_without_a_loudspeaker_the_key_says_so() -> None:
    desk = Desk()
    desk.press(Key.SPEAKER)
    assert desk.view.hint is Hint.NO_LOUDSPEAKER
    assert desk.view.mode is Mode.IDLE


def test_the_speaker_key_brings_dial_tone_to_the_loudspeaker(desk: Desk) -> None:
    assert without_page(desk.press(Key.SPEAKER)) == [
        StartTimer(Timer.DIAL_TONE, 15),
        OpenAudio(talk=False, speaker=True),
        PlayTone(Tone.DIAL),
        SetIndicator(IndicatorPattern.ON),
    ]
    assert desk.view.speaker
    assert not desk.view.off_hook


def test_the_speaker_key_answers_and_the_microphone_waits_for_the_call(desk: Desk) -> None:
    desk.ring()
    assert AnswerCall(INCOMING) in desk.press(Key.SPEAKER)
    assert not desk.view.microphone_open
    assert OpenAudio(talk=True, speaker=True) in desk.sip(CallState.ACTIVE, INCOMING)


def test_the_speaker_key_sends_a_number_dialled_before_it(desk: Desk) -> None:
    desk.dial("23", Key.SPEAKER)
    assert len(desk.said(PlaceCall)) == 1


@pytest.mark.parametrize("key", [Key.SPEAKER, Key.CANCEL])
def test_a_call_on_the_loudspeaker_ends_with_a_key(desk: Desk, key: Key) -> None:
    desk.ring()
    desk.press(Key.SPEAKER)
    desk.sip(CallState.ACTIVE, INCOMING)
    commands = desk.press(key)
    assert commands[0] == CloseAudio()
    assert HangUpCall(INCOMING) in commands
    assert desk.view.mode is Mode.IDLE
    assert not desk.view.speaker


def test_lifting_the_handset_takes_the_call_from_the_loudspeaker(desk: Desk) -> None:
    desk.ring()
    desk.press(Key.SPEAKER)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert without_page(desk.lift()) == [OpenAudio(talk=True, speaker=False)]
    assert HangUpCall(INCOMING) in desk.replace()


def test_the_speaker_key_in_a_call_moves_the_sound_and_replacing_the_handset_then_keeps_the_call(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert without_page(desk.press(Key.SPEAKER)) == [OpenAudio(talk=True, speaker=True)]
    assert without_page(desk.replace()) == []
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.microphone_open
    assert HangUpCall(INCOMING) in desk.press(Key.SPEAKER)


def test_the_speaker_key_pressed_again_brings_the_sound_back_to_the_handset(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.press(Key.SPEAKER)
    assert without_page(desk.press(Key.SPEAKER)) == [OpenAudio(talk=True, speaker=False)]
    assert HangUpCall(INCOMING) in desk.replace()


def test_the_volume_keys_turn_the_loudspeaker_while_it_is_on() -> None:
    desk = _desk(speaker_volume_percent=50)
    desk.press(Key.SPEAKER)
    assert SetVolume(AudioRoute.SPEAKER, 60) in desk.press(Key.VOLUME_UP)


def test_a_loudspeaker_whose_call_is_over_switches_itself_off(desk: Desk) -> None:
    desk.ring()
    desk.press(Key.SPEAKER)
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert desk.view.mode is Mode.CALL_ENDED
    desk.expire(Timer.CALL_ENDED)
    assert desk.shown().mode is Mode.IDLE
    assert not desk.view.speaker


def test_a_loudspeaker_with_nothing_but_dial_tone_switches_itself_off(desk: Desk) -> None:
    desk.press(Key.SPEAKER)
    desk.expire(Timer.DIAL_TONE)
    desk.expire(Timer.DIAL_TONE)
    assert desk.view.mode is Mode.IDLE
    assert not desk.view.speaker


def test_cancel_with_nothing_dialled_switches_the_loudspeaker_off(desk: Desk) -> None:
    desk.press(Key.SPEAKER, "2", Key.CANCEL)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    desk.press(Key.CANCEL)
    assert desk.shown().mode is Mode.IDLE


# --- answering by itself ---


def test_a_call_that_asks_for_it_is_answered_by_itself_after_a_warning() -> None:
    desk = _intercom()
    commands = without_page(desk.ring(caller=COLLEAGUE, answer_after_s=2))
    assert StartTimer(Timer.AUTO_ANSWER, 2) in commands
    assert commands.index(OpenAudio(talk=False, speaker=True)) < commands.index(PlayTone(Tone.WARNING))
    assert desk.said(StartRinging) == []
    commands = desk.expire(Timer.AUTO_ANSWER)
    assert StopTone() in commands
    assert AnswerCall(INCOMING) in commands
    assert commands.index(SetMute(muted=True)) < commands.index(AnswerCall(INCOMING))
    assert OpenAudio(talk=True, speaker=True) in desk.sip(CallState.ACTIVE, INCOMING)
    desk.press(Key.CANCEL)
    assert desk.said(CloseCallRecord)[-1].decision is Decision.AUTO_ANSWERED


@pytest.mark.parametrize("come", [lambda desk: desk.press(Key.MUTE), Desk.lift], ids=["MUTE", "lifting"])
def test_whoever_comes_to_a_call_that_has_answered_itself_is_heard(come: Callable[[Desk], list[Command]]) -> None:
    desk = _intercom()
    desk.ring(caller=COLLEAGUE, answer_after_s=0)
    desk.expire(Timer.AUTO_ANSWER)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.muted
    assert SetMute(muted=False) in come(desk)
    assert not desk.shown().muted


def test_lifting_the_handset_leaves_a_microphone_off_that_a_person_has_switched_off(desk: Desk) -> None:
    desk.ring()
    desk.press(Key.SPEAKER)
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.press(Key.MUTE)
    desk.lift()
    assert desk.view.muted


def test_a_call_rings_where_it_may_answer_itself_no_more_after_the_warning() -> None:
    desk = _intercom()
    desk.ring(caller=COLLEAGUE, answer_after_s=9)
    desk.handle(CallPartyChanged(INCOMING, CALLER))
    commands = desk.expire(Timer.AUTO_ANSWER)
    assert AnswerCall(INCOMING) not in commands
    assert [type(each) for each in without_page(commands)][:3] == [StopTone, CloseAudio, StartRinging]
    assert not desk.view.speaker


def test_the_warning_is_heard_even_where_the_caller_wants_an_answer_at_once() -> None:
    desk = _intercom()
    assert StartTimer(Timer.AUTO_ANSWER, 1) in desk.ring(caller=COLLEAGUE, answer_after_s=0)


def test_without_a_loudspeaker_the_earpiece_has_to_do() -> None:
    desk = _intercom(has_loudspeaker=False)
    assert OpenAudio(talk=False, speaker=False) in desk.ring(caller=COLLEAGUE, answer_after_s=0)


@pytest.mark.parametrize("key", [Key.CANCEL, Key.SPEAKER])
def test_a_key_calls_the_answer_off(key: Key) -> None:
    desk = _intercom()
    desk.ring(caller=COLLEAGUE, answer_after_s=2)
    assert RejectCall(INCOMING, RejectReason.DECLINED) in desk.press(key)
    assert desk.view.mode is Mode.IDLE
    assert not desk.view.speaker
    assert desk.expire(Timer.AUTO_ANSWER) == []


def test_lifting_the_handset_during_the_warning_answers_there() -> None:
    desk = _intercom()
    desk.ring(caller=COLLEAGUE, answer_after_s=2)
    assert AnswerCall(INCOMING) in desk.lift()
    assert not desk.view.speaker
    assert OpenAudio(talk=True) in desk.sip(CallState.ACTIVE, INCOMING)


def test_a_caller_who_gives_up_during_the_warning_is_missed() -> None:
    desk = _intercom()
    desk.ring(caller=COLLEAGUE, answer_after_s=2)
    commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED, 487)
    assert commands[:2] == [StopTone(), CloseAudio()]
    assert desk.view.missed_calls == 1
    assert not desk.view.speaker


def test_a_phone_in_use_answers_nothing_by_itself() -> None:
    desk = _intercom()
    desk.lift()
    desk.ring(caller=COLLEAGUE, answer_after_s=0)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert desk.view.hint is Hint.CALL_WAITING
