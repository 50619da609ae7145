from collections.abc import Callable

import pytest

from contract.consent import Actor, Purpose
from firmware.phone.activation import AgeBand
from firmware.phone.commands import IndicatorPattern, SavePreferences, SaveSetUp
from firmware.phone.events import SetUpLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import CodeView, EntryView, ListView, NoticeView
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import SetUp
from firmware.phone.request import Answered, Failed, Stretch
from firmware.phone.requests.consents import ConsentsChanged, ReadConsents, SetConsent, WithdrawOptional
from firmware.phone.requests.contacts import DeleteContact, ListContacts
from firmware.phone.requests.handset import FactsKind, ReadFacts
from firmware.phone.requests.pictures import FolderJob, ListPictures, RunFolderJob
from firmware.phone.requests.pin import CheckPin, PinChecked, SetPin
from firmware.phone.view import Hint, Mode
from firmware.privacy.catalogue import built_in
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, sentence, values
from tests.unit.phone.new_phone import GUARDIANS_PIN, PIN, NewPhone, title_of
from tests.unit.phone.office import office_settings

AGREED = (Purpose.RECORDING, Purpose.CDR_SYNC)


def holder(age_band: AgeBand = AgeBand.ADULT, **more: object) -> NewPhone:
    """Return a phone whose holder agrees to the service, to recording and to call records."""
    phone = NewPhone.of_office(activated=True, age_band=age_band, **more)
    phone.store.answers |= dict.fromkeys(AGREED, True)
    phone.store.tell_consents()
    return phone


def open_privacy(phone: NewPhone, *path: str) -> None:
    open_page(phone, "Privacy")
    for row in path:
        choose(phone, row)
        phone.answer()


def to_answers(phone: NewPhone) -> None:
    while not isinstance(phone.view.menu, ListView):
        phone.ok()


def give(phone: NewPhone, answer: str) -> None:
    """Answer the purpose whose page is open."""
    to_answers(phone)
    choose(phone, answer)
    phone.answer()


# --- what I agree to ---


@pytest.fixture
def phone() -> NewPhone:
    return holder()


def test_each_purpose_is_listed_with_its_answer(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to")
    assert [said(label) for label in labels(phone)] == [
        "Service",
        "Recording",
        "Call data",
        "Abroad",
        "Import",
        "Notices",
    ]
    assert [said(value) for value in values(phone)] == ["Yes", "Yes", "Yes", "new", "new", "new"]


@pytest.mark.parametrize(("row", "purpose"), [("Abroad", Purpose.CROSS_BORDER_CDR), ("Import", Purpose.CONTACT_IMPORT)])
def test_of_a_purpose_is_said_what_it_covers_and_who_gets_something_before_an_answer_can_be_given(
    row: str, purpose: Purpose
) -> None:
    phone = holder()
    open_privacy(phone, "What I agree to", row)
    read = []
    while isinstance(menu := phone.view.menu, NoticeView):
        read.append(said(menu.text))
        phone.ok()
    entry = built_in().entry(purpose)
    assert (read[0], read[-1]) == (
        entry.covers.in_language("en"),
        f"Shared with: {entry.recipients.in_language('en')}",
    )
    assert [said(label) for label in labels(phone)] == ["No", "Yes", "What it is for"]
    phone.dial("1")
    phone.dial("2")
    phone.ok()
    assert (phone.listing.selected, phone.said(SetConsent)) == (None, [])


def test_a_yes_is_taken_back_by_six_keys_and_without_a_pin(phone: NewPhone) -> None:
    for key in (Key.MENU, "8", "1", "2", Key.VOLUME_DOWN, Key.OK):
        phone.press(key)
        phone.answer()
    assert phone.said(SetConsent) == [SetConsent(Purpose.RECORDING, granted=False, actor=Actor.HOLDER)]
    assert title_of(phone) == "What I agree to"
    assert said(row_of(phone, "Recording").value) == "No"


@pytest.mark.parametrize(
    ("age_band", "row", "answer", "title"),
    [
        (AgeBand.ADULT, "Notices", "Yes", "PIN"),
        (AgeBand.ADULT, "Service", "No", "PIN"),
        (AgeBand.UNDER_14, "Recording", "No", "Guardian's PIN"),
    ],
)
def test_a_yes_a_no_to_the_service_and_a_childs_answer_need_a_pin(
    age_band: AgeBand, row: str, answer: str, title: str
) -> None:
    phone = holder(age_band)
    open_privacy(phone, "What I agree to", row)
    give(phone, answer)
    assert title_of(phone) == title
    assert phone.said(SetConsent) == []
    pin, actor = (GUARDIANS_PIN, Actor.GUARDIAN) if age_band is AgeBand.UNDER_14 else (PIN, Actor.HOLDER)
    phone.type_pin(pin)
    (written,) = phone.said(SetConsent)
    assert (written.granted, written.actor) == (answer == "Yes", actor)


def test_a_no_that_nobody_knows_the_holder_for_is_not_taken(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Recording")
    phone.phone._state.features.pin_is_set = None
    give(phone, "No")
    assert "cannot be read" in sentence(phone)
    assert phone.said(SetConsent) == []


def test_a_yes_is_given_after_the_words_and_taken_back_before_them(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Notices")
    assert isinstance(phone.view.menu, NoticeView)
    phone.press(Key.CANCEL)
    choose(phone, "Recording")
    phone.answer()
    assert isinstance(phone.shown().menu, ListView)
    choose(phone, "What it is for")
    assert isinstance(phone.shown().menu, NoticeView)
    phone.press(Key.CANCEL)
    assert phone.listing.selected is None
    phone.press(Key.CANCEL)
    assert title_of(phone) == "What I agree to"


def test_an_answer_whose_page_is_left_while_it_is_written_is_shown_on_the_list(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Recording")
    choose(phone, "No")
    while title_of(phone) != "What I agree to":
        phone.press(Key.CANCEL)
    phone.reply(ReadConsents, phone.store.consents())
    assert said(row_of(phone, "Recording").value) == "Yes"
    phone.store.answers[Purpose.RECORDING] = False
    phone.reply(SetConsent, phone.store.consents())
    assert said(row_of(phone, "Recording").value) == "No"


def test_a_wrong_pin_changes_nothing(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Notices")
    give(phone, "Yes")
    phone.type_pin("1379")
    assert isinstance(phone.view.menu, EntryView)
    assert phone.said(SetConsent) == []


def test_an_answer_that_stays_as_it_was_needs_no_pin(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Recording")
    give(phone, "Yes")
    assert title_of(phone) == "What I agree to"
    assert phone.said(SetConsent) == []


def test_under_14_each_change_needs_the_guardians_pin_and_is_the_guardians() -> None:
    phone = holder(AgeBand.UNDER_14)
    open_privacy(phone, "What I agree to", "Notices")
    give(phone, "Yes")
    assert title_of(phone) == "Guardian's PIN"
    phone.type_pin(PIN)
    assert phone.said(SetConsent) == []
    phone.type_pin(GUARDIANS_PIN)
    assert phone.said(CheckPin)[-1] == CheckPin(GUARDIANS_PIN, PinSlot.GUARDIAN)
    assert phone.said(SetConsent) == [SetConsent(Purpose.OPERATOR_NOTICES, granted=True, actor=Actor.GUARDIAN)]


def test_since_when_an_answer_stands_is_read_with_it(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Recording")
    choose(phone, "What it is for")
    read = []
    while isinstance(phone.view.menu, NoticeView):
        read.append(said(phone.view.menu.text))
        phone.ok()
    assert read[-1] == "Answered on 25 Nov 2026."


def test_a_purpose_that_is_asked_anew_is_marked_on_the_way_to_it(phone: NewPhone) -> None:
    phone.handle(
        ConsentsChanged(
            frozenset({Purpose.SERVICE}), activated=True, age_band="adult", lapsed=frozenset({Purpose.RECORDING})
        )
    )
    open_page(phone, "Privacy")
    assert said(row_of(phone, "What I agree to").value) == "new"


def test_answers_that_cannot_be_read_are_said_to_be_so(phone: NewPhone) -> None:
    open_page(phone, "Privacy", "What I agree to")
    phone.reply(ReadConsents, Failed("It failed."))
    assert phone.notice.text == "It failed."


def test_a_change_that_is_left_half_way_is_none(phone: NewPhone) -> None:
    open_privacy(phone, "What I agree to", "Notices")
    give(phone, "Yes")
    phone.dial("25", Key.OK)
    phone.expire(Timer.INFO)
    assert phone.view.mode is Mode.IDLE
    phone.reply(CheckPin, PinChecked(accepted=True))
    assert phone.said(SetConsent) == []


# --- asked at the first use ---

IMPORTS = (
    (("Contacts",), FolderJob.IMPORT_CONTACTS),
    (("Settings", "Pictures"), FolderJob.IMPORT_PICTURES),
)


def choose_import(phone: NewPhone, path: tuple[str, ...]) -> None:
    open_page(phone, *path)
    phone.reply(*((ListContacts, Stretch(0, 0, ())) if path == ("Contacts",) else (ListPictures, ())))
    if path == ("Contacts",):
        phone.press("#")
    choose(phone, "Import")
    phone.answer()


@pytest.mark.parametrize(("path", "job"), IMPORTS)
def test_the_first_import_asks_and_goes_on_by_itself_after_a_yes(path: tuple[str, ...], job: FolderJob) -> None:
    phone = holder()
    choose_import(phone, path)
    assert title_of(phone) == "Import"
    assert phone.said(RunFolderJob) == []
    give(phone, "Yes")
    phone.type_pin(PIN)
    assert phone.said(SetConsent) == [SetConsent(Purpose.CONTACT_IMPORT, granted=True, actor=Actor.HOLDER)]
    assert phone.said(RunFolderJob) == [RunFolderJob(job)]
    phone.press(Key.CANCEL)
    choose(phone, "Import")
    assert phone.said(RunFolderJob) == [RunFolderJob(job)] * 2


@pytest.mark.parametrize(("path", "job"), IMPORTS)
@pytest.mark.parametrize("leave", [lambda phone: give(phone, "No"), lambda phone: phone.press(Key.CANCEL)])
def test_an_import_that_nobody_agrees_to_does_not_begin(
    path: tuple[str, ...], job: FolderJob, leave: Callable[[NewPhone], object]
) -> None:
    phone = holder()
    choose_import(phone, path)
    leave(phone)
    assert "Import" in map(said, labels(phone))
    assert phone.said(RunFolderJob) == []
    assert Purpose.CONTACT_IMPORT not in {purpose for purpose, yes in phone.store.answers.items() if yes}, job


def test_under_14_the_guardian_agrees_to_an_import() -> None:
    phone = holder(AgeBand.UNDER_14)
    choose_import(phone, ("Contacts",))
    give(phone, "Yes")
    phone.type_pin(PIN)
    assert phone.said(RunFolderJob) == []
    phone.type_pin(GUARDIANS_PIN)
    assert phone.said(SetConsent)[-1].actor is Actor.GUARDIAN
    assert len(phone.said(RunFolderJob)) == 1


# --- offered once ---

OFFERED = (Purpose.CDR_SYNC, Purpose.CROSS_BORDER_CDR, Purpose.OPERATOR_NOTICES)


def experienced(*answered: Purpose, age_band: AgeBand = AgeBand.ADULT, calls: int = 5) -> NewPhone:
    """Return a phone that was used for a while, whose holder was asked about no more than that."""
    phone = NewPhone.of_office(activated=True, age_band=age_band)
    phone.store.answers |= dict.fromkeys(answered, False)
    phone.store.tell_consents()
    phone.talks(calls)
    assert phone.view.mode is Mode.IDLE
    return phone


def test_what_is_never_wanted_by_a_key_is_offered_once_after_some_calls() -> None:
    phone = experienced()
    assert phone.view.has_offer
    phone.ok()
    assert title_of(phone) == "Do you agree?"
    assert [said(label) for label in labels(phone)] == ["Call data", "Abroad", "Notices"]
    assert [said(value) for value in values(phone)] == ["No", "No", "No"]
    assert phone.said(SaveSetUp) == [SaveSetUp(SetUp.OFFERED)]
    phone.press(Key.CANCEL)
    assert not phone.shown().has_offer
    assert phone.said(SetConsent) == []
    phone.ok()
    assert title_of(phone) == "Menu"


def test_an_offer_is_answered_with_nothing_selected_and_by_no_digit() -> None:
    phone = experienced()
    phone.ok()
    phone.dial("112")
    phone.ok()
    assert title_of(phone) == "Do you agree?"
    assert phone.listing.selected is None
    choose(phone, "Notices")
    phone.answer()
    give(phone, "Yes")
    phone.type_pin(PIN)
    assert phone.said(SetConsent) == [SetConsent(Purpose.OPERATOR_NOTICES, granted=True, actor=Actor.HOLDER)]
    assert said(row_of(phone, "Notices").value) == "Yes"


def test_what_was_answered_is_not_offered() -> None:
    phone = experienced(Purpose.CDR_SYNC, Purpose.OPERATOR_NOTICES)
    phone.ok()
    assert [said(label) for label in labels(phone)] == ["Abroad"]


@pytest.mark.parametrize(("answered", "calls"), [(OFFERED, 5), ((), 4)], ids=["answered", "too soon"])
def test_nothing_is_offered_to_whoever_has_answered_and_to_nobody_too_soon(
    answered: tuple[Purpose, ...], calls: int
) -> None:
    phone = experienced(*answered, calls=calls)
    assert not phone.view.has_offer
    phone.ok()
    assert title_of(phone) == "Menu"


def test_an_offer_lights_nothing_and_is_not_made_once_more_after_a_restart() -> None:
    phone = experienced()
    assert phone.phone._state.indicator is IndicatorPattern.OFF
    phone.handle(SetUpLoaded(SetUp.OFFERED))
    assert not phone.view.has_offer


def test_a_locked_phone_offers_nothing() -> None:
    phone = experienced()
    phone.phone._state.locked = True
    phone.press(Key.VOLUME_UP)
    assert not phone.view.has_offer


# --- private mode ---


def test_private_mode_takes_every_yes_back_but_the_one_for_the_service(phone: NewPhone) -> None:
    open_page(phone, "Privacy")
    assert said(row_of(phone, "Private mode").value) == "off"
    choose(phone, "Private mode")
    phone.ok()
    assert phone.said(WithdrawOptional) == [WithdrawOptional(Actor.HOLDER)]
    assert said(row_of(phone, "Private mode").value) == "on"
    assert [purpose for purpose, yes in phone.store.answers.items() if yes] == [Purpose.SERVICE]


def test_private_mode_that_is_on_says_what_ends_it() -> None:
    phone = NewPhone.of_office(activated=True)
    open_privacy(phone, "Private mode")
    assert sentence(phone).startswith("It is on")
    phone.ok()
    assert phone.said(WithdrawOptional) == []


@pytest.mark.parametrize(
    "begin",
    [lambda phone: None, lambda phone: phone.answered_incoming_call(), lambda phone: open_page(phone, "Calls")],
    ids=["idle", "in a call", "in a menu"],
)
def test_holding_the_do_not_disturb_key_begins_private_mode_and_leaves_do_not_disturb_as_it_was(
    begin: Callable[[NewPhone], object],
) -> None:
    phone = holder()
    begin(phone)
    phone.press(Key.DO_NOT_DISTURB)
    phone.hold_down(Key.DO_NOT_DISTURB)
    assert phone.said(WithdrawOptional) == [WithdrawOptional(Actor.HOLDER)]
    assert (phone.view.hint, phone.view.feature) == (Hint.FEATURE_ON, "private_mode")
    assert not phone.said(SavePreferences)[-1].preferences.do_not_disturb


def test_wherever_the_key_switches_do_not_disturb_holding_it_begins_private_mode(subtests: pytest.Subtests) -> None:
    for mode in list(Mode):
        with subtests.test(mode=mode):
            phone = holder()
            phone.phone._state.mode = mode
            phone.press(Key.DO_NOT_DISTURB)
            switched = phone.phone._state.features.preferences.do_not_disturb
            phone.hold_down(Key.DO_NOT_DISTURB)
            assert bool(phone.said(WithdrawOptional)) is switched
            assert not phone.phone._state.features.preferences.do_not_disturb


def test_private_mode_that_could_not_be_written_is_not_said_to_be_on(phone: NewPhone) -> None:
    phone.press(Key.DO_NOT_DISTURB)
    phone.hold_down(Key.DO_NOT_DISTURB)
    phone.handle(Answered(DeleteContact(1), Failed("That did not work.")))
    assert phone.view.hint is Hint.FEATURE_ON
    phone.reply(WithdrawOptional, Failed("That did not work."))
    assert (phone.view.hint, phone.view.feature) == (Hint.FEATURE_IMPOSSIBLE, "private_mode")


def test_a_code_begins_private_mode_too(phone: NewPhone) -> None:
    phone.lift()
    phone.dial("*47")
    assert phone.said(WithdrawOptional) == [WithdrawOptional(Actor.HOLDER)]
    assert phone.view.hint is Hint.FEATURE_ON


def test_under_14_private_mode_is_the_guardians_too_and_the_key_says_no() -> None:
    phone = holder(AgeBand.UNDER_14)
    phone.press(Key.DO_NOT_DISTURB)
    phone.hold_down(Key.DO_NOT_DISTURB)
    assert phone.view.hint is Hint.FEATURE_IMPOSSIBLE
    assert phone.said(WithdrawOptional) == []
    open_privacy(phone, "Private mode")
    phone.ok()
    phone.type_pin(GUARDIANS_PIN)
    assert phone.said(WithdrawOptional) == [WithdrawOptional(Actor.GUARDIAN)]


def test_a_phone_that_does_not_know_yet_whether_a_guardian_answers_begins_no_private_mode() -> None:
    desk = Desk(office_settings())
    desk.press(Key.DO_NOT_DISTURB)
    desk.hold_down(Key.DO_NOT_DISTURB)
    assert desk.view.hint is Hint.FEATURE_IMPOSSIBLE
    open_page(desk, "Privacy", "Private mode")
    desk.press(Key.OK)
    assert "cannot be read" in sentence(desk)
    assert desk.said(WithdrawOptional) == []


def test_a_locked_phone_does_not_begin_private_mode(phone: NewPhone) -> None:
    phone.phone._state.locked = True
    phone.press(Key.DO_NOT_DISTURB)
    phone.hold_down(Key.DO_NOT_DISTURB)
    assert phone.said(WithdrawOptional) == []


# --- receipts, what leaves, contact ---


def test_a_receipt_is_a_code_to_be_photographed(phone: NewPhone) -> None:
    open_privacy(phone, "Receipts", "Recording")
    assert isinstance(phone.view.menu, CodeView)
    assert phone.view.menu.payload == "receipt for recording"
    phone.ok()
    assert title_of(phone) == "Receipts"


def test_what_was_never_answered_has_no_receipt(phone: NewPhone) -> None:
    open_privacy(phone, "Receipts", "Import")
    assert sentence(phone) == "This was never answered."


def test_what_leaves_is_read_from_the_messages_themselves(phone: NewPhone) -> None:
    open_privacy(phone, "What leaves")
    assert phone.said(ReadFacts) == [ReadFacts(FactsKind.EGRESS)]


def test_the_contact_page_says_who_answers_and_how_soon() -> None:
    phone = holder(operator_name="Example Telecom", privacy_officer="Li Na", privacy_contact="privacy@example.com")
    open_privacy(phone, "Contact")
    rows = [(said(row.label), said(row.value)) for row in phone.card.rows]
    assert rows == [
        ("Operator", "Example Telecom"),
        ("Privacy officer", "Li Na"),
        ("Reached by", "privacy@example.com"),
        ("Requests are answered within 5 working days.", ""),
    ]


def test_where_the_operator_names_nobody_the_contact_page_says_so(phone: NewPhone) -> None:
    open_privacy(phone, "Contact")
    assert "named nobody" in said(phone.card.rows[0].label)


def test_before_the_phone_is_set_up_there_is_to_read_what_one_has_to_know_for_it() -> None:
    phone = NewPhone.of_office()
    phone.press(Key.MENU)
    open_page(phone, "Privacy")
    assert [said(label) for label in labels(phone)] == [
        "Privacy policy", "Notices", "Who got what", "What leaves", "Contact",
    ]  # fmt: skip


# --- the PIN that all of it needs ---


def test_the_pin_of_a_phone_that_is_set_up_is_changed_and_not_removed(phone: NewPhone) -> None:
    open_page(phone, "Settings", "Lock", "Remove PIN")
    assert sentence(phone).startswith("The PIN stays")
    phone.ok()
    assert phone.said(SetPin) == []


def test_a_guardian_changes_their_pin_by_typing_the_one_until_now() -> None:
    phone = holder(AgeBand.UNDER_14)
    open_privacy(phone, "Guardian's PIN")
    phone.type_pin(PIN)
    assert said(phone.entry.note) == "Wrong PIN."
    phone.type_pin(GUARDIANS_PIN)
    for _ in range(2):
        phone.type_pin("2468")
    phone.ok()
    assert phone.said(SetPin) == [SetPin("2468", PinSlot.GUARDIAN)]
    assert title_of(phone) == "Privacy"


def test_who_has_no_guardian_is_offered_none(phone: NewPhone) -> None:
    open_page(phone, "Privacy")
    assert "Guardian's PIN" not in [said(label) for label in labels(phone)]
