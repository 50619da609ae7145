from typing import Any

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, SipUri, TransferState
from firmware.phone.news import TransferChanged
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.transfer import NO_NOTIFY_S, Transfers, is_acceptable_target

CALL = CallId("c" * 32)

HOSTS = frozenset({"example.com", "192.0.2.1", "2001:db8::1"})


class Desk:
    """Transfers with a call that takes every REFER, and a clock to be set."""

    answered = True
    is_over = False

    def __init__(self) -> None:
        self.now_s = 0.0
        self.scheduler = Scheduler(lambda: self.now_s)
        self.told: list[object] = []
        self.ended: list[tuple[CallId, DisconnectReason]] = []
        self.transfers = Transfers(self.scheduler, self._find, self.told.append, lambda *end: self.ended.append(end))

    def _find(self, call_id: CallId) -> Any:
        return self if call_id == CALL else None

    def xfer(self, uri: str, _parameters: Any) -> None:
        """As pjsua2's call."""

    def after(self, duration_s: float) -> None:
        self.now_s += duration_s
        self.scheduler.run_due()

    @property
    def states(self) -> list[tuple[TransferState, int]]:
        return [(event.state, event.sip_code) for event in self.told if isinstance(event, TransferChanged)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.transfers.transfer(CALL, SipUri("sip:bob@example.com"))
    desk.told.clear()
    return desk


def test_a_transfer_rings_and_is_done_and_our_call_ends(desk: Desk) -> None:
    desk.transfers.status_told(CALL, 202, final=False)
    desk.transfers.status_told(CALL, 100, final=False)
    desk.transfers.status_told(CALL, 180, final=False)
    desk.transfers.status_told(CALL, 183, final=False)
    desk.transfers.status_told(CALL, 200, final=True)
    assert desk.states == [(TransferState.RINGING, 180), (TransferState.DONE, 200)]
    assert desk.ended == [(CALL, DisconnectReason.TRANSFERRED)]


@pytest.mark.parametrize("code", [403, 486, 503, 603])
def test_a_transfer_that_fails_leaves_the_call(desk: Desk, code: int) -> None:
    desk.transfers.status_told(CALL, code, final=True)
    assert desk.states == [(TransferState.FAILED, code)]
    assert desk.ended == []


def test_a_transfer_that_nobody_reports_on_has_failed(desk: Desk) -> None:
    desk.transfers.status_told(CALL, 202, final=False)
    desk.after(NO_NOTIFY_S)
    assert desk.states == [(TransferState.FAILED, 0)]


def test_a_transfer_that_rings_may_take_its_time(desk: Desk) -> None:
    desk.transfers.status_told(CALL, 180, final=False)
    desk.after(2 * NO_NOTIFY_S)
    desk.transfers.status_told(CALL, 200, final=True)
    assert desk.states[-1] == (TransferState.DONE, 200)


def test_news_of_a_transfer_that_is_over_means_nothing(desk: Desk) -> None:
    desk.transfers.status_told(CALL, 486, final=True)
    desk.transfers.status_told(CALL, 200, final=True)
    desk.after(1000)
    assert desk.states == [(TransferState.FAILED, 486)]


def test_a_second_transfer_of_the_same_call_is_refused_and_the_first_goes_on(desk: Desk) -> None:
    desk.transfers.transfer(CALL, SipUri("sip:carol@example.com"))
    desk.transfers.status_told(CALL, 200, final=True)
    assert desk.states == [(TransferState.FAILED, 0), (TransferState.DONE, 200)]


def test_what_is_no_status_in_sip_is_a_failure_without_a_code(desk: Desk) -> None:
    desk.transfers.status_told(CALL, 799, final=True)
    assert desk.states == [(TransferState.FAILED, 0)]


@pytest.mark.parametrize(
    "target",
    [
        "sip:bob@example.com",
        "<sip:bob@EXAMPLE.com:5080;transport=tcp>",
        "sips:+4930@192.0.2.1",
        "sip:bob@[2001:db8::1]:5060",
        "<sip:bob@example.com?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3&Require=replaces>",
    ],
)
def test_who_stands_at_our_own_server_may_be_called_at_anothers_wish(target: str) -> None:
    assert is_acceptable_target(target, HOSTS, lambda _number: True)


def test_nobody_else_may_be(subtests: pytest.Subtests) -> None:
    for target in (
        "sip:bob@elsewhere.invalid",
        "sip:bob@example.com.elsewhere.invalid",
        "sip:bob@example.com@elsewhere.invalid",
        "sip:example.com",
        "sip:@example.com",
        "tel:+4930",
        "http://bob@example.com",
        "sip:bob@example.com?Route=%3Csip:elsewhere.invalid%3E",
        "sip:bob@example.com?body=x",
        "",
        "<<<",
    ):
        with subtests.test(target=target):
            assert not is_acceptable_target(target, HOSTS, lambda _number: True)


def test_a_barred_number_stays_barred() -> None:
    asked: list[str] = []

    def allows(number: str) -> bool:
        asked.append(number)
        return False

    assert not is_acceptable_target("sip:0900%31;phone-context=x:pw@example.com", HOSTS, allows)
    assert asked == ["09001"]
