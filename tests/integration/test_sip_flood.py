"""What a hostile network sends: the phone lives, and still takes the call that matters."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from firmware.phone.call import CallState, DisconnectReason, RegistrationState, RejectReason
from firmware.phone.events import CallStateChanged, Event, IncomingCallReceived
from firmware.sip import AccountSettings, SipSettings
from provisioning.schema import Srtp, Transport
from tests.lab.kamailio import Kamailio
from tests.lab.sip_line import SipLine
from tests.lab.sipp import Sipp

RATE_PER_S = 200
DURATION_S = 3

INVITE = (
    "INVITE sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source}:{port};rport;branch=z9hG4bK{number}\r\n"
    "From: <sip:flood@{source}>;tag={number}\r\nTo: <sip:alice@127.0.0.1>\r\nCall-ID: flood-{number}\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:flood@{source}:{port}>\r\nMax-Forwards: 9\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
)
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    with Kamailio(tmp_path_factory.mktemp("kamailio"), {"alice": "secret"}) as kamailio:
        yield kamailio


def line_of(server: Kamailio, *, answer_anyone: bool) -> SipLine:
    account = AccountSettings(
        "alice", "localhost", "localhost", server.udp_port, Transport.UDP, "secret", srtp=Srtp.OFF
    )
    return SipLine(SipSettings(account, local_port=0, answer_anyone=answer_anyone))


def flood(port: int, source: str) -> int:
    """Send INVITEs at the rate, and count those that were answered finally."""
    answered: set[bytes] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.setblocking(False)
        own_port = sender.getsockname()[1]
        began = time.monotonic()
        for number in range(RATE_PER_S * DURATION_S):
            text = INVITE.format(source=source, port=own_port, number=number, length=len(SDP), sdp=SDP)
            sender.sendto(text.encode(), ("127.0.0.1", port))
            while True:
                try:
                    answer = sender.recv(65536)
                    if answer.startswith((b"SIP/2.0 4", b"SIP/2.0 5", b"SIP/2.0 6")):
                        answered.update(re.findall(rb"flood-\d+", answer))
                except BlockingIOError:
                    break
            time.sleep(max(0.0, began + number / RATE_PER_S - time.monotonic()))
    return len(answered)


def reject_everybody(line: SipLine) -> list[IncomingCallReceived]:
    calls: list[IncomingCallReceived] = []

    def answer(event: Event) -> None:
        if isinstance(event, IncomingCallReceived):
            calls.append(event)
            line.stack.reject(event.call_id, RejectReason.BUSY)

    line.when_posted = answer
    return calls


# The server's own address, from which a forged packet can come too, and a stranger's.
@pytest.mark.parametrize(("source", "answer_anyone", "at_most"), [
    ("127.0.0.1", False, 8 + 8 * DURATION_S),
    ("127.0.0.9", True, 4 + 4 * DURATION_S),
    ("127.0.0.9", False, 0),
])  # fmt: skip
def test_a_flood_of_calls_is_survived_and_the_next_call_gets_through(
    server: Kamailio, tmp_path: Path, source: str, answer_anyone: bool, at_most: int
) -> None:
    with line_of(server, answer_anyone=answer_anyone) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        calls = reject_everybody(line)
        report = line.stack.build_report
        assert report is not None
        assert report.gate_active
        before = psutil.Process().cpu_times()
        answers = flood(report.port, source)
        after = psutil.Process().cpu_times()
        assert after.user + after.system - before.user - before.system < 0.5 * DURATION_S
        assert len(calls) <= at_most + 2
        if source == "127.0.0.9":
            assert answers <= at_most + 2, "strangers beyond the limit are not answered"
        else:
            assert answers > RATE_PER_S, "a server beyond the limit is told to try elsewhere"
        line.when_posted = None
        line.forget()
        # The server's bucket has filled again by the time that a person would notice.
        deadline = time.monotonic() + 5
        call = None
        while call is None and time.monotonic() < deadline:
            with Sipp(
                tmp_path / str(time.monotonic_ns()), "uac_call", server_port=server.udp_port, callee="alice"
            ) as sipp:
                try:
                    call = line.wait_for(IncomingCallReceived, timeout_s=1)
                except AssertionError:
                    continue
                line.stack.signal_ringing(call.call_id)
                line.stack.answer(call.call_id)
                ended = line.wait_for_call(call.call_id, CallState.DISCONNECTED)
                assert ended.reason is DisconnectReason.REMOTE_HANGUP
                sipp.finish()
        assert call is not None


def test_a_running_call_is_not_disturbed_by_a_flood(server: Kamailio, tmp_path: Path) -> None:
    with (
        line_of(server, answer_anyone=False) as line,
        Sipp(tmp_path, "uac_wait_for_hang_up", server_port=server.udp_port, callee="alice") as sipp,
    ):
        call = line.wait_for(IncomingCallReceived)
        line.stack.signal_ringing(call.call_id)
        line.stack.answer(call.call_id)
        line.wait_for_call(call.call_id, CallState.ACTIVE)
        reject_everybody(line)
        report = line.stack.build_report
        assert report is not None
        flood(report.port, "127.0.0.1")
        assert not [e for _, e in line.events if isinstance(e, CallStateChanged) and e.call_id == call.call_id]
        line.stack.hang_up(call.call_id)
        line.wait_for_call(call.call_id, CallState.DISCONNECTED)
        sipp.finish()


def test_garbage_on_the_sip_port_is_survived(server: Kamailio) -> None:
    with line_of(server, answer_anyone=True) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        reject_everybody(line)
        report = line.stack.build_report
        assert report is not None
        whole = INVITE.format(source="127.0.0.1", port=9, number=1, length=len(SDP), sdp=SDP).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for position in range(0, len(whole), 3):
                sender.sendto(whole[:position], ("127.0.0.1", report.port))
                sender.sendto(
                    whole[:position] + bytes([position % 256]) + whole[position + 1 :], ("127.0.0.1", report.port)
                )
        line.beat.clear()
        assert line.beat.wait(5)
        line.stack.stop()
