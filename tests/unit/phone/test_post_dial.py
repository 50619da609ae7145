"""Numbers with something behind them, called from contacts."""

import pytest

from firmware.phone.call import CallId, CallState
from firmware.phone.call_timers import PAUSE_S
from firmware.phone.commands import CancelTimer, OpenCallRecord, StartTimer
from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.orders import PlaceCall, SendDtmf
from firmware.phone.request import Stretch
from firmware.phone.requests.contacts import ListContacts, ReadContact, SearchContacts
from firmware.phone.view import Hint, Mode
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import open_page
from tests.unit.phone.office import office


def calling(number: str, **settings: object) -> tuple[Desk, CallId]:
    """Call a contact from the contacts' page."""
    desk = office(**settings)
    open_page(desk, "Contacts")
    desk.reply(ListContacts, Stretch(0, 1, (ContactMatch(7, "Ann", number),)))
    desk.lift()
    [placed] = desk.said(PlaceCall)
    return desk, placed.call_id


def answered(number: str, **settings: object) -> tuple[Desk, CallId]:
    desk, call_id = calling(number, **settings)
    desk.sip(CallState.ALERTING, call_id)
    desk.sip(CallState.ACTIVE, call_id)
    return desk, call_id


def sent(desk: Desk) -> str:
    return "".join(command.key.value for command in desk.said(SendDtmf))


@pytest.mark.parametrize(
    ("number", "uri"),
    [
        ("+49 30 123-4567 ext. 12", "sip:+49301234567@example.com"),
        ("+49301234567,,12;3", "sip:+49301234567@example.com"),
        ("+49 (0)30 1234567 x12", "sip:+49301234567@example.com"),
        ("0800-FLOWERS", "sip:08003569377@example.com"),
        ("+49 800 1234567", "sip:08001234567@example.com"),
        ("sip:Ann.Smith@Elsewhere.example:5070", "sip:Ann.Smith@elsewhere.example:5070"),
        ("ann@elsewhere.example", "sip:ann@elsewhere.example"),
        ("sips:ann@elsewhere.example;transport=udp?Subject=x", "sips:ann@elsewhere.example"),
        ("sip:+49301234567@EXAMPLE.com", "sip:+49301234567@example.com"),
    ],
)
def test_a_contact_is_called_however_its_number_is_kept(number: str, uri: str) -> None:
    desk, _ = calling(number)
    assert [call.uri for call in desk.said(PlaceCall)] == [uri]


def test_the_extension_is_sent_once_somebody_has_answered_and_after_a_pause() -> None:
    desk, call_id = calling("+49 30 123-4567 ext. 12")
    desk.sip(CallState.ALERTING, call_id)
    assert desk.said(StartTimer).count(StartTimer(Timer.POST_DIAL, PAUSE_S)) == 0
    desk.sip(CallState.ACTIVE, call_id)
    assert StartTimer(Timer.POST_DIAL, PAUSE_S) in desk.said(StartTimer)
    assert sent(desk) == ""
    desk.expire(Timer.POST_DIAL)
    assert desk.said(SendDtmf) == [SendDtmf(call_id, Key.DIGIT_1), SendDtmf(call_id, Key.DIGIT_2)]
    assert desk.call.dtmf == "12"
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == "12"


def test_each_pause_takes_its_time() -> None:
    desk, _ = answered("+49301234567,,12#,34")
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == ""
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == "12#"
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == "12#34"
    assert desk.said(StartTimer).count(StartTimer(Timer.POST_DIAL, PAUSE_S)) == 3


def test_what_waits_for_the_person_is_sent_by_ok_and_the_display_says_so() -> None:
    desk, _ = answered("+49301234567;12w34")
    assert desk.said(StartTimer).count(StartTimer(Timer.POST_DIAL, PAUSE_S)) == 0
    call = desk.shown().call
    assert call is not None
    assert call.awaits_word
    desk.press(Key.OK)
    assert sent(desk) == "12"
    desk.press(Key.OK)
    assert sent(desk) == "1234"
    call = desk.shown().call
    assert call is not None
    assert not call.awaits_word


def test_nothing_is_sent_to_a_call_on_hold_before_it_is_taken_back() -> None:
    desk, call_id = answered("+49301234567,12")
    desk.press(Key.HOLD)
    desk.sip(CallState.HELD, call_id)
    assert CancelTimer(Timer.POST_DIAL) in desk.said(CancelTimer)
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == ""
    desk.press(Key.HOLD)
    desk.sip(CallState.ACTIVE, call_id)
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == "12"


def test_nothing_is_sent_where_nobody_answers() -> None:
    desk, call_id = calling("+49301234567,12")
    desk.sip(CallState.DISCONNECTED, call_id)
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == ""


def test_redial_calls_with_the_extension_and_the_record_has_the_number_alone() -> None:
    desk, call_id = answered("+49 30 123-4567 ext. 12")
    [record] = desk.said(OpenCallRecord)
    assert (record.number, record.dialled) == ("+49301234567", "+49301234567,12")
    desk.sip(CallState.DISCONNECTED, call_id)
    desk.replace()
    desk.press(Key.REDIAL)
    assert desk.view.digits == "+49301234567,12"
    desk.lift()
    again = desk.said(PlaceCall)[-1].call_id
    desk.sip(CallState.ACTIVE, again)
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == "12"


@pytest.mark.parametrize("number", ["112,12", "sip:112@example.com", "sip:%31%31%32@example.com"])
def test_a_call_for_help_is_one_whatever_stands_around_its_number(number: str) -> None:
    desk, call_id = answered(number, barred=("*",))
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:112@example.com"]
    assert desk.call.emergency
    desk.expire(Timer.POST_DIAL)
    assert sent(desk) == ""
    assert call_id


@pytest.mark.parametrize(
    "number", ["0900 123456,12", "sip:0900123456@example.com", "sip:%30900123456@example.com", "sip:bo@barred.example"]
)
def test_a_barred_number_stays_barred_whatever_stands_around_it(number: str) -> None:
    desk = office(barred=("0900*", "bo@barred.example"))
    open_page(desk, "Contacts")
    desk.reply(ListContacts, Stretch(0, 1, (ContactMatch(7, "Ann", number),)))
    desk.lift()
    assert desk.said(PlaceCall) == []
    assert desk.view.hint is Hint.NUMBER_BARRED


def test_each_number_of_a_contacts_page_is_offered_as_it_is_dialled() -> None:
    desk = office()
    open_page(desk, "Contacts")
    desk.reply(ListContacts, Stretch(0, 1, (ContactMatch(7, "Ann", "2001"),)))
    desk.press(Key.OK)
    numbers = (ContactNumber("+49 30 1234567 ext. 9"), ContactNumber("sip:ann@elsewhere.example"))
    desk.reply(ReadContact, Contact(7, "Ann", numbers))
    assert [row.label for row in desk.listing.rows][:2] == ["+49 30 1234567 ext. 9", "sip:ann@elsewhere.example"]
    desk.press(Key.VOLUME_DOWN, Key.OK)
    assert (desk.view.mode, desk.view.digits) == (Mode.COLLECTING_DIGITS, "sip:ann@elsewhere.example")
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:ann@elsewhere.example"]


def test_a_key_does_not_make_another_address_of_one_that_is_shown() -> None:
    desk = office()
    desk.dial("26")
    desk.reply(SearchContacts, (ContactMatch(1, "Ann", "sip:ann@elsewhere.example"),))
    desk.press(Key.VOLUME_DOWN, Key.OK)
    assert desk.view.digits == "sip:ann@elsewhere.example"
    desk.press("3")
    assert desk.view.digits == "3"


@pytest.mark.parametrize(
    ("digit_map", "number", "uri"),
    [
        (("1xxxxxxxxxx",), "800-555-1234", "sip:18005551234@example.com"),
        (("xxxxxxxxxx",), "+1 800 555 1234", "sip:8005551234@example.com"),
    ],
)
def test_a_number_goes_out_in_the_form_that_the_dial_plan_knows(
    digit_map: tuple[str, ...], number: str, uri: str
) -> None:
    desk = office(*digit_map, country="US", own_numbers=())
    open_page(desk, "Contacts")
    desk.reply(ListContacts, Stretch(0, 1, (ContactMatch(7, "Ann", number),)))
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == [uri]
