from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.consent import Purpose
from firmware.base.pinyin.table import pinyin
from firmware.base.words import word
from firmware.phone.commands import SavePreferences, StartTimer
from firmware.phone.contact import Contact, ContactMatch, ContactNumber, NumberKind, vcard_text
from firmware.phone.events import KeyRepeated, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import CodeView, EntryView, ListView, NoticeView
from firmware.phone.moves import MENU_PATIENCE_S
from firmware.phone.request import Answered, Outcome, Progressed, Stretch
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.contacts import DeleteContact, ListContacts, ReadContact, SaveContact, SearchContacts
from firmware.phone.requests.pictures import FolderJob, RunFolderJob
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, open_page, row_of, said, sentence, type_keys
from tests.unit.phone.office import office

ANN = Contact(7, "Ann", (ContactNumber("2001", NumberKind.MOBILE), ContactNumber("2002", NumberKind.WORK)))
MATCHES = (ContactMatch(7, "Ann", "2001"), ContactMatch(8, "Bo", "2003"), ContactMatch(9, "", "2004"))


def at_contacts() -> Desk:
    desk = office(chinese=pinyin)
    open_page(desk, "Contacts")
    desk.reply(ListContacts, Stretch(0, 3, MATCHES))
    return desk


def at_ann() -> Desk:
    desk = at_contacts()
    desk.press(Key.OK)
    desk.reply(ReadContact, ANN)
    return desk


def saved(desk: Desk) -> Contact:
    return desk.said(SaveContact)[-1].contact


def labels(desk: Desk) -> list[str]:
    return [said(row.label) for row in desk.listing.rows]


@pytest.fixture
def desk() -> Desk:
    return at_ann()


def test_the_list_is_read_and_shown_with_numbers_where_there_is_no_name() -> None:
    desk = at_contacts()
    assert isinstance(desk.said(ListContacts)[-1], ListContacts)
    assert labels(desk) == ["Ann", "Bo", "2004"]


@pytest.mark.parametrize("deletes", [False, True])
def test_a_list_that_was_opened_while_somebody_was_saved_is_read_once_more(desk: Desk, deletes: bool) -> None:
    choose(desk, "Delete" if deletes else "Block")
    if deletes:
        desk.press(Key.OK)
    desk.press(Key.CANCEL)
    before = len(desk.said(ListContacts))
    if deletes:
        desk.reply(DeleteContact, None)
    else:
        desk.reply(SaveContact, saved(desk))
    assert len(desk.said(ListContacts)) == before + 1


def test_digits_search_and_only_the_answer_to_the_last_of_them_counts() -> None:
    desk = at_contacts()
    type_keys(desk, "26")
    assert [request.keys for request in desk.said(SearchContacts)] == ["2", "26"]
    first, second = desk.said(SearchContacts)
    desk.handle(Answered(second, MATCHES[:2]), Answered(first, MATCHES))
    assert labels(desk) == ["Ann", "Bo"]
    desk.press(Key.VOLUME_DOWN, Key.OK)
    assert desk.said(ReadContact) == [ReadContact(8)]


def test_a_search_that_finds_nobody_says_so_and_cancel_leads_back_key_by_key() -> None:
    desk = at_contacts()
    type_keys(desk, "77")
    desk.reply(SearchContacts, ())
    menu = desk.listing
    assert (menu.rows, said(menu.empty)) == ((), "Nobody found")
    desk.press(Key.OK, Key.CANCEL, Key.CANCEL)
    assert labels(desk) == ["Ann", "Bo", "2004"]
    desk.press(Key.CANCEL)
    assert "Contacts" in labels(desk)


def test_lifting_the_handset_calls_whoever_is_selected() -> None:
    desk = at_contacts()
    desk.press(Key.VOLUME_DOWN)
    desk.lift()
    assert desk.call.party.number == "2003"


def test_a_card_shows_every_number_and_each_can_be_called(desk: Desk) -> None:
    assert labels(desk)[:3] == ["2001", "2002", "Edit"]
    assert [said(row.value) for row in desk.listing.rows[:2]] == ["mobile", "work"]
    choose(desk, "2002")
    assert (desk.view.mode, desk.view.digits) == (Mode.COLLECTING_DIGITS, "2002")


def test_blocking_a_contact_keeps_it_blocked_and_once_more_lets_it_ring(desk: Desk) -> None:
    choose(desk, "Block")
    assert saved(desk).blocked
    desk.reply(SaveContact, saved(desk))
    choose(desk, "Unblock")
    assert not saved(desk).blocked


def test_a_contact_gets_a_ring_tone(desk: Desk) -> None:
    choose(desk, "Ring tone")
    choose(desk, "Urgent")
    assert saved(desk).ring == "priority"
    desk.reply(SaveContact, saved(desk))
    assert said(row_of(desk, "Ring tone").value) == "Urgent"


def test_a_contact_gets_a_speed_dial(desk: Desk) -> None:
    choose(desk, "Speed dial")
    desk.press("3", Key.MENU, "3")
    desk.hold_down("3")
    assert desk.view.digits == "2001"


def test_a_contact_is_shared_as_a_code_that_says_its_name_and_numbers(desk: Desk) -> None:
    choose(desk, "Share")
    assert isinstance(desk.view.menu, CodeView)
    assert desk.view.menu.payload == vcard_text(ANN)
    assert "FN:Ann\r\nTEL;TYPE=CELL:2001\r\nTEL;TYPE=WORK:2002\r\n" in desk.view.menu.payload


def test_deleting_asks_first_and_then_leads_back_to_the_list(desk: Desk) -> None:
    choose(desk, "Delete")
    assert isinstance(desk.view.menu, NoticeView)
    assert desk.said(DeleteContact) == []
    desk.press(Key.OK)
    assert desk.said(DeleteContact) == [DeleteContact(7)]
    desk.reply(DeleteContact, None)
    assert labels(desk) == ["Ann", "Bo", "2004"]


def test_a_contact_that_is_gone_says_so() -> None:
    desk = at_contacts()
    desk.press(Key.OK)
    desk.reply(ReadContact, None)
    assert said(desk.listing.empty) == "This contact is gone."


def new_contact() -> Desk:
    desk = at_contacts()
    desk.press("#")
    choose(desk, "New contact")
    return desk


def test_a_contact_is_added_in_letters() -> None:
    desk = new_contact()
    choose(desk, "Name")
    type_keys(desk, "62777999#277766***66")
    assert isinstance(desk.view.menu, EntryView)
    desk.press(Key.OK)
    view = desk.shown().menu
    assert isinstance(view, EntryView)
    assert said(view.title) == "Number"
    type_keys(desk, "2005")
    desk.press(Key.OK)
    choose(desk, "Save")
    assert saved(desk) == Contact(0, "Mary Arn66", (ContactNumber("2005", NumberKind.MOBILE),))
    assert labels(desk)[0] == "New contact"


def test_whoever_names_somebody_who_has_a_number_or_nobody_is_not_asked_for_one() -> None:
    desk = new_contact()
    choose(desk, "Name")
    desk.press(Key.OK)
    assert labels(desk) == ["Name", "Add number", "Save"]
    choose(desk, "Add number")
    type_keys(desk, "2005")
    desk.press(Key.OK)
    choose(desk, "Name")
    type_keys(desk, "2")
    desk.press(Key.OK)
    assert labels(desk) == ["Name", "2005", "Add number", "Save"]


def test_a_contact_is_added_in_chinese() -> None:
    desk = new_contact()
    choose(desk, "Name")
    type_keys(desk, "****9264")
    view = desk.entry
    assert view.mode == "拼"
    assert "王" in view.candidates
    while True:
        view = desk.entry
        if view.candidates[view.candidate] == "王":
            break
        desk.press(Key.VOLUME_DOWN)
    desk.press(Key.OK, Key.OK, Key.CANCEL)
    choose(desk, "Save")
    assert saved(desk) == Contact(0, "王")


def test_what_was_chosen_is_kept_once_the_name_is_written_and_offered_first_then() -> None:
    desk = new_contact()
    choose(desk, "Name")
    type_keys(desk, "****94264")
    desk.press(Key.VOLUME_DOWN)
    view = desk.entry
    second = view.candidates[1]
    desk.press(Key.OK)
    assert desk.said(SavePreferences) == []
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.written == (("94264", second),)
    desk.press(Key.CANCEL)
    choose(desk, "Name")
    type_keys(desk, "****94264")
    view = desk.entry
    assert view.candidates[0] == second


def test_a_held_volume_key_turns_over_the_characters() -> None:
    desk = new_contact()
    choose(desk, "Name")
    type_keys(desk, "****94")
    before = desk.entry
    desk.handle(KeyRepeated(Key.VOLUME_DOWN))
    after = desk.entry
    assert after.candidate == 0
    assert not set(before.candidates) & set(after.candidates)


def test_star_changes_the_contact_that_is_selected_without_the_page_in_between() -> None:
    desk = at_contacts()
    desk.press("*")
    asked = desk.said(ReadContact)[-1]
    desk.reply(ReadContact, Contact(asked.contact_id, "Ann", (ContactNumber("2345"),)))
    assert labels(desk)[:2] == ["Name", "2345"]
    desk.press(Key.CANCEL)
    desk.handle(Answered(asked, None))
    desk.press("*")
    desk.reply(ReadContact, None)
    assert len(desk.phone._state.menu.screens) == 2


def test_a_number_is_changed_made_another_kind_and_deleted(desk: Desk) -> None:
    choose(desk, "Edit")
    choose(desk, "2002")
    choose(desk, "home")
    choose(desk, "2001")
    choose(desk, "Delete")
    choose(desk, "2002")
    choose(desk, "Number")
    type_keys(desk, "5")
    desk.press(Key.OK, Key.CANCEL)
    choose(desk, "Save")
    assert saved(desk).numbers == (ContactNumber("20025", NumberKind.HOME),)


def test_nothing_that_was_written_is_lost_without_a_question(desk: Desk) -> None:
    choose(desk, "Edit")
    desk.press(Key.CANCEL)
    assert labels(desk)[0] == "2001"
    choose(desk, "Edit")
    choose(desk, "2001")
    choose(desk, "Delete")
    desk.press(Key.CANCEL)
    assert isinstance(desk.view.menu, NoticeView)
    desk.press(Key.CANCEL)
    assert "Save" in labels(desk)
    desk.press(Key.CANCEL, Key.OK)
    assert labels(desk)[0] == "2001"
    assert desk.said(SaveContact) == []


def _hold_cancel(desk: Desk) -> None:
    desk.press(Key.CANCEL)
    desk.hold_down(Key.CANCEL)


LEAVING = pytest.mark.parametrize(
    "leave", [lambda desk: desk.press(Key.MENU), _hold_cancel], ids=["MENU", "CANCEL held"]
)


@LEAVING
@pytest.mark.parametrize("where", ["editor", "name", "number"])
def test_leaving_the_menu_asks_before_an_unsaved_contact_is_lost(leave: Callable[[Desk], object], where: str) -> None:
    desk = at_ann()
    choose(desk, "Edit")
    choose(desk, "Name" if where == "name" else "2001")
    if where == "number":
        choose(desk, "Number")
        type_keys(desk, "55555")
    elif where == "name":
        type_keys(desk, "2.2.2.2.2")
    else:
        choose(desk, "home")
    leave(desk)
    assert sentence(desk) == "Discard the changes?"
    desk.press(Key.CANCEL)
    assert isinstance(desk.shown().menu, ListView if where == "editor" else EntryView)
    leave(desk)
    leave(desk)
    desk.press(Key.OK)
    assert (desk.view.mode, desk.said(SaveContact)) == (Mode.IDLE, [])


@LEAVING
def test_leaving_the_menu_asks_nothing_where_nothing_was_written(desk: Desk, leave: Callable[[Desk], object]) -> None:
    choose(desk, "Edit")
    choose(desk, "2001")
    leave(desk)
    assert desk.view.mode is Mode.IDLE


@pytest.mark.parametrize("name", ["Ann", ""])
def test_who_was_saved_is_said_for_a_moment_once_it_is_kept(desk: Desk, name: str) -> None:
    choose(desk, "Edit")
    choose(desk, "2002")
    choose(desk, "home")
    choose(desk, "Save")
    assert desk.view.hint is None
    desk.reply(SaveContact, replace(saved(desk), name=name))
    assert (desk.shown().hint, desk.view.saved) == (Hint.CONTACT_SAVED, name or "2001")
    desk.expire(Timer.NOTICE)
    assert (desk.shown().hint, desk.view.saved) == (None, "")


def test_blocking_says_nothing_of_saving(desk: Desk) -> None:
    choose(desk, "Block")
    desk.reply(SaveContact, saved(desk))
    assert desk.view.hint is None


def test_an_empty_contact_cannot_be_saved() -> None:
    desk = new_contact()
    desk.press(Key.VOLUME_UP)
    commands = desk.press(Key.OK)
    assert not any(isinstance(command, SaveContact) for command in commands)


def test_an_import_shows_how_far_it_has_come_and_what_became_of_it() -> None:
    job = FolderJob.IMPORT_CONTACTS
    desk = at_contacts()
    desk.handle(ConsentsChanged(frozenset({Purpose.CONTACT_IMPORT}), activated=True))
    desk.press("#")
    choose(desk, "Import")
    assert desk.said(RunFolderJob) == [RunFolderJob(job)]
    assert desk.notice.percent == 0
    assert StartTimer(Timer.INFO, MENU_PATIENCE_S) in desk.handle(Progressed(RunFolderJob(job), 40)), (
        "it is left by itself"
    )
    assert desk.notice.percent == 40
    desk.reply(RunFolderJob, Outcome(True, word("3 contacts added.")))
    assert desk.view.menu == NoticeView(word("Import"), word("3 contacts added."), keys=desk.notice.keys)
    desk.press(Key.OK)
    assert isinstance(desk.shown().menu, ListView)


def test_the_picture_of_a_contact_is_removed_from_its_page_after_a_question(desk: Desk) -> None:
    assert "Remove picture" not in [said(row.label) for row in desk.listing.rows]
    desk.press(Key.CANCEL, Key.OK)
    desk.reply(ReadContact, replace(ANN, picture="p1"))
    choose(desk, "Remove picture")
    assert desk.said(SaveContact) == []
    desk.press(Key.OK)
    assert saved(desk) == ANN


def test_the_code_that_shares_a_contact_has_a_sip_address_as_other_phones_want_it() -> None:
    contact = Contact(7, "Ann", (ContactNumber("sip:ann@example.org", NumberKind.WORK), ContactNumber("1,2")))
    assert "\r\nIMPP;TYPE=WORK:sip:ann@example.org\r\nTEL:1\\,2\r\n" in vcard_text(contact)
