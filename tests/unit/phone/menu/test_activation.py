from collections.abc import Callable

import pytest

from contract.calls import CallDirection
from contract.consent import Actor, Purpose
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.events import LastDialledLoaded, MessagesLoaded, SetUpLoaded, Timer
from firmware.phone.features import Hotline
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryKind, ListView
from firmware.phone.orders import AnswerCall, PlaceCall, SendMessage, SignalRinging
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import SetUp
from firmware.phone.request import Answered, Failed
from firmware.phone.requests.activation import (
    CheckCode,
    CodeArrived,
    NumberProof,
    NumberProofRead,
    ReadNumberProof,
    RequestCode,
)
from firmware.phone.requests.consents import Activate, ConsentsChanged, SetConsent
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.policies import PolicyShown, ReadPolicy
from firmware.phone.view import Hint, Mode
from firmware.privacy.catalogue import built_in
from firmware.store.policies import built_in_policy
from tests.unit.phone.desk import INCOMING
from tests.unit.phone.menus import choose, labels, open_page, said, sentence, values
from tests.unit.phone.new_phone import (
    BRIGHT,
    CODE,
    GUARDIANS_PIN,
    PARAGRAPHS,
    PIN,
    TITLES,
    NewPhone,
    at_step,
    step_of,
    title_of,
)
from tests.unit.phone.office import office


def note(phone: NewPhone) -> str:
    return said(phone.entry.note)


def entered(phone: NewPhone) -> str:
    return phone.entry.text


def to_the_end(phone: NewPhone) -> None:
    """Answer all that is left, and take note of the last page."""
    while phone.view.mode is Mode.MENU:
        phone.go_on()


def under_14(**more: object) -> NewPhone:
    """Return a new phone whose holder has just said that they are under 14."""
    phone = at_step("Your age", **more)
    choose(phone, "Under 14")
    phone.answer()
    return phone


# --- the PIN ---


@pytest.fixture
def phone() -> NewPhone:
    return at_number()


def test_without_a_pin_there_is_no_way_on() -> None:
    phone = at_step("PIN")
    assert note(phone) == "Choose 4 to 8 digits"
    phone.ok()
    assert phone.step == "PIN"


def test_a_pin_that_others_would_try_first_is_none() -> None:
    phone = at_step("PIN")
    phone.type_pin("1234")
    assert note(phone) == "Too easy: digits in a row."


def test_a_pin_is_typed_twice_and_then_the_next_step_follows() -> None:
    phone = at_step("PIN")
    phone.type_pin(PIN)
    assert note(phone) == "The same once more"
    phone.type_pin(PIN)
    assert phone.said(SetPin) == [SetPin(PIN)]
    assert phone.step == "Policy"


def test_of_two_pins_that_differ_neither_is_kept() -> None:
    phone = at_step("PIN")
    phone.type_pin(PIN)
    phone.type_pin("2468")
    assert note(phone) == "The two differ. Once more."
    phone.set_pin(PIN)
    assert phone.said(SetPin) == [SetPin(PIN)]


def test_cancel_leads_from_the_second_time_to_the_first_and_from_there_to_the_step_before() -> None:
    phone = at_step("PIN")
    phone.type_pin(PIN)
    phone.press(Key.CANCEL)
    assert note(phone) == "Choose 4 to 8 digits"
    phone.press(Key.CANCEL)
    assert phone.step == "Your age"


def test_while_the_store_cannot_be_read_no_pin_is_chosen() -> None:
    phone = at_step("PIN")
    phone.phone._state.features.consents = None
    phone.type_pin(PIN)
    assert note(phone) == "The phone's memory cannot be read: nobody can say yes now."


def test_a_pin_that_cannot_be_kept_is_asked_for_again() -> None:
    phone = at_step("PIN")
    for _ in range(2):
        phone.dial(PIN, Key.OK)
    phone.reply(SetPin, Failed("It failed."))
    assert (phone.step, note(phone)) == ("PIN", "It failed.")
    phone.set_pin(PIN)
    assert phone.step == "Policy"


def test_where_a_pin_is_set_nobody_answers_without_it() -> None:
    phone = NewPhone.of_office()
    phone.store.pins[PinSlot.HOLDER] = PIN
    phone.handle(PinChanged(is_set=True))
    while phone.step != "PIN":
        phone.go_on()
    assert note(phone) == "Type your PIN"
    phone.type_pin("1379")
    assert note(phone) == "Wrong PIN."
    phone.type_pin(PIN)
    assert phone.step == "Policy"
    phone.press(Key.CANCEL)
    assert sentence(phone) == "The PIN is set."


# --- age and guardian ---


def test_whoever_presses_ok_alone_has_not_said_how_old_they_are() -> None:
    phone = at_step("Your age")
    for _ in range(3):
        phone.ok()
    assert phone.step == "Your age"
    assert (phone.listing.selected, phone.listing.keys.ok) == (None, "")
    phone.press(Key.VOLUME_DOWN)
    phone.ok()
    assert phone.step == "Guardian"


def test_up_goes_to_the_last_age() -> None:
    phone = at_step("Your age")
    phone.press(Key.VOLUME_UP)
    phone.ok()
    assert phone.step == "PIN"


@pytest.mark.parametrize("digits", ["1", "3", "9"])
def test_no_digit_says_how_old_somebody_is(digits: str) -> None:
    phone = at_step("Your age")
    phone.dial(digits)
    assert phone.step == "Your age"
    assert phone.phone._state.features.activation.age_band is None


@pytest.mark.parametrize(("row", "band"), [("14 to 17", "14_to_17"), ("18 or older", "adult")])
def test_only_the_band_is_kept_and_no_guardian_is_asked_for(row: str, band: str) -> None:
    phone = at_step("Your age")
    choose(phone, row)
    assert phone.step == "PIN"
    to_the_end(phone)
    assert phone.said(Activate) == [Activate(band, Actor.HOLDER)]


def test_under_14_a_guardian_sets_a_pin_and_answers_everything() -> None:
    phone = under_14()
    assert phone.step == "Guardian"
    phone.set_guardians_pin()
    assert SetPin(GUARDIANS_PIN, PinSlot.GUARDIAN) in phone.said(SetPin)
    to_the_end(phone)
    assert set(phone.store.actors.values()) == {Actor.GUARDIAN}
    assert phone.said(Activate) == [Activate("under_14", Actor.GUARDIAN)]


def test_under_14_there_is_no_way_past_the_guardian() -> None:
    phone = under_14()
    phone.ok()
    phone.press(Key.CANCEL)
    assert phone.step == "Guardian"
    phone.ok()
    phone.type_pin(GUARDIANS_PIN)
    phone.type_pin("2468")
    assert note(phone) == "The two differ. Once more."


def test_a_guardian_who_is_there_has_to_be_asked_before_the_holder_is_older() -> None:
    phone = under_14()
    phone.set_guardians_pin()
    phone.press(Key.CANCEL, Key.CANCEL)
    choose(phone, "18 or older")
    assert title_of(phone) == "Guardian's PIN"
    phone.type_pin(PIN)
    assert note(phone) == "Wrong PIN."
    phone.type_pin(GUARDIANS_PIN)
    assert phone.step == "PIN"


def test_after_a_power_cut_the_guardian_is_still_the_one_to_ask() -> None:
    phone = NewPhone.of_office()
    phone.store.pins[PinSlot.GUARDIAN] = GUARDIANS_PIN
    phone.handle(PinChanged(is_set=True, slot=PinSlot.GUARDIAN))
    while phone.step != "Your age":
        phone.go_on()
    choose(phone, "Under 14")
    assert sentence(phone) == "Your guardian answers for you. Please let them type their PIN."
    phone.ok()
    phone.type_pin(GUARDIANS_PIN)
    assert phone.step == "PIN"
    assert phone.said(CheckPin)[-1] == CheckPin(GUARDIANS_PIN, PinSlot.GUARDIAN)


def test_a_guardian_whose_child_has_grown_up_is_asked_no_more() -> None:
    phone = under_14()
    phone.set_guardians_pin()
    phone.press(Key.CANCEL, Key.CANCEL)
    choose(phone, "14 to 17")
    phone.type_pin(GUARDIANS_PIN)
    to_the_end(phone)
    assert PinSlot.GUARDIAN not in phone.store.pins


# --- the policy ---


def test_the_policy_is_said_in_three_short_paragraphs_and_counts_as_read_at_their_end_only() -> None:
    phone = at_step("Policy")
    for said_first in (*PARAGRAPHS[:2], f"{PARAGRAPHS[2]} #: more"):
        assert sentence(phone) == said_first
        assert phone.said(PolicyShown) == []
        phone.ok()
    assert phone.said(PolicyShown) == [PolicyShown("2026-11")]
    assert phone.step == "Service"


def test_all_of_the_policy_is_one_key_away() -> None:
    phone = at_step("Policy")
    phone.press(Key.HASH)
    phone.answer()
    read = []
    while title_of(phone).startswith("Policy"):
        read.append(sentence(phone))
        phone.ok()
    assert "2026-11-25" in read[0]
    assert read[1:] == list(PARAGRAPHS)
    assert (phone.step, sentence(phone)) == ("Policy", PARAGRAPHS[0])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_phones_own_policy_says_first_is_short(language: str) -> None:
    paragraphs = getattr(built_in_policy().text, language)[:3]
    assert max(map(len, paragraphs)) <= (48 if language == "en" else 24), "three lines of the smallest display"


def test_a_policy_that_cannot_be_read_is_asked_for_again() -> None:
    phone = at_step("PIN")
    phone.type_pin(PIN)
    phone.dial(PIN, Key.OK)
    phone.reply(SetPin, None)
    phone.reply(ReadPolicy, Failed("It failed."))
    assert sentence(phone) == "It failed."
    phone.ok()
    assert phone.step == "Policy"
    assert sentence(phone).startswith(PARAGRAPHS[0])


# --- the service ---


def test_nothing_is_answered_about_the_service_before_somebody_chooses() -> None:
    phone = at_step("Service", country="GB")
    assert [said(label) for label in labels(phone)] == [
        "Yes: calls work", "No: only 112, 999", "What it is for",
    ]  # fmt: skip
    assert (phone.listing.selected, phone.listing.keys.ok) == (None, "")
    phone.ok()
    assert (phone.step, phone.said(SetConsent)) == ("Service", [])


def test_only_the_service_is_asked_about_and_all_else_stays_a_no() -> None:
    phone = at_step("Service")
    phone.say_yes()
    assert phone.said(SetConsent) == [SetConsent(Purpose.SERVICE, True, Actor.HOLDER)]
    assert phone.store.answers == {Purpose.SERVICE: True}


def test_what_the_service_is_for_is_one_choice_away() -> None:
    phone = at_step("Service")
    choose(phone, "What it is for")
    assert sentence(phone) == built_in().entry(Purpose.SERVICE).covers.in_language("en")
    phone.ok()
    assert sentence(phone) == "Without a yes this phone only answers, and calls for help."
    for _ in range(2):
        phone.press(Key.CANCEL)
    assert isinstance(phone.shown().menu, ListView)
    phone.say_yes()
    assert phone.view.hint is Hint.ALL_SET


@pytest.mark.parametrize("digits", ["1", "2", "3", "0456789"])
def test_no_digit_agrees_to_anything(digits: str) -> None:
    phone = at_step("Service")
    phone.dial(digits)
    assert (phone.step, phone.said(SetConsent)) == ("Service", [])


def test_going_back_shows_what_was_answered_and_lets_it_be_changed() -> None:
    phone = at_step("Not set up")
    phone.press(Key.CANCEL)
    phone.answer()
    assert values(phone) == ["", "✓", ""]
    choose(phone, "Yes: calls work")
    phone.answer()
    assert phone.store.answers == {Purpose.SERVICE: True}
    assert phone.view.hint is Hint.ALL_SET


def test_what_is_answered_once_is_not_written_twice() -> None:
    phone = at_step("Not set up")
    phone.press(Key.CANCEL)
    phone.answer()
    before = len(phone.said(SetConsent))
    phone.go_on()
    assert phone.step == "Not set up"
    assert len(phone.said(SetConsent)) == before


def test_an_answer_that_cannot_be_written_is_not_gone_past() -> None:
    phone = at_step("Service")
    phone.press(Key.VOLUME_DOWN, Key.OK)
    phone.reply(SetConsent, Failed("It failed."))
    assert (phone.step, sentence(phone)) == ("Service", "It failed.")
    phone.press(Key.CANCEL)
    phone.ok()
    assert phone.view.hint is Hint.ALL_SET


# --- the number ---


def at_number(**more: object) -> NewPhone:
    """Return a new phone that has just had a code sent to its number."""
    phone = at_step("Service", proves_number=True, **more)
    phone.say_yes()
    return phone


def without_message(phone: NewPhone) -> None:
    """Leave it at a code that has come to another phone than this one."""
    phone.handle(CodeArrived(""))
    for _ in CODE:
        phone.press(Key.CANCEL)


def test_where_the_operator_sends_no_codes_the_number_is_left_unproved_and_that_is_written_down() -> None:
    phone = at_step("Service")
    phone.say_yes()
    assert phone.store.unproved


def test_a_code_is_sent_by_itself_and_where_it_comes_to_this_phone_ok_confirms_it(phone: NewPhone) -> None:
    assert len(phone.said(RequestCode)) == 1
    assert title_of(phone) == "Code"
    assert (entered(phone), note(phone)) == (CODE, f"Your code is {CODE}.")
    phone.ok()
    assert phone.said(CheckCode) == [CheckCode(CODE)]
    assert phone.view.hint is Hint.ALL_SET
    assert not phone.store.unproved


def test_a_code_that_comes_elsewhere_is_typed(phone: NewPhone) -> None:
    without_message(phone)
    phone.dial(CODE)
    phone.ok()
    assert phone.view.hint is Hint.ALL_SET


@pytest.mark.parametrize(
    ("message", "code"),
    [("Code 4711", "4711"), ("Call 0800 123456 about code 4711", ""), ("No code", ""), ("Code 12", "")],
)
def test_what_is_to_be_confirmed_is_the_only_number_of_the_message(phone: NewPhone, message: str, code: str) -> None:
    without_message(phone)
    phone.handle(CodeArrived(message))
    assert (entered(phone), note(phone)) == (code, message)


def test_a_message_does_not_change_what_somebody_is_typing(phone: NewPhone) -> None:
    without_message(phone)
    phone.dial("12")
    phone.handle(CodeArrived("Code 4711"))
    assert entered(phone) == "12"


def test_a_code_that_is_on_its_way_can_be_left_and_typed_later_and_no_other_is_sent(phone: NewPhone) -> None:
    without_message(phone)
    phone.press(Key.CANCEL)
    assert phone.step == "Number"
    phone.ok()
    assert title_of(phone) == "Code"
    assert len(phone.said(RequestCode)) == 1


def test_a_code_that_begins_like_an_emergency_number_is_a_code(phone: NewPhone) -> None:
    without_message(phone)
    phone.dial("112233")
    assert title_of(phone) == "Code"


def test_wrong_codes_are_counted_down_and_then_waited_for(phone: NewPhone) -> None:
    without_message(phone)
    for left in (4, 3, 2, 1):
        phone.dial("000000")
        phone.ok()
        assert note(phone) == f"Wrong. Tries left: {left}"
    phone.dial("000000")
    phone.ok()
    assert sentence(phone) == "Too many wrong codes. A new one can be sent in 2 min."
    assert phone.step == "Number"


def test_without_a_proof_there_is_no_way_on_where_there_is_one_to_be_had(phone: NewPhone) -> None:
    phone.press(Key.MENU, Key.OK)
    phone.answer()
    assert phone.step == "Number"
    phone.ok()
    assert title_of(phone) == "Code"


def test_a_number_is_proved_by_a_code_whose_page_is_left_while_it_is_compared(phone: NewPhone) -> None:
    phone.press(Key.OK, Key.CANCEL)
    for _ in CODE[1:]:
        phone.press(Key.CANCEL)
    phone.press(Key.CANCEL)
    phone.reply(ReadNumberProof, NumberProofRead(NumberProof.SENT))
    phone.reply(CheckCode, NumberProofRead(NumberProof.PROVED))
    phone.answer()
    assert phone.view.hint is Hint.ALL_SET


def test_a_right_code_moves_nobody_who_has_gone_back_meanwhile(phone: NewPhone) -> None:
    phone.press(Key.OK)
    while title_of(phone) == "Code":
        phone.press(Key.CANCEL)
    phone.press(Key.CANCEL)
    assert phone.step == "Service"
    phone.reply(CheckCode, NumberProofRead(NumberProof.PROVED))
    assert phone.step == "Service"


def test_a_code_that_never_came_is_sent_once_more(phone: NewPhone) -> None:
    while title_of(phone) == "Code":
        phone.press(Key.CANCEL)
    phone.answer()
    phone.press(Key.VOLUME_DOWN)
    phone.ok()
    assert len(phone.said(RequestCode)) == 2
    assert title_of(phone) == "Code"


def test_what_was_asked_before_the_code_was_requested_does_not_send_another(phone: NewPhone) -> None:
    page = phone.phone._state.first_run
    assert page is not None
    while title_of(phone) == "Code":
        phone.press(Key.CANCEL)
    phone.answer()
    phone.press(Key.VOLUME_DOWN, Key.OK)
    phone.reply(ReadNumberProof, NumberProofRead(NumberProof.OPEN))
    phone.answer()
    assert len(phone.said(RequestCode)) == 2


def test_a_call_while_the_code_is_awaited_loses_nothing(phone: NewPhone) -> None:
    phone.answered_incoming_call()
    phone.replace()
    phone.answer()
    assert title_of(phone) == "Code"
    assert (entered(phone), note(phone)) == (CODE, f"Your code is {CODE}.")


# --- the end ---


def test_the_phone_may_be_used_once_that_is_written_down() -> None:
    phone = at_step("Service")
    phone.press(Key.VOLUME_DOWN, Key.OK)
    assert phone.view.mode is Mode.MENU
    phone.answer()
    assert phone.shown().mode is Mode.IDLE
    phone.place_call("2345")
    assert [call.uri for call in phone.said(PlaceCall)] == ["sip:2345@example.com"]


def test_what_cannot_be_written_down_is_said_and_tried_again() -> None:
    phone = at_step("Service")
    phone.press(Key.VOLUME_DOWN, Key.OK)
    phone.store.answers[Purpose.SERVICE] = True
    phone.store.tell_consents()
    phone.reply(SetConsent, phone.store.consents())
    phone.reply(Activate, Failed("It failed."))
    assert phone.step == "Not set up"
    assert said(phone.card.rows[0].label) == "It failed."
    phone.ok()
    assert phone.view.mode is Mode.IDLE


def test_whoever_says_no_to_the_service_is_told_and_not_asked_again_by_itself() -> None:
    phone = at_step("Not set up", country="GB")
    assert said(phone.card.rows[0].label) == "You said no: only 112, 999 work."
    phone.ok()
    assert phone.view.mode is Mode.IDLE
    phone.expire(Timer.FIRST_RUN)
    assert phone.view.mode is Mode.IDLE
    open_page(phone, "Set up")
    assert phone.step == TITLES[0]


# --- until then ---


def left_alone() -> NewPhone:
    """Return a new phone whose first run somebody has left."""
    phone = NewPhone.of_office(hotline=Hotline("2345", 0), voicemail_number="2500")
    phone.handle(LastDialledLoaded("2345"))
    phone.press(Key.MENU)
    assert phone.view.mode is Mode.IDLE
    return phone


@pytest.mark.parametrize(
    "dial",
    [
        lambda phone: phone.lift(),
        lambda phone: (phone.dial("2345"), phone.lift(), phone.press("#")),
        lambda phone: (phone.press(Key.REDIAL), phone.lift()),
        lambda phone: (phone.press(Key.VOICEMAIL), phone.lift()),
        lambda phone: (phone.lift(), phone.dial("*69#")),
    ],
    ids=["hotline", "digits", "redial", "voicemail", "call back"],
)
def test_a_phone_that_is_not_set_up_calls_nobody_and_says_why(dial: Callable[[NewPhone], object]) -> None:
    phone = left_alone()
    dial(phone)
    assert phone.view.hint in {Hint.SET_UP_FIRST, Hint.NUMBER_IMPOSSIBLE}
    assert phone.said(PlaceCall) == []
    phone.replace()
    assert step_of(phone) == TITLES[0]


def test_a_phone_that_is_not_set_up_calls_for_help() -> None:
    phone = left_alone()
    phone.dial("112")
    phone.lift()
    assert [call.uri for call in phone.said(PlaceCall)] == ["sip:112@example.com"]


def test_a_phone_that_is_not_set_up_is_called_and_answers() -> None:
    phone = left_alone()
    phone.ring()
    assert phone.said(SignalRinging) == [SignalRinging(INCOMING)]
    phone.lift()
    assert phone.said(AnswerCall) == [AnswerCall(INCOMING)]


def test_a_phone_that_is_not_set_up_has_a_menu_of_what_helps_to_set_it_up() -> None:
    phone = left_alone()
    phone.press(Key.MENU)
    assert [said(label) for label in labels(phone)] == ["Set up", "This phone", "Privacy", "Language 语言"]


def test_a_phone_that_is_not_set_up_writes_to_nobody() -> None:
    phone = office(preferences=BRIGHT)
    phone.handle(SetUpLoaded(SetUp.FIRST_RUN))
    phone.handle(MessagesLoaded((TextMessage("m1", CallDirection.INCOMING, CallerId("2345"), "Hello", read=True),)))
    open_page(phone, "Messages")
    phone.handle(ConsentsChanged(frozenset(), activated=False, age_band="adult"))
    for _ in range(4):
        phone.press(Key.OK)
    assert phone.view.mode is not Mode.WRITING
    assert phone.said(SendMessage) == []


def test_a_phone_of_an_older_firmware_is_asked_once() -> None:
    phone = office(preferences=BRIGHT)
    phone.handle(ConsentsChanged(frozenset({Purpose.CDR_SYNC}), activated=False), PinChanged(is_set=True))
    assert phone.view.mode is Mode.IDLE
    phone.handle(SetUpLoaded(SetUp.FIRST_RUN))
    assert step_of(phone) == TITLES[0]


def test_a_store_that_says_nothing_keeps_nobody_from_calling() -> None:
    phone = office(preferences=BRIGHT)
    phone.place_call("2345")
    assert len(phone.said(PlaceCall)) == 1


def test_taking_the_service_back_ends_calling_at_once_and_no_running_call() -> None:
    phone = NewPhone.of_office(activated=True)
    phone.answered_outgoing_call()
    phone.store.answers[Purpose.SERVICE] = False
    phone.store.tell_consents()
    assert phone.view.mode is Mode.IN_CALL
    phone.replace()
    phone.lift()
    assert phone.view.hint is Hint.SET_UP_FIRST


def test_the_first_run_once_more_asks_for_the_pin_before_it_asks_what_is_agreed_to() -> None:
    phone = NewPhone.of_office(activated=True)
    open_page(phone, "This phone", "Set up again")
    while phone.step != "PIN":
        phone.ok()
    assert phone.entry.kind is EntryKind.PIN
    phone.handle(Answered(CheckPin(PIN), PinChecked(accepted=False)))
    phone.ok()
    assert phone.step == "PIN"
