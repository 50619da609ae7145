import pytest

from contract.calls import DisconnectReason
from firmware.base.words import word
from firmware.phone.call import CallState
from firmware.phone.events import PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryKind, ListView
from firmware.phone.orders import PlaceCall
from firmware.phone.pin import Guard, stolen_card, stolen_phone, weakness
from firmware.phone.preferences import Preferences
from firmware.phone.request import Failed
from firmware.phone.requests.pin import (
    CheckPin,
    GuardStore,
    PinChanged,
    PinChecked,
    SetPin,
    StoreGuarded,
    StoreWaitsForPin,
)
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import labels, open_page, row_of, said, sentence
from tests.unit.phone.office import office

NOBODY: frozenset[Guard] = frozenset()
BY_PIN = frozenset({Guard.PIN})
WAYS = ("Settings", "Lock", "PIN at start")


def desk_with(guards: frozenset[Guard]) -> Desk:
    desk = office()
    desk.handle(PreferencesLoaded(Preferences()), PinChanged(is_set=True), StoreGuarded(guards))
    return desk


def type_pin(desk: Desk, pin: str) -> list[object]:
    assert desk.entry.kind is EntryKind.PIN
    desk.dial(pin)
    return list(desk.press(Key.OK))


def value_of_row(desk: Desk) -> str:
    return said(row_of(desk, "PIN at start").value)


# --- switching ---


def test_whoever_has_the_pin_open_the_memory_hears_first_what_it_costs() -> None:
    desk = desk_with(NOBODY)
    open_page(desk, *WAYS)
    assert "Who forgets the PIN loses all" in sentence(desk)
    desk.press(Key.CANCEL)
    assert isinstance(desk.view.menu, ListView)


def test_it_is_switched_on_by_a_pin_that_is_long_enough() -> None:
    desk = desk_with(NOBODY)
    open_page(desk, *WAYS)
    desk.press(Key.OK)
    assert not any(isinstance(command, GuardStore) for command in type_pin(desk, "2580"))
    assert "6 to 8 digits" in said(desk.entry.note)
    assert GuardStore("258036", guarded=True) in type_pin(desk, "258036")
    desk.handle(StoreGuarded(BY_PIN))
    desk.reply(GuardStore, PinChecked(accepted=True))
    assert sentence(desk) == "Nothing opens without the PIN now."
    desk.press(Key.OK)
    assert value_of_row(desk) == "on"


def test_it_is_switched_off_by_the_pin() -> None:
    desk = desk_with(BY_PIN)
    open_page(desk, *WAYS)
    assert GuardStore("258036", guarded=False) in type_pin(desk, "258036")
    desk.handle(StoreGuarded(NOBODY))
    desk.reply(GuardStore, PinChecked(accepted=True))
    assert sentence(desk) == "The memory opens by itself now."
    desk.press(Key.OK)
    assert value_of_row(desk) == "off"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PinChecked(accepted=False), "Wrong PIN."),
        (PinChecked(accepted=False, wait_s=20), "Wrong PIN. Wait 20 s."),
        (Failed(word("Wrong PIN.")), "Wrong PIN."),
    ],
)
def test_what_comes_to_nothing_is_said(answer: PinChecked | Failed, words: str) -> None:
    desk = desk_with(BY_PIN)
    open_page(desk, *WAYS)
    type_pin(desk, "000000")
    desk.reply(GuardStore, answer)
    assert sentence(desk) == words
    desk.press(Key.OK)
    assert value_of_row(desk) == "on"


def test_no_pin_that_is_soon_guessed_takes_the_place_of_one_that_opens_the_memory() -> None:
    desk = desk_with(BY_PIN)
    open_page(desk, "Settings", "Lock", "Change PIN")
    type_pin(desk, "258036")
    desk.reply(CheckPin, PinChecked(accepted=True))
    type_pin(desk, "2580")
    assert said(desk.entry.note) == "6 to 8 digits, please."
    type_pin(desk, "147036")
    assert SetPin("147036") in type_pin(desk, "147036")


def test_a_pin_that_is_taken_away_opens_nothing_any_more() -> None:
    desk = desk_with(BY_PIN)
    desk.handle(PinChanged(is_set=False), PinChanged(is_set=True))
    open_page(desk, "Settings", "Lock")
    assert value_of_row(desk) == "off"


@pytest.mark.parametrize(("pin", "good"), [("2580", False), ("25803", False), ("258036", True), ("25803614", True)])
def test_a_pin_for_the_memory_is_longer(pin: str, good: bool) -> None:
    assert (weakness(pin, opens_store=True) is None) is good
    assert weakness(pin) is None


# --- after a start ---


def waiting(**more: object) -> Desk:
    desk = office(**more)
    desk.handle(StoreGuarded(BY_PIN), StoreWaitsForPin())
    return desk


def test_a_phone_whose_memory_is_closed_starts_locked_and_says_what_the_pin_is_for() -> None:
    desk = waiting()
    assert desk.view.locked
    desk.press(Key.MENU)
    assert said(desk.entry.note) == "It opens contacts and calls."
    assert CheckPin("258036") in type_pin(desk, "258036")


def test_whoever_has_opened_it_is_not_asked_a_second_time() -> None:
    desk = waiting()
    desk.press(Key.MENU)
    type_pin(desk, "258036")
    # The store opens, and tells what it has, before the check has an answer.
    desk.handle(PinChanged(is_set=True), PreferencesLoaded(Preferences(locked_when_idle=True)))
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert not desk.view.locked
    desk.press(Key.CANCEL, Key.MENU)
    assert isinstance(desk.view.menu, ListView)


def test_a_phone_whose_memory_is_closed_answers_and_calls_for_help() -> None:
    desk = waiting()
    desk.answered_incoming_call()
    assert desk.view.mode is Mode.IN_CALL
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.REMOTE_HANGUP)
    desk.replace()
    desk.dial("112")
    assert any(isinstance(command, PlaceCall) for command in desk.lift())


@pytest.mark.parametrize("guards", [NOBODY, BY_PIN, frozenset({Guard.BOARD}), frozenset(Guard)])
def test_who_can_read_a_stolen_card_is_said_plainly(guards: frozenset[Guard]) -> None:
    sentence = stolen_card(guards)
    assert ("can read everything" in sentence) is (not guards)
    assert ("cannot be read" in sentence) is bool(guards)
    assert ("PIN" in sentence) is (Guard.PIN in guards)
    assert ("PIN" in stolen_phone(guards)) is (Guard.PIN in guards)


@pytest.mark.parametrize(("guards", "value"), [(NOBODY, "can be read"), (BY_PIN, "can't be read")])
def test_the_page_about_the_lock_says_whether_a_stolen_card_can_be_read(guards: frozenset[Guard], value: str) -> None:
    desk = desk_with(guards)
    open_page(desk, "Settings", "Lock")
    assert said(row_of(desk, "A stolen card").value) == value


def test_of_a_stolen_card_nothing_is_said_before_it_is_known() -> None:
    desk = office()
    desk.handle(PinChanged(is_set=True))
    open_page(desk, "Settings", "Lock")
    assert "A stolen card" not in map(said, labels(desk))
