"""0 that is held down: the phone says where the person is, and nothing that the key wrote stays."""

from dataclasses import replace

import pytest

from firmware.phone.commands import StartTimer, StopSpeaking
from firmware.phone.events import KeyHeld, KeyPressed, KeyReleased, Timer, TimerExpired
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView, MenuView
from firmware.phone.orders import SendDtmf, StopRinging
from firmware.phone.preferences import Preferences
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page
from tests.unit.phone.new_phone import TITLES, at_step
from tests.unit.phone.office import office
from tools.menu_map.walk import Walker, walk

pytestmark = pytest.mark.feature("speech on demand")

ZERO = Key.DIGIT_0


def hold_zero(desk: Desk) -> None:
    desk.press(ZERO)
    assert not desk.view.asked_aloud
    desk.hold_down(ZERO)
    desk.expire(Timer.SPEAK)


def test_a_phone_at_rest_says_what_it_shows_and_nothing_is_dialled(desk: Desk) -> None:
    before = desk.view
    hold_zero(desk)
    assert desk.view.asked_aloud
    assert (desk.view.mode, desk.view.digits) == (before.mode, "")


def test_from_then_on_pages_are_spoken_until_nobody_has_touched_the_phone_for_a_while(desk: Desk) -> None:
    hold_zero(desk)
    desk.press(Key.MENU)
    assert desk.shown().spoken
    desk.expire(Timer.SPEECH)
    assert not desk.shown().spoken


def test_each_key_gives_the_person_as_much_time_again(desk: Desk) -> None:
    hold_zero(desk)
    started = desk.said(StartTimer)
    desk.press(Key.MENU)
    assert StartTimer(Timer.SPEECH, 120.0) in desk.said(StartTimer)[len(started) :]


@pytest.mark.parametrize("interrupt", [KeyReleased(ZERO), None])
def test_a_key_that_is_let_go_or_followed_by_another_one_only_does_what_it_always_does(
    interrupt: KeyReleased | None,
) -> None:
    desk = Desk()
    desk.press(ZERO)
    if interrupt is not None:
        desk.handle(interrupt)
    else:
        desk.press("5")
    desk.expire(Timer.SPEAK)
    assert not desk.view.asked_aloud
    assert desk.view.digits == ("0" if interrupt else "05")


def test_a_zero_among_digits_is_taken_back_and_the_others_stay(desk: Desk) -> None:
    desk.lift()
    desk.dial("234")
    hold_zero(desk)
    assert desk.view.digits == "234"
    assert desk.view.asked_aloud


def test_nothing_is_taken_back_of_an_emergency_number() -> None:
    desk = Desk(settings(country="CN"))
    desk.dial("12")
    hold_zero(desk)
    assert desk.view.digits == "120"
    assert desk.view.asked_aloud


def test_a_call_that_rings_falls_silent_to_be_said(desk: Desk) -> None:
    desk.ring()
    desk.press(ZERO)
    assert StopRinging() in desk.expire(Timer.SPEAK)
    assert desk.view.asked_aloud
    assert desk.view.mode is Mode.RINGING


def test_in_a_call_the_page_is_said_once_and_no_page_after_it(desk: Desk) -> None:
    desk.answered_incoming_call()
    hold_zero(desk)
    assert desk.view.asked_aloud
    assert not desk.view.spoken
    assert [order.key for order in desk.said(SendDtmf)] == [ZERO]
    assert StopSpeaking() in desk.press(Key.MUTE)
    assert not desk.view.asked_aloud


def test_what_is_said_at_rest_falls_silent_before_a_call_rings(desk: Desk) -> None:
    hold_zero(desk)
    assert desk.ring()[0] == StopSpeaking()
    assert not desk.view.asked_aloud


def test_a_letter_of_a_message_and_a_digit_of_a_search_are_taken_back() -> None:
    desk = office()
    open_page(desk, "Contacts")
    title = desk.view.menu.title  # type: ignore[union-attr]
    desk.press(ZERO)
    desk.reply(SearchContacts, ())
    assert desk.view.menu.title != title  # type: ignore[union-attr]
    desk.expire(Timer.SPEAK)
    assert desk.view.menu.title == title  # type: ignore[union-attr]


def test_whoever_has_spoken_menus_hears_the_page_again() -> None:
    desk = Desk(settings(preferences=Preferences(spoken_menus=True, screen_off_s=0)))
    desk.press(Key.MENU)
    hold_zero(desk)
    assert desk.view.asked_aloud
    assert desk.view.spoken


def without_note(view: MenuView) -> MenuView:
    """Return a page without what stands on it until a key is pressed."""
    return replace(view, note="") if isinstance(view, EntryView) else view


def test_on_every_page_of_the_menu_the_page_stays_as_it_was(subtests: pytest.Subtests) -> None:
    for stop in walk():
        with subtests.test(kind=stop.kind, title=stop.title):
            walker = Walker()
            walker.press(*stop.keys)
            for event in (KeyPressed(ZERO), KeyHeld(ZERO), TimerExpired(Timer.SPEAK)):
                walker._handle(event)
            assert walker._phone.view.asked_aloud
            assert walker.view is not None
            assert without_note(walker.view) == without_note(stop.view)


@pytest.mark.parametrize("title", TITLES)
def test_on_every_page_of_the_first_run_the_page_stays_as_it_was(title: str) -> None:
    desk = at_step(title)
    before = desk.view.menu
    hold_zero(desk)
    assert desk.view.asked_aloud
    assert desk.view.menu == before
