from dataclasses import replace

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.base.pinyin.table import pinyin
from firmware.base.words import word
from firmware.phone.call import CallerId, CallState, SipUri, TextMessage
from firmware.phone.commands import (
    DeleteMessage,
    IndicatorPattern,
    KeepMessage,
    MarkMessagesRead,
    SavePreferences,
    SetIndicator,
    StartTimer,
)
from firmware.phone.dial_plan import Rewrite
from firmware.phone.digit_map import Alternative
from firmware.phone.events import KeyRepeated, MessagesLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import CAME, CardView, MenuRow, NoticeView
from firmware.phone.news import MessageReceived, MessageSent, Problem, ProblemRaised
from firmware.phone.orders import PlaceCall, SendMessage
from firmware.phone.phrases import HINTS
from firmware.phone.preferences import Preferences
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import choose, labels, open_page, said, type_keys, values
from tests.unit.phone.office import office

ANNA = CallerId("2001", "Anna")
HELLO = "4433.555.555.666"


def message(number: int, party: CallerId = ANNA, **more: object) -> TextMessage:
    return TextMessage(f"m{number}", CallDirection.INCOMING, party, f"Text {number}", **more)  # type: ignore[arg-type]


def to_messages(desk: Desk) -> None:
    open_page(desk, "Messages")


def to_message(desk: Desk, place: int = 1) -> None:
    """Read one, the newest being the first."""
    to_messages(desk)
    desk.press(str(place + 2))
    assert isinstance(desk.view.menu, CardView)


def writing_to(desk: Desk, number: str = "2001") -> Desk:
    desk.dial(number, Key.MENU)
    assert desk.view.mode is Mode.WRITING
    return desk


# --- coming in ---


@pytest.fixture
def desk() -> Desk:
    return office()


def test_a_message_is_kept_counted_and_blinked_for_until_it_was_seen(desk: Desk) -> None:
    commands = desk.handle(MessageReceived(message(1)))
    assert KeepMessage(message(1)) in commands
    assert SetIndicator(IndicatorPattern.SLOW_BLINK) in commands
    assert desk.view.unread_messages == 1
    assert desk.view.hint is Hint.MESSAGE_RECEIVED
    to_messages(desk)
    assert MarkMessagesRead() in desk.all_commands
    assert SetIndicator(IndicatorPattern.OFF) in desk.all_commands
    assert desk.view.unread_messages == 0


def test_a_blocked_senders_message_is_kept_but_calls_for_nobody() -> None:
    desk = office(preferences=Preferences(blocked=("2001",)))
    assert desk.handle(MessageReceived(message(1)))[0] == KeepMessage(message(1, read=True))
    assert desk.view.unread_messages == 0
    assert desk.phone._state.features.messages == (message(1, read=True),)


@pytest.mark.parametrize("text", ["Text 1", "Something else."])
def test_a_message_that_comes_twice_is_kept_once_as_it_came_first(desk: Desk, text: str) -> None:
    desk.handle(MessageReceived(message(1)))
    assert not desk.handle(MessageReceived(replace(message(1), text=text)))
    assert desk.phone._state.features.messages == (message(1),)


def test_a_message_never_disturbs_a_call(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert KeepMessage(message(1)) in desk.handle(MessageReceived(message(1)))
    assert desk.view.hint is None
    assert desk.view.mode is Mode.IN_CALL


def test_the_store_brings_messages_back(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(2), message(1, read=True))))
    assert desk.phone._state.features.messages == (message(2), message(1, read=True))
    assert desk.view.unread_messages == 1


def test_all_messages_are_listed_newest_first_and_new_ones_are_marked(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(3), message(2, read=True), message(1, delivered=False, read=True))))
    to_messages(desk)
    assert [said(label) for label in labels(desk)] == ["Voicemail", "New message", "Anna", "Anna", "Anna"]
    assert [(row.sign, said(row.said)) for row in desk.listing.rows[2:]] == [(CAME, "From Anna")] * 3
    assert values(desk) == ["", "", word("new"), "", word("not sent")]
    desk.press("3", Key.CANCEL)
    assert values(desk)[2] == word("new")


def test_a_message_that_comes_while_the_list_is_open_is_new_until_it_is_read(desk: Desk) -> None:
    to_messages(desk)
    desk.handle(MessageReceived(message(1)))
    assert desk.view.unread_messages == 1
    choose(desk, "Anna")
    assert desk.card.rows == (MenuRow("Text 1"),)
    assert desk.view.unread_messages == 0
    assert desk.said(MarkMessagesRead) == [MarkMessagesRead()]


def test_a_message_is_deleted_after_a_question(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(2, read=True), message(1, read=True))))
    to_message(desk, 2)
    desk.press(Key.OK)
    choose(desk, "Delete")
    assert isinstance(desk.view.menu, NoticeView)
    desk.press(Key.CANCEL)
    assert desk.said(DeleteMessage) == []
    choose(desk, "Delete")
    assert DeleteMessage("m1") in desk.press(Key.OK)
    assert desk.phone._state.features.messages == (message(2, read=True),)
    assert len(labels(desk)) == 3


def test_redial_on_a_message_shows_the_senders_number_and_lifting_calls_it(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(1),)))
    to_message(desk)
    desk.press(Key.REDIAL)
    assert (desk.view.digits, desk.view.menu) == ("2001", None)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2001@example.com"]


def test_lifting_the_handset_on_a_message_calls_its_sender(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(1),)))
    to_message(desk)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2001@example.com"]


def test_a_sender_without_a_number_cannot_be_called(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(1, CallerId("anna")),)))
    to_message(desk)
    desk.press(Key.REDIAL)
    assert desk.notice.text == HINTS[Hint.NUMBER_IMPOSSIBLE]


def test_a_sender_with_an_address_is_called_and_answered_there() -> None:
    desk = office()
    desk.handle(MessagesLoaded((message(1, CallerId("sip:anna@elsewhere.example")),)))
    to_message(desk)
    desk.press(Key.REDIAL)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:anna@elsewhere.example"]
    desk = office()
    desk.handle(MessagesLoaded((message(1, CallerId("sip:anna@elsewhere.example")),)))
    to_message(desk)
    desk.press(Key.OK)
    choose(desk, "Reply")
    type_keys(desk, "2")
    desk.press(Key.OK)
    assert [sent.uri for sent in desk.said(SendMessage)] == ["sip:anna@elsewhere.example"]


def test_after_an_answer_the_message_is_shown_again(desk: Desk) -> None:
    desk.handle(MessagesLoaded((message(1),)))
    to_message(desk)
    desk.press(Key.OK)
    choose(desk, "Reply")
    assert (desk.view.mode, desk.view.digits) == (Mode.WRITING, "2001")
    type_keys(desk, "2")
    desk.press(Key.OK)
    assert desk.view.mode is Mode.MENU
    assert len(desk.said(SendMessage)) == 1


def test_a_message_is_written_to_a_number_that_is_typed_in_the_menu() -> None:
    desk = office(barred=("0900*",))
    to_messages(desk)
    choose(desk, "New message")
    desk.dial("0900123", Key.OK)
    assert desk.entry.note == HINTS[Hint.NUMBER_BARRED]
    for _ in range(7):
        desk.press(Key.CANCEL)
    desk.dial("2001", Key.OK)
    assert (desk.view.mode, desk.view.digits) == (Mode.WRITING, "2001")


# --- going out ---


def test_a_message_is_written_to_the_number_that_was_dialled() -> None:
    desk = writing_to(office())
    assert (desk.view.digits, desk.view.message_text) == ("2001", "")
    type_keys(desk, HELLO)
    assert desk.view.message_text == "Hello"
    desk.press(Key.OK)
    sent = TextMessage("out-1", CallDirection.OUTGOING, CallerId("2001"), "Hello", read=True, delivered=False)
    assert [kept.message for kept in desk.said(KeepMessage)] == [sent]
    assert desk.said(SendMessage) == [SendMessage("out-1", SipUri("sip:2001@example.com"), "Hello")]
    assert desk.view.mode is Mode.IDLE
    desk.handle(MessageSent("out-1", accepted=True))
    assert desk.view.hint is Hint.MESSAGE_SENT
    assert desk.said(KeepMessage)[-1].message == replace(sent, delivered=True)
    assert desk.phone._state.features.messages == (replace(sent, delivered=True),)


def test_a_message_that_the_server_refuses_stays_as_not_delivered() -> None:
    desk = writing_to(office())
    type_keys(desk, "2")
    desk.press(Key.OK)
    desk.handle(MessageSent("out-1", accepted=False, sip_code=404))
    assert desk.view.hint is Hint.MESSAGE_FAILED
    assert [kept.message.delivered for kept in desk.said(KeepMessage)] == [False]
    assert not desk.phone._state.features.messages[0].delivered


def test_a_message_goes_where_a_call_would_go() -> None:
    rule = Rewrite(Alternative.parse("92xxx"), strip=1, prepend="7", account="work")
    desk = writing_to(office(rewrites=(rule,)), "92345")
    type_keys(desk, "2")
    desk.press(Key.OK)
    assert desk.said(SendMessage) == [SendMessage("out-1", SipUri("sip:72345@example.com"), "A", "work")]


@pytest.mark.parametrize(
    ("number", "hint"),
    [("112", Hint.NUMBER_BARRED), ("0900123", Hint.NUMBER_BARRED), ("*", Hint.NUMBER_IMPOSSIBLE)],
)
def test_who_cannot_be_written_to_is_told_at_once(number: str, hint: Hint) -> None:
    desk = office(barred=("0900*",))
    desk.dial(number, Key.MENU)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert desk.view.hint is hint


def test_cancel_deletes_and_leaves_where_nothing_is_left() -> None:
    desk = writing_to(office())
    type_keys(desk, "2.3")
    desk.press(Key.CANCEL)
    assert desk.view.message_text == "A"
    desk.handle(KeyRepeated(Key.CANCEL))
    assert desk.view.message_text == ""
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    assert desk.view.message_text is None


def test_holding_cancel_throws_the_text_away() -> None:
    desk = writing_to(office())
    type_keys(desk, "2.3")
    desk.hold_down(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    assert writing_to(desk).view.message_text == ""


@pytest.mark.parametrize("interruption", ["a call", "the handset", "time"])
def test_an_unfinished_text_waits_for_the_next_message_to_the_same_number(interruption: str) -> None:
    desk = writing_to(office())
    assert StartTimer(Timer.INFO, 300) in desk.all_commands
    type_keys(desk, "2.3")
    match interruption:
        case "a call":
            desk.ring()
            assert desk.view.mode is Mode.RINGING
            desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
        case "the handset":
            desk.lift()
            assert desk.view.mode is Mode.COLLECTING_DIGITS
            desk.replace()
        case "time":
            desk.expire(Timer.INFO)
    assert desk.view.mode is Mode.IDLE
    assert writing_to(desk).view.message_text == "Ad"


def test_a_text_to_one_is_not_sent_to_another() -> None:
    desk = writing_to(office())
    type_keys(desk, "2.3")
    desk.expire(Timer.INFO)
    assert writing_to(desk, "2002").view.message_text == ""


def test_an_empty_text_is_not_sent() -> None:
    desk = writing_to(office())
    desk.press(Key.OK)
    type_keys(desk, "##")
    desk.press(Key.OK)
    assert desk.said(SendMessage) == []
    assert desk.view.mode is Mode.WRITING


def test_without_a_line_the_text_is_kept() -> None:
    desk = writing_to(office())
    type_keys(desk, "2")
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE))
    desk.press(Key.OK)
    assert desk.view.hint is Hint.CANNOT_CALL
    assert desk.view.message_text == "A"
    assert desk.said(SendMessage) == []


def test_a_message_can_be_written_in_chinese() -> None:
    desk = writing_to(office(chinese=pinyin))
    type_keys(desk, "****96")
    assert (desk.view.message_text, desk.view.writing_mode) == ("wo", "拼")
    assert desk.view.candidates[desk.view.candidate] == "我"
    desk.press(Key.VOLUME_DOWN)
    assert desk.view.candidate == 1
    desk.press(Key.VOLUME_UP, Key.OK)
    assert desk.view.message_text == "我"
    assert desk.view.candidates == ()
    assert desk.said(SendMessage) == []
    type_keys(desk, "6")
    desk.press(Key.CANCEL)
    assert desk.view.message_text == "我"
    desk.press(Key.OK)
    assert [sent.text for sent in desk.said(SendMessage)] == ["我"]


def test_what_was_chosen_in_a_message_is_kept_once_it_is_sent_and_nothing_of_what_came_first() -> None:
    desk = writing_to(office(chinese=pinyin))
    type_keys(desk, "****96")
    desk.press(Key.OK)
    type_keys(desk, "94")
    desk.handle(KeyRepeated(Key.VOLUME_DOWN))
    tenth = desk.view.candidates[0]
    desk.press(Key.OK)
    assert desk.said(SavePreferences) == []
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.written == (("94", tenth),)


def test_with_the_handset_off_the_menu_key_writes_nothing(desk: Desk) -> None:
    desk.lift()
    desk.dial("2001", Key.MENU)
    assert desk.view.mode is Mode.COLLECTING_DIGITS
