"""What the phone decided by itself can be overruled from the call's page."""

import pytest

from contract.calls import DisconnectReason
from contract.consent import Actor, Purpose
from firmware.phone.activation import AgeBand
from firmware.phone.call import CallerId, CallId, CallState, Decision
from firmware.phone.commands import SavePreferences
from firmware.phone.events import HandsetLifted, HandsetReplaced, PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView, ListView, NoticeView
from firmware.phone.news import CallStateChanged, IncomingCallReceived
from firmware.phone.orders import PlaceCall
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import Preferences
from firmware.phone.requests.consents import ConsentsChanged, SetConsent
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked
from firmware.phone.requests.rights import NoteOverride
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.menu.test_calls import logged, open_list
from tests.unit.phone.menus import choose, labels, said, sentence
from tests.unit.phone.new_phone import GUARDIANS_PIN, PIN, NewPhone, title_of
from tests.unit.phone.office import office, office_settings

NUMBER = "2301"


def turned_away(decision: Decision, preferences: Preferences | None = None, number: str = NUMBER) -> Desk:
    """Open the page of a call that the phone has decided about."""
    desk = office()
    desk.handle(PinChanged(is_set=False), PreferencesLoaded(preferences or Preferences()))
    open_list(desk, logged(1, decision=decision, number=number))
    desk.press("1")
    return desk


def rings(desk: Desk, call_id: str, *, asserted: bool = True) -> bool:
    """Let the same one call and give up again; return whether it rang."""
    desk.hold_down(Key.CANCEL)
    desk.handle(IncomingCallReceived(CallId(call_id), CallerId(NUMBER, asserted=asserted)))
    rang = desk.view.mode is Mode.RINGING
    desk.handle(CallStateChanged(CallId(call_id), CallState.DISCONNECTED, DisconnectReason.CANCELLED))
    return rang


@pytest.mark.parametrize(
    ("decision", "preferences"),
    [
        (Decision.BLOCKED, Preferences(blocked=(NUMBER,))),
        (Decision.DO_NOT_DISTURB, Preferences(do_not_disturb=True)),
    ],
)
def test_a_caller_is_let_through_once_or_always(decision: Decision, preferences: Preferences) -> None:
    desk = turned_away(decision, preferences)
    choose(desk, "Let through")
    choose(desk, "Always")
    assert desk.said(NoteOverride) == [NoteOverride(decision, Actor.HOLDER)]
    assert desk.said(SavePreferences)[-1].preferences.allowed == (NUMBER,)
    assert rings(desk, "a")
    assert rings(desk, "b")

    desk = turned_away(decision, preferences)
    choose(desk, "Let through")
    choose(desk, "Next call")
    assert rings(desk, "a")
    assert not rings(desk, "b"), "the next one is turned away again"


def test_a_number_that_nobody_vouches_for_is_not_let_through() -> None:
    desk = turned_away(Decision.BLOCKED, Preferences(blocked=(NUMBER,)))
    choose(desk, "Let through")
    choose(desk, "Next call")
    assert not rings(desk, "a", asserted=False)
    assert rings(desk, "b"), "it still waits for the one who was meant"


@pytest.mark.parametrize("choice", ["Next call", "Always", "Everybody"])
def test_where_a_guardian_answers_a_caller_is_let_through_by_the_guardians_pin(choice: str) -> None:
    desk = turned_away(Decision.DO_NOT_DISTURB, Preferences(do_not_disturb=True))
    desk.handle(ConsentsChanged(frozenset(Purpose), activated=True, age_band="under_14"))
    choose(desk, "Let through")
    choose(desk, choice)
    assert not desk.said(NoteOverride)
    for digit in "1379":
        desk.press(digit)
    desk.press(Key.OK)
    assert desk.said(CheckPin)[-1] == CheckPin("1379", PinSlot.GUARDIAN)
    desk.reply(CheckPin, PinChecked(accepted=True))
    assert desk.said(NoteOverride) == [NoteOverride(Decision.DO_NOT_DISTURB, Actor.GUARDIAN)]
    assert isinstance(desk.view.menu, NoticeView), "what comes of it is said"


def test_a_phone_that_does_not_know_yet_whether_a_guardian_answers_lets_nobody_through() -> None:
    desk = Desk(office_settings())
    open_list(desk, logged(1, decision=Decision.DO_NOT_DISTURB, number=NUMBER))
    desk.press("1")
    choose(desk, "Let through")
    choose(desk, "Always")
    assert "cannot be read" in sentence(desk)
    assert not desk.said(NoteOverride)
    assert not desk.said(SavePreferences)


def test_do_not_disturb_is_switched_off_from_there() -> None:
    desk = turned_away(Decision.DO_NOT_DISTURB, Preferences(do_not_disturb=True))
    choose(desk, "Let through")
    choose(desk, "Everybody")
    assert not desk.said(SavePreferences)[-1].preferences.do_not_disturb


def test_callers_without_a_number_are_let_through_all_or_none() -> None:
    desk = turned_away(Decision.ANONYMOUS, Preferences(reject_anonymous=True), number="")
    choose(desk, "Let through")
    assert [said(label) for label in labels(desk)][:1] == ["All withheld"]
    choose(desk, "All withheld")
    assert isinstance(desk.view.menu, NoticeView)
    assert not desk.said(SavePreferences)[-1].preferences.reject_anonymous


def test_a_barred_number_is_called_once_after_the_pin() -> None:
    desk = office(barred=(NUMBER,))
    desk.handle(PinChanged(is_set=True))
    open_list(desk, logged(1, decision=Decision.BARRED, number=NUMBER))
    desk.press("1")
    choose(desk, "Let through")
    choose(desk, "Call once")
    assert isinstance(desk.view.menu, EntryView), "the PIN is asked for"

    desk = office(barred=(NUMBER,))
    desk.handle(PinChanged(is_set=False))
    open_list(desk, logged(1, decision=Decision.BARRED, number=NUMBER))
    desk.press("1")
    choose(desk, "Let through")
    choose(desk, "Call once")
    desk.handle(HandsetLifted())
    assert len(desk.said(PlaceCall)) == 1
    desk.handle(HandsetReplaced())
    desk.lift()
    desk.dial(f"{NUMBER}#")
    assert len(desk.said(PlaceCall)) == 1, "the next time it is barred again"


@pytest.mark.parametrize(
    ("decision", "row", "title"),
    [
        (Decision.RECORDING_NOT_ALLOWED, "Recording", "Recording"),
        (Decision.FORWARDED_ALWAYS, "Change this", "Incoming calls"),
        (Decision.AUTO_ANSWERED, "Change this", "Incoming calls"),
    ],
)
def test_other_decisions_lead_to_where_they_are_made(decision: Decision, row: str, title: str) -> None:
    desk = turned_away(decision)
    choose(desk, row)
    assert desk.view.menu is not None
    assert said(desk.view.menu.title) == title


@pytest.mark.parametrize(
    ("age_band", "title", "pin", "actor"),
    [
        (AgeBand.ADULT, "PIN", PIN, Actor.HOLDER),
        (AgeBand.UNDER_14, "Guardian's PIN", GUARDIANS_PIN, Actor.GUARDIAN),
    ],
)
def test_recording_is_allowed_from_there_by_the_pin_of_whoever_answers(
    age_band: AgeBand, title: str, pin: str, actor: Actor
) -> None:
    phone = NewPhone.of_office(activated=True, age_band=age_band)
    open_list(phone, logged(1, decision=Decision.RECORDING_NOT_ALLOWED, number=NUMBER))
    phone.press("1")
    choose(phone, "Recording")
    phone.answer()
    while not isinstance(phone.view.menu, ListView):
        phone.ok()
    choose(phone, "Yes")
    phone.answer()
    assert title_of(phone) == title
    assert phone.said(SetConsent) == []
    phone.type_pin(pin)
    assert phone.said(SetConsent) == [SetConsent(Purpose.RECORDING, granted=True, actor=actor)]


def test_a_call_about_which_nothing_was_decided_has_nothing_to_overrule() -> None:
    desk = office()
    open_list(desk, logged(1))
    desk.press("1")
    assert "Let through" not in map(said, labels(desk))
