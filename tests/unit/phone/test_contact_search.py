from firmware.phone.commands import StartTimer
from firmware.phone.contact import ContactMatch
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.orders import PlaceCall
from firmware.phone.request import Answered
from firmware.phone.requests.contacts import SearchContacts
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.office import office

ANN, BO = ContactMatch(1, "Ann", "+49 30 123-4567"), ContactMatch(2, "Bo", "2003")


def searching(keys: str = "26") -> Desk:
    desk = office()
    desk.dial(keys)
    found(desk, keys, ANN, BO)
    return desk


def found(desk: Desk, keys: str, *matches: ContactMatch) -> None:
    request = next(request for request in desk.said(SearchContacts) if request.keys == keys)
    desk.handle(Answered(request, matches))


def asked(desk: Desk) -> list[str]:
    return [request.keys for request in desk.said(SearchContacts)]


def test_every_digit_looks_contacts_up_on_hook_and_off() -> None:
    desk = office()
    desk.dial("26")
    assert asked(desk) == ["2", "26"]
    desk.press(Key.CANCEL)
    assert asked(desk) == ["2", "26", "2"]
    desk = office()
    desk.lift()
    desk.dial("26")
    assert asked(desk) == ["2", "26"]


def test_only_the_answer_for_the_digits_of_now_is_shown() -> None:
    desk = office()
    desk.dial("26")
    found(desk, "2", BO)
    assert desk.view.matches == ()
    found(desk, "26", ANN, BO)
    assert desk.shown().matches == (ANN, BO)
    assert desk.view.match is None
    desk.press("6")
    assert desk.view.matches == ()


def test_contacts_without_a_number_cannot_be_dialled_and_are_not_shown() -> None:
    desk = office()
    desk.dial("2")
    found(desk, "2", ContactMatch(3, "Cy", ""), BO)
    assert desk.view.matches == (BO,)


def choosing_off_hook() -> Desk:
    desk = office()
    desk.lift()
    desk.dial("26")
    found(desk, "26", ANN, BO)
    return desk


def test_with_the_handset_up_volume_keys_choose_and_the_digits_are_not_sent_meanwhile() -> None:
    desk = choosing_off_hook()
    assert StartTimer(Timer.INTER_DIGIT, 30.0) in desk.press(Key.VOLUME_DOWN)
    assert (desk.view.match, desk.view.volume_percent) == (0, None)
    desk.expire(Timer.INTER_DIGIT)
    assert (desk.said(PlaceCall), desk.view.digits) == ([], "")


def test_with_the_handset_up_ok_calls_whoever_is_chosen() -> None:
    desk = choosing_off_hook()
    desk.press(Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.OK)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2003@example.com"]


def test_with_the_handset_up_whoever_chooses_nobody_after_all_has_the_digits_sent() -> None:
    desk = choosing_off_hook()
    desk.press(Key.VOLUME_DOWN)
    assert StartTimer(Timer.INTER_DIGIT, 4.0) in desk.press(Key.VOLUME_UP)
    desk.expire(Timer.INTER_DIGIT)
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:26@example.com"]


def test_codes_are_not_looked_up() -> None:
    desk = office()
    desk.dial("*2")
    assert asked(desk) == []


def test_volume_keys_choose_a_match_and_before_the_first_none() -> None:
    desk = searching()
    places = []
    for key in (Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_DOWN, Key.VOLUME_UP, Key.VOLUME_UP, Key.VOLUME_UP):
        desk.press(key)
        places.append(desk.view.match)
    assert places == [0, 1, 1, 0, None, None]
    assert desk.view.volume_percent is None


def test_without_matches_the_volume_keys_turn_the_volume() -> None:
    desk = office()
    desk.dial("26", Key.VOLUME_DOWN)
    assert desk.view.volume_percent is not None


def test_ok_shows_the_chosen_contacts_number_ready_and_lifting_calls_it() -> None:
    desk = searching()
    desk.press(Key.VOLUME_DOWN, Key.OK)
    assert (desk.view.mode, desk.view.digits, desk.view.match) == (Mode.COLLECTING_DIGITS, "+49301234567", None)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:+49301234567@example.com"]


def test_lifting_the_handset_calls_the_contact_that_is_chosen() -> None:
    desk = searching()
    desk.press(Key.VOLUME_DOWN, Key.VOLUME_DOWN)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2003@example.com"]


def test_digits_are_a_number_like_ever_where_nobody_is_chosen() -> None:
    desk = searching("2345")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]


def test_nothing_is_left_of_a_search_after_it() -> None:
    desk = searching()
    desk.press(Key.CANCEL, Key.CANCEL)
    assert desk.view.mode is Mode.IDLE
    found(desk, "26", ANN)
    assert desk.view.matches == ()


def test_a_locked_phone_looks_nobody_up() -> None:
    desk = office()
    desk.phone._state.locked = True
    desk.lift()
    desk.dial("26")
    assert asked(desk) == []
