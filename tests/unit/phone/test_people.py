"""Whom the digits call: shown on the idle page, called by holding a digit, or by a digit and lifting."""

import pytest

from firmware.base.words import word
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import BlockedContactsLoaded, MissedCallsCounted, PreferencesLoaded
from firmware.phone.holder_settings import forget_erased
from firmware.phone.key import Key
from firmware.phone.my_data import DataCategory
from firmware.phone.news import Watched, WatchedPhoneChanged
from firmware.phone.orders import PlaceCall
from firmware.phone.preferences import Preferences
from firmware.phone.request import NO_MEMORY, Failed
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.requests.people import FindPeople, PeopleFound, Person
from firmware.phone.requests.pin import PinChanged
from firmware.phone.view import Hint, Mode, PersonView
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import labels, open_page, row_of, said, values
from tests.unit.phone.office import office

ANNA = Person(1, "Anna", "2345", "anna")
TOM, WU = Person(2, "Tom", "2002"), Person(3, "Dr Wu", "2003")
DIALS = Preferences(screen_off_s=0, speed_dials=(("2", "2345"), ("5", "2777")))
PLAN = ("0xxx", "2xxx")
"""No number begins with 3 to 9, but for help: 110 and 112 in Germany."""


def found(desk: Desk, *known: Person, called: tuple[Person, ...] = ()) -> None:
    """The store has opened, or something in it has changed, and it says whom it has."""
    desk.handle(MissedCallsCounted(0))
    desk.reply(FindPeople, PeopleFound(known, called))


def people(desk: Desk) -> list[tuple[str, object]]:
    return [(person.digit, person.name) for person in desk.view.people]


# --- who they are ---


@pytest.mark.feature("people on the idle page")
def test_the_speed_dials_are_on_the_idle_page_by_name() -> None:
    desk = office(preferences=DIALS)
    assert people(desk) == [("2", "2345"), ("5", "2777")]
    found(desk, ANNA)
    assert desk.view.people == (PersonView("2", "Anna", "2345", "anna"), PersonView("5", "2777", "2777"))


def test_the_first_place_is_the_voicemails_unless_somebody_else_has_it() -> None:
    desk = office(preferences=Preferences(screen_off_s=0), voicemail_number="2500")
    assert people(desk) == [("1", word("Voicemail"))]
    desk = office(
        preferences=Preferences(screen_off_s=0, speed_dials=(("1", "2345"), ("4", "2500"))), voicemail_number="2500"
    )
    found(desk, ANNA)
    assert people(desk) == [("1", "Anna"), ("4", word("Voicemail"))]


@pytest.mark.feature("people on the idle page")
def test_who_is_called_most_has_the_first_places_that_are_free() -> None:
    desk = office(preferences=DIALS, voicemail_number="2500")
    found(desk, ANNA, called=(TOM, ANNA, WU, Person(4, "Eve", "2004")))
    # 1 is the voicemail's and 2 Anna's, who has no second place; no later place than the fourth is filled.
    assert people(desk) == [("1", word("Voicemail")), ("2", "Anna"), ("3", "Tom"), ("4", "Dr Wu"), ("5", "2777")]
    desk.press("3")
    desk.hold_down("3")
    assert desk.view.digits == "2002"


def test_nobody_moves_to_another_digit_while_called_often() -> None:
    desk = office()
    found(desk, called=(TOM, WU))
    found(desk, called=(WU, ANNA, TOM))
    assert people(desk) == [("1", "Tom"), ("2", "Dr Wu"), ("3", "Anna")]
    found(desk, called=(ANNA,))
    assert people(desk) == [("3", "Anna")]


def test_a_place_that_the_holder_gives_away_is_theirs() -> None:
    desk = office()
    found(desk, called=(TOM, WU))
    desk.handle(PreferencesLoaded(Preferences(screen_off_s=0, speed_dials=(("1", "2345"),))))
    desk.reply(FindPeople, PeopleFound((ANNA,), (TOM, WU)))
    assert people(desk) == [("1", "Anna"), ("2", "Dr Wu"), ("3", "Tom")]


@pytest.mark.parametrize("number", ["112", "0900123", "1001"])
def test_help_barred_numbers_and_ones_own_get_no_place_by_being_called(number: str) -> None:
    desk = office(barred=("0900*",))
    found(desk, called=(Person(1, "Anna", number),))
    assert people(desk) == []


def test_the_holder_may_have_nobody_there_who_was_only_called_often() -> None:
    desk = office()
    found(desk, called=(TOM,))
    open_page(desk, "Settings", "Speed dials")
    assert [said(label) for label in labels(desk)[:2]] == ["Tom", "not set"]
    assert said(values(desk)[0]) == "often called"
    for _ in range(9):
        desk.press(Key.VOLUME_DOWN)
    desk.press(Key.OK)
    assert said(row_of(desk, "Add most called").value) == "off"
    assert said(labels(desk)[0]) == "not set"
    desk.hold_down(Key.CANCEL)
    assert people(desk) == []


def test_names_are_asked_for_when_contacts_calls_or_speed_dials_have_changed_and_not_before_the_store_opens() -> None:
    desk = office(preferences=DIALS)
    assert desk.said(FindPeople) == []
    desk.handle(BlockedContactsLoaded(()))
    desk.reply(FindPeople, Failed(NO_MEMORY))
    assert people(desk) == [("2", "2345"), ("5", "2777")]
    desk.press(Key.VOLUME_UP)
    assert len(desk.said(FindPeople)) == 1
    desk.handle(PreferencesLoaded(Preferences(screen_off_s=0, speed_dials=(("9", "2345"),))))
    assert desk.said(FindPeople)[1:] == [FindPeople(("2345",))]


def test_what_is_erased_is_not_remembered_here() -> None:
    desk = office(preferences=DIALS)
    found(desk, ANNA, called=(TOM,))
    forget_erased(desk.phone._state, [DataCategory.CALLS])
    desk.press(Key.VOLUME_UP)
    assert people(desk) == [("2", "2345"), ("5", "2777")]


@pytest.mark.feature("people at the PBX")
def test_holding_the_digit_of_a_phone_that_rings_picks_the_call_up_and_of_another_calls_it() -> None:
    desk = office("x.T", "**xx.T", preferences=DIALS, has_loudspeaker=True)
    for state, dialled in ((Watched.FREE, "2345"), (Watched.RINGING, "**2345"), (Watched.UNKNOWN, "2345")):
        desk.handle(WatchedPhoneChanged("2345", state))
        assert desk.view.people[0].state is state
        desk.press("2")
        desk.hold_down("2")
        assert desk.said(PlaceCall)[-1].uri.startswith(f"sip:{dialled}@")
        desk.press(Key.CANCEL)
        desk.press(Key.CANCEL)


# --- when they are shown ---


def test_a_locked_phone_and_one_that_may_not_call_show_nobody() -> None:
    desk = office(preferences=Preferences(locked_when_idle=True, screen_off_s=0, speed_dials=DIALS.speed_dials))
    desk.handle(PinChanged(is_set=True))
    desk.handle(PreferencesLoaded(Preferences(locked_when_idle=True, speed_dials=DIALS.speed_dials)))
    found(desk, ANNA, called=(TOM,))
    assert desk.view.locked
    assert people(desk) == []
    desk.press("3")
    desk.hold_down("3")
    assert desk.view.hint is Hint.EMERGENCY_ONLY
    assert Desk().view.people == ()


def test_people_are_shown_while_nobody_uses_the_phone() -> None:
    desk = office(preferences=DIALS)
    desk.press("0")
    assert desk.view.mode is Mode.COLLECTING_DIGITS
    assert people(desk) == []


# --- holding a digit ---


@pytest.mark.feature("people on the idle page")
def test_holding_a_digit_with_the_handset_down_calls_on_the_loudspeaker() -> None:
    desk = office(preferences=DIALS, has_loudspeaker=True)
    desk.press("2")
    desk.hold_down("2")
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]
    assert desk.view.speaker
    # The first ends the call, the second switches the loudspeaker off.
    desk.press(Key.CANCEL, Key.CANCEL)
    assert desk.view.mode is Mode.IDLE


def test_with_the_handset_up_a_held_digit_calls_in_the_ear() -> None:
    desk = office(preferences=DIALS, has_loudspeaker=True)
    desk.lift()
    desk.press("2")
    desk.hold_down("2")
    assert len(desk.said(PlaceCall)) == 1
    assert not desk.view.speaker


def test_help_behind_a_digit_waits_for_the_handset() -> None:
    desk = office(preferences=Preferences(speed_dials=(("4", "112"),)), has_loudspeaker=True)
    desk.press("4")
    desk.hold_down("4")
    assert (desk.view.digits, desk.said(PlaceCall)) == ("112", [])
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]


# --- a digit, and lifting ---


@pytest.mark.feature("people on the idle page")
def test_a_digit_that_begins_no_number_and_lifting_calls_whom_it_is_for() -> None:
    desk = office(*PLAN, preferences=DIALS)
    found(desk, ANNA)
    desk.press("5")
    assert desk.view.hint is Hint.LIFT_HANDSET
    assert [(match.name, match.number) for match in desk.view.matches] == [("2777", "2777")]
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2777@example.com"]


def test_contacts_that_the_digit_may_mean_come_after_whom_it_calls() -> None:
    desk = office(*PLAN, preferences=Preferences(speed_dials=(("5", "2345"),)))
    found(desk, ANNA)
    desk.press("5")
    desk.reply(SearchContacts, ())
    assert ([match.name for match in desk.view.matches], desk.view.match) == (["Anna"], 0)


@pytest.mark.parametrize(("digit", "why"), [("2", "a number begins so"), ("1", "help begins so")])
def test_a_digit_that_begins_a_number_or_help_calls_nobody_by_lifting(digit: str, why: str) -> None:
    desk = office(*PLAN, preferences=Preferences(speed_dials=((digit, "2345"),)))
    desk.press(digit)
    assert desk.view.matches == (), why
    desk.lift()
    assert desk.said(PlaceCall) == []
    desk.dial("12" if digit == "1" else "")
    assert [call.uri for call in desk.said(PlaceCall)] == (["sip:112@example.com"] if digit == "1" else [])


def test_where_any_number_may_be_dialled_a_digit_is_a_number() -> None:
    desk = office("x.T", preferences=DIALS)
    desk.press("5")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:5@example.com"]


def test_two_digits_are_never_somebody() -> None:
    desk = office(*PLAN, preferences=DIALS)
    desk.dial("55")
    desk.lift()
    assert desk.said(PlaceCall) == []


@pytest.mark.parametrize("digit", "123456789")
def test_whatever_the_plan_a_call_for_help_is_dialled_before_a_person_is_called(digit: str) -> None:
    plan = DialPlan.build(country="DE", domain="example.com", digit_map=("0x.T",))
    begins_help = any(number.startswith(digit) for number in plan.emergency_numbers)
    desk = office("0x.T", preferences=Preferences(speed_dials=((digit, "0345"),)))
    desk.press(digit)
    desk.lift()
    assert bool(desk.said(PlaceCall)) is not begins_help
