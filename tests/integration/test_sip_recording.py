"""What two phones tell each other about recording a call (RFC 7866), message by message."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.phone.call import CallId, CallState, SipUri
from firmware.phone.news import CallAudioChanged, IncomingCallReceived, RecordingSignalled
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall, ResumeCall, SignalRecording
from firmware.phone.recording import RecordingPreference, RecordingSign
from tests.lab.kamailio import Kamailio
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.sip_line import SipLine
from tests.lab.sipp import Sipp
from tests.lab.three_agents import new_call_id

pytestmark = pytest.mark.feature("call recording")

PEER = SipUri("sip:peer@localhost")
AWARE = "Supported: record-aware"


def call(line: SipLine, peer: ScriptedPeer, *headers: str, said: str = "", port: int = 0) -> CallId:
    """Call the peer, which says this about recording in its answer."""
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    peer.reply(peer.take_call(), 200, *headers, body=sdp(port) + said)
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


def agree(peer: ScriptedPeer, *, direction: str = "sendrecv", said: str = "") -> SipMessage:
    """Take the phone's re-INVITE and agree to it; return it."""
    reinvite = peer.receive("INVITE")
    peer.reply(reinvite, 200, AWARE, body=sdp(direction=direction) + said)
    peer.receive("ACK")
    return reinvite


def sign_in(message: SipMessage) -> str | None:
    """Return what a message of the phone's says about its recording, None where it says nothing."""
    found = re.findall(r"^a=record:(\w+)\r?$", message.body, re.MULTILINE)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.fixture
def called(line: SipLine, peer: ScriptedPeer) -> Iterator[CallId]:
    """Return a call with a peer that understands these signs, to be hung up by the phone."""
    call_id = call(line, peer, AWARE)
    yield call_id
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


# --- what this phone says ---------------------------------------------------------------------------------------------


def test_the_phone_says_that_it_understands_signs_of_recording(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    assert "record-aware" in invite.header("Supported")
    assert sign_in(invite) is None
    peer.reply(invite, 486)
    peer.receive("ACK")


def test_one_who_requires_that_they_are_understood_is_answered(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice", "Require: record-aware", body=sdp())
    call_id = line.wait_for(IncomingCallReceived).call_id
    line.stack.order(AnswerCall(call_id))
    answer = peer.receive(200)
    assert "record-aware" in answer.header("Supported")
    peer.establish(answer)
    peer.acknowledge(answer)
    line.wait_for_call(call_id, CallState.ACTIVE)
    peer.hang_up()


def test_a_recording_is_told_when_it_begins_and_when_it_ends(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    assert sign_in(agree(peer)) == "on"
    line.stack.order(SignalRecording(called, RecordingSign.PAUSED))
    assert sign_in(agree(peer)) == "paused"
    line.stack.order(SignalRecording(called, RecordingSign.OFF))
    assert sign_in(agree(peer)) == "off"


def test_holding_a_call_tells_that_its_recording_is_paused(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    agree(peer)
    line.stack.order(HoldCall(called))
    held = agree(peer, direction="recvonly")
    assert sign_in(held) == "paused"
    assert "a=sendonly" in held.body
    line.stack.order(ResumeCall(called))
    assert sign_in(agree(peer)) == "on"


def test_a_recording_that_ends_while_the_call_is_on_hold_leaves_it_on_hold(
    line: SipLine, peer: ScriptedPeer, called: CallId
) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    agree(peer)
    line.stack.order(HoldCall(called))
    agree(peer, direction="recvonly")
    line.stack.order(SignalRecording(called, RecordingSign.OFF))
    ended = agree(peer, direction="recvonly")
    assert sign_in(ended) == "off"
    assert "a=sendonly" in ended.body


def test_the_answer_to_an_offer_of_theirs_says_whether_the_call_is_recorded(
    line: SipLine, peer: ScriptedPeer, called: CallId
) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    agree(peer)
    peer.send("INVITE", AWARE, body=sdp())
    answer = peer.receive(200, method="INVITE")
    peer.acknowledge(answer)
    assert sign_in(answer) == "on"


def test_one_who_does_not_understand_the_signs_gets_no_offer_because_of_them(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = call(line, peer)
    line.stack.order(SignalRecording(call_id, RecordingSign.ON))
    assert not peer.receives("INVITE", 1)
    # What has to be sent anyway says it.
    line.stack.order(HoldCall(call_id))
    assert sign_in(agree(peer, direction="recvonly")) == "paused"
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()


# --- when the other end does not go along -----------------------------------------------------------------------------


def test_one_who_refuses_the_offer_keeps_the_call_and_its_audio(line: SipLine, peer: ScriptedPeer) -> None:
    with RtpEar() as ear:
        call_id = call(line, peer, AWARE, port=ear.port)
        line.say(700)
        ear.wait_for_tone(700)
        line.stack.order(SignalRecording(call_id, RecordingSign.ON))
        peer.reply(peer.receive("INVITE"), 488)
        peer.receive("ACK")
        ear.wait_for_tone(700)
        line.stack.order(HangUpCall(call_id))
        peer.confirm_hang_up()


def test_an_offer_that_meets_one_of_theirs_is_made_again(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    peer.reply(peer.receive("INVITE"), 491)
    peer.receive("ACK")
    assert sign_in(agree(peer)) == "on"


def test_what_is_told_while_another_offer_is_under_way_is_told_after_it(
    line: SipLine, peer: ScriptedPeer, called: CallId
) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    first = peer.receive("INVITE")
    line.stack.order(SignalRecording(called, RecordingSign.OFF))
    peer.reply(first, 200, AWARE, body=sdp())
    peer.receive("ACK")
    assert sign_in(agree(peer)) == "off"


# --- what the other end says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "records", "preference"),
    [
        ("a=record:on\r\n", True, RecordingPreference.NONE),
        ("a=recordpref:off\r\n", False, RecordingPreference.UNWANTED),
        ("a=recordpref:on\r\n", False, RecordingPreference.WANTED),
        ("a=recordpref:pause\r\n", False, RecordingPreference.PAUSED),
        ("a=record:on\r\na=recordpref:off\r\n", True, RecordingPreference.UNWANTED),
    ],
)
def test_what_the_one_who_is_called_says_is_told(
    line: SipLine, peer: ScriptedPeer, said: str, records: bool, preference: RecordingPreference
) -> None:
    call_id = call(line, peer, AWARE, said=said)
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(call_id, records, preference)
    peer.send("INVITE", AWARE, body=sdp())
    peer.acknowledge(peer.receive(200, method="INVITE"))
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(call_id, False, RecordingPreference.NONE)
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()


def test_what_a_caller_says_is_told_once_the_call_is_answered(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice", AWARE, body=sdp() + "a=record:on\r\n")
    call_id = line.wait_for(IncomingCallReceived).call_id
    assert not [event for _, event in line.events if isinstance(event, RecordingSignalled)]
    line.stack.order(AnswerCall(call_id))
    answer = peer.receive(200)
    peer.establish(answer)
    peer.acknowledge(answer)
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(call_id, True, RecordingPreference.NONE)
    peer.hang_up()


def test_an_update_may_say_it_in_the_middle_of_a_call(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.wait_for(CallAudioChanged)
    peer.send("UPDATE", AWARE, body=sdp() + "a=record:on\r\n")
    peer.receive(200, method="UPDATE")
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(called, True, RecordingPreference.NONE)
    peer.send("UPDATE", AWARE, body=sdp() + "a=record:paused\r\n")
    peer.receive(200, method="UPDATE")
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(called, False, RecordingPreference.NONE)


def test_the_answer_to_an_offer_of_ours_may_say_it(line: SipLine, peer: ScriptedPeer, called: CallId) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    agree(peer, said="a=recordpref:off\r\n")
    assert line.wait_for(RecordingSignalled) == RecordingSignalled(called, False, RecordingPreference.UNWANTED)


# --- at the same moment as other things -------------------------------------------------------------------------------


def test_a_hold_right_after_the_beginning_of_a_recording_comes_to_its_end(
    line: SipLine, peer: ScriptedPeer, called: CallId
) -> None:
    line.stack.order(SignalRecording(called, RecordingSign.ON))
    line.stack.order(HoldCall(called))
    agree(peer)
    held = agree(peer, direction="recvonly")
    assert sign_in(held) == "paused"
    assert "a=sendonly" in held.body


def test_a_sipp_peer_reads_both_signs_and_says_its_own(line: SipLine, server: Kamailio, tmp_path: Path) -> None:
    with Sipp(tmp_path, "uas_recorded") as sipp:
        server.route("recorded", sipp.uri)
        call_id = new_call_id()
        line.stack.order(PlaceCall(call_id, SipUri("sip:recorded@localhost")))
        line.wait_for_call(call_id, CallState.ACTIVE)
        line.stack.order(SignalRecording(call_id, RecordingSign.ON))
        assert line.wait_for(RecordingSignalled) == RecordingSignalled(call_id, True, RecordingPreference.NONE)
        line.stack.order(SignalRecording(call_id, RecordingSign.OFF))
        assert line.wait_for(RecordingSignalled) == RecordingSignalled(call_id, False, RecordingPreference.NONE)
        line.stack.order(HangUpCall(call_id))
        line.wait_for_call(call_id, CallState.DISCONNECTED)
        sipp.finish()
