"""What a call's session may go through: provisional responses, forks, re-INVITEs that cross, hold, timers, quality."""

import re
import threading
import time
from collections.abc import Iterator

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, SipUri
from firmware.phone.events import Event
from firmware.phone.news import (
    CallAudioChanged,
    CallQualityMeasured,
    CallReplaced,
    CallStateChanged,
    IncomingCallReceived,
)
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall, ResumeCall, SignalRinging
from firmware.voice.sip import native
from tests.lab.kamailio import Kamailio
from tests.lab.patience import PATIENCE_S
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id

PEER = SipUri("sip:peer@localhost")
# The longest that a caller waits whose offer crossed another (RFC 3261 section 14.1).
RETRIES_AFTER_S = 4


@pytest.fixture
def line(line: SipLine) -> Iterator[SipLine]:
    yield line
    # What a test leaves in the library's places would be in the next one's way.
    deadline = time.monotonic() + PATIENCE_S
    while native.free_call_places() < native.most_calls():
        assert time.monotonic() < deadline, "the library keeps a call's place"
        time.sleep(0.02)


def call(line: SipLine, peer: ScriptedPeer, *headers: str, port: int = 0) -> CallId:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    peer.reply(peer.take_call(), 200, *headers, body=sdp(port))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


def audio_port_of(peer: ScriptedPeer) -> int:
    """Return where the phone wants RTP, by its offer."""
    found = re.search(r"^m=audio (\d+)", peer.offered, re.MULTILINE)
    assert found
    return int(found.group(1))


def hang_up(line: SipLine, peer: ScriptedPeer, call_id: CallId) -> None:
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


def told_states(line: SipLine, call_id: CallId) -> list[CallState]:
    return [e.state for _, e in line.events if isinstance(e, CallStateChanged) and e.call_id == call_id]


# --- before the answer ------------------------------------------------------------------------------------------------


@pytest.mark.feature("reliable responses")
def test_reliable_provisional_responses_are_confirmed(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    assert "100rel" in invite.header("Supported")
    peer.reply(invite, 183, "Require: 100rel", "RSeq: 1", body=sdp())
    prack = peer.receive("PRACK")
    assert prack.header("RAck").startswith("1 ")
    peer.reply(prack, 200)
    line.wait_for(CallAudioChanged, lambda event: event.receiving)
    peer.reply(invite, 200)
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    hang_up(line, peer, call_id)


def test_a_caller_who_wants_them_gets_reliable_provisional_responses(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice", "Supported: 100rel", "Require: 100rel", body=sdp())
    call_id = line.wait_for(IncomingCallReceived).call_id
    line.stack.order(SignalRinging(call_id))
    ringing = peer.receive(180)
    assert "100rel" in ringing.header("Require")
    peer.establish(ringing)
    sequence, invite = ringing.header("RSeq"), ringing.header("CSeq")
    peer.send("PRACK", f"RAck: {sequence} {invite}")
    peer.receive(200, method="PRACK")
    line.stack.order(AnswerCall(call_id))
    answered = peer.receive(200, method="INVITE")
    peer.establish(answered)
    peer.acknowledge(answered)
    line.wait_for_call(call_id, CallState.ACTIVE)
    peer.hang_up()
    assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.REMOTE_HANGUP


@pytest.mark.feature("early media")
def test_of_a_forked_call_the_one_that_answers_is_talked_to(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call(tag="second")
    peer.reply(invite, 180, tag="first")
    peer.reply(invite, 183, tag="third", body=sdp())
    peer.reply(invite, 180, tag="second")
    line.wait_for_call(call_id, CallState.ALERTING)
    peer.reply(invite, 200, tag="second", body=sdp())
    assert "tag=second" in peer.receive("ACK").header("To")
    line.wait_for_call(call_id, CallState.ACTIVE)
    hang_up(line, peer, call_id)


def test_a_second_answer_from_another_fork_is_thanked_and_hung_up_on(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call(tag="first")
    peer.reply(invite, 200, tag="first", body=sdp())
    peer.receive("ACK", where=lambda ack: "tag=first" in ack.header("To"))
    peer.reply(invite, 200, tag="second", body=sdp())
    peer.receive("ACK", where=lambda ack: "tag=second" in ack.header("To"))
    peer.reply(peer.receive("BYE", where=lambda bye: "tag=second" in bye.header("To")), 200)
    line.wait_for_call(call_id, CallState.ACTIVE)
    hang_up(line, peer, call_id)


def test_a_call_without_an_offer_is_answered_with_one(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice")
    call_id = line.wait_for(IncomingCallReceived).call_id
    line.stack.order(SignalRinging(call_id))
    line.stack.order(AnswerCall(call_id))
    answered = peer.receive(200, method="INVITE")
    assert "m=audio" in answered.body
    peer.establish(answered)
    peer.acknowledge(answered, body=sdp())
    line.wait_for_call(call_id, CallState.ACTIVE)
    line.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
    peer.hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


# --- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("hold and resume")
@pytest.mark.parametrize(
    ("direction", "address", "receiving"),
    [("sendonly", "127.0.0.1", True), ("inactive", "127.0.0.1", False), ("sendrecv", "0.0.0.0", False)],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_other_end_holds_and_comes_back(
    line: SipLine, peer: ScriptedPeer, method: str, direction: str, address: str, *, receiving: bool
) -> None:
    call_id = call(line, peer)
    line.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
    offer(peer, method, sdp(direction=direction, address=address))
    line.wait_for(CallAudioChanged, lambda event: event.receiving is receiving and not event.sending)
    offer(peer, method, sdp())
    line.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
    assert CallState.HELD not in told_states(line, call_id)
    hang_up(line, peer, call_id)


def offer(peer: ScriptedPeer, method: str, description: str) -> None:
    peer.send(method, body=description)
    answer = peer.receive(200, method=method)
    if method == "INVITE":
        peer.acknowledge(answer)


def test_both_ends_may_hold_at_once(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = call(line, peer)
    offer(peer, "INVITE", sdp(direction="sendonly"))
    line.stack.order(HoldCall(call_id))
    hold = settled(peer)
    assert any(f"a={direction}" in hold.body for direction in ("inactive", "sendonly"))
    peer.reply(hold, 200, body=sdp(direction="inactive"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.HELD)
    line.stack.order(ResumeCall(call_id))
    back = peer.receive("INVITE")
    peer.reply(back, 200, body=sdp(direction="sendonly"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    hang_up(line, peer, call_id)


def settled(peer: ScriptedPeer) -> SipMessage:
    """Receive the re-INVITE that holds, after the one by which pjsua may have settled on one codec."""
    while True:
        invite = peer.receive("INVITE", timeout_s=RETRIES_AFTER_S + PATIENCE_S)
        if "a=sendrecv" not in invite.body and "a=recvonly" not in invite.body:
            return invite
        peer.reply(invite, 200, body=sdp())
        peer.receive("ACK")


@pytest.mark.feature("crossing offers")
def test_a_hold_that_crosses_another_offer_is_tried_again(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = call(line, peer)
    line.stack.order(HoldCall(call_id))
    crossed = settled(peer)
    began = time.monotonic()
    peer.reply(crossed, 491)
    peer.receive("ACK")
    again = settled(peer)
    # The caller waits 2.1 s at least.
    assert 2.0 < time.monotonic() - began < RETRIES_AFTER_S + PATIENCE_S
    peer.reply(again, 200, body=sdp(direction="recvonly"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.HELD)
    hang_up(line, peer, call_id)


def test_an_offer_that_crosses_ours_is_told_to_wait(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = call(line, peer)
    line.stack.order(HoldCall(call_id))
    ours = settled(peer)
    peer.send("INVITE", body=sdp())
    peer.acknowledge(peer.receive(491))
    peer.reply(ours, 200, body=sdp(direction="recvonly"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.HELD)
    offer(peer, "INVITE", sdp(direction="recvonly"))
    hang_up(line, peer, call_id)


def test_a_hold_that_is_refused_holds_at_this_end(line: SipLine, peer: ScriptedPeer) -> None:
    with RtpEar() as ear:
        line.say(1000)
        call_id = call(line, peer, port=ear.port)
        ear.wait_for_tone(1000)
        line.stack.order(HoldCall(call_id))
        refused = settled(peer)
        peer.reply(refused, 488)
        line.wait_for_call(call_id, CallState.HELD)
        ear.wait_for_silence()
        line.stack.order(ResumeCall(call_id))
        if peer.receives("INVITE", 1):
            peer.reply(peer.receive("INVITE"), 200, body=sdp(ear.port))
        line.wait_for_call(call_id, CallState.ACTIVE)
        ear.wait_for_tone(1000)
        hang_up(line, peer, call_id)


# --- over time --------------------------------------------------------------------------------------------------------


def test_a_call_goes_out_as_soon_as_a_dead_one_has_left_its_place(line: SipLine, peer: ScriptedPeer) -> None:
    running = [ring(line, peer) for _ in range(native.most_calls())]
    dead, invite = running.pop(0)
    line.stack.order(HangUpCall(dead))
    # The phone goes on without the peer, which takes its time over the farewell.
    line.wait_for_call(dead, CallState.DISCONNECTED)
    waiting = new_call_id()
    line.stack.order(PlaceCall(waiting, PEER))
    assert not peer.receives("INVITE", 0.3)
    confirm_cancel(peer, invite)
    begun = peer.take_call()
    peer.reply(begun, 180, tag="peer")
    line.wait_for_call(waiting, CallState.ALERTING)
    give_up(line, peer, [*running, (waiting, begun)])


@pytest.mark.feature("call quality")
def test_how_a_call_sounds_is_measured_while_it_runs_and_at_its_end(line: SipLine, peer: ScriptedPeer) -> None:
    with RtpEar() as ear:
        call_id = call(line, peer, port=ear.port)
        ear.speak_to(audio_port_of(peer), lose_every=10)
        quality = line.wait_for(CallQualityMeasured).quality
        assert quality.codec == "PCMA"
        assert 5 < quality.loss_percent < 15
        assert 1 < quality.mos < 4.5
        assert not quality.encrypted
        hang_up(line, peer, call_id)
        ended = [event.quality for _, event in line.events if isinstance(event, CallQualityMeasured)]
        assert len(ended) == 1
        assert 5 < ended[0].loss_percent < 15


# --- too much, and nonsense -------------------------------------------------------------------------------------------


def test_a_full_table_refuses_calls_and_keeps_those_it_has(line: SipLine, peer: ScriptedPeer) -> None:
    running = [ring(line, peer) for _ in range(native.most_calls())]
    refused = new_call_id()
    line.stack.order(PlaceCall(refused, PEER))
    assert line.wait_for_call(refused, CallState.DISCONNECTED).reason is DisconnectReason.NOT_ALLOWED
    assert not [state for call_id, _ in running for state in told_states(line, call_id)]
    give_up(line, peer, running)


def test_callers_leave_room_for_a_call_for_help(line: SipLine, peer: ScriptedPeer, server: Kamailio) -> None:
    running = [ring(line, peer) for _ in range(native.most_calls() - 1)]
    with ScriptedPeer(server.udp_port, "outside") as outside:
        outside.invite("alice", body=sdp())
        outside.acknowledge(outside.receive(486))
    running.append(ring(line, peer))
    give_up(line, peer, running)


def test_a_call_placed_the_moment_another_ends_is_not_ended_with_it(line: SipLine, peer: ScriptedPeer) -> None:
    # Only the place of the one that ends is free, and the library gives its number to the next.
    running = [ring(line, peer) for _ in range(native.most_calls())]
    ending, invite = running.pop(0)
    following = new_call_id()

    def follow(event: Event) -> None:
        if isinstance(event, CallStateChanged) and event.call_id == ending:
            line.stack.order(PlaceCall(following, PEER))

    line.when_posted = follow
    peer.reply(invite, 486, tag="peer")
    begun = peer.take_call(tag="peer")
    line.when_posted = None
    peer.reply(begun, 180, tag="peer")
    line.wait_for_call(following, CallState.ALERTING)
    assert CallState.DISCONNECTED not in told_states(line, following)
    give_up(line, peer, [*running, (following, begun)])


def ring(line: SipLine, peer: ScriptedPeer) -> tuple[CallId, SipMessage]:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call(tag="peer")
    peer.reply(invite, 180, tag="peer")
    line.wait_for_call(call_id, CallState.ALERTING)
    line.wait_for_call(call_id, CallState.DIALING)
    return call_id, invite


def give_up(line: SipLine, peer: ScriptedPeer, running: list[tuple[CallId, SipMessage]]) -> None:
    for call_id, invite in running:
        line.stack.order(HangUpCall(call_id))
        confirm_cancel(peer, invite)
        line.wait_for_call(call_id, CallState.DISCONNECTED)


def confirm_cancel(peer: ScriptedPeer, invite: SipMessage) -> None:
    peer.reply(peer.receive("CANCEL"), 200, tag="peer")
    peer.reply(invite, 487, tag="peer")


@pytest.mark.parametrize("offered", [True, False])
def test_a_call_that_wants_to_replace_one_that_does_not_exist_is_refused(
    line: SipLine, peer: ScriptedPeer, *, offered: bool
) -> None:
    peer.invite("alice", "Replaces: nothing@here;to-tag=1;from-tag=2", body=sdp() if offered else "")
    peer.acknowledge(peer.receive(481))
    assert not [event for _, event in line.events if isinstance(event, IncomingCallReceived)]


@pytest.mark.parametrize("offered", [True, False])
def test_a_call_may_be_replaced_with_or_without_an_offer(
    line: SipLine, peer: ScriptedPeer, server: Kamailio, *, offered: bool
) -> None:
    call_id = call(line, peer)
    tags = [re.search(r"tag=([^;\s]+)", value) for value in (peer.dialog.remote, peer.dialog.local)]
    assert all(tags)
    ours, theirs = (tag.group(1) for tag in tags if tag)
    with ScriptedPeer(server.udp_port, "successor") as successor:
        replaces = f"Replaces: {peer.dialog.call_id};to-tag={ours};from-tag={theirs}"
        successor.invite("alice", replaces, body=sdp() if offered else "")
        answered = successor.receive(200, method="INVITE")
        successor.establish(answered)
        successor.acknowledge(answered, body="" if offered else sdp())
        replaced = line.wait_for(CallReplaced)
        assert (replaced.call_id, replaced.party.number) == (call_id, "successor")
        line.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
        peer.confirm_hang_up()
        assert line.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
        successor.hang_up()
        line.wait_for_call(replaced.new_call_id, CallState.DISCONNECTED)


def test_a_session_that_is_too_short_is_refused_with_the_shortest_that_will_do(
    line: SipLine, peer: ScriptedPeer
) -> None:
    peer.invite("alice", "Supported: timer", "Session-Expires: 10", "Min-SE: 10", body=sdp())
    refused = peer.receive(422)
    assert int(refused.header("Min-SE")) >= 90  # RFC 4028 section 5
    peer.acknowledge(refused)
    assert not [event for _, event in line.events if isinstance(event, IncomingCallReceived)]


# The shortest session (RFC 4028 section 5) takes 45 s to come to its half.
@pytest.mark.feature("session timers")
def test_a_session_is_refreshed_half_way_before_it_expires(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = call(line, peer, "Supported: timer", "Require: timer", "Session-Expires: 90;refresher=uac")
    refreshed = threading.Event()

    def answer_probes() -> None:
        while not refreshed.is_set():
            if peer.receives("OPTIONS", 0.5):
                peer.reply(peer.receive("OPTIONS"), 200)

    probes = threading.Thread(target=answer_probes, daemon=True)
    probes.start()
    refresh = peer.receive("INVITE", timeout_s=60)
    refreshed.set()
    probes.join()
    assert refresh.header("Session-Expires").startswith("90")
    peer.reply(refresh, 200, "Require: timer", "Session-Expires: 90;refresher=uac", body=sdp())
    peer.receive("ACK")
    hang_up(line, peer, call_id)
