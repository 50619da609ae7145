"""Announcements to a paging group: when they sound, and what ends them."""

from collections.abc import Callable
from typing import Any

import pytest

from firmware.phone.call import CallState
from firmware.phone.commands import Command
from firmware.phone.events import MinuteStarted, PreferencesLoaded
from firmware.phone.features import CallRules, OpenHours
from firmware.phone.key import Key
from firmware.phone.news import PagingChanged
from firmware.phone.orders import AudioRoute, CloseAudio, HearPage, OpenAudio, SetVolume
from firmware.phone.preferences import Preferences
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk, settings, without_page

pytestmark = pytest.mark.feature("paging")

BEGINS, ENDS = PagingChanged("Hall", speaks=True), PagingChanged("Hall", speaks=False)
OTHER = PagingChanged("Yard", speaks=True)
OFFICE_HOURS = CallRules(hours=(OpenHours(frozenset(range(5)), 8 * 60, 18 * 60),))
NOON, NIGHT = (MinuteStarted(0, hour * 60, trusted=True) for hour in (12, 23))
QUIET = PreferencesLoaded(Preferences(do_not_disturb=True))


def desk_with(**more: Any) -> Desk:
    return Desk(settings(**{"has_loudspeaker": True, **more}))


def opened(desk: Desk) -> list[Command]:
    return [*desk.said(OpenAudio), *desk.said(HearPage)]


def test_an_announcement_sounds_on_the_loudspeaker_as_long_as_it_lasts_with_the_microphone_shut() -> None:
    desk = desk_with()
    assert without_page(desk.handle(BEGINS)) == [OpenAudio(talk=False, speaker=True), HearPage("Hall")]
    assert desk.view.page == "Hall"
    assert not desk.view.microphone_open
    assert without_page(desk.handle(ENDS)) == [HearPage(""), CloseAudio()]
    assert not desk.view.page


@pytest.mark.parametrize(
    "prepare",
    [
        lambda desk: desk.lift(),
        lambda desk: desk.press("2"),
        lambda desk: desk.press(Key.MENU),
        lambda desk: desk.ring(),
        lambda desk: desk.answered_incoming_call(),
        lambda desk: desk.handle(QUIET),
        lambda desk: desk.handle(NIGHT),
    ],
    ids=["lifted", "dialling", "menu", "ringing", "call", "do not disturb", "night"],
)
def test_who_uses_the_phone_or_wants_quiet_hears_none(prepare: Callable[[Desk], object]) -> None:
    desk = desk_with(call_rules=OFFICE_HOURS)
    desk.handle(NOON)
    prepare(desk)
    before = len(desk.said(OpenAudio))
    desk.handle(BEGINS)
    assert not desk.said(HearPage)
    assert len(desk.said(OpenAudio)) == before


def test_a_phone_without_a_loudspeaker_hears_none() -> None:
    desk = desk_with(has_loudspeaker=False)
    desk.handle(BEGINS)
    assert not opened(desk)


def test_hours_by_a_clock_that_nobody_has_set_let_none_sound() -> None:
    desk = desk_with(call_rules=OFFICE_HOURS)
    desk.handle(MinuteStarted(0, 720, trusted=False), BEGINS)
    assert not opened(desk)


@pytest.mark.parametrize(
    "interrupt",
    [
        lambda desk: desk.lift(),
        lambda desk: desk.press("2"),
        lambda desk: desk.press(Key.CANCEL),
        lambda desk: desk.ring(),
        lambda desk: desk.handle(QUIET),
        lambda desk: desk.handle(NIGHT),
    ],
    ids=["lifting", "a digit", "cancel", "a call", "do not disturb", "night"],
)
def test_it_ends_at_once_for_whoever_uses_the_phone_or_wants_quiet(interrupt: Callable[[Desk], list[Command]]) -> None:
    desk = desk_with(call_rules=OFFICE_HOURS)
    desk.handle(NOON, BEGINS)
    assert HearPage("") in interrupt(desk)
    assert not desk.view.page


def test_one_that_was_cut_short_is_not_heard_afterwards() -> None:
    desk = desk_with()
    desk.handle(BEGINS)
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING)
    assert desk.view.mode is Mode.IDLE
    assert not desk.view.page
    assert HearPage("Hall") in desk.handle(ENDS, BEGINS)


def test_whoever_speaks_first_is_heard_to_the_end() -> None:
    desk = desk_with()
    desk.handle(BEGINS, OTHER)
    assert desk.view.page == "Hall"
    desk.handle(PagingChanged("Yard", speaks=False))
    assert desk.view.page == "Hall"


def test_the_volume_keys_turn_the_loudspeaker_meanwhile() -> None:
    desk = desk_with()
    desk.handle(BEGINS)
    assert [order.route for order in desk.press(Key.VOLUME_UP) if isinstance(order, SetVolume)] == [AudioRoute.SPEAKER]
    assert desk.view.page == "Hall"


def test_cancel_leaves_what_was_missed_for_later() -> None:
    desk = desk_with()
    desk.ring()
    desk.sip(CallState.DISCONNECTED, INCOMING)
    assert desk.view.missed_calls == 1
    desk.handle(BEGINS)
    desk.press(Key.CANCEL)
    assert (desk.view.page, desk.view.missed_calls) == ("", 1)
