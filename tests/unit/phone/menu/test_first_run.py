from collections.abc import Callable

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallState
from firmware.phone.commands import SavePreferences, SaveSetUp
from firmware.phone.events import PreferencesLoaded, SetUpLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import CardView
from firmware.phone.orders import AudioRoute, PlaceCall, StartRinging
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import INCOMING, Desk, settings
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, the_list
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
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    desk.handle(SetUpLoaded(SetUp.NEW))
    assert (desk.view.mode, desk.view.locked) == (Mode.IDLE, True)
    desk.press(Key.MENU)
    desk.dial(PIN)
    desk.press(Key.OK)
    desk.reply(CheckPin, PinChecked(accepted=True))
    desk.press(Key.MENU)
    assert desk.view.mode is Mode.IDLE
    desk.expire(Timer.FIRST_RUN)
    assert step_of(desk) == TITLES[0]


def test_a_phone_that_is_open_again_asks_at_once() -> None:
    desk = office(preferences=BRIGHT)
    desk.handle(PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    desk.handle(SetUpLoaded(SetUp.NEW))
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
    desk.press(Key.MENU)
    desk.press(Key.MENU)
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
    assert step_of(desk) == "Welcome"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_ok_keeps_the_language_that_the_installer_has_chosen(language: str) -> None:
    desk = NewPhone.of_office(language=language)
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.language == language


def test_the_welcome_says_what_whoever_reads_nothing_else_has_to_know() -> None:
    desk = at_step("Welcome")
    assert isinstance(desk.view.menu, CardView)
    read = " ".join(said(row.label) for row in desk.view.menu.rows)
    assert "dial" in read
    assert "MENU" in read
    assert "Emergency" in read


def test_the_ringer_is_heard_as_it_is_turned_and_its_volume_kept() -> None:
    desk = at_step("How loud", ringer_volume_percent=50)
    assert StartRinging("normal") in desk.press(Key.VOLUME_UP)
    desk.expire(Timer.LET_GO)
    assert desk.said(SavePreferences)[-1].preferences.ringer_percent == 60
    assert desk.phone._state.volumes[AudioRoute.RINGER] == 60


def test_a_ring_tone_is_heard_as_it_is_selected_and_kept_when_it_is_chosen() -> None:
    desk = at_step("Ring tone")
    assert StartRinging("internal") in desk.press(Key.VOLUME_DOWN)
    desk.press(Key.OK)
    assert desk.said(SavePreferences)[-1].preferences.ring == "internal"
    assert step_of(desk) == "All set"


def test_going_back_from_a_ring_tone_is_silent() -> None:
    desk = at_step("Ring tone")
    desk.press(Key.VOLUME_DOWN)
    desk.press(Key.CANCEL)
    assert desk.phone._state.previewed_ring == ""


def test_it_is_said_aloud_where_menus_are_and_not_while_a_ring_is_heard() -> None:
    desk = at_step("Ring tone", preferences=Preferences(screen_off_s=0, spoken_menus=True))
    assert desk.view.spoken
    desk.press(Key.VOLUME_DOWN)
    assert not desk.shown().spoken
    desk.expire(Timer.RING_PREVIEW)
    assert desk.view.spoken


def test_large_text_is_seen_as_it_is_selected() -> None:
    desk = at_step("Text size")
    desk.press(Key.VOLUME_DOWN)
    assert desk.view.look.large_text
    desk.press(Key.VOLUME_UP)
    assert not desk.shown().look.large_text
    choose(desk, "Large text")
    assert desk.said(SavePreferences)[-1].preferences.large_text
    assert step_of(desk) == "PIN"


def test_the_end_says_what_opens_the_contacts_and_the_settings() -> None:
    desk = NewPhone.of_office(preferences=BRIGHT)
    while step_of(desk) != "All set":
        desk.say_yes() if step_of(desk) == "Service" else desk.go_on()
    assert isinstance(desk.view.menu, CardView)
    pages = {said(row.label): said(row.value) for row in desk.view.menu.rows if row.value}
    assert pages == {"MENU 1": "Contacts", "MENU 6": "Settings"}
    desk.ok()
    desk.press(Key.MENU)
    assert {f"MENU {row.number}": said(row.label) for row in the_list(desk).rows}.items() >= pages.items()


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


@pytest.mark.parametrize("reached", TITLES)
@pytest.mark.parametrize(
    ("country", "number"), [("DE", "112"), ("CN", "110"), ("CN", "120"), ("CN", "122"), ("US", "911"), ("GB", "999")]
)
def test_an_emergency_number_is_dialled_before_the_handset_is_lifted(reached: str, country: str, number: str) -> None:
    desk = at_step(reached, country=country)
    desk.dial(number)
    assert desk.view.hint is Hint.EMERGENCY_NUMBER
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{number}@example.com"]


def test_digits_of_two_answers_are_not_an_emergency_number() -> None:
    desk = at_step("Ring tone")
    desk.dial("11")
    desk.expire(Timer.INTER_DIGIT)
    desk.dial("2")
    assert desk.view.mode is Mode.MENU


def test_whoever_types_an_emergency_number_and_calls_nobody_is_asked_again_at_the_same_step() -> None:
    desk = at_step("Welcome")
    desk.dial("112")
    desk.expire(Timer.INTER_DIGIT)
    assert step_of(desk) == "Welcome"


@pytest.mark.parametrize(
    "leave",
    [lambda desk: desk.press(Key.MENU), lambda desk: desk.hold_down(Key.CANCEL)],
    ids=["MENU", "CANCEL held"],
)
def test_whoever_leaves_it_has_the_phone_until_it_was_untouched_for_a_while(leave: Callable[[Desk], object]) -> None:
    desk = at_step("Ring tone")
    leave(desk)
    assert desk.view.mode is Mode.IDLE
    desk.dial("23")
    desk.press(Key.CANCEL)
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    open_page(desk, "This phone")
    desk.expire(Timer.FIRST_RUN)
    assert title_of(desk) == "This phone"
    desk.press(Key.MENU)
    desk.expire(Timer.FIRST_RUN)
    assert step_of(desk) == "Ring tone"


def test_patience_with_an_untouched_menu_does_not_end_it() -> None:
    desk = at_step("PIN")
    desk.press(Key.OK)
    desk.dial("25")
    desk.expire(Timer.INFO)
    assert step_of(desk) == "PIN"


def test_what_was_half_typed_is_gone_after_a_call_and_its_step_is_there() -> None:
    desk = at_step("PIN")
    desk.press(Key.OK)
    desk.dial("25")
    desk.answered_incoming_call()
    desk.replace()
    assert step_of(desk) == "PIN"


def test_after_a_restart_it_begins_again_with_what_was_chosen() -> None:
    before = at_step("PIN")
    chosen = before.said(SavePreferences)[-1].preferences
    desk = office(preferences=BRIGHT)
    desk.handle(PinChanged(is_set=False))
    desk.handle(PreferencesLoaded(chosen))
    desk.handle(SetUpLoaded(SetUp.NEW))
    assert step_of(desk) == TITLES[0]
    assert row_of(desk, "English").value == "✓"


# --- once more, from the menu ---


def test_a_phone_that_is_set_up_is_led_through_it_again_from_the_menu() -> None:
    desk = NewPhone.of_office(activated=True)
    open_page(desk, "This phone", "Set up again")
    for expected in TITLES:
        assert step_of(desk) == expected
        desk.go_on()
    assert said(the_list(desk).title) == "This phone"
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
