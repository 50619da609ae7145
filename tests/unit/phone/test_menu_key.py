import pytest

from contract.calls import DisconnectReason
from firmware.base.words import word
from firmware.phone.call import CallId, CallQuality, CallState, RegistrationFailure, RegistrationState
from firmware.phone.commands import CancelTimer, StartTimer
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import MenuRow
from firmware.phone.moves import MENU_PATIENCE_S
from firmware.phone.news import CallQualityMeasured, Problem, ProblemRaised, RegistrationChanged
from firmware.phone.orders import PlaceCall
from firmware.phone.phrases import FEATURES, REGISTRATION_FAILURES, REGISTRATIONS
from firmware.phone.preferences import Preferences
from firmware.phone.view import LineView, Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.menus import choose, labels, open_page, values
from tests.unit.phone.office import office

ACCOUNTS = (("home", "Home"), ("work", "Work"))


def quality(mos: float) -> CallQuality:
    return CallQuality(loss_percent=0.5, jitter_ms=3, round_trip_ms=20, codec="G722", encrypted=True, mos=mos)


def call_with(desk: Desk, mos: float, digits: str = "2345") -> None:
    desk.lift()
    desk.dial(f"{digits}#")
    call_id = desk.said(PlaceCall)[-1].call_id
    desk.sip(CallState.ACTIVE, call_id)
    desk.handle(CallQualityMeasured(call_id, quality(mos)))
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    desk.replace()


@pytest.mark.parametrize("key", [Key.MENU, Key.OK])
def test_the_menu_key_and_ok_open_the_menu_which_is_left_after_a_while(key: Key) -> None:
    desk = office()
    assert StartTimer(Timer.INFO, MENU_PATIENCE_S) in desk.press(key)
    assert desk.view.mode is Mode.MENU
    assert desk.listing.title == word("Menu")
    desk.expire(Timer.INFO)
    assert (desk.shown().mode, desk.shown().menu) == (Mode.IDLE, None)


@pytest.mark.parametrize("way", ["cancel", "menu", "long cancel", "lift", "speaker"])
def test_the_menu_is_left_by_keys_and_by_using_the_phone(way: str) -> None:
    desk = office(has_loudspeaker=True)
    desk.press(Key.MENU)
    match way:
        case "cancel":
            assert CancelTimer(Timer.INFO) in desk.press(Key.CANCEL)
        case "menu":
            choose(desk, "Settings")
            desk.press(Key.MENU)
        case "long cancel":
            choose(desk, "Settings")
            desk.hold_down(Key.CANCEL)
        case "lift":
            desk.lift()
        case "speaker":
            desk.press(Key.SPEAKER)
    assert desk.view.menu is None
    assert desk.view.mode is (Mode.COLLECTING_DIGITS if way in {"lift", "speaker"} else Mode.IDLE)


def test_a_call_is_shown_at_once_and_the_menu_is_there_again_after_it_and_left_after_a_while() -> None:
    desk = office()
    open_page(desk, "Settings", "Sounds")
    shown = desk.view.menu
    desk.ring()
    assert (desk.view.mode, desk.view.menu) == (Mode.RINGING, None)
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    assert desk.view.menu == shown
    desk.expire(Timer.INFO)
    assert desk.view.mode is Mode.IDLE


def test_ok_shows_what_is_wrong_before_it_opens_the_menu() -> None:
    desk = office()
    desk.handle(ProblemRaised(Problem.STORE_FULL, "The store is full."))
    desk.press(Key.OK)
    assert (desk.view.details_step, desk.view.mode) == (1, Mode.IDLE)
    desk.press(Key.MENU)
    assert (desk.view.details_step, desk.view.mode) == (0, Mode.MENU)


def test_a_phone_that_is_not_set_up_tells_of_itself_and_changes_its_language() -> None:
    desk = office(provisioned=False)
    desk.press(Key.MENU)
    assert labels(desk) == [word("This phone"), "Language 语言"]
    desk.press(Key.CANCEL)
    assert desk.view.mode is Mode.UNPROVISIONED


def test_what_the_operator_has_not_set_up_is_not_in_the_menu_and_changes_no_digit() -> None:
    plain, whole = office(), office(invite_link="https://a.example/{account}", top_up_link="https://b.example/")
    for desk in (plain, whole):
        desk.press(Key.MENU)
    assert labels(whole) == [*labels(plain), word("Invite"), word("Top up")]
    assert [row.number for row in whole.listing.rows] == [*range(1, 10), 0, 0]


def test_the_ends_of_a_list_meet_and_a_digit_chooses() -> None:
    desk = office()
    desk.press(Key.MENU, Key.VOLUME_UP)
    assert desk.listing.selected == len(desk.listing.rows) - 1
    desk.press(Key.VOLUME_DOWN)
    assert desk.listing.selected == 0
    desk.press("0")
    assert desk.view.menu is not None
    row = next(row for row in labels(desk) if row == word("Settings"))
    desk.press(str(labels(desk).index(row) + 1))
    assert desk.listing.title == word("Settings")


def test_every_account_is_a_line_the_default_one_first() -> None:
    desk = office(accounts=ACCOUNTS)
    desk.handle(RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 401, 60, "work"))
    assert desk.view.lines == (
        LineView("Home", RegistrationState.REGISTERED),
        LineView("Work", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 401, 60),
    )
    open_page(desk, "This phone", "Lines")
    assert desk.card.rows == (
        MenuRow("Home", REGISTRATIONS[RegistrationState.REGISTERED]),
        MenuRow("Work", REGISTRATIONS[RegistrationState.FAILED]),
        MenuRow(REGISTRATION_FAILURES[RegistrationFailure.WRONG_PASSWORD]),
        MenuRow("SIP", "401"),
        MenuRow(word("Next try"), word("in {s} s", s=60)),
    )


def test_an_account_that_has_said_nothing_yet_is_not_registered() -> None:
    assert office(accounts=ACCOUNTS).view.lines[1] == LineView("Work", RegistrationState.UNREGISTERED)


def test_a_card_scrolls_no_further_than_its_rows() -> None:
    desk = office(accounts=ACCOUNTS)
    open_page(desk, "This phone", "Lines")
    scrolled = []
    for key in (Key.VOLUME_UP, Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_UP):
        desk.press(key)
        scrolled.append(desk.card.scroll)
    assert scrolled == [0, 1, 1, 1, 0]


def test_before_the_first_call_nothing_is_said_of_sound() -> None:
    desk = office()
    open_page(desk, "This phone", "Sound of calls")
    assert (desk.listing.rows, desk.listing.empty) == ((), word("No calls since the phone was switched on"))
    for key in (Key.OK, Key.VOLUME_DOWN, "1"):
        desk.press(key)


def test_the_last_five_calls_say_how_they_sounded_newest_first() -> None:
    desk = office()
    for number in range(6):
        call_with(desk, 4 + number / 10, f"234{number}")
    open_page(desk, "This phone", "Sound of calls")
    assert labels(desk) == ["2345", "2344", "2343", "2342", "2341"]
    desk.press("1")
    assert desk.card.rows[0] == MenuRow(word("Sound"), word("{verdict}, {mos} of 5", verdict=word("good"), mos="4.5"))


def test_in_a_call_the_menu_key_shows_how_it_sounds() -> None:
    desk = office()
    call_id: CallId = desk.answered_outgoing_call()
    desk.handle(CallQualityMeasured(call_id, quality(4.2)))
    assert StartTimer(Timer.INFO, 60) in desk.press(Key.MENU)
    assert (desk.view.mode, desk.view.sound_shown) == (Mode.IN_CALL, True)
    assert desk.call.quality == quality(4.2)
    desk.press(Key.MENU)
    assert not desk.view.sound_shown
    desk.press(Key.MENU)
    desk.expire(Timer.INFO)
    assert not desk.view.sound_shown


def test_everything_that_is_on_is_on_one_page() -> None:
    desk = office()
    open_page(desk, "This phone", "What is on")
    assert desk.card.rows == (MenuRow(word("Nothing. Calls ring.")),)
    desk = office(
        preferences=Preferences(
            do_not_disturb=True, forward_always="2999", forward_busy="2345", reject_anonymous=True, auto_answer=True
        )
    )
    open_page(desk, "This phone", "What is on")
    on = word("on")
    assert [(row.label, row.value) for row in desk.card.rows] == [
        (FEATURES["do_not_disturb"], on),
        (FEATURES["forward_always"], "2999"),
        (FEATURES["forward_busy"], "2345"),
        (FEATURES["reject_anonymous"], on),
        (FEATURES["auto_answer"], on),
    ]


def test_a_value_in_a_list_is_what_is_set_now() -> None:
    desk = office(preferences=Preferences(forward_busy="2345"))
    open_page(desk, "Incoming calls")
    assert values(desk)[:4] == [word("off"), word("off"), "2345", word("off")]
