"""What the first line of a call's record says."""

from contract.calls import CallDirection
from firmware.phone.call import CallerId, CallId, Decision
from firmware.phone.commands import OpenCallRecord
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import IncomingCallReceived
from firmware.phone.state import PhoneSettings
from tests.unit.phone.desk import Desk


def test_a_barred_number_is_known_as_one_from_its_records_first_line() -> None:
    plan = DialPlan.build(country="DE", domain="example.com", barred=("0900*",))
    desk = Desk(PhoneSettings(plan))
    desk.lift()
    desk.dial("0900123#")
    [record] = desk.said(OpenCallRecord)
    # A power cut between this line and the next must not let it pass for a call.
    assert record.decision is Decision.BARRED


def test_the_record_of_an_incoming_call_names_the_account_that_was_called(desk: Desk) -> None:
    desk.handle(IncomingCallReceived(CallId("in"), CallerId("1234"), account="office"))
    assert desk.records() == [OpenCallRecord(CallId("in"), CallDirection.INCOMING, "1234", account="office")]
