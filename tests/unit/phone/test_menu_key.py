import pytest

from firmware.phone.call import (
    CallId,
    CallQuality,
    CallState,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
)
from firmware.phone.commands import CancelTimer, PlaceCall, StartTimer
from firmware.phone.events import CallQualityMeasured, Key, Problem, ProblemRaised, RegistrationChanged, Timer
from firmware.phone.info import SHOWN_S
from firmware.phone.preferences import Preferences
from firmware.phone.view import InfoPage, LineView, Mode
from tests.unit.phone.desk import Desk
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


def test_the_menu_key_shows_one_page_after_the_other_and_then_none() -> None:
    desk = office()
    pages = []
    for _ in range(6):
        assert StartTimer(Timer.INFO, SHOWN_S) in desk.press(Key.MENU) or desk.view.info is None
        pages.append(desk.view.info)
    assert pages == [*InfoPage, None, InfoPage.LINES]


@pytest.mark.parametrize("way", ["cancel", "time", "digit", "lift", "ring"])
def test_the_pages_go_away_by_key_by_time_and_by_using_the_phone(way: str) -> None:
    desk = office()
    desk.press(Key.MENU)
    match way:
        case "cancel":
            assert CancelTimer(Timer.INFO) in desk.press(Key.CANCEL)
        case "time":
            desk.expire(Timer.INFO)
        case "digit":
            desk.press("2")
            assert desk.view.digits == "2"
        case "lift":
            desk.lift()
        case "ring":
            desk.ring()
    assert desk.view.info is None


def test_a_page_takes_the_place_of_what_is_wrong() -> None:
    desk = office()
    desk.handle(ProblemRaised(Problem.STORE_FULL, "The store is full."))
    desk.press(Key.OK)
    assert desk.view.details_step == 1
    desk.press(Key.MENU)
    assert desk.view.details_step == 0
    desk.press(Key.OK)
    assert (desk.view.info, desk.view.details_step) == (InfoPage.LINES, 0)


def test_every_account_is_a_line_the_default_one_first() -> None:
    desk = office(accounts=ACCOUNTS)
    desk.handle(RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 401, 60, "work"))
    assert desk.view.lines == (
        LineView("Home", RegistrationState.REGISTERED),
        LineView("Work", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 401, 60),
    )
    assert desk.view.registration is RegistrationState.REGISTERED


def test_an_account_that_has_said_nothing_yet_is_not_registered() -> None:
    assert office(accounts=ACCOUNTS).view.lines[1] == LineView("Work", RegistrationState.UNREGISTERED)


@pytest.mark.parametrize("key", [Key.OK, Key.VOLUME_DOWN])
def test_ok_and_the_volume_keys_step_through_the_lines(key: Key) -> None:
    desk = office(accounts=ACCOUNTS)
    desk.press(Key.MENU)
    desk.press(key)
    assert desk.view.info_step == 1
    desk.press(key)
    assert desk.view.info_step == 0


def test_stepping_through_nothing_stays_where_it_is() -> None:
    desk = office()
    desk.press(Key.MENU)
    desk.press(Key.MENU)
    assert desk.view.info is InfoPage.QUALITY
    desk.press(Key.OK)
    desk.press(Key.VOLUME_UP)
    assert desk.view.info_step == 0


def test_the_last_five_calls_say_how_they_sounded_newest_first() -> None:
    desk = office()
    for number in range(6):
        call_with(desk, 4 + number / 10, f"234{number}")
    assert [party for party, _ in desk.view.recent_qualities] == ["2345", "2344", "2343", "2342", "2341"]
    assert desk.view.recent_qualities[0][1] == quality(4.5)


def test_in_a_call_the_menu_key_shows_how_it_sounds() -> None:
    desk = office()
    call_id: CallId = desk.answered_outgoing_call()
    desk.handle(CallQualityMeasured(call_id, quality(4.2)))
    desk.press(Key.MENU)
    assert (desk.view.mode, desk.view.info) == (Mode.IN_CALL, InfoPage.QUALITY)
    assert desk.view.call is not None
    assert desk.view.call.quality == quality(4.2)
    desk.press(Key.MENU)
    assert desk.view.info is None


def test_the_features_page_has_an_entry_for_everything_that_is_on() -> None:
    desk = office(preferences=Preferences(forward_busy="2345", reject_anonymous=True, auto_answer=True))
    for _ in InfoPage:
        desk.press(Key.MENU)
    assert desk.view.info is InfoPage.FEATURES
    assert desk.view.features_on == (("forward_busy", "2345"), ("reject_anonymous", ""), ("auto_answer", ""))
    steps = []
    for _ in range(5):
        desk.press(Key.OK)
        steps.append(desk.view.info_step)
    assert steps == [1, 2, 3, 0, 1]
