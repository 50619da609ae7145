from datetime import date, timedelta

from contract.consent import RequestKind, RequestState
from firmware.privacy.rights import Request

WEDNESDAY = date(2026, 11, 25)


def test_a_request_is_overdue_only_where_it_is_known_which_day_it_is() -> None:
    request = Request(7, 4711, RequestKind.ACCESS, 0.0, WEDNESDAY)
    assert request.state(WEDNESDAY) is RequestState.OPEN
    assert request.state(WEDNESDAY + timedelta(days=1)) is RequestState.OVERDUE
    assert request.state(None) is RequestState.OPEN
    assert request.told(None).due == "2026-11-25"


def test_a_request_without_a_day_is_never_late() -> None:
    request = Request(7, 4711, RequestKind.ACCESS, None, None)
    assert request.state(date(2082, 10, 15)) is RequestState.OPEN
    told = request.told(date(2082, 10, 15))
    assert (told.due, told.state) == (None, RequestState.OPEN)
