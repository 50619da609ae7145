from typing import Any

import pytest

from contract.results import HardwarePart
from firmware.base.words import counted
from firmware.phone.call import CallState
from firmware.phone.commands import IndicatorPattern, SetIndicator
from firmware.phone.events import KeyRepeated, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import ListView
from firmware.phone.orders import (
    CloseAudio,
    OpenAudio,
    PlaceCall,
    PlayTone,
    SetVolume,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
)
from firmware.phone.request import Failed
from firmware.phone.requests.handset import KeepSelfTest, Loudness, PartTested, ReadLoudness
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk, settings
from tests.unit.phone.menus import open_page, said
from tests.unit.phone.office import AGREED

pytestmark = pytest.mark.feature("self-test of the hardware")

KEYS = tuple(
    tuple(map(Key, row)) for row in (("1", "2", "speaker"), ("menu", "0", "do_not_disturb"), ("cancel", "ok", "9"))
)
ALL = [key for row in KEYS for key in row]
VOICE, QUIET = Loudness(30, 3000), Loudness(20, 40)


def begun(**more: Any) -> Desk:
    """Return a phone whose self-test waits for the first key."""
    desk = Desk(settings(keypad=KEYS, has_loudspeaker=True, **more))
    desk.handle(AGREED)
    open_page(desk, "This phone", "Self-test")
    desk.press(Key.OK)
    return desk


def with_keys_done(**more: Any) -> Desk:
    desk = begun(**more)
    for key in ALL:
        desk.press(key)
    return desk


def up(**more: Any) -> Desk:
    """Return a phone whose tone is to be heard."""
    desk = with_keys_done(**more)
    desk.lift()
    return desk


def asked(desk: Desk) -> str:
    menu = desk.notice
    return said(menu.text)


def keypad(desk: Desk) -> list[str]:
    menu = desk.card
    return [said(row.label) for row in menu.rows]


def found(desk: Desk) -> dict[HardwarePart, PartTested]:
    (kept,) = desk.said(KeepSelfTest)
    assert [each.part for each in kept.parts] == list(HardwarePart)
    return {each.part: each for each in kept.parts}


def results(desk: Desk) -> list[tuple[str, str]]:
    menu = desk.card
    return [(said(row.label), said(row.value)) for row in menu.rows]


def speak(desk: Desk, *heard: Loudness) -> None:
    for loudness in heard:
        desk.reply(ReadLoudness, loudness)


@pytest.fixture
def desk() -> Desk:
    return up()


def test_whoever_does_all_that_is_asked_has_a_phone_that_works() -> None:
    desk = with_keys_done()
    assert asked(desk) == "Lift the handset."
    desk.lift()
    assert asked(desk) == "Do you hear the tone?"
    assert desk.said(PlayTone) == [PlayTone(Tone.DIAL)]
    desk.press(Key.OK)
    assert asked(desk) == "Speak. Nothing is kept."
    speak(desk, QUIET, QUIET, VOICE, VOICE, VOICE)
    assert asked(desk) == "Put the handset down."
    desk.replace()
    assert asked(desk) == "Does it ring?"
    desk.press(Key.OK)
    assert asked(desk) == "Does the light blink?"
    desk.press(Key.OK)
    assert all(each.works for each in found(desk).values())
    assert set(results(desk)) == {
        (part, "works") for part in ("Keypad", "Hook switch", "Earpiece", "Microphone", "Ringer", "Indicator")
    }
    assert desk.said(PlaceCall) == []


def test_a_result_that_cannot_be_kept_is_said() -> None:
    desk = with_keys_done()
    for _ in range(3):
        desk.press(Key.CANCEL)
    desk.reply(KeepSelfTest, Failed("The card is full."))
    assert asked(desk) == "The card is full."
    desk.press(Key.OK)
    assert ("Keypad", "works") in results(desk)


def test_a_phone_that_is_not_set_up_can_be_tested() -> None:
    desk = Desk(settings(keypad=KEYS, provisioned=False, line_usable=False))
    open_page(desk, "This phone", "Self-test")
    assert asked(desk) == "Test the keys, the handset and the ringer? It takes two minutes and calls nobody."
    desk.press(Key.OK)
    assert keypad(desk) == ["1 2 SPE", "MEN 0 DND", "CAN OK 9"]


# --- the keys ---------------------------------------------------------------------------------------------------------


def test_the_display_shows_where_the_keys_are_that_have_not_come() -> None:
    desk = begun()
    for key in ("1", "speaker", "menu"):
        desk.press(key)
    assert keypad(desk) == ["· 2 ·", "· 0 DND", "CAN OK 9"]
    desk.press("2")
    menu = desk.card
    assert menu.title == counted("Press {count} key", "Press {count} keys", 5)
    assert keypad(desk) == ["· 0 DND", "CAN OK 9"]


def test_no_key_that_is_tested_does_what_it_is_for() -> None:
    desk = begun()
    for key in ALL[:-1]:
        desk.press(key)
        desk.hold_down(key) if key is not Key.CANCEL else None
        desk.handle(KeyRepeated(key))
        assert desk.shown().mode is Mode.MENU
    assert not desk.view.do_not_disturb
    assert not desk.view.speaker
    assert keypad(desk) == ["· · 9"]


def test_a_key_that_never_comes_is_passed_over_by_ok_and_named() -> None:
    desk = begun()
    for key in ALL[1:]:
        desk.press(key)
    desk.press(Key.OK)
    assert asked(desk) == "Lift the handset."
    for _ in range(3):
        desk.press(Key.CANCEL)
    assert found(desk)[HardwarePart.KEYS] == PartTested(HardwarePart.KEYS, works=False, missing=(Key.DIGIT_1,))
    assert ("Keypad", "missing: 1") in results(desk)


def test_keys_that_never_come_are_passed_over_by_themselves() -> None:
    desk = begun()
    desk.press("1")
    desk.expire(Timer.INTER_DIGIT)
    assert asked(desk) == "Lift the handset."


@pytest.mark.feature("emergency calls")
def test_an_emergency_number_that_is_typed_is_called_by_lifting_as_on_every_page() -> None:
    desk = begun()
    for key in [key for key in ALL if key not in {Key.DIGIT_1, Key.DIGIT_2}]:
        desk.press(key)
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("112")
    assert desk.view.help_number == "112"
    desk.expire(Timer.INTER_DIGIT)
    assert desk.view.help_number == "112"
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


@pytest.mark.feature("emergency calls")
def test_the_loudspeaker_calls_for_help_while_keys_are_tested() -> None:
    desk = begun()
    desk.dial("112", Key.SPEAKER)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


@pytest.mark.feature("emergency calls")
def test_an_emergency_number_is_called_with_its_last_digit_while_the_handset_is_up(desk: Desk) -> None:
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


@pytest.mark.feature("emergency calls")
def test_a_test_that_ends_with_an_emergency_number_says_so_before_anybody_is_asked_to_lift() -> None:
    desk = begun(country="CN")
    for key in [key for key in ALL if key not in {Key.DIGIT_1, Key.DIGIT_2, Key.DIGIT_0}]:
        desk.press(key)
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("120")
    assert desk.view.help_number == "120"
    desk.press(Key.CANCEL)
    assert not desk.shown().help_number
    desk.press(Key.OK)
    assert asked(desk) == "Lift the handset."
    desk.lift()
    assert desk.said(PlaceCall) == []


# --- the way out ------------------------------------------------------------------------------------------------------


def test_cancel_leaves_once_it_has_been_tested() -> None:
    desk = begun()
    desk.press(Key.CANCEL, Key.CANCEL)
    assert isinstance(desk.view.menu, ListView)
    assert desk.said(KeepSelfTest) == []


def test_cancel_held_leaves() -> None:
    desk = begun()
    desk.press(Key.CANCEL)
    desk.hold_down(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


def test_lifting_while_keys_are_tested_gives_dial_tone() -> None:
    desk = begun()
    desk.lift()
    assert desk.view.mode is Mode.COLLECTING_DIGITS


def test_hanging_up_before_it_is_asked_for_leaves(desk: Desk) -> None:
    desk.replace()
    assert isinstance(desk.view.menu, ListView)
    assert desk.all_commands[-1] != PlayTone(Tone.DIAL)
    assert desk.said(KeepSelfTest) == []


def test_a_test_that_everybody_has_left_ends_by_itself() -> None:
    desk = begun()
    desk.expire(Timer.INFO)
    assert desk.view.mode is Mode.IDLE


def test_a_call_goes_before_the_test_which_goes_on_after_it() -> None:
    desk = with_keys_done()
    desk.ring()
    assert desk.shown().mode is Mode.RINGING
    desk.lift()
    desk.sip(CallState.ACTIVE, INCOMING)
    desk.replace()
    assert asked(desk) == "Lift the handset."


def test_a_call_that_comes_while_the_tone_is_heard_is_answered_by_ok(desk: Desk) -> None:
    desk.ring()
    desk.press(Key.OK)
    desk.sip(CallState.ACTIVE, INCOMING)
    assert desk.view.mode is Mode.IN_CALL


# --- the parts that a person judges -----------------------------------------------------------------------------------


def test_a_hook_switch_that_never_comes_fails_and_what_needs_it_is_not_tried() -> None:
    desk = with_keys_done()
    for _ in range(3):
        desk.expire(Timer.INTER_DIGIT)
    works = {part: each.works for part, each in found(desk).items()}
    assert works == {
        HardwarePart.KEYS: True, HardwarePart.HOOK: False, HardwarePart.EAR: None, HardwarePart.MICROPHONE: None,
        HardwarePart.RING: False, HardwarePart.LIGHT: False,
    }  # fmt: skip
    assert ("Earpiece", "not tried") in results(desk)


def test_a_cradle_that_does_not_notice_the_handset_fails(desk: Desk) -> None:
    desk.press(Key.OK)
    speak(desk, QUIET, QUIET, VOICE, VOICE, VOICE)
    desk.press(Key.CANCEL)
    assert asked(desk) == "Does it ring?"
    desk.press(Key.OK, Key.OK)
    assert found(desk)[HardwarePart.HOOK].works is False


def test_the_tone_ends_with_its_question_and_no_is_kept(desk: Desk) -> None:
    commands = desk.press(Key.CANCEL)
    assert StopTone() in commands
    assert asked(desk) == "Speak. Nothing is kept."


def test_it_rings_so_that_it_can_be_heard_until_it_is_answered() -> None:
    desk = up(ringer_volume_percent=0)
    desk.press(Key.OK)
    speak(desk, QUIET, QUIET, VOICE, VOICE, VOICE)
    commands = desk.replace()
    assert StartRinging("normal") in commands
    assert any(isinstance(command, SetVolume) and command.percent == 60 for command in commands)
    assert StopRinging() in desk.press(Key.OK)
    assert SetIndicator(IndicatorPattern.FAST_BLINK) in desk.all_commands
    assert SetIndicator(IndicatorPattern.OFF) in desk.press(Key.OK)


# --- the microphone ---------------------------------------------------------------------------------------------------


def test_the_microphone_is_open_only_while_it_is_tested(desk: Desk) -> None:
    assert not desk.shown().microphone_open
    assert OpenAudio(talk=True) in desk.press(Key.OK)
    assert desk.view.microphone_open
    speak(desk, QUIET, QUIET, VOICE, VOICE, VOICE)
    assert not desk.shown().microphone_open
    assert desk.all_commands[-1] != OpenAudio(talk=True)
    assert OpenAudio(talk=False) in desk.all_commands


def test_hanging_up_shuts_the_microphone(desk: Desk) -> None:
    desk.press(Key.OK)
    assert CloseAudio() in desk.replace()
    assert not desk.view.microphone_open


def test_a_bar_shows_how_loud_it_is(desk: Desk) -> None:
    desk.press(Key.OK)
    speak(desk, Loudness(1, 1))
    assert desk.shown().menu.percent == 0  # type: ignore[union-attr]
    speak(desk, Loudness(1, 32768))
    assert desk.shown().menu.percent == 100  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("heard", "what"),
    [
        ([Loudness()] * 40, "nothing at all"),
        ([Loudness(3000, 3200)] * 40, "a hum that never changes"),
        ([Loudness(0, 3000), *[Loudness(2900, 3000)] * 39], "a hum, on a card that was silent while it opened"),
        ([Loudness(10, 90)] * 40, "a whisper of noise"),
    ],
)
def test_a_microphone_that_hears_no_voice_fails(desk: Desk, heard: list[Loudness], what: str) -> None:
    desk.press(Key.OK)
    speak(desk, *heard)
    assert asked(desk) == "Put the handset down.", what
    desk.replace()
    desk.press(Key.OK, Key.OK)
    assert found(desk)[HardwarePart.MICROPHONE].works is False


def test_a_voice_that_comes_late_is_heard_beside_an_answer_that_failed(desk: Desk) -> None:
    desk.press(Key.OK)
    desk.reply(ReadLoudness, Failed("That did not work."))
    speak(desk, *[QUIET] * 20, VOICE, VOICE, VOICE)
    assert asked(desk) == "Put the handset down."
