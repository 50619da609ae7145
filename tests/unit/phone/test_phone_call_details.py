"""What is known about a call: how it sounds, where its number belongs to, whose it is, and which digits are shown."""

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, CallId, CallQuality, CallState
from firmware.phone.commands import CloseCallRecord, KeepCallQuality, LookUpCaller
from firmware.phone.events import NumberAttributed
from firmware.phone.key import Key
from firmware.phone.news import CallPartyChanged, CallQualityMeasured
from firmware.phone.orders import SendDtmf
from tests.unit.phone.desk import INCOMING, Desk, settings, without_page

GOOD = CallQuality(0.0, 2.0, 30.0, "G722", encrypted=True, mos=4.4)
WORSE = CallQuality(3.0, 25.0, 80.0, "G722", encrypted=True, mos=3.1)


def test_how_a_call_sounds_is_shown_and_kept_before_its_record_is_closed(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.handle(CallQualityMeasured(call_id, GOOD))
    assert desk.call.quality == GOOD
    commands = desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP, 200)
    kept = commands.index(KeepCallQuality(call_id, GOOD))
    assert kept < commands.index(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    assert desk.phone._state.features.qualities == (("2345", GOOD),)


def test_what_is_measured_last_after_hanging_up_is_kept_too(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.handle(CallQualityMeasured(call_id, GOOD))
    desk.replace()
    assert without_page(desk.handle(CallQualityMeasured(call_id, WORSE))) == [KeepCallQuality(call_id, WORSE)]
    assert desk.phone._state.features.qualities == (("2345", WORSE),)


def test_a_call_too_short_to_be_measured_while_it_ran_is_shown_with_what_was_measured_at_its_end(desk: Desk) -> None:
    call_id = desk.answered_outgoing_call()
    desk.replace()
    assert list(desk.phone._state.features.qualities) == []
    desk.handle(CallQualityMeasured(call_id, GOOD))
    assert list(desk.phone._state.features.qualities) == [("2345", GOOD)]


def test_the_quality_of_a_call_that_nobody_knows_means_nothing() -> None:
    assert Desk().handle(CallQualityMeasured(CallId("unknown"), GOOD)) == []


def test_where_a_number_belongs_to_is_shown_until_somebody_else_is_at_the_far_end(desk: Desk) -> None:
    desk.ring()
    desk.handle(NumberAttributed(INCOMING, "Beijing, China Telecom"))
    assert desk.call.attribution == "Beijing, China Telecom"
    desk.handle(CallPartyChanged(INCOMING, CallerId("02087654321")))
    assert desk.call.attribution == ""


def test_a_party_that_is_withheld_is_not_looked_up(desk: Desk) -> None:
    desk.answered_incoming_call()
    commands = desk.handle(CallPartyChanged(INCOMING, CallerId("")))
    assert not any(isinstance(command, LookUpCaller) for command in commands)


def test_who_forwarded_a_call_to_here_is_shown(desk: Desk) -> None:
    desk.ring(diverted_by=CallerId("0201", "Reception"))
    assert desk.call.diverted_by == "Reception"


def test_whose_call_it_is_is_shown_where_there_are_several_accounts() -> None:
    several = settings(accounts=(("office", "Office"), ("home", "Home")))
    for account, label in (("", "Office"), ("home", "Home")):
        desk = Desk(several)
        desk.ring(account=account)
        assert desk.call.account == label


def test_a_single_account_goes_without_saying() -> None:
    desk = Desk(settings(accounts=(("office", "Office"),)))
    desk.ring()
    assert desk.call.account == ""


@pytest.mark.parametrize(
    "phone_settings", [settings(hide_dtmf=True), settings(voicemail_number="2345")], ids=["all", "voicemail"]
)
def test_digits_are_sent_but_not_shown_where_they_are_to_be_hidden(phone_settings: object) -> None:
    desk = Desk(phone_settings)  # type: ignore[arg-type]
    call_id = desk.answered_outgoing_call("2345")
    assert without_page(desk.press("7")) == [SendDtmf(call_id, Key.DIGIT_7)]
    assert desk.call.dtmf == "•"
