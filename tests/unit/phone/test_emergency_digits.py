"""Emergency digits that are typed on any page of a phone whose handset is down are called when it is lifted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contract.calls import DisconnectReason
from firmware.phone.call import CallState
from firmware.phone.commands import Command
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import Event, KeyHeld, KeyPressed, PreferencesLoaded, SetUpLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView
from firmware.phone.news import Problem, ProblemRaised
from firmware.phone.orders import PlaceCall
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.request import Request
from firmware.phone.requests.pin import CheckPin, PinChanged
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import open_page, said
from tests.unit.phone.office import office
from tools.menu_map.store import NEWS, SETTINGS, answer_to
from tools.menu_map.walk import Stop, walk

pytestmark = pytest.mark.feature("emergency calls")

# Their numbers have two, three and five digits, some begin alike, and 112 is not sure in Japan.
_COUNTRIES = ("GB", "DE", "FR", "CN", "US", "AU", "JP", "HU", None)
_PLANS = {country: DialPlan.build(country=country, domain="example.com") for country in _COUNTRIES}
_ON_HOOK_KEYS = sorted(set(Key) - {Key.SPEAKER})


class Home(Desk):
    """A phone with everything set up, whose store answers at once."""

    def _handle(self, event: Event) -> list[Command]:
        commands = super()._handle(event)
        for command in commands:
            if isinstance(command, Request) and (answer := answer_to(command)) is not None:
                self.handle(answer)
        return commands

    @classmethod
    def in_country(cls, country: str | None) -> "Home":
        home = cls(replace(SETTINGS, dial_plan=_PLANS[country], chosen_country=None if country else ""))
        for event in NEWS:
            home.handle(event)
        return home

    def calls_to_help(self) -> list[str]:
        return [call.uri.removeprefix("sip:").removesuffix("@example.com") for call in self.said(PlaceCall)][1:]


_BEFORE: st.SearchStrategy[tuple[Event, ...]] = st.sampled_from(
    [
        (),
        (PreferencesLoaded(Preferences(locked_when_idle=True)), KeyPressed(Key.CANCEL)),
        (SetUpLoaded(SetUp.NEW),),
        (ProblemRaised(Problem.STORE_UNREADABLE, "It is full."),),
    ]
)


def _be_left_alone(home: Home) -> None:
    """End a call, wait as somebody does before a number, and delete what stands where numbers are typed."""
    if home.view.speaker:
        home.press(Key.SPEAKER)
    while home.view.mode in {Mode.COLLECTING_DIGITS, Mode.RINGING, Mode.CALL_ENDED}:
        home.press(Key.CANCEL)
    if Timer.DIGIT_ROW in home.phone._state.timers:
        home.expire(Timer.DIGIT_ROW)
    menu = home.phone._state.menu
    while menu.top is not None and menu.top.written:
        home.press(Key.CANCEL)


@given(
    country=st.sampled_from(_COUNTRIES),
    before=_BEFORE,
    stop=st.deferred(lambda: st.sampled_from(walk())),
    more=st.lists(st.sampled_from([KeyPressed, KeyPressed, KeyHeld]).flatmap(
        lambda kind: st.sampled_from(_ON_HOOK_KEYS).map(kind)
    ), max_size=8),
    number=st.data(),
)  # fmt: skip
@hypothesis_settings(max_examples=600)
def test_from_any_page_an_emergency_number_is_typed_and_called_by_lifting(
    country: str | None, before: tuple[Event, ...], stop: Stop, more: list[Event], number: st.DataObject
) -> None:
    home = Home.in_country(country)
    for event in before:
        home.handle(event)
    for key in stop.keys:
        home.press(key)
    for event in more:
        home.handle(event)
    _be_left_alone(home)
    called = number.draw(st.sampled_from(sorted(_PLANS[country].emergency_numbers)))
    calls = len(home.calls_to_help())
    home.dial(called)
    assert called in {home.view.help_number, home.view.digits}
    home.lift()
    plan = _PLANS[country]
    assert home.calls_to_help()[calls:] == [plan.general_number if called == "112" else called]


@given(pin=st.text("0123456789", max_size=8), country=st.sampled_from(_COUNTRIES), pauses=st.sets(st.integers(0, 8)))
@hypothesis_settings(max_examples=400)
def test_on_a_pin_page_all_digits_are_an_emergency_number_or_none_is(
    pin: str, country: str | None, pauses: set[int]
) -> None:
    home = _at_pin(country)
    for place, digit in enumerate(pin):
        home.press(digit)
        if place in pauses:
            home.expire(Timer.DIGIT_ROW)
    is_help = pin in _PLANS[country].emergency_numbers
    assert home.view.help_number == (pin if is_help else "")
    home.lift()
    assert bool(home.calls_to_help()) is is_help


def _at_pin(country: str | None = "CN") -> Home:
    home = Home.in_country(country)
    home.handle(PreferencesLoaded(Preferences(locked_when_idle=True)))
    home.expire(Timer.LOCK)
    assert home.view.locked
    home.press(Key.MENU)
    assert isinstance(home.view.menu, EntryView)
    return home


@pytest.mark.parametrize("pauses", [set(), {0}, {1}, {2}, {0, 1, 2}])
def test_1120_is_a_pin_and_never_a_call(pauses: set[int]) -> None:
    home = _at_pin()
    for place, digit in enumerate("1120"):
        home.press(digit)
        if place in pauses:
            home.expire(Timer.DIGIT_ROW)
    home.lift()
    assert home.said(PlaceCall)[1:] == []
    home.replace()
    home.press(Key.MENU)
    home.dial("1120", Key.OK)
    assert [asked.pin for asked in home.said(CheckPin)] == ["1120"]


def test_a_pin_page_takes_the_digits_of_help_as_a_pin_until_the_handset_is_lifted() -> None:
    home = _at_pin()
    home.dial("110")
    assert (home.view.help_number, said_text(home)) == ("110", "•••")
    home.press("9")
    assert home.view.help_number == ""
    home.press(Key.CANCEL)
    assert home.view.help_number == "110"
    home.lift()
    assert home.calls_to_help() == ["110"]


def said_text(home: Home) -> str:
    return home.entry.text


def test_digits_that_have_opened_a_page_are_the_beginning_of_the_number_that_is_typed_there() -> None:
    desk = office(country="DE")
    desk.handle(PinChanged(is_set=True))
    open_page(desk, "Settings", "Lock")
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("110")
    assert (said(desk.entry.title), desk.entry.text) == ("Current PIN", "••")
    assert desk.view.help_number == "110"


def test_a_digit_that_chose_a_contact_to_call_is_the_first_of_the_number_that_follows() -> None:
    home = Home.in_country("DE")
    open_page(home, "Contacts")
    home.press(Key.OK)
    home.dial("1")
    assert (home.view.mode, home.view.digits) == (Mode.COLLECTING_DIGITS, "2345")
    home.dial("12")
    assert home.view.digits == "112"
    home.lift()
    assert home.calls_to_help() == ["112"]


def test_digits_that_follow_a_chosen_contact_after_a_pause_belong_to_its_number() -> None:
    home = Home.in_country("DE")
    open_page(home, "Contacts")
    home.press(Key.OK)
    home.dial("1")
    home.expire(Timer.DIGIT_ROW)
    home.dial("12")
    assert home.view.digits == "234512"


def test_digits_that_have_opened_a_page_count_where_what_stands_there_ends_like_their_beginning() -> None:
    home = Home.in_country("GB")
    open_page(home, "Contacts")
    home.press(Key.STAR)
    home.press(Key.DIGIT_2)
    home.dial("11", Key.OK)
    home.dial("112")
    assert home.entry.text == "2345112"
    assert home.view.help_number == "112"


@pytest.mark.parametrize("key", [Key.OK, Key.CANCEL, Key.VOLUME_UP, Key.HASH])
def test_any_other_key_only_uncovers_the_page(key: Key) -> None:
    desk = office(country="GB")
    open_page(desk, "Contacts")
    before = len(desk.phone._state.menu.screens)
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("999")
    assert desk.view.help_number == "999"
    desk.press(key)
    assert (desk.view.help_number, len(desk.phone._state.menu.screens)) == ("", before)


def test_a_key_that_is_held_ends_the_digits_before_it() -> None:
    desk = Desk(replace(SETTINGS, dial_plan=_PLANS["GB"]))
    desk.press(Key.MENU)
    desk.dial("210")
    desk.handle(KeyHeld(Key.CANCEL))
    desk.dial("999")
    assert desk.view.help_number == "999"


def test_another_digit_takes_the_offer_back() -> None:
    desk = office(country="GB")
    open_page(desk, "Contacts")
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("9990")
    assert desk.view.help_number == ""


def test_a_number_that_ends_like_one_for_help_is_none() -> None:
    desk = office()
    open_page(desk, "Messages", "New message")
    desk.dial("0201")
    desk.expire(Timer.DIGIT_ROW)
    desk.dial("112")
    assert desk.view.help_number == ""
    desk.lift()
    assert desk.said(PlaceCall) == []


def test_an_emergency_number_is_called_from_a_text_message_and_the_text_waits() -> None:
    desk = office()
    desk.dial("2345", Key.MENU)
    desk.dial("112")
    assert (desk.view.mode, desk.view.help_number) == (Mode.WRITING, "112")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]
    assert desk.phone._state.features.draft is not None


def test_a_digit_ends_the_trying_of_a_busy_number_and_is_the_first_of_another_one() -> None:
    desk = office()
    call_id = desk.place_call("2345")
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.BUSY, 486)
    desk.press(Key.REDIAL)
    desk.replace()
    desk.expire(Timer.AUTO_REDIAL)
    assert desk.view.mode is Mode.REDIALLING
    desk.dial("112")
    assert (desk.shown().mode, desk.view.digits) == (Mode.COLLECTING_DIGITS, "112")


@pytest.mark.parametrize("number", ["999", "112"])
def test_help_is_not_offered_where_nobody_can_be_called(number: str) -> None:
    desk = office(country="GB")
    open_page(desk, "Contacts")
    desk.expire(Timer.DIGIT_ROW)
    desk.handle(ProblemRaised(Problem.SIP_UNAVAILABLE, "It is away."))
    desk.dial(number)
    assert desk.view.help_number == ""


@pytest.mark.parametrize("digits", ["110", "911"])
def test_listening_with_the_handset_up_an_emergency_number_goes_out_with_its_last_digit(digits: str) -> None:
    home = Home.in_country("CN" if digits == "110" else "US")
    open_page(home, "Recordings")
    home.press(Key.OK, Key.OK)
    home.lift()
    assert home.view.mode is Mode.LISTENING
    home.dial(digits)
    assert home.calls_to_help() == [digits]
