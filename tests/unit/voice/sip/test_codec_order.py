from types import SimpleNamespace
from typing import Any

import pjsua2
import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallId
from firmware.voice.sip.codec_order import CodecOrder
from firmware.voice.sip.quality_meter import FarLosses
from firmware.voice.sip.scheduler import Scheduler

CALL = CallId("c" * 32)
HELP = "112"
WITH_OPUS = (
    "SIP/2.0 200 OK\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 9 111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:111 opus/48000/2\r\n"
)
LONG_ENOUGH = 20


class Desk:
    """The order of codecs with one call, whose line loses what the test says, and a clock to be set."""

    def __init__(self, number: str = "601") -> None:
        self.call_id = CALL
        self.account_settings = SimpleNamespace(host="sip.example")
        self.direction = CallDirection.OUTGOING
        self.party = SimpleNamespace(number=number)
        self.offer = ""
        self.codec = "g722"
        self.is_talk = True
        self.audio_index = 0
        self.busy = self.library_is_busy = self.by_hand = False
        self.is_gone = False
        self.asked = 0
        self._now_s = 0.0
        self._scheduler = Scheduler(lambda: self._now_s)
        self._received = self._missing = self._reports = self._far_lost = 0
        self.order = CodecOrder(
            self._scheduler,
            self._find,
            applies=lambda: not self.by_hand,
            is_emergency=lambda called: called == HELP,
            is_busy=lambda _call_id: self.busy,
        )

    def _find(self, call_id: CallId) -> Any:
        return self if call_id == CALL and not self.is_gone else None

    def getStreamStat(self, _index: int) -> Any:  # noqa: N802 - pjsua2's name
        # The library's own count of what the other end lost has 24 bits, and no sign.
        ours = SimpleNamespace(pkt=self._received, loss=self._far_lost & 0xFFFFFF, updateCount=self._reports)
        theirs = SimpleNamespace(pkt=self._received, loss=self._missing)
        return SimpleNamespace(rtcp=SimpleNamespace(rxStat=theirs, txStat=ours, rttUsec=SimpleNamespace(n=1, last=3e5)))

    def far_losses(self) -> FarLosses | None:
        """As a call's."""
        return FarLosses(self._reports, self._far_lost) if self._reports else None

    def our_offer(self) -> None:
        """As a call's."""

    def reinvite(self, _parameters: Any) -> None:
        """As pjsua2's call."""
        if self.library_is_busy:
            error = pjsua2.Error()
            raise error
        self.asked += 1

    def begin(self) -> None:
        self.order.stream_began(self)  # type: ignore[arg-type]
        self.order.media_changed(self)  # type: ignore[arg-type]
        self.order.message_came(self, WITH_OPUS)  # type: ignore[arg-type]

    def talk(self, seconds: int = LONG_ENOUGH, *, lost: int = 5, far_lost: int = 0) -> None:
        for _ in range(seconds):
            self._received += 50 - lost
            self._missing += lost
            self._far_lost += far_lost
            self._now_s += 1
            self._reports = int(self._now_s / 5)
            self._scheduler.run_due()


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.begin()
    return desk


def test_a_call_on_a_lossy_line_is_asked_about_once(desk: Desk) -> None:
    desk.talk(100)
    assert desk.asked == 1


def test_a_line_that_is_only_far_is_not_enough() -> None:
    desk = Desk("601")
    desk.begin()
    desk.talk(lost=0)
    assert desk.asked == 0


def test_what_the_other_end_loses_is_enough() -> None:
    desk = Desk()
    desk.begin()
    desk.talk(lost=0, far_lost=5)
    assert desk.asked == 1


def test_packets_that_come_twice_at_the_other_end_are_no_losses() -> None:
    desk = Desk()
    desk.begin()
    for lost in (0, -4, 2, 0):
        desk.talk(5, lost=0, far_lost=lost)
    assert desk.asked == 0


def test_nobody_is_asked_in_a_call_for_help() -> None:
    desk = Desk(HELP)
    desk.begin()
    desk.talk()
    assert desk.asked == 0


def test_what_an_earlier_call_lost_is_no_reason_to_ask_in_this_one(desk: Desk) -> None:
    desk.talk()
    desk.order.forget(CALL)
    desk.begin()
    desk.talk(lost=0)
    assert desk.asked == 1


def test_a_call_that_nobody_knows_any_more_is_looked_at_no_more(desk: Desk) -> None:
    desk.is_gone = True
    desk.talk(3)
    assert desk.order._calls == {}
    assert desk.order._timer is None


def test_nothing_is_asked_while_something_else_is_under_way(desk: Desk) -> None:
    desk.busy = True
    desk.talk()
    assert desk.asked == 0
    desk.busy = False
    desk.talk(1)
    assert desk.asked == 1


def test_a_library_that_is_busy_is_tried_again(desk: Desk) -> None:
    desk.library_is_busy = True
    desk.talk()
    assert not desk.order.reinvite_answered(CALL)
    desk.library_is_busy = False
    desk.talk(1)
    assert desk.asked == 1


def test_an_order_by_hand_asks_for_nothing(desk: Desk) -> None:
    desk.by_hand = True
    desk.talk()
    assert desk.asked == 0


def test_an_answer_is_that_of_another_reinvite_unless_one_was_sent(desk: Desk) -> None:
    assert not desk.order.reinvite_answered(CALL)
    desk.talk()
    assert desk.order.reinvite_answered(CALL)
    assert not desk.order.reinvite_answered(CALL)


@pytest.mark.parametrize(
    "message",
    [
        WITH_OPUS.replace("opus/48000/2", "opus/48000"),
        WITH_OPUS.replace("a=rtpmap:111", "a=rtpmap:x"),
        WITH_OPUS.replace("a=rtpmap:111", "a=fmtp:111"),
        WITH_OPUS.replace("opus/48000/2", "opus/48000/2 or so"),
        "",
    ],
)
def test_what_does_not_name_opus_is_not_taken_for_it(message: str) -> None:
    desk = Desk()
    desk.order.stream_began(desk)  # type: ignore[arg-type]
    desk.order.media_changed(desk)  # type: ignore[arg-type]
    desk.order.message_came(desk, message)  # type: ignore[arg-type]
    desk.talk()
    assert desk.asked == 0


def test_a_call_that_is_over_is_forgotten(desk: Desk) -> None:
    desk.order.forget(CALL)
    desk.talk()
    assert desk.asked == 0
