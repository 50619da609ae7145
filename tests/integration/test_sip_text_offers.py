"""Who offers real-time text to whom, message by message (RFC 4103, RFC 3264), and what becomes of the audio."""

import re
from collections.abc import Iterator

import pytest

from firmware.phone.call import CallId, CallState, SipUri
from firmware.phone.news import CallTextChanged, CallTextReceived, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, OpenText, PlaceCall, ResumeCall, WriteText
from tests.lab.redundancy import blocks_of, redundant
from tests.lab.rtp_ear import RtpEar
from tests.lab.rtp_port import RtpPort
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id

pytestmark = pytest.mark.feature("real-time text")

PEER = SipUri("sip:peer@localhost")
T140, RED = 98, 100
CLOSED = "m=text 0 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"


def text_line(port: int, levels: int = 2) -> str:
    """Return what a description says of text, with so much redundancy."""
    red = f"a=rtpmap:{RED} red/1000\r\na=fmtp:{RED} {'/'.join([str(T140)] * (levels + 1))}\r\n" if levels else ""
    return f"m=text {port} RTP/AVP {f'{RED} ' if levels else ''}{T140}\r\na=rtpmap:{T140} t140/1000\r\n{red}"


def offered_port(message: SipMessage) -> int | None:
    """Return where a message wants text; 0 for nowhere, None where it has no line for it."""
    found = re.findall(r"^m=text (\d+) ", message.body, re.MULTILINE)
    assert len(found) <= 1
    return int(found[0]) if found else None


def answer(peer: ScriptedPeer, offer: SipMessage, body: str) -> None:
    peer.reply(offer, 200, body=body)
    peer.receive("ACK")


@pytest.fixture
def ear() -> Iterator[RtpEar]:
    with RtpEar() as ear:
        yield ear


@pytest.fixture
def called(line: SipLine, peer: ScriptedPeer, ear: RtpEar) -> Iterator[CallId]:
    """Return a call of audio alone, to be hung up by the phone."""
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    assert offered_port(invite) is None
    answer(peer, invite, sdp(ear.port))
    line.wait_for_call(call_id, CallState.ACTIVE)
    line.say(700)
    ear.wait_for_tone(700)
    yield call_id
    ear.wait_for_tone(700)
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


def test_one_without_text_says_so_and_still_talks(
    line: SipLine, peer: ScriptedPeer, ear: RtpEar, called: CallId
) -> None:
    line.stack.order(OpenText(called))
    offer = peer.receive("INVITE")
    assert offered_port(offer)
    answer(peer, offer, sdp(ear.port) + CLOSED)
    assert line.wait_for(CallTextChanged) == CallTextChanged(called, is_open=False)
    # It is not asked again by the way.
    line.stack.order(HoldCall(called))
    offer = peer.receive("INVITE")
    assert offered_port(offer) == 0
    answer(peer, offer, sdp(ear.port, direction="recvonly") + CLOSED)
    line.stack.order(ResumeCall(called))
    offer = peer.receive("INVITE")
    assert offered_port(offer) == 0
    answer(peer, offer, sdp(ear.port) + CLOSED)


def test_one_who_refuses_the_offer_still_talks(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.stack.order(OpenText(called))
    peer.reply(peer.receive("INVITE"), 488)
    peer.receive("ACK")
    assert line.wait_for(CallTextChanged) == CallTextChanged(called, is_open=False)


@pytest.mark.parametrize("levels", [0, 2, 4])
def test_as_much_is_repeated_as_the_other_end_takes(
    levels: int, line: SipLine, peer: ScriptedPeer, ear: RtpEar, called: CallId
) -> None:
    with RtpPort() as port:
        line.stack.order(OpenText(called))
        answer(peer, peer.receive("INVITE"), sdp(ear.port) + text_line(port.port, levels))
        assert line.wait_for(CallTextChanged) == CallTextChanged(called, is_open=True)
        mark = port.heard.mark()
        line.stack.order(WriteText(called, "a"))
        packets = port.heard.first(levels + 1, after=mark)
        if not levels:
            assert [(packet.type, packet.payload) for packet in packets] == [(T140, b"a")]
            return
        for place, packet in enumerate(packets):
            assert packet.type == RED
            assert [block.payload for block in blocks_of(packet.payload)][levels - place] == b"a"


def test_an_offer_with_text_is_taken_when_the_call_is_answered(line: SipLine, peer: ScriptedPeer) -> None:
    with RtpEar() as ear, RtpPort() as port:
        peer.invite("alice", body=sdp(ear.port) + text_line(port.port))
        call_id = line.wait_for(IncomingCallReceived).call_id
        line.stack.order(AnswerCall(call_id))
        agreed = peer.receive(200, method="INVITE")
        peer.establish(agreed)
        peer.acknowledge(agreed)
        assert f"m=text {offered_port(agreed)} RTP/AVP {RED} {T140}" in agreed.body
        assert f"a=fmtp:{RED} {T140}/{T140}/{T140}" in agreed.body
        assert line.wait_for(CallTextChanged) == CallTextChanged(call_id, is_open=True)
        port.speak(offered_port(agreed) or 0, RED, [redundant([(600, b""), (300, b"h")], b"i", T140)])
        assert line.wait_for(CallTextReceived) == CallTextReceived(call_id, "hi")
        peer.hang_up()
