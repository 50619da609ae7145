"""Digits in calls, in each of the ways in which the other end may want them."""

import re
from dataclasses import replace

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.key import Key
from firmware.phone.news import CallStateChanged
from firmware.phone.orders import HangUpCall, PlaceCall, SendDtmf
from provisioning.sip_choices import DtmfMethod
from tests.lab.kamailio import Kamailio
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import new_call_id, settings_of

pytestmark = pytest.mark.feature("DTMF")

PEER = SipUri("sip:peer@localhost")
KEYS = (Key.DIGIT_5, Key.DIGIT_5, Key.HASH)


def phone(server: Kamailio, method: DtmfMethod = DtmfMethod.AUTO) -> SipLine:
    settings = settings_of("alice", server)
    return SipLine(replace(settings, account=replace(settings.account, dtmf=method)))


def call(line: SipLine, peer: ScriptedPeer, *, formats: str, port: int = 0) -> CallId:
    call_id = new_call_id()
    line.wait_for_registration(RegistrationState.REGISTERED)
    line.stack.order(PlaceCall(call_id, PEER))
    peer.reply(peer.take_call(), 200, body=sdp(port, formats=formats))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


def hang_up(line: SipLine, peer: ScriptedPeer, call_id: CallId) -> None:
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


@pytest.mark.parametrize("method", [DtmfMethod.AUTO, DtmfMethod.IN_BAND])
def test_where_only_g711_was_agreed_on_digits_sound(server: Kamailio, peer: ScriptedPeer, method: DtmfMethod) -> None:
    formats = "8" if method is DtmfMethod.AUTO else "8 101"
    with RtpEar() as ear, phone(server, method) as line:
        line.say(1000)
        call_id = call(line, peer, formats=formats, port=ear.port)
        for key in KEYS:
            line.stack.order(SendDtmf(call_id, key))
        ear.wait_for_digits("55#")
        hang_up(line, peer, call_id)


@pytest.mark.parametrize(("method", "formats"), [(DtmfMethod.AUTO, "9"), (DtmfMethod.INFO, "8 101")])
def test_where_neither_events_nor_tones_would_do_digits_go_by_info(
    server: Kamailio, peer: ScriptedPeer, method: DtmfMethod, formats: str
) -> None:
    with phone(server, method) as line:
        call_id = call(line, peer, formats=formats)
        for key in KEYS:
            line.stack.order(SendDtmf(call_id, key))
        for key in KEYS:
            info = peer.receive("INFO")
            assert info.header("Content-Type") == "application/dtmf-relay"
            signal = re.search(r"^Signal\s*=\s*(\S)", info.body, re.MULTILINE)
            assert signal is not None
            assert signal.group(1) == key.value
            peer.reply(info, 200)
        hang_up(line, peer, call_id)


def test_a_peer_that_refuses_info_keeps_its_call(server: Kamailio, peer: ScriptedPeer) -> None:
    with phone(server, DtmfMethod.INFO) as line:
        call_id = call(line, peer, formats="8")
        line.stack.order(SendDtmf(call_id, Key.DIGIT_1))
        peer.reply(peer.receive("INFO"), 415)
        line.stack.order(SendDtmf(call_id, Key.DIGIT_2))
        peer.reply(peer.receive("INFO"), 501)
        assert not [e for _, e in line.events if isinstance(e, CallStateChanged) and e.state is CallState.DISCONNECTED]
        hang_up(line, peer, call_id)
