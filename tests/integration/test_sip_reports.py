"""RTCP of calls on the wire: what the far end tells is read, and nothing beyond plain reports leaves (RFC 3611)."""

import re
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final

import pytest

from firmware.phone.call import CallId, CallQuality, CallState, SipUri
from firmware.phone.news import CallQualityMeasured
from firmware.phone.orders import HangUpCall, HoldCall, PlaceCall, ResumeCall
from tests.lab.reports import (
    DESCRIPTION,
    GOODBYE,
    PLAIN,
    SENDER,
    block,
    description,
    extended_report,
    kinds,
    metrics,
    receiver_report,
)
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id

pytestmark = pytest.mark.feature("call quality")

# All of RFC 3611, as phones ask for it in SDP (section 5.1).
WISH: Final = (
    "a=rtcp-xr:pkt-loss-rle pkt-dup-rle pkt-rcpt-times rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics"
)
FAR: Final = 0xFA12FA12
# Some three times as long as a phone leaves between two of its reports, and measures in between.
REPORTS_S: Final = 15.0


class ReportsPort:
    """Where a peer takes RTCP, and sends it from.

    Attributes:
        port: which.
        taken: what came, in order.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.taken: list[bytes] = []
        self._arrived = threading.Condition()
        threading.Thread(target=self._listen, name="reports", daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def wait_for(self, kind: int, count: int = 1) -> None:
        """Wait until so many packets of a kind have come."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: kinds(self.taken).count(kind) >= count, REPORTS_S)
            assert came, f"only {kinds(self.taken)} came"

    def tell(self, port: int, compound: bytes) -> None:
        self._socket.sendto(compound, ("127.0.0.1", port))

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(2048)
            except OSError:
                return
            with self._arrived:
                self.taken.append(packet)
                self._arrived.notify_all()


@pytest.fixture
def reports() -> Iterator[ReportsPort]:
    port = ReportsPort()
    yield port
    port.close()


def begin(line: SipLine, peer: ScriptedPeer, ear: RtpEar, reports: ReportsPort) -> tuple[CallId, int]:
    """Call a peer that asks for extended reports; return the call, and the port that the phone takes RTCP at."""
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, SipUri("sip:peer@localhost")))
    body = f"{sdp(ear.port)}a=rtcp:{reports.port} IN IP4 127.0.0.1\r\n{WISH}\r\n"
    peer.reply(peer.take_call(), 200, body=body)
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    sound, control = (re.search(wanted, peer.offered) for wanted in (r"m=audio (\d+) ", r"a=rtcp:(\d+) "))
    assert sound
    assert control
    assert "rtcp-xr" not in peer.offered
    ear.speak_to(int(sound.group(1)), source=FAR)
    return call_id, int(control.group(1))


def told(line: SipLine, call_id: CallId) -> CallQuality:
    """Return the next measurement that knows how the far end hears us."""
    return line.wait_for(
        CallQualityMeasured,
        lambda event: event.call_id == call_id and event.quality.far_loss_percent is not None,
        REPORTS_S,
    ).quality


def test_a_peer_that_asks_for_extended_reports_and_sends_them_is_read_and_gets_plain_ones(
    line: SipLine, peer: ScriptedPeer, reports: ReportsPort
) -> None:
    with RtpEar() as ear:
        call_id, port = begin(line, peer, ear, reports)
        reports.wait_for(SENDER)
        (ours,) = struct.unpack_from("!I", reports.taken[0], 4)
        report = receiver_report(FAR, block(ours, 26, 10)) + description(FAR)
        reports.tell(port, report + extended_report(FAR, metrics(ours, (64, 32, 0, 0), (41, 38))))
        quality = told(line, call_id)
        assert (quality.far_loss_percent, quality.far_mos) == (37.5, 4.1)
        reports.wait_for(DESCRIPTION, 2)
        line.stack.order(HangUpCall(call_id))
        peer.confirm_hang_up()
        line.wait_for_call(call_id, CallState.DISCONNECTED)
        # At the end of the call as well, when its stream is gone.
        assert told(line, call_id).far_mos == 4.1
        reports.wait_for(GOODBYE)
    assert set(kinds(reports.taken)) <= PLAIN


def test_what_was_lost_before_a_hold_is_not_lost_again_after_it(
    line: SipLine, peer: ScriptedPeer, reports: ReportsPort
) -> None:
    with RtpEar() as ear:
        call_id, port = begin(line, peer, ear, reports)
        reports.wait_for(SENDER)
        (ours,) = struct.unpack_from("!I", reports.taken[0], 4)
        reports.tell(port, receiver_report(FAR, block(ours, 255, 20_000)))
        assert told(line, call_id).far_loss_percent == 100
        for order, state in ((HoldCall(call_id), CallState.HELD), (ResumeCall(call_id), CallState.ACTIVE)):
            line.stack.order(order)
            invite = peer.receive("INVITE")
            direction = "recvonly" if state is CallState.HELD else "sendrecv"
            body = sdp(ear.port, direction=direction, lines=[f"rtcp:{reports.port} IN IP4 127.0.0.1"])
            peer.reply(invite, 200, body=body)
            peer.receive("ACK")
            line.wait_for_call(call_id, state)
        reports.taken.clear()
        reports.wait_for(SENDER)
        assert struct.unpack_from("!I", reports.taken[0], 4) == (ours,)
        reports.tell(port, receiver_report(FAR, block(ours, 0, 20_000)))
        line.wait_for(CallQualityMeasured, lambda event: event.quality.far_loss_percent == 0, REPORTS_S)
        line.stack.order(HangUpCall(call_id))
        peer.confirm_hang_up()


def test_reports_about_somebody_else_and_from_somebody_else_say_nothing_of_us(
    line: SipLine, peer: ScriptedPeer, reports: ReportsPort
) -> None:
    with RtpEar() as ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        call_id, port = begin(line, peer, ear, reports)
        reports.wait_for(SENDER)
        (ours,) = struct.unpack_from("!I", reports.taken[0], 4)
        told_wrongly = receiver_report(FAR) + extended_report(FAR, metrics(ours, (255, 0, 0, 0), (10, 10)))
        stranger.sendto(told_wrongly, ("127.0.0.1", port))
        reports.tell(port, receiver_report(FAR) + extended_report(FAR, metrics(ours ^ 1, (255, 0, 0, 0), (10, 10))))
        reports.tell(port, told_wrongly[:-4])
        reports.tell(port, receiver_report(FAR, block(ours)))
        quality = told(line, call_id)
        assert (quality.far_loss_percent, quality.far_mos) == (0.0, None)
        line.stack.order(HangUpCall(call_id))
        peer.confirm_hang_up()
