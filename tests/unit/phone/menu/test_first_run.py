from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallState
from firmware.phone.commands import SavePreferences, SaveSetUp
from firmware.phone.events import PreferencesLoaded, SetUpLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView, ListView, SoftKeys
from firmware.phone.orders import PlaceCall
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.requests.consents import SetConsent
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk, settings
from tests.unit.phone.menus import choose, labels, open_page, row_of, said
from tests.unit.phone.new_phone import BRIGHT, PIN, TITLES, NewPhone, at_step, step_of, title_of
from tests.unit.phone.office import office

# --- when it opens by itself ---


def test_a_new_phone_asks_for_the_language_first() -> None:
    desk = NewPhone.of_office()
    assert desk.view.mode is Mode.MENU
    assert title_of(desk) == f"1/{len(TITLES)} Language"
    assert labels(desk) == ["English", "中文"]


def test_a_phone_that_was_set_up_asks_nothing() -> None:
    desk = office()
    desk.handle(SetUpLoaded(SetUp.FIRST_RUN))
    assert desk.view.mode is Mode.IDLE


def test_until_the_store_has_answered_nothing_is_asked() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=False))
    assert desk.view.mode is Mode.IDLE


def test_without_a_configuration_there_is_nothing_to_set_up() -> None:
    desk = Desk(settings(provisioned=False))
    desk.handle(SetUpLoaded(SetUp.NEW))
    assert desk.view.mode is Mode.UNPROVISIONED


def test_a_locked_phone_asks_only_who_has_typed_the_pin_and_left_the_menu() -> None:
    desk = office(preferences=BRIGHT)
    desk.handle(PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)), SetUpLoaded(SetUp.NEW))
    assert (desk.view.mode, desk.view.locked) == (Mode.IDLE, True)
    desk.press(Key.MENU)
    desk.dial(PIN, Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    desk.press(Key.MENU)
    assert desk.view.mode is Mode.IDLE
    desk.expire(Timer.FIRST_RUN)
    assert step_of(desk) == TITLES[0]


def test_a_phone_that_is_open_again_asks_at_once() -> None:
    desk = office(preferences=BRIGHT)
    desk.handle(PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)), SetUpLoaded(SetUp.NEW))
    locked = desk.view
    desk.handle(PinChanged(is_set=False))
    assert (locked.mode, locked.locked, desk.view.mode) == (Mode.IDLE, True, Mode.MENU)


def test_a_handset_that_is_off_when_the_phone_starts_has_its_dial_tone() -> None:
    desk = office(preferences=BRIGHT)
    desk.lift()
    desk.handle(SetUpLoaded(SetUp.NEW))
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    desk.replace()
    assert step_of(desk) == TITLES[0]


def test_a_busy_number_that_is_being_tried_comes_first() -> None:
    desk = office(preferences=BRIGHT)
    desk.handle(SetUpLoaded(SetUp.NEW))
    call_id = desk.place_call("2345")
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.BUSY, 486)
    desk.press(Key.REDIAL)
    desk.replace()
    assert (desk.view.mode, bool(desk.view.redial_in_s)) == (Mode.IDLE, True)
    desk.press(Key.CANCEL)
    desk.expire(Timer.AUTO_REDIAL)
    assert desk.view.mode is Mode.REDIALLING


# --- its steps ---


def test_ok_leads_through_all_steps_and_then_the_phone_is_set_up_for_good() -> None:
    desk = NewPhone.of_office()
    for place, expected in enumerate(TITLES, start=1):
        assert title_of(desk) == f"{place}/{len(TITLES)} {expected}"
        assert desk.said(SaveSetUp) == []
        desk.go_on()
    assert desk.said(SaveSetUp) == [SaveSetUp(SetUp.FIRST_RUN)]
    assert desk.view.mode is Mode.IDLE
    desk.expire(Timer.FIRST_RUN)
    desk.press(Key.MENU, Key.MENU)
    desk.expire(Timer.FIRST_RUN)
    assert desk.view.mode is Mode.IDLE


def test_cancel_leads_back_step_by_step_and_out_of_the_first_one_for_a_while() -> None:
    desk = at_step(TITLES[-1])
    for expected in reversed(TITLES[:-1]):
        desk.press(Key.CANCEL)
        assert step_of(desk) == expected
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    desk.expire(Timer.FIRST_RUN)
    assert step_of(desk) == TITLES[0]


@pytest.mark.parametrize(("row", "language"), [("English", "en"), ("中文", "zh")])
def test_the_language_counts_at_once_and_is_kept(row: str, language: str) -> None:
    desk = NewPhone.of_office()
    choose(desk, row)
    assert desk.view.look.language == language
    assert desk.said(SavePreferences)[-1].preferences.language == language
    assert step_of(desk) == "Your age"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_ok_keeps_the_language_that_the_installer_has_chosen(language: str) -> None:
    desk = NewPhone.of_office(language=language)
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.language == language


def test_twenty_keys_on_eight_pages_lead_from_power_on_to_a_phone_that_calls() -> None:
    desk = NewPhone.of_office()
    pages = [desk.view.menu]
    keys = [
        Key.OK,
        *(Key.VOLUME_UP, Key.OK),
        *map(Key, PIN), Key.OK,
        *map(Key, PIN), Key.OK,
        *(Key.OK,) * 3,
        *(Key.VOLUME_DOWN, Key.OK),
    ]  # fmt: skip
    for key in keys:
        desk.press(key)
        desk.answer()
        menu = desk.view.menu
        shown = replace(menu, text="") if isinstance(menu, EntryView) else menu
        if isinstance(menu, ListView):
            shown = replace(menu, selected=None, keys=SoftKeys())
        if shown is not None and shown not in pages and not (isinstance(menu, EntryView) and menu.text):
            pages.append(shown)
    assert (desk.view.mode, desk.view.hint) == (Mode.IDLE, Hint.ALL_SET)
    assert desk.view.works_only == ""
    assert (len(keys), len(pages)) == (18, 8)
    desk.place_call("2345")
    assert len(desk.said(PlaceCall)) == 1


def test_ok_alone_ends_in_no_phone_that_says_it_is_set_up_and_cannot_call() -> None:
    desk = NewPhone.of_office()
    for _ in range(30):
        desk.ok()
    assert step_of(desk) == "Your age"
    desk = at_step("Service")
    for _ in range(30):
        desk.ok()
    assert step_of(desk) == "Service"
    assert desk.said(SetConsent) == []


def test_a_phone_that_is_left_unfinished_says_what_to_press_and_what_works_until_then() -> None:
    desk = at_step("PIN", country="GB")
    desk.press(Key.MENU)
    assert (desk.view.mode, desk.view.works_only) == (Mode.IDLE, "112, 999")
    desk.press(Key.OK)
    assert step_of(desk) == "PIN"


# --- in the middle of it ---


@pytest.mark.parametrize("reached", TITLES)
def test_a_call_rings_is_answered_and_then_the_same_step_is_there_again(reached: str) -> None:
    desk = at_step(reached)
    desk.answered_incoming_call()
    assert desk.view.mode is Mode.IN_CALL
    assert desk.view.menu is None
    desk.replace()
    assert step_of(desk) == reached


@pytest.mark.parametrize("reached", TITLES)
def test_a_call_that_nobody_answers_leaves_the_step_as_it_was(reached: str) -> None:
    desk = at_step(reached)
    desk.ring()
    assert desk.view.mode is Mode.RINGING
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert step_of(desk) == reached


@pytest.mark.parametrize("reached", TITLES)
def test_lifting_the_handset_gives_dial_tone_and_then_the_same_step_is_there_again(reached: str) -> None:
    desk = at_step(reached)
    desk.lift()
    assert desk.view.hint is Hint.SET_UP_FIRST
    desk.dial("2345#")
    assert desk.view.hint is Hint.SET_UP_FIRST
    assert desk.said(PlaceCall) == []
    desk.replace()
    desk.answer()
    assert step_of(desk) == reached


@pytest.mark.parametrize("reached", TITLES)
def test_an_emergency_call_is_made_from_the_dial_tone(reached: str) -> None:
    desk = at_step(reached)
    desk.lift()
    desk.dial("112")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


def test_an_emergency_number_is_dialled_before_the_handset_is_lifted(subtests: pytest.Subtests) -> None:
    for reached, (country, number) in product(
        TITLES, [("DE", "112"), ("CN", "110"), ("CN", "120"), ("CN", "122"), ("US", "911"), ("GB", "999")]
    ):
        with subtests.test(reached=reached, country=country, number=number):
            desk = at_step(reached, country=country)
            desk.dial(number)
            assert desk.view.help_number == number
            desk.lift()
            assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{number}@example.com"]


def test_digits_that_do_not_follow_one_another_are_not_an_emergency_number() -> None:
    desk = at_step("Policy")
    desk.dial("11")
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("2")
    assert (desk.view.mode, desk.view.help_number) == (Mode.MENU, "")


def test_whoever_types_an_emergency_number_and_calls_nobody_is_asked_again_at_the_same_step() -> None:
    desk = at_step("Policy")
    desk.dial("112", Key.CANCEL)
    assert (step_of(desk), desk.view.help_number) == ("Policy", "")


@pytest.mark.parametrize(
    "leave",
    [lambda desk: desk.press(Key.MENU), lambda desk: desk.hold_down(Key.CANCEL)],
    ids=["MENU", "CANCEL held"],
)
def test_whoever_leaves_it_has_the_phone_until_it_was_untouched_for_a_while(leave: Callable[[Desk], object]) -> None:
    desk = at_step("Policy")
    leave(desk)
    assert desk.view.mode is Mode.IDLE
    desk.dial("23", Key.CANCEL, Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    open_page(desk, "This phone")
    desk.expire(Timer.FIRST_RUN)
    assert title_of(desk) == "This phone"
    desk.press(Key.MENU)
    desk.expire(Timer.FIRST_RUN)
    assert step_of(desk) == "Policy"


def test_patience_with_an_untouched_menu_does_not_end_it() -> None:
    desk = at_step("PIN")
    desk.dial("25")
    desk.expire(Timer.INFO)
    assert step_of(desk) == "PIN"


def test_what_was_half_typed_is_gone_after_a_call_and_its_step_is_there() -> None:
    desk = at_step("PIN")
    desk.dial("25")
    desk.answered_incoming_call()
    desk.replace()
    assert step_of(desk) == "PIN"


def test_after_a_restart_it_begins_again_with_what_was_chosen() -> None:
    before = at_step("PIN")
    chosen = before.said(SavePreferences)[-1].preferences
    desk = office(preferences=BRIGHT)
    desk.handle(PinChanged(is_set=False), PreferencesLoaded(chosen), SetUpLoaded(SetUp.NEW))
    assert step_of(desk) == TITLES[0]
    assert row_of(desk, "English").value == "✓"


# --- once more, from the menu ---


def test_a_phone_that_is_set_up_is_led_through_it_again_from_the_menu() -> None:
    desk = NewPhone.of_office(activated=True)
    open_page(desk, "This phone", "Set up again")
    for expected in TITLES:
        assert step_of(desk) == expected
        desk.go_on()
    assert said(desk.listing.title) == "This phone"
    assert desk.said(SaveSetUp) == []
    desk.press(Key.MENU)
    assert desk.view.mode is Mode.IDLE


def test_led_through_again_a_call_ends_it_as_it_ends_any_menu() -> None:
    desk = office(preferences=BRIGHT)
    desk.handle(SetUpLoaded(SetUp.FIRST_RUN))
    open_page(desk, "This phone", "Set up again")
    desk.lift()
    desk.replace()
    assert desk.view.mode is Mode.IDLE


def test_without_a_configuration_it_is_not_in_the_menu() -> None:
    desk = Desk(settings(provisioned=False))
    open_page(desk, "This phone")
    assert "Set up again" not in [said(label) for label in labels(desk)]
