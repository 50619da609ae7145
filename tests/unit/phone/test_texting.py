"""Real-time text in a call: keys that write, what goes out letter by letter, and what the other end writes."""

import pytest

from contract.calls import DisconnectReason
from firmware.base.pinyin.table import pinyin
from firmware.phone.call import CallerId, CallId, CallState
from firmware.phone.call_text import TextState, TextView
from firmware.phone.commands import KeepCallText
from firmware.phone.events import PreferencesLoaded, TextTyped, Timer
from firmware.phone.kept_text import MOST_BYTES
from firmware.phone.key import Key
from firmware.phone.news import CallPartyChanged, CallTextChanged, CallTextReceived
from firmware.phone.orders import AnswerCall, OpenText, PlaceCall, SendDtmf, WriteText
from firmware.phone.preferences import Preferences
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.office import office

pytestmark = pytest.mark.feature("real-time text")

KEEPING = Preferences(keeps_call_text=True, screen_off_s=0)
TOLD = WriteText(INCOMING, "[This conversation is kept.]\n")


def text_of(desk: Desk) -> TextView:
    assert desk.call.text is not None
    return desk.call.text


def written(desk: Desk) -> str:
    """Return all letters that were sent."""
    return "".join(order.text for order in desk.said(WriteText))


@pytest.fixture
def desk() -> Desk:
    """Return a phone in a call with text, its page in front."""
    desk = office()
    desk.answered_incoming_call()
    desk.press(Key.MENU)
    assert OpenText(INCOMING) in desk.press(Key.OK)
    desk.handle(CallTextChanged(INCOMING, is_open=True))
    return desk


def test_the_menu_key_and_ok_ask_the_other_end_for_text() -> None:
    desk = office()
    desk.answered_incoming_call()
    desk.press(Key.MENU)
    assert OpenText(INCOMING) in desk.press(Key.OK)
    assert (text_of(desk).state, text_of(desk).is_shown) == (TextState.WANTED, True)
    desk.handle(CallTextChanged(INCOMING, is_open=True))
    assert text_of(desk).state is TextState.OPEN


def test_a_letter_goes_out_once_it_is_chosen(desk: Desk) -> None:
    desk.press("4", "4")
    assert written(desk) == ""
    desk.expire(Timer.INTER_DIGIT)
    assert written(desk) == "H"
    desk.press("4", "4", "4", "#")
    assert written(desk) == "Hi "


def test_digits_write_and_are_not_dialled(desk: Desk) -> None:
    desk.press("2", "3")
    assert not desk.said(SendDtmf)
    desk.press(Key.MENU)
    assert written(desk) == "Ad"
    desk.press("2")
    assert desk.said(SendDtmf) == [SendDtmf(INCOMING, Key.DIGIT_2)]


def test_cancel_takes_the_last_letter_back_at_the_other_end_too_and_then_leaves(desk: Desk) -> None:
    desk.press("2", "3", Key.OK)
    assert written(desk) == "Ad\n"
    for _ in range(3):
        desk.press(Key.CANCEL)
    assert written(desk) == "Ad\n\b\b\b"
    assert text_of(desk).is_shown
    desk.press(Key.CANCEL)
    assert not text_of(desk).is_shown
    assert desk.view.mode is Mode.IN_CALL


def test_a_digit_that_is_held_is_written_itself(desk: Desk) -> None:
    desk.press("5")
    desk.hold_down("5")
    assert written(desk) == "5"


def test_chinese_goes_out_a_character_at_a_time() -> None:
    desk = office(preferences=Preferences(language="zh"), chinese=pinyin)
    desk.answered_incoming_call()
    desk.press(Key.MENU, Key.OK)
    desk.handle(CallTextChanged(INCOMING, is_open=True))
    desk.dial("94")
    assert text_of(desk).candidates
    desk.press(Key.VOLUME_DOWN)
    chosen = text_of(desk).candidates[1]
    assert written(desk) == ""
    desk.press(Key.OK)
    assert written(desk) == chosen


def test_a_keyboard_writes_too(desk: Desk) -> None:
    desk.handle(TextTyped("Grüße"), TextTyped("\b\be\n\x1b\x00\u202e"))
    assert written(desk) == "Grüße\b\be\n"
    desk.press(Key.MENU)
    desk.handle(TextTyped("secret"))
    assert "secret" not in written(desk)


def test_what_is_written_before_the_other_end_agrees_goes_out_then() -> None:
    desk = office()
    desk.answered_incoming_call()
    desk.press(Key.MENU, Key.OK)
    desk.handle(TextTyped("Hi"))
    assert written(desk) == ""
    assert WriteText(INCOMING, "Hi") in desk.handle(CallTextChanged(INCOMING, is_open=True))


def test_a_zero_that_is_held_for_speech_is_taken_back_at_the_other_end_too(desk: Desk) -> None:
    desk.press("2", "0")
    desk.hold_down(Key.DIGIT_0)
    assert written(desk) == "A0"
    desk.expire(Timer.SPEAK)
    assert (written(desk), desk.view.asked_aloud) == ("A0\b", True)


def test_one_who_has_no_text_is_asked_again_when_the_person_wants_it() -> None:
    desk = office()
    desk.answered_incoming_call()
    desk.press(Key.MENU, Key.OK)
    desk.handle(CallTextChanged(INCOMING, is_open=False))
    assert text_of(desk).state is TextState.REFUSED
    desk.press(Key.MENU, Key.MENU)
    assert OpenText(INCOMING) in desk.press(Key.OK)


def test_what_the_other_end_writes_is_shown_and_corrected() -> None:
    desk = office()
    desk.answered_incoming_call()
    desk.handle(CallTextChanged(INCOMING, is_open=True))
    assert not text_of(desk).is_shown
    desk.handle(CallTextReceived(INCOMING, "Helo"))
    assert (text_of(desk).theirs, text_of(desk).is_shown) == ("Helo", True)
    desk.handle(CallTextReceived(INCOMING, "lo", erased=1))
    assert text_of(desk).theirs == "Hello"
    desk.handle(CallTextReceived(INCOMING, "", erased=100))
    assert text_of(desk).theirs == ""


def test_a_page_that_was_left_does_not_come_back_by_itself(desk: Desk) -> None:
    desk.press(Key.CANCEL)
    desk.handle(CallTextReceived(INCOMING, "Hello?"))
    assert (text_of(desk).theirs, text_of(desk).is_shown) == ("Hello?", False)


def test_what_was_written_is_forgotten_by_and_by_and_corrected_as_before(desk: Desk) -> None:
    for _ in range(5):
        desk.handle(TextTyped("a" * 200))
    desk.handle(CallTextReceived(INCOMING, "b" * 3000))
    assert (len(text_of(desk).ours), len(text_of(desk).theirs)) == (160, 1000)
    desk.press(Key.CANCEL)
    assert written(desk) == "a" * 1000 + "\b"
    desk.press("2")
    desk.expire(Timer.INTER_DIGIT)
    assert written(desk).endswith("a\ba")


def test_while_somebody_waits_ok_and_cancel_are_about_that_call(desk: Desk) -> None:
    other = CallId("9" * 32)
    desk.ring(other)
    desk.press("2")
    assert desk.said(SendDtmf)
    assert AnswerCall(other) in desk.press(Key.OK)


def test_nothing_is_left_of_it_after_the_call(desk: Desk) -> None:
    desk.handle(TextTyped("secret"), CallTextReceived(INCOMING, "secret"))
    commands = desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    assert desk.call.text is None
    assert "secret" not in repr([*commands, *desk.replace()])


def test_a_code_calls_and_asks_for_text_once_the_call_is_answered() -> None:
    desk = office()
    desk.lift()
    commands = desk.dial("*8982345#")
    call_id = desk.said(PlaceCall)[-1].call_id
    assert not [command for command in commands if isinstance(command, OpenText)]
    assert OpenText(call_id) in desk.sip(CallState.ACTIVE, call_id)
    assert text_of(desk).is_shown


def test_an_emergency_call_has_text_too_and_nothing_delays_it() -> None:
    desk = office()
    desk.lift()
    desk.dial("*898112")
    call_id = desk.said(PlaceCall)[-1].call_id
    assert desk.call.emergency
    assert not desk.said(OpenText)
    assert OpenText(call_id) in desk.sip(CallState.ACTIVE, call_id)
    desk.handle(CallTextChanged(call_id, is_open=True), TextTyped("Fire"))
    assert WriteText(call_id, "Fire") in desk.said(WriteText)


def test_news_of_text_in_calls_that_are_over_mean_nothing() -> None:
    desk = office()
    assert not desk.handle(CallTextReceived(INCOMING, "a"))
    assert not desk.handle(CallTextChanged(INCOMING, is_open=True))


def in_kept_call() -> Desk:
    """Return a phone whose holder has text kept, in a call that has text."""
    desk = office(preferences=KEEPING)
    desk.answered_incoming_call()
    desk.handle(CallTextChanged(INCOMING, is_open=True))
    return desk


def test_nothing_is_kept_where_the_holder_has_not_said_so(desk: Desk) -> None:
    desk.handle(TextTyped("Hi"), CallTextReceived(INCOMING, "Hello"))
    assert not desk.said(KeepCallText)
    assert "kept" not in written(desk)


def test_the_other_end_is_told_once_before_anything_is_kept() -> None:
    desk = in_kept_call()
    assert desk.said(WriteText) == [TOLD]
    desk.handle(CallTextReceived(INCOMING, "Hello"), CallTextReceived(INCOMING, "p", erased=2))
    desk.handle(TextTyped("Hi\b"))
    assert desk.said(WriteText) == [TOLD, WriteText(INCOMING, "H")]
    assert desk.said(KeepCallText) == [
        KeepCallText(INCOMING, "Hello", ours=False),
        KeepCallText(INCOMING, "\b\bp", ours=False),
        KeepCallText(INCOMING, "H", ours=True),
    ]


def test_what_is_told_cannot_be_taken_back() -> None:
    desk = in_kept_call()
    desk.handle(CallTextReceived(INCOMING, "?"), TextTyped("a" + "\b" * 9))
    assert "\b" not in written(desk)


def test_a_phone_that_speaks_chinese_says_so_in_chinese() -> None:
    desk = office(preferences=Preferences(language="zh", keeps_call_text=True))
    desk.answered_incoming_call()
    assert WriteText(INCOMING, "[本次对话将被保存。]\n") in desk.handle(CallTextChanged(INCOMING, is_open=True))


def test_whoever_takes_the_other_ends_place_is_told_before_more_is_kept() -> None:
    desk = in_kept_call()
    desk.handle(CallPartyChanged(INCOMING, CallerId("4711")))
    assert desk.said(WriteText) == [TOLD, TOLD]


def test_nothing_more_is_kept_once_it_is_switched_off() -> None:
    desk = in_kept_call()
    desk.handle(PreferencesLoaded(Preferences(screen_off_s=0)), CallTextReceived(INCOMING, "Hello"))
    assert not desk.said(KeepCallText)


def test_a_call_for_help_is_told_nothing_and_nothing_of_it_is_kept() -> None:
    desk = office(preferences=KEEPING)
    desk.lift()
    desk.dial("*898112")
    call_id = desk.said(PlaceCall)[-1].call_id
    desk.sip(CallState.ACTIVE, call_id)
    desk.handle(CallTextChanged(call_id, is_open=True), CallTextReceived(call_id, "Where are you?"))
    assert not desk.said(WriteText)
    assert not desk.said(KeepCallText)


def test_who_takes_back_more_than_there_can_be_fills_no_memory() -> None:
    desk = in_kept_call()
    desk.handle(CallTextReceived(INCOMING, "", erased=10**12))
    assert len(desk.said(KeepCallText)[0].letters) == MOST_BYTES


def test_no_letter_is_in_what_a_log_would_say_of_the_command() -> None:
    assert "secret" not in repr(KeepCallText(INCOMING, "secret", ours=True))
