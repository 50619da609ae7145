"""The holder's rights by the keys: to see, to have a copy, to have erased, to go, and to ask the operator."""

from dataclasses import replace

import pytest

from contract.calls import DisconnectReason
from contract.consent import Purpose, RequestKind, RequestState
from firmware.base.words import Text, word
from firmware.phone.call import CallState
from firmware.phone.events import PreferencesLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView
from firmware.phone.my_data import DataCategory
from firmware.phone.orders import PlaceCall
from firmware.phone.pin import PinSlot, Right
from firmware.phone.preferences import Preferences
from firmware.phone.request import Failed, Outcome, Progressed
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.pin import PinChanged, PinChecked
from firmware.phone.requests.policies import DocumentsChanged
from firmware.phone.requests.rights import (
    AnswerRow,
    CancelAccount,
    CloseRequest,
    CopyContacts,
    CopyMyData,
    DrawPassphrase,
    EraseMyData,
    FileRequest,
    ListRequests,
    MarkAnswerRead,
    MyDataErased,
    MyDataRow,
    ObjectToAnswer,
    ProveHolder,
    ReadMyData,
    ReadRetention,
    RequestFiled,
    RequestRow,
    RestoreMyData,
)
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, sentence, values
from tests.unit.phone.office import office

PIN = "258013"


def holders_desk(*, pin: bool = True, age_band: str = "adult") -> Desk:
    desk = office()
    desk.handle(PinChanged(is_set=pin))
    desk.handle(ConsentsChanged(frozenset(Purpose), activated=True, age_band=age_band))
    return desk


def prove(desk: Desk, right: Right, slot: PinSlot = PinSlot.HOLDER) -> None:
    """Type the PIN that is asked for."""
    assert isinstance(desk.view.menu, EntryView)
    for digit in PIN:
        desk.press(digit)
    desk.press(Key.OK)
    assert desk.said(ProveHolder)[-1] == ProveHolder(right, PIN, slot)
    desk.reply(ProveHolder, PinChecked(accepted=True))


def rows(**counts: int) -> tuple[MyDataRow, ...]:
    erasable = {DataCategory.CONTACTS, DataCategory.CALLS, DataCategory.SETTINGS}
    return tuple(
        MyDataRow(category, counts.get(category, 0), 365 if category is DataCategory.CALLS else 0, category in erasable)
        for category in DataCategory
    )


@pytest.fixture
def desk() -> Desk:
    return holders_desk()


def test_everything_that_is_held_is_shown_by_category_and_each_leads_to_where_it_is_changed(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "What is here")
    prove(desk, Right.ACCESS)
    answer = rows(contacts=3, calls=12, pin=1)
    desk.reply(ReadMyData, answer)
    assert len(desk.listing.rows) == len(DataCategory)
    assert row_of(desk, "Calls").value == "12"
    for row, label in enumerate(labels(desk)):
        for _ in range(row):
            desk.press(Key.VOLUME_DOWN)
        desk.press(Key.OK)
        card = desk.card
        assert said(card.title) == said(label)
        assert all(said(each.label) for each in card.rows)
        desk.press(Key.OK)
        assert desk.view.menu != card
        assert desk.view.menu is not None
        desk.hold_down(Key.CANCEL)
        open_page(desk, "Privacy", "My data", "What is here")
        prove(desk, Right.ACCESS)
        desk.reply(ReadMyData, answer)


def test_a_wrong_pin_shows_nothing(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "What is here")
    for digit in PIN:
        desk.press(digit)
    desk.press(Key.OK)
    desk.reply(ProveHolder, PinChecked(accepted=False, wait_s=10))
    assert said(desk.entry.note) == "Wrong PIN. Wait 10 s."


def test_without_a_pin_one_has_to_be_set_first() -> None:
    desk = holders_desk(pin=False)
    open_page(desk, "Privacy", "My data", "Delete")
    assert "needs a PIN" in sentence(desk)
    desk.press(Key.OK)
    assert said(desk.entry.title) == "New PIN"


def test_under_14_it_is_the_guardian_who_proves_it() -> None:
    desk = holders_desk(age_band="under_14")
    open_page(desk, "Privacy", "My data", "Delete")
    prove(desk, Right.ERASURE, PinSlot.GUARDIAN)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        (("Privacy", "My data", "What is here"), Right.ACCESS),
        (("Privacy", "My data", "A copy", "With words"), Right.COPY),
        (("Privacy", "My data", "A copy", "Open to all"), Right.COPY),
        (("Settings", "Reset"), Right.RESET),
        (("Settings", "Cancel account"), Right.CANCELLATION),
    ],
)
def test_under_14_every_way_to_the_end_of_it_all_is_the_guardians(path: tuple[str, ...], right: Right) -> None:
    desk = holders_desk(age_band="under_14")
    open_page(desk, *path)
    if not isinstance(desk.view.menu, EntryView):
        desk.press(Key.OK)
    prove(desk, right, PinSlot.GUARDIAN)


def test_under_14_contacts_leave_by_the_guardians_pin() -> None:
    desk = holders_desk(age_band="under_14")
    open_page(desk, "Contacts")
    desk.press(Key.HASH)
    choose(desk, "Export")
    prove(desk, Right.COPY, PinSlot.GUARDIAN)
    assert desk.said(CopyContacts) == [CopyContacts()]


def test_a_category_is_erased_after_a_question_and_it_is_said_how_much_it_was(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "Delete")
    prove(desk, Right.ERASURE)
    desk.reply(ReadMyData, rows(contacts=3, calls=12))
    assert [said(label) for label in labels(desk)] == ["Everything", "Contacts", "Calls", "Settings"]
    assert values(desk) == ["15", "3", "12", "0"]
    choose(desk, "Calls")
    assert sentence(desk).startswith("Calls: 12.")
    desk.press(Key.OK)
    assert desk.said(EraseMyData) == [EraseMyData((DataCategory.CALLS,))]
    desk.reply(EraseMyData, MyDataErased((DataCategory.CALLS,), 12, 1))
    assert sentence(desk).startswith("12 deleted.")
    desk.press(Key.OK)
    assert said(desk.listing.title) == "My data", "another erasure needs the PIN again"


def test_settings_that_are_erased_are_as_they_came(desk: Desk) -> None:
    desk.handle(PreferencesLoaded(Preferences(do_not_disturb=True)))
    assert desk.view.do_not_disturb
    open_page(desk, "Privacy", "My data", "Delete")
    prove(desk, Right.ERASURE)
    desk.reply(ReadMyData, rows(settings=1))
    choose(desk, "Everything")
    desk.press(Key.OK)
    desk.reply(EraseMyData, MyDataErased(tuple(DataCategory), 1, 0))
    assert not desk.view.do_not_disturb


def test_a_number_whose_call_was_erased_is_not_redialled_whatever_page_is_open(desk: Desk) -> None:
    call_id = desk.place_call("2345")
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    desk.replace()
    open_page(desk, "Privacy", "My data", "Delete")
    prove(desk, Right.ERASURE)
    desk.reply(ReadMyData, rows(calls=1))
    choose(desk, "Calls")
    desk.press(Key.OK, Key.MENU)
    desk.reply(EraseMyData, MyDataErased((DataCategory.CALLS,), 1, 0))
    desk.press(Key.REDIAL)
    desk.lift()
    assert len(desk.said(PlaceCall)) == 1


def shown_word(desk: Desk) -> tuple[str, str]:
    (row,) = desk.card.rows
    return said(row.label), said(row.value)


def entry_note(desk: Desk) -> Text:
    return desk.entry.note


def test_a_copy_is_locked_by_words_that_are_shown_one_by_one_and_one_is_asked_back(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "A copy", "With words")
    prove(desk, Right.COPY)
    desk.press(Key.OK)
    assert not desk.said(CopyMyData), "there are no words yet"
    desk.reply(DrawPassphrase, "abandon ability able about above absent absorb")
    assert shown_word(desk) == ("Word 1 of 7", "abandon")
    desk.press(Key.OK)
    assert shown_word(desk) == ("Word 2 of 7", "ability")
    desk.press(Key.CANCEL)
    assert shown_word(desk) == ("Word 1 of 7", "abandon")
    for _ in range(7):
        desk.press(Key.OK)
    assert "In this order" in shown_word(desk)[0]
    assert not desk.said(CopyMyData)
    desk.press(Key.OK)
    asked = desk.shown().menu
    assert isinstance(asked, EntryView)
    assert (said(asked.title), asked.text) == ("Word 6 of 7", "")
    desk.press(Key.OK, "2", Key.OK)
    assert not desk.said(CopyMyData), "that is not the word"
    assert said(entry_note(desk)) == "That is not it. CANCEL shows the words."
    desk.press(Key.CANCEL, Key.CANCEL)
    assert "In this order" in shown_word(desk)[0]
    desk.press(Key.OK)
    for keys in ("2", "22", "7777", "33", "66", "8"):
        for key in keys:
            desk.press(key)
        desk.expire(Timer.INTER_DIGIT)
    desk.press(Key.OK)
    assert desk.said(CopyMyData) == [CopyMyData("abandon ability able about above absent absorb")]
    desk.handle(Progressed(desk.said(CopyMyData)[-1], 40))
    assert desk.notice.percent == 40
    desk.reply(CopyMyData, Outcome(True, word("Ready: plug a stick in within 10 minutes. Anybody can read it.")))
    assert sentence(desk) == "Ready: plug a stick in within 10 minutes. Anybody can read it."


def test_a_copy_that_anybody_can_read_is_asked_about_in_so_many_words(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "A copy", "Open to all")
    prove(desk, Right.COPY)
    assert "Whoever finds the copy can read it" in sentence(desk)
    desk.press(Key.CANCEL)
    assert not desk.said(CopyMyData)


@pytest.mark.feature("own copy")
def test_a_copy_comes_back_by_its_words_from_the_stick_that_is_plugged_in_then(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "A copy", "Bring one back")
    prove(desk, Right.COPY)
    for digit in "222":
        desk.press(digit)
    desk.press(Key.OK)
    [request] = desk.said(RestoreMyData)
    assert request.passphrase.lower() == "c"
    assert sentence(desk) == "Now plug in the stick with the copy."
    desk.handle(Progressed(request, 40))
    assert sentence(desk) == "Working…"
    desk.reply(RestoreMyData, Outcome(True, word("The copy is back.")))
    assert sentence(desk) == "The copy is back."


def test_a_request_gets_a_number_and_a_day(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "Requests")
    desk.reply(ListRequests, ())
    choose(desk, "New request")
    prove(desk, Right.REQUEST)
    choose(desk, "Complain")
    assert desk.said(FileRequest) == [FileRequest(RequestKind.COMPLAINT)]
    desk.reply(FileRequest, RequestFiled(3, "2 Dec 2026"))
    assert sentence(desk) == "Request 3 is filed. Due: 2 Dec 2026."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RequestFiled(0, ""), "That is enough for today. Ask again tomorrow."),
        (Failed("no"), "no"),
    ],
)
def test_a_request_that_is_not_taken_says_why(desk: Desk, answer: RequestFiled | Failed, words: str) -> None:
    open_page(desk, "Privacy", "My data", "Requests")
    choose(desk, "New request")
    prove(desk, Right.REQUEST)
    choose(desk, "Complain")
    desk.reply(FileRequest, answer)
    assert sentence(desk) == words


def test_a_request_of_an_unset_clock_says_that_its_day_is_not_known_yet() -> None:
    unknown = "Answer due in 5 working days. The date is not known yet: the clock is not set."
    desk = holders_desk()
    open_page(desk, "Privacy", "My data", "Requests")
    choose(desk, "New request")
    prove(desk, Right.REQUEST)
    choose(desk, "Complain")
    desk.reply(FileRequest, RequestFiled(3, ""))
    assert sentence(desk) == f"Request 3 is filed. {unknown}"
    desk.press(Key.MENU)
    open_page(desk, "Privacy", "My data", "Requests")
    desk.reply(ListRequests, (RequestRow(3, RequestKind.COMPLAINT, "", "", RequestState.OPEN),))
    choose(desk, "3: Complain")
    assert sentence(desk) == f"{unknown} Close it, for it is answered?"


ANSWER = AnswerRow(7, RequestState.PARTLY, ("Calls are erased.", "Bills are kept."), "2026-11-30", read=False)
ANSWERED = RequestRow(2, RequestKind.ERASURE, "25 Nov", "2 Dec 2026", RequestState.PARTLY, ANSWER)


def answered(desk: Desk, row: RequestRow = ANSWERED) -> None:
    """Open the answer to a request."""
    open_page(desk, "Privacy", "My data", "Requests")
    desk.reply(ListRequests, (row,))
    choose(desk, "2: Delete it")


def test_an_answer_is_read_to_its_end_and_noted_as_read(desk: Desk) -> None:
    answered(desk)
    read = [sentence(desk)]
    for _ in range(3):
        assert not desk.said(MarkAnswerRead)
        desk.press(Key.OK)
        read.append(sentence(desk))
    assert read == [
        "Partly granted, 2026-11-30",
        "Calls are erased.",
        "Bills are kept.",
        "Press # if you object: it waits for another answer then.",
    ]
    desk.press(Key.OK)
    assert desk.said(MarkAnswerRead) == [MarkAnswerRead(7)]
    desk.reply(MarkAnswerRead, (replace(ANSWERED, answer=replace(ANSWER, read=True)),))
    assert [said(value) for value in values(desk)] == ["", "partly"]


def test_one_key_and_the_pin_object_to_an_answer(desk: Desk) -> None:
    answered(desk)
    desk.press(Key.HASH)
    assert not desk.said(ObjectToAnswer), "the PIN is asked for"
    prove(desk, Right.REQUEST)
    assert desk.said(ObjectToAnswer) == [ObjectToAnswer(7)]
    waits = replace(ANSWERED, state=RequestState.OPEN, due="9 Dec 2026", objected=True)
    desk.reply(ListRequests, (ANSWERED,))
    desk.reply(ObjectToAnswer, (replace(waits, answer=replace(ANSWER, read=True)),))
    assert [said(value) for value in values(desk)] == ["", "objected"]


def test_an_answer_that_was_objected_to_is_still_read_and_the_request_can_be_closed(desk: Desk) -> None:
    row = replace(ANSWERED, state=RequestState.OPEN, due="9 Dec 2026", objected=True, answer=replace(ANSWER, read=True))
    answered(desk, row)
    desk.press(Key.HASH)
    for _ in range(3):
        desk.press(Key.OK)
    assert sentence(desk) == "You object to this. Another answer is due: 9 Dec 2026."
    desk.press(Key.OK)
    assert sentence(desk).endswith("Close it, for it is answered?")
    desk.press(Key.OK)
    prove(desk, Right.REQUEST)
    assert desk.said(CloseRequest) == [CloseRequest(2)]
    assert not desk.said(ObjectToAnswer)


def test_an_answer_that_nobody_has_read_is_on_the_display_of_a_phone_at_rest_and_ok_opens_it(desk: Desk) -> None:
    desk.handle(DocumentsChanged(unread_answers=1))
    assert desk.view.answers_to_read == 1
    desk.press(Key.OK)
    assert desk.said(ListRequests)


def test_a_locked_phone_opens_no_answer(desk: Desk) -> None:
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True)))
    assert desk.view.locked
    desk.handle(DocumentsChanged(unread_answers=1))
    desk.press(Key.OK)
    assert not desk.said(ListRequests)


def test_a_request_that_waits_can_be_closed_and_one_that_does_not_is_only_read(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "Requests")
    waiting = RequestRow(2, RequestKind.ACCESS, "25 Nov", "2 Dec 2026", RequestState.OVERDUE)
    closed = RequestRow(1, RequestKind.COPY, "1 Nov", "8 Nov 2026", RequestState.ANSWERED)
    desk.reply(ListRequests, (waiting, closed))
    assert [said(value) for value in values(desk)] == ["", "overdue", "closed"]
    desk.press("3", Key.OK)
    assert not desk.said(CloseRequest)
    desk.press("2", Key.OK)
    assert not desk.said(CloseRequest), "the PIN is asked for"
    prove(desk, Right.REQUEST)
    assert desk.said(CloseRequest) == [CloseRequest(2)]


def test_how_long_things_stay_is_shown(desk: Desk) -> None:
    open_page(desk, "Privacy", "My data", "Kept for")
    desk.reply(ReadRetention, ((DataCategory.CALLS, 365), (DataCategory.MESSAGES, 0)))
    card = desk.card
    assert [(said(row.label), said(row.value)) for row in card.rows[:2]] == [
        ("Calls", "365 day"), ("Messages", "until deleted"),
    ]  # fmt: skip


def test_an_account_is_cancelled_after_the_pin_and_two_questions(desk: Desk) -> None:
    open_page(desk, "Settings", "Cancel account")
    desk.press(Key.OK)
    prove(desk, Right.CANCELLATION)
    desk.press(Key.OK)
    assert not desk.said(CancelAccount)
    desk.press(Key.OK)
    assert desk.said(CancelAccount) == [CancelAccount()]
    desk.reply(CancelAccount, Failed("the card is full"))
    assert sentence(desk) == "the card is full"
