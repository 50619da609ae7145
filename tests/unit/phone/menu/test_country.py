"""A phone whose configuration does not say the country asks where it stands, and keeps nobody from help."""

import pytest

from firmware.phone.commands import SavePreferences
from firmware.phone.countries import COUNTRIES
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import PreferencesLoaded, SetUpLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.orders import PlaceCall
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.request import Failed
from firmware.phone.requests.handset import ChooseCountry
from firmware.phone.requests.pin import CheckPin, PinChanged
from firmware.phone.state import PhoneSettings
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, sentence, values
from tests.unit.phone.new_phone import BRIGHT, step_of
from tests.unit.phone.office import AGREED

USUAL = ("112", "911", "999", "110", "119", "120", "122")


def nowhere(set_up: SetUp = SetUp.FIRST_RUN, **more: object) -> Desk:
    """Return a phone of which nobody has said where it stands, and whose store has just been read."""
    plan = DialPlan.build(country=None, domain="example.com")
    desk = Desk(PhoneSettings(plan, chosen_country="", **{"preferences": BRIGHT} | more))  # type: ignore[arg-type]
    desk.handle(PinChanged(is_set=False), SetUpLoaded(set_up))
    return desk


def title(desk: Desk) -> str:
    return said(desk.listing.title)


# --- when it asks ---


@pytest.fixture
def desk() -> Desk:
    return nowhere()


@pytest.mark.parametrize("set_up", SetUp)
def test_it_asks_by_itself_before_anything_else(set_up: SetUp) -> None:
    desk = nowhere(set_up)
    assert desk.view.mode is Mode.MENU
    assert title(desk) == "Country +"


def test_a_phone_whose_country_is_known_asks_nothing() -> None:
    for chosen in (None, "AT"):
        desk = Desk(settings(country="AT", chosen_country=chosen, preferences=BRIGHT))
        desk.handle(SetUpLoaded(SetUp.FIRST_RUN))
        assert desk.view.mode is Mode.IDLE


def test_a_new_phone_whose_country_was_chosen_goes_on_with_its_first_run() -> None:
    desk = Desk(settings(country="AT", chosen_country="AT", preferences=BRIGHT))
    desk.handle(SetUpLoaded(SetUp.NEW))
    assert step_of(desk) == "Language"


def test_a_locked_phone_does_not_ask() -> None:
    plan = DialPlan.build(country=None, domain="example.com")
    desk = Desk(PhoneSettings(plan, chosen_country="", preferences=BRIGHT))
    desk.handle(PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, screen_off_s=0)))
    desk.handle(SetUpLoaded(SetUp.FIRST_RUN))
    assert (desk.view.mode, desk.view.locked) == (Mode.IDLE, True)


def test_whoever_leaves_the_question_is_asked_again(desk: Desk) -> None:
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    desk.expire(Timer.FIRST_RUN)
    assert title(desk) == "Country +"


def test_nobody_is_kept_from_a_call(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert desk.view.mode is Mode.IN_CALL
    desk.replace()
    assert title(desk) == "Country +"
    desk.place_call("2345")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]


# --- choosing ---


def test_all_countries_are_there_by_their_names(desk: Desk) -> None:
    assert desk.listing.total == len(COUNTRIES)
    assert labels(desk)[:3] == ["Afghanistan", "Albania", "Algeria"]
    desk.press(Key.VOLUME_UP)
    assert (labels(desk)[-1], desk.listing.selected) == ("Åland Islands", len(COUNTRIES) - 1)


def test_they_are_named_in_the_language_of_the_display() -> None:
    desk = nowhere(preferences=Preferences(screen_off_s=0, language="zh"))
    desk.dial("43")
    assert labels(desk) == ["奥地利"]


def test_every_country_can_be_chosen_by_its_calling_code(subtests: pytest.Subtests) -> None:
    for code in COUNTRIES:
        with subtests.test(code=code):
            desk = nowhere()
            desk.dial(COUNTRIES[code].calling_code)
            assert set(values(desk)) == {f"+{COUNTRIES[code].calling_code}"} or COUNTRIES[code].calling_code in {
                "1",
                "7",
            }
            for _ in range(desk.listing.total):
                menu = desk.listing
                if said(menu.rows[(menu.selected or 0) - menu.first].label) == COUNTRIES[code].english_name:
                    break
                desk.press(Key.VOLUME_DOWN)
            desk.press(Key.OK, Key.OK)
            assert desk.said(ChooseCountry) == [ChooseCountry(code)]


@pytest.mark.parametrize(("typed", "name"), [("1", "United States"), ("44", "United Kingdom"), ("7", "Russia")])
def test_of_those_that_share_a_code_the_largest_is_first(desk: Desk, typed: str, name: str) -> None:
    desk.dial(typed)
    assert labels(desk)[0] == name


@pytest.mark.parametrize("typed", ["43", "0043"])
def test_the_question_says_whom_one_calls_for_help(desk: Desk, typed: str) -> None:
    desk.dial(typed)
    assert title(desk) == "Country +43"
    assert labels(desk) == ["Austria"]
    desk.press(Key.OK)
    assert sentence(desk) == "For help you call 112 there. Is the phone in this country?"
    desk.press(Key.CANCEL)
    assert (desk.said(ChooseCountry), labels(desk)) == ([], ["Austria"])


def test_of_a_country_whose_numbers_nobody_knows_it_says_so(desk: Desk) -> None:
    desk.dial("224", Key.OK)
    assert sentence(desk).startswith("Whom you call for help there is not known.")


def test_cancel_takes_digits_back_and_then_leaves(desk: Desk) -> None:
    desk.dial("88")
    assert desk.listing.total == 2
    desk.dial("9")
    assert (desk.listing.total, said(desk.listing.empty)) == (0, "No country has this code.")
    desk.press(Key.OK)
    for _ in range(3):
        desk.press(Key.CANCEL)
    assert desk.listing.total == len(COUNTRIES)
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


def test_the_page_says_why_the_country_was_not_kept(desk: Desk) -> None:
    desk.dial("43", Key.OK, Key.OK)
    assert sentence(desk) == "One moment…"
    desk.reply(ChooseCountry, Failed("It failed."))
    assert sentence(desk) == "It failed."


# --- help meanwhile ---


@pytest.mark.parametrize("number", USUAL)
def test_what_is_called_for_help_anywhere_is_help_before_the_handset_is_lifted(desk: Desk, number: str) -> None:
    desk.dial(number)
    assert desk.view.help_number == number
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{number}@example.com"]


@pytest.mark.parametrize("number", USUAL)
def test_what_is_called_for_help_anywhere_is_help_from_the_dial_tone(number: str) -> None:
    desk = nowhere(SetUp.NEW)
    desk.lift()
    desk.dial(number)
    if not desk.said(PlaceCall):
        desk.expire(Timer.INTER_DIGIT)
    assert [call.uri for call in desk.said(PlaceCall)] == [f"sip:{number}@example.com"]
    assert desk.call.emergency


def test_without_a_configuration_they_are_help_too() -> None:
    plan = DialPlan.build(country=None, domain="invalid")
    desk = Desk(PhoneSettings(plan, provisioned=False, preferences=BRIGHT))
    for number in USUAL:
        assert desk.phone._state.settings.dial_plan.reaches_emergency(number)


# --- another one ---


def test_what_was_chosen_here_can_be_corrected_in_the_menu_by_whoever_has_the_pin() -> None:
    desk = Desk(settings(country="AT", chosen_country="AT", preferences=BRIGHT))
    desk.handle(AGREED, PinChanged(is_set=True))
    open_page(desk, "This phone")
    assert row_of(desk, "Country").value == "Austria"
    choose(desk, "Country")
    desk.dial("2580", Key.OK)
    assert [check.pin for check in desk.said(CheckPin)] == ["2580"]


def test_what_the_configuration_says_is_not_in_the_menu() -> None:
    desk = Desk(settings(country="AT", preferences=BRIGHT))
    open_page(desk, "This phone")
    assert "Country" not in [said(label) for label in labels(desk)]
    assert desk.said(SavePreferences) == []
