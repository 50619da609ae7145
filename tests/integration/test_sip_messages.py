"""Text messages in both directions (RFC 3428)."""

import uuid
from dataclasses import replace

import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallerId, CallState, RegistrationState, SipUri
from firmware.phone.news import MessageReceived, MessageSent
from firmware.phone.orders import HangUpCall, PlaceCall, SendMessage
from tests.lab.kamailio import Kamailio
from tests.lab.scripted_peer import Dialog, ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id, settings_of, uri_of

PEER = SipUri("sip:peer@localhost")
TEXT = "Grüße aus 北京 ☎\nzweite Zeile"


def message_id() -> str:
    return uuid.uuid4().hex


def write(peer: ScriptedPeer, text: str, content_type: str = "text/plain", *headers: str) -> None:
    peer.dialog = Dialog(
        message_id(), '"Caller" <sip:peer@localhost>;tag=1', "<sip:alice@localhost>", "sip:alice@localhost"
    )
    peer.send("MESSAGE", f"Content-Type: {content_type}", *headers, body=text)


def test_a_text_reaches_another_phone_as_it_was_written(server: Kamailio, line: SipLine) -> None:
    with SecondPhone(settings_of("bob", server)) as bob:
        bob.wait_for_registration(RegistrationState.REGISTERED)
        sent = message_id()
        line.stack.order(SendMessage(sent, uri_of("bob"), TEXT))
        assert line.wait_for(MessageSent) == MessageSent(sent, accepted=True, sip_code=200)
        message = bob.wait_for(MessageReceived).message
        assert (message.direction, message.party, message.text) == (CallDirection.INCOMING, CallerId("alice"), TEXT)
        assert len(message.message_id) == 32


def test_several_texts_at_once_each_learn_what_became_of_them(line: SipLine, peer: ScriptedPeer) -> None:
    texts = {message_id(): code for code in (200, 480, 202)}
    for sent, code in texts.items():
        line.stack.order(SendMessage(sent, PEER, str(code)))
    for _ in texts:
        request = peer.receive("MESSAGE")
        assert request.header("Content-Type").replace(" ", "").lower() == "text/plain;charset=utf-8"
        peer.reply(request, int(request.body))
    told = {event.message_id: event for event in (line.wait_for(MessageSent) for _ in texts)}
    assert {sent: event.sip_code for sent, event in told.items()} == texts
    assert {event.accepted for event in told.values() if event.sip_code != 480} == {True}
    assert {event.accepted for event in told.values() if event.sip_code == 480} == {False}


def test_a_text_to_no_address_is_not_accepted(line: SipLine) -> None:
    sent = message_id()
    line.stack.order(SendMessage(sent, SipUri("sip:<<<"), "?"))
    assert not line.wait_for(MessageSent, lambda event: event.message_id == sent).accepted


def test_a_text_to_nobody_is_told_with_its_code(line: SipLine) -> None:
    line.stack.order(SendMessage(message_id(), SipUri("sip:nobody@localhost"), "?"))
    refused = line.wait_for(MessageSent)
    assert (refused.accepted, refused.sip_code) == (False, 404)


def test_a_text_goes_out_though_registration_failed(server: Kamailio, peer: ScriptedPeer) -> None:
    # The lab's proxy lets an unknown user's text through like one from a trunk.
    settings = settings_of("alice", server)
    unknown = replace(settings, account=replace(settings.account, username="nobody"))
    with SecondPhone(unknown) as nobody:
        nobody.wait_for_registration(RegistrationState.FAILED)
        nobody.stack.order(SendMessage(message_id(), PEER, "?"))
        peer.reply(peer.receive("MESSAGE"), 200)
        assert nobody.wait_for(MessageSent).accepted


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/octet-stream", "image/png", "text/plain;charset=iso-8859-1"]
)
def test_what_cannot_be_shown_is_refused(line: SipLine, peer: ScriptedPeer, content_type: str) -> None:
    write(peer, "<b>hello</b>", content_type)
    peer.receive(415)
    write(peer, "after it", "text/plain; charset=UTF-8")
    assert line.wait_for(MessageReceived).message.text == "after it"


def test_a_text_cannot_forge_the_display_or_fill_the_store(line: SipLine, peer: ScriptedPeer) -> None:
    write(peer, "\x07a\x1b[2Jb\u202ec\x00" + "x" * 2500)
    peer.receive(200)
    text = line.wait_for(MessageReceived).message.text
    assert text.startswith("a[2Jbcxxx")
    assert len(text) == 1000


def test_a_text_within_a_call_arrives_too(line: SipLine, peer: ScriptedPeer) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    peer.reply(peer.take_call(), 200, body=sdp())
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    peer.send("MESSAGE", "Content-Type: text/plain", body="psst")
    peer.receive(200, method="MESSAGE")
    assert line.wait_for(MessageReceived).message.text == "psst"
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
