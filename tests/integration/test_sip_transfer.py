"""Calls handed over, blindly and attended, in all three roles, by the tone at each ear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RejectReason, SipUri, TransferState
from firmware.phone.news import CallReplaced, IncomingCallReceived, TransferChanged
from firmware.phone.orders import (
    AnswerCall,
    HoldCall,
    PlaceCall,
    RejectCall,
    ResumeCall,
    SignalRinging,
    TransferCall,
    TransferToCall,
)
from tests.lab.baresip import Baresip
from tests.lab.three_agents import BARRED, USERS, ThreeAgents, new_call_id, three_agents, uri_of, wait_until_heard


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeAgents]:
    with three_agents(tmp_path_factory.mktemp("agents")) as phones:
        yield phones


@pytest.fixture
def phones(agents: ThreeAgents) -> Iterator[ThreeAgents]:
    yield agents
    agents.hang_up_all()


def wait_for_transfer(phones: ThreeAgents, call_id: CallId, state: TransferState) -> TransferChanged:
    return phones.alice.wait_for(
        TransferChanged, lambda event: event.call_id == call_id and event.state is state, timeout_s=12
    )


# --- the handset transfers --------------------------------------------------------------------------------------------


def test_a_blind_transfer_brings_the_other_two_together(phones: ThreeAgents) -> None:
    to_bob, at_bob = phones.call("bob")
    phones.alice.stack.order(HoldCall(to_bob))
    phones.alice.wait_for_call(to_bob, CallState.HELD)
    phones.alice.stack.order(TransferCall(to_bob, uri_of("carol")))
    wait_for_transfer(phones, to_bob, TransferState.REQUESTED)
    at_carol = phones.carol.wait_for(IncomingCallReceived).call_id
    phones.carol.stack.order(SignalRinging(at_carol))
    wait_for_transfer(phones, to_bob, TransferState.RINGING)
    phones.carol.stack.order(AnswerCall(at_carol))
    wait_for_transfer(phones, to_bob, TransferState.DONE)
    assert phones.alice.wait_for_call(to_bob, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
    replaced = phones.bob.wait_for(CallReplaced)
    assert (replaced.call_id, replaced.party.number) == (at_bob, "carol")
    assert phones.bob.wait_for_call(at_bob, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
    phones.bob.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
    wait_until_heard(phones.bob, {"carol"})
    wait_until_heard(phones.carol, {"bob"})


def test_an_attended_transfer_puts_one_in_the_others_place(phones: ThreeAgents) -> None:
    to_bob, _at_bob = phones.call("bob")
    phones.alice.stack.order(HoldCall(to_bob))
    phones.alice.wait_for_call(to_bob, CallState.HELD)
    to_carol, at_carol = phones.call("carol")
    phones.alice.stack.order(TransferToCall(to_bob, to_carol))
    wait_for_transfer(phones, to_bob, TransferState.DONE)
    assert phones.alice.wait_for_call(to_bob, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
    phones.alice.wait_for_call(to_carol, CallState.DISCONNECTED)
    replaced = phones.carol.wait_for(CallReplaced)
    assert (replaced.call_id, replaced.party.number) == (at_carol, "bob")
    phones.carol.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
    wait_until_heard(phones.bob, {"carol"})
    wait_until_heard(phones.carol, {"bob"})


def test_a_transfer_to_one_who_declines_fails_and_the_caller_is_taken_back(phones: ThreeAgents) -> None:
    to_bob, _at_bob = phones.call("bob")
    phones.alice.stack.order(HoldCall(to_bob))
    phones.alice.wait_for_call(to_bob, CallState.HELD)
    phones.alice.stack.order(TransferCall(to_bob, uri_of("carol")))
    phones.carol.stack.order(RejectCall(phones.carol.wait_for(IncomingCallReceived).call_id, RejectReason.BUSY))
    assert wait_for_transfer(phones, to_bob, TransferState.FAILED).sip_code == 486
    phones.alice.stack.order(ResumeCall(to_bob))
    phones.alice.wait_for_call(to_bob, CallState.ACTIVE)
    wait_until_heard(phones.alice, {"bob"})
    wait_until_heard(phones.bob, {"alice"})


def test_a_transfer_that_the_other_end_refuses_fails_and_the_call_goes_on(phones: ThreeAgents) -> None:
    # Bob's phone calls nobody outside of its own server at another's wish.
    to_bob, _at_bob = phones.call("bob")
    phones.alice.stack.order(TransferCall(to_bob, SipUri("sip:premium@elsewhere.invalid")))
    assert wait_for_transfer(phones, to_bob, TransferState.FAILED).sip_code == 603
    wait_until_heard(phones.alice, {"bob"})


def test_what_cannot_be_transferred_is_told_at_once(phones: ThreeAgents) -> None:
    to_bob, _at_bob = phones.call("bob")
    unknown = new_call_id()
    phones.alice.stack.order(TransferCall(unknown, uri_of("carol")))
    wait_for_transfer(phones, unknown, TransferState.FAILED)
    phones.alice.stack.order(TransferToCall(unknown, to_bob))
    wait_for_transfer(phones, unknown, TransferState.FAILED)
    for other in (unknown, to_bob):
        phones.alice.stack.order(TransferToCall(to_bob, other))
        wait_for_transfer(phones, to_bob, TransferState.FAILED)
    phones.alice.stack.order(TransferCall(to_bob, SipUri("sip:<<<")))
    wait_for_transfer(phones, to_bob, TransferState.FAILED)
    wait_until_heard(phones.alice, {"bob"})


# --- the handset is transferred ---------------------------------------------------------------------------------------


def test_the_handset_is_sent_on_to_somebody_else(phones: ThreeAgents) -> None:
    to_bob, at_bob = phones.call("bob")
    phones.bob.stack.order(TransferCall(at_bob, uri_of("carol")))
    replaced = phones.alice.wait_for(CallReplaced)
    assert (replaced.call_id, replaced.party.number) == (to_bob, "carol")
    phones.carol.stack.order(AnswerCall(phones.carol.wait_for(IncomingCallReceived).call_id))
    phones.alice.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
    assert phones.alice.wait_for_call(to_bob, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
    wait_until_heard(phones.alice, {"carol"})
    wait_until_heard(phones.carol, {"alice"})


@pytest.mark.feature("being transferred")
def test_somebody_takes_the_other_ends_place(phones: ThreeAgents) -> None:
    # Bob talks with alice and with carol, and puts carol through to alice.
    to_bob, at_bob = phones.call("bob")
    phones.bob.stack.order(HoldCall(at_bob))
    phones.bob.wait_for_call(at_bob, CallState.HELD)
    bob_to_carol = new_call_id()
    phones.bob.stack.order(PlaceCall(bob_to_carol, uri_of("carol")))
    phones.carol.stack.order(AnswerCall(phones.carol.wait_for(IncomingCallReceived).call_id))
    phones.bob.wait_for_call(bob_to_carol, CallState.ACTIVE)
    phones.bob.stack.order(TransferToCall(bob_to_carol, at_bob))
    replaced = phones.alice.wait_for(CallReplaced)
    assert (replaced.call_id, replaced.party.number) == (to_bob, "carol")
    phones.alice.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
    assert phones.alice.wait_for_call(to_bob, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
    wait_until_heard(phones.alice, {"carol"})
    wait_until_heard(phones.carol, {"alice"})


@pytest.mark.parametrize("target", [uri_of(BARRED), SipUri("sip:carol@elsewhere.invalid"), SipUri("sip:localhost")])
def test_the_handset_is_not_sent_to_where_it_may_not_call(phones: ThreeAgents, target: SipUri) -> None:
    _, at_bob = phones.call("bob")
    phones.bob.stack.order(TransferCall(at_bob, target))
    refused = phones.bob.wait_for(TransferChanged, lambda event: event.state is TransferState.FAILED)
    assert refused.sip_code == 603
    wait_until_heard(phones.alice, {"bob"})
    assert not [event for _, event in phones.alice.events if isinstance(event, CallReplaced)]


# --- with a phone that is not ours ------------------------------------------------------------------------------------


def test_another_makers_phone_is_transferred(phones: ThreeAgents, tmp_path: Path) -> None:
    with Baresip(tmp_path / "baresip", "dave", USERS["dave"], port=phones.server.udp_port) as dave:
        call_id = new_call_id()
        phones.alice.stack.order(PlaceCall(call_id, uri_of("dave")))
        dave.wait_for("CALL_INCOMING")
        dave.answer()
        phones.alice.wait_for_call(call_id, CallState.ACTIVE)
        phones.alice.stack.order(HoldCall(call_id))
        phones.alice.wait_for_call(call_id, CallState.HELD)
        phones.alice.stack.order(TransferCall(call_id, uri_of("carol")))
        incoming = phones.carol.wait_for(IncomingCallReceived)
        assert incoming.caller.number == "dave"
        phones.carol.stack.order(AnswerCall(incoming.call_id))
        phones.carol.wait_for_call(incoming.call_id, CallState.ACTIVE)
        wait_for_transfer(phones, call_id, TransferState.DONE)
        assert phones.alice.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED


def test_another_makers_phone_transfers_the_handset(phones: ThreeAgents, tmp_path: Path) -> None:
    with Baresip(tmp_path / "baresip", "dave", USERS["dave"], port=phones.server.udp_port) as dave:
        call_id = new_call_id()
        phones.alice.stack.order(PlaceCall(call_id, uri_of("dave")))
        dave.wait_for("CALL_INCOMING")
        dave.answer()
        phones.alice.wait_for_call(call_id, CallState.ACTIVE)
        dave.command("transfer", uri_of("carol"))
        replaced = phones.alice.wait_for(CallReplaced)
        phones.carol.stack.order(AnswerCall(phones.carol.wait_for(IncomingCallReceived).call_id))
        phones.alice.wait_for_call(replaced.new_call_id, CallState.ACTIVE)
        assert phones.alice.wait_for_call(call_id, CallState.DISCONNECTED).reason is DisconnectReason.TRANSFERRED
        wait_until_heard(phones.alice, {"carol"})
