"""Who calls whom, as servers assert it and as the handset says or withholds it."""

import socket

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, CallState, RegistrationState, RejectReason, SipUri, Verification
from firmware.phone.news import CallPartyChanged, IncomingCallReceived
from firmware.phone.orders import HangUpCall, PlaceCall, RedirectCall, RejectCall
from tests.lab.kamailio import Kamailio
from tests.lab.ports import free_port
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id, settings_of

PEER = SipUri("sip:peer@localhost")
BOSS = CallerId("+4930123456", "The Boss", asserted=True)
BOSS_HEADER = 'P-Asserted-Identity: "The Boss" <sip:+4930123456@localhost>'


@pytest.mark.feature("caller identity")
def test_the_servers_word_counts_before_the_callers_own(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite(
        "alice",
        BOSS_HEADER,
        "Alert-Info: <urn:alert:source:internal>",
        "Call-Info: <sip:localhost>;answer-after=3",
        "Diversion: <sip:200@localhost>;reason=unconditional",
        body=sdp(),
        sender='"Your bank" <sip:fake@localhost>',
    )
    call = line.wait_for(IncomingCallReceived)
    assert call.caller == BOSS
    assert (call.ring, call.answer_after_s) == ("internal", 3)
    assert call.diverted_by == CallerId("200")
    line.stack.order(RejectCall(call.call_id, RejectReason.DECLINED))
    peer.acknowledge(peer.receive(603))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (RejectReason.DO_NOT_DISTURB, 480),
        (RejectReason.BLOCKED, 603),
        (RejectReason.ANONYMOUS, 433),
        (RejectReason.OUT_OF_HOURS, 480),
    ],
)
def test_each_reason_to_turn_a_caller_away_has_its_code(
    line: SipLine, peer: ScriptedPeer, reason: RejectReason, code: int
) -> None:
    peer.invite("alice", "Privacy: id", body=sdp(), sender='"Anonymous" <sip:anonymous@anonymous.invalid>')
    call = line.wait_for(IncomingCallReceived)
    assert not call.caller.number
    line.stack.order(RejectCall(call.call_id, reason))
    peer.acknowledge(peer.receive(code))
    ended = line.wait_for_call(call.call_id, CallState.DISCONNECTED)
    assert (ended.reason, ended.sip_code) == (DisconnectReason.REJECTED, 0)


def test_a_caller_is_told_whom_to_call_instead(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice", body=sdp())
    call = line.wait_for(IncomingCallReceived)
    line.stack.order(RedirectCall(call.call_id, SipUri("sip:carol@localhost")))
    moved = peer.receive(302)
    assert [contact.strip("<>") for contact in moved.all("Contact")] == ["sip:carol@localhost"]
    peer.acknowledge(moved)
    assert line.wait_for_call(call.call_id, CallState.DISCONNECTED).reason is DisconnectReason.FORWARDED


@pytest.mark.feature("verified callers")
def test_the_servers_word_that_a_number_is_verified_comes_with_the_call(line: SipLine, peer: ScriptedPeer) -> None:
    verified = "P-Asserted-Identity: <sip:+4930123456;verstat=TN-Validation-Passed@localhost;user=phone>"
    peer.invite("alice", verified, body=sdp())
    call = line.wait_for(IncomingCallReceived)
    assert call.caller == CallerId("+4930123456", asserted=True, verification=Verification.VERIFIED)
    line.stack.order(RejectCall(call.call_id, RejectReason.DECLINED))
    peer.acknowledge(peer.receive(603))


@pytest.mark.feature("caller identity")
def test_a_stranger_asserts_nothing_and_is_not_answered_without_a_hand(server: Kamailio) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with (
        SecondPhone(settings_of("bob", server, answer_anyone=True, local_port=port)) as line,
        ScriptedPeer(server.udp_port, address="127.0.0.2") as stranger,
    ):
        line.wait_for_registration(RegistrationState.REGISTERED)
        stranger.invite(
            "bob",
            BOSS_HEADER,
            "Alert-Info: <urn:alert:source:internal>;info=alert-autoanswer",
            body=sdp(),
            sender='"Your bank" <sip:fake;verstat=TN-Validation-Passed@localhost>',
            to=port,
        )
        call = line.wait_for(IncomingCallReceived)
        assert call.caller == CallerId("fake", "Your bank", verification=Verification.UNVERIFIED)
        assert (call.ring, call.answer_after_s) == ("normal", None)
        line.stack.order(RejectCall(call.call_id, RejectReason.BLOCKED))
        stranger.receive(603)


def test_a_withheld_identity_is_told_to_the_server_alone(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER, anonymous=True))
    invite = peer.take_call()
    assert "anonymous@anonymous.invalid" in invite.header("From")
    assert "alice" not in invite.header("From")
    assert "alice" not in invite.header("Contact")
    assert invite.header("Privacy") == "id"
    assert "sip:alice@localhost" in invite.header("P-Preferred-Identity")
    peer.reply(invite, 200, body=sdp())
    assert "alice" not in peer.receive("ACK").header("Contact")
    line.wait_for_call(call_id, CallState.ACTIVE)
    peer.send("INVITE", body=sdp())
    answer = peer.receive(200, method="INVITE")
    assert "alice" not in answer.header("Contact")
    peer.acknowledge(answer)
    line.stack.order(HangUpCall(call_id))
    assert "alice" not in peer.receive("BYE").header("From")


def test_whoever_the_server_says_has_answered_is_shown(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    peer.reply(invite, 180, BOSS_HEADER)
    assert line.wait_for(CallPartyChanged).party == BOSS
    peer.reply(invite, 200, BOSS_HEADER, body=sdp())
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    # Somebody else takes over behind the server (RFC 4916).
    peer.send("UPDATE", "P-Asserted-Identity: <sip:200@localhost>")
    peer.receive(200, method="UPDATE")
    assert line.wait_for(CallPartyChanged).party == CallerId("200", asserted=True)
    peer.send("INVITE", BOSS_HEADER, body=sdp())
    peer.acknowledge(peer.receive(200, method="INVITE"))
    assert line.wait_for(CallPartyChanged).party == BOSS
    assert not [event for _, event in line.events if isinstance(event, CallPartyChanged)]
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()


def test_names_that_are_no_text_do_not_stop_the_phone(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite(
        "alice", 'P-Asserted-Identity: "' + "\u202e\u0007x" * 50 + '" <sip:' + "9" * 300 + "@localhost>", body=sdp()
    )
    call = line.wait_for(IncomingCallReceived)
    assert len(call.caller.number) <= 128
    assert call.caller.display_name.startswith("xxx")
    line.stack.order(RejectCall(call.call_id, RejectReason.DECLINED))
    peer.acknowledge(peer.receive(603))
