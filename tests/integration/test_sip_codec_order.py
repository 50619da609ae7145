"""Which codec a call begins with and goes on in, by what its line loses: between two of our stacks over a bad line, and
message by message with a peer whose audio is incomplete.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import CallQualityMeasured, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall
from firmware.voice.sip import calls, codec_order
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.audio import gaps
from tests.lab.kamailio import Kamailio
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.packets import PacketTrace
from tests.lab.patience import PATIENCE_S
from tests.lab.priority import carry_sound
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, SipMessage, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import EventInbox, SipLine
from tests.lab.three_agents import TONES_HZ, USERS, new_call_id, settings_of, uri_of, wait_until_heard

pytestmark = pytest.mark.feature("codec by the line")

PEER = SipUri("sip:peer@localhost")
OURS = ("g722", "opus", "pcma", "pcmu")
PCMA, OPUS, EVENTS = "8", "111", "101"
LOSE_EVERY = 10
# Each look needs ten packets; six looks with losses are needed, a few more where they do not come one after another.
PACKET_S, LOOK_S = 0.01, 0.125
NO_CHANGE_S = 10 * LOOK_S


# --- message by message -----------------------------------------------------------------------------------------------


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stack look at its line as often as quick packets tell something of it."""
    monkeypatch.setattr(codec_order, "_LOOK_S", LOOK_S)


@pytest.fixture
def line(server: Kamailio, looks_often: None) -> Iterator[SipLine]:
    """Return a stack of its own, which remembers no line."""
    with SipLine(settings_of("alice", server, codecs=OURS)) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        line.say(TONES_HZ["alice"])
        yield line


@pytest.fixture
def ear() -> Iterator[RtpEar]:
    with RtpEar() as ear:
        yield ear


def codecs_in(message: SipMessage) -> list[str]:
    """Return the codecs that a message names, best first."""
    formats = re.search(r"^m=audio \d+ \S+ ([\d ]+)", message.body, re.MULTILINE)
    maps = dict(re.findall(r"^a=rtpmap:(\d+) ([\w-]+)/", message.body, re.MULTILINE))
    assert formats, message.body
    names = [maps[number].lower() for number in formats[1].split()]
    return [name for name in names if name != "telephone-event"]


def call(
    line: SipLine, peer: ScriptedPeer, ear: RtpEar, *, formats: str, lose_every: int = LOSE_EVERY
) -> tuple[CallId, SipMessage]:
    """Let the peer call, which speaks PCMA and names these formats; return the call and the answer."""
    call_id, answer = line.take_call(peer, sdp(ear.port, formats=formats))
    ear.speak_to(answer.audio_port, lose_every=lose_every, every_s=PACKET_S)
    return call_id, answer


def test_a_peer_whose_packets_get_lost_is_asked_to_go_on_in_opus(
    line: SipLine, peer: ScriptedPeer, ear: RtpEar
) -> None:
    call_id, answer = call(line, peer, ear, formats=f"{PCMA} {OPUS} {EVENTS}")
    assert codecs_in(answer) == ["pcma"]
    reinvite = peer.receive("INVITE")
    assert codecs_in(reinvite) == ["opus", "g722", "pcma", "pcmu", "red", "red"]
    assert "a=sendrecv" in reinvite.body
    peer.reply(reinvite, 200, body=sdp(ear.port, formats=f"{OPUS} {EVENTS}"))
    peer.receive("ACK")
    # What is described anew for another reason is no wish for another codec.
    line.stack.order(HoldCall(call_id))
    held = peer.receive("INVITE")
    assert codecs_in(held) == ["opus", "red"]
    assert "a=sendonly" in held.body
    peer.reply(held, 200, body=sdp(ear.port, formats=f"{OPUS} {EVENTS}", direction="recvonly"))
    peer.receive("ACK")
    peer.send("INVITE", body=sdp(ear.port, formats=f"{PCMA} {OPUS} {EVENTS}"))
    answered = peer.receive(200, method="INVITE")
    peer.acknowledge(answered)
    assert codecs_in(answered) == ["opus"]
    peer.hang_up()


def test_what_a_line_lost_is_remembered_for_the_next_call_in_either_direction(
    line: SipLine, peer: ScriptedPeer, ear: RtpEar
) -> None:
    call(line, peer, ear, formats=f"{PCMA} {OPUS} {EVENTS}")
    peer.reply(peer.receive("INVITE"), 488)
    peer.receive("ACK")
    peer.hang_up()
    _, answer = call(line, peer, ear, formats=f"{PCMA} {OPUS} {EVENTS}")
    assert codecs_in(answer) == ["opus"]
    peer.hang_up()
    # Whoever has no Opus is answered as ever.
    _, answer = call(line, peer, ear, formats=f"{PCMA} {EVENTS}")
    assert codecs_in(answer) == ["pcma"]
    peer.hang_up()
    line.stack.order(PlaceCall(new_call_id(), PEER))
    invite = peer.take_call()
    assert codecs_in(invite) == ["opus", "g722", "pcma", "pcmu", "red", "red"]
    peer.reply(invite, 486)
    peer.receive("ACK")


def test_one_who_is_called_and_answers_with_several_codecs_is_asked_for_opus(
    line: SipLine, peer: ScriptedPeer, ear: RtpEar
) -> None:
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    peer.reply(invite, 200, body=sdp(ear.port, formats=f"{PCMA} {OPUS} {EVENTS}"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    # The library settles on one of them first.
    settles = peer.receive("INVITE")
    assert codecs_in(settles) == ["pcma"]
    peer.reply(settles, 200, body=sdp(ear.port, formats=f"{PCMA} {EVENTS}"))
    peer.receive("ACK")
    ear.speak_to(settles.audio_port, lose_every=LOSE_EVERY, every_s=PACKET_S)
    reinvite = peer.receive("INVITE")
    assert codecs_in(reinvite)[0] == "opus"
    # Whoever agrees to it, and chooses the old one all the same, is not asked again.
    peer.reply(reinvite, 200, body=sdp(ear.port, formats=f"{PCMA} {EVENTS}"))
    peer.receive("ACK")
    assert not peer.receives("INVITE", NO_CHANGE_S)
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()


@pytest.mark.parametrize("code", [488, 491])
def test_a_peer_that_refuses_keeps_talking_and_is_not_asked_again(
    code: int, line: SipLine, peer: ScriptedPeer, ear: RtpEar
) -> None:
    call_id, _ = call(line, peer, ear, formats=f"{PCMA} {OPUS} {EVENTS}")
    peer.reply(peer.receive("INVITE"), code)
    peer.receive("ACK")
    ear.wait_for_tone(TONES_HZ["alice"])
    assert not peer.receives("INVITE", NO_CHANGE_S)
    ear.wait_for_tone(TONES_HZ["alice"])
    # Hold is asked for in the codec that is spoken.
    line.stack.order(HoldCall(call_id))
    held = peer.receive("INVITE")
    assert codecs_in(held) == ["pcma"]
    peer.reply(held, 200, body=sdp(ear.port, formats=f"{PCMA} {EVENTS}", direction="recvonly"))
    peer.receive("ACK")
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)
    ended = line.wait_for(CallQualityMeasured, lambda event: event.quality.codec != "")
    assert ended.quality.codec == "PCMA"


@pytest.mark.parametrize(("formats", "lose_every"), [(f"{PCMA} {OPUS} {EVENTS}", 0), (f"{PCMA} {EVENTS}", LOSE_EVERY)])
def test_neither_a_clean_line_nor_a_peer_without_opus_brings_a_reinvite(
    formats: str, lose_every: int, line: SipLine, peer: ScriptedPeer, ear: RtpEar
) -> None:
    call(line, peer, ear, formats=formats, lose_every=lose_every)
    assert not peer.receives("INVITE", NO_CHANGE_S)
    peer.hang_up()


@pytest.mark.usefixtures("looks_often")
def test_an_order_that_was_written_by_hand_is_kept(server: Kamailio, peer: ScriptedPeer, ear: RtpEar) -> None:
    by_hand = settings_of("alice", server, codecs=OURS, order_codecs_by_line=False)
    with SipLine(by_hand) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        call(line, peer, ear, formats=f"{PCMA} {OPUS} {EVENTS}")
        assert not peer.receives("INVITE", NO_CHANGE_S)
        peer.hang_up()
        line.stack.order(PlaceCall(new_call_id(), PEER))
        invite = peer.take_call()
        assert codecs_in(invite)[0] == "g722"
        peer.reply(invite, 486)
        peer.receive("ACK")


# --- two of ours ------------------------------------------------------------------------------------------------------

HERE, THERE = "10.9.0.1", "10.9.0.2"
# A packet that comes so long after the one before may be heard to be missing, for as long as sound waits for it.
LATE_S, BUFFERED_S = 0.035, 0.2


class TwoPhones:
    """Alice, the stack under test, and bob at the other end of a cable, who has the registrar."""

    def __init__(self, folder: Path) -> None:
        self.home, self.away = Namespace(), Namespace()
        self.cable = LossyCable(self.home, self.away, [f"{HERE}/24"], [f"{THERE}/24"])
        self.server = Kamailio(folder, USERS, addresses=(THERE,), namespace=self.away)
        self.alice = SipLine(self._settings("alice"), ear_s=60)
        self.bob = SecondPhone(self._settings("bob"))

    def _settings(self, user: str) -> SipSettings:
        account = AccountSettings(
            user, "localhost", THERE, self.server.udp_port, Transport.UDP, USERS[user], srtp=Srtp.PREFERRED
        )
        return SipSettings(account, local_port=0)

    @contextmanager
    def running(self) -> Iterator["TwoPhones"]:
        with ExitStack() as stack:
            for part in (self.home, self.away, self.cable, self.server):
                stack.enter_context(part)
            for phone, namespace in ((self.alice, self.home), (self.bob, self.away)):
                with namespace.entered():
                    phone.start()
                stack.callback(phone.stop)
            for phone, user in ((self.alice, "alice"), (self.bob, "bob")):
                phone.wait_for_registration(RegistrationState.REGISTERED)
                phone.say(TONES_HZ[user])
            yield self

    def talk(self, caller: SipLine | SecondPhone, callee: SipLine | SecondPhone, user: str) -> tuple[CallId, CallId]:
        """Call the user, who answers; return the call's id at either end."""
        call_id = new_call_id()
        caller.stack.order(PlaceCall(call_id, uri_of(user)))
        incoming = callee.wait_for(IncomingCallReceived).call_id
        callee.stack.order(AnswerCall(incoming))
        caller.wait_for_call(call_id, CallState.ACTIVE)
        callee.wait_for_call(incoming, CallState.ACTIVE)
        return call_id, incoming

    def lose_what_arrives_there(self, percent: int) -> None:
        """Lose audio on the way to bob alone: what alice hears is whole."""
        rule = f"udp dport 16384-16784 numgen random mod 100 < {percent} drop"
        script = (
            f"table inet lossy {{\n chain arriving {{\n type filter hook prerouting priority raw\n {rule}\n }}\n}}\n"
        )
        self.away.run("nft", "-f", "-", stdin=script)


def wait_for_codec(phone: EventInbox, codec: str) -> CallQualityMeasured:
    """Wait until a phone tells that it hears this codec."""
    # Of what is lost the other end tells every five seconds.
    return phone.wait_for(CallQualityMeasured, lambda event: event.quality.codec.lower() == codec, 2 * PATIENCE_S)


@pytest.fixture
def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoPhones]:
    # Alice looks, and tells of what she hears, more often than bob.
    monkeypatch.setattr(codec_order, "_LOOK_S", 0.25)
    monkeypatch.setattr(calls, "QUALITY_S", 0.5)
    with TwoPhones(tmp_path).running() as phones:
        yield phones


def test_a_call_over_a_line_that_loses_packets_goes_on_in_opus_and_the_next_begins_in_it(phones: TwoPhones) -> None:
    alice, bob = phones.alice, phones.bob
    call_id, _ = phones.talk(alice, bob, "bob")
    assert wait_for_codec(alice, "g722").quality.encrypted
    phones.cable.change(Line(loss_percent=8))
    for phone in (alice, bob):
        assert wait_for_codec(phone, "opus").quality.encrypted
    wait_until_heard(alice, {"bob"})
    wait_until_heard(bob, {"alice"})
    for phone in (alice, bob):
        phone.forget()
    alice.stack.order(HangUpCall(call_id))
    alice.wait_for_call(call_id, CallState.DISCONNECTED)
    # What a call is told of at its end is what it was spoken in then.
    assert wait_for_codec(alice, "opus").call_id == call_id
    for caller, callee, user in ((alice, bob, "bob"), (bob, alice, "alice")):
        caller.forget()
        call_id, _ = phones.talk(caller, callee, user)
        caller.stack.order(HangUpCall(call_id))
        caller.wait_for_call(call_id, CallState.DISCONNECTED)
        assert caller.wait_for(CallQualityMeasured).quality.codec.lower() == "opus"


@pytest.mark.parametrize("asks", ["alice", "bob"])
def test_the_change_is_not_heard(asks: str, phones: TwoPhones, record_property: Callable[[str, object], None]) -> None:
    alice, bob = phones.alice, phones.bob
    # Whoever is called has been told that the other end has Opus.
    if asks == "alice":
        phones.talk(bob, alice, "alice")
    else:
        phones.talk(alice, bob, "bob")
    wait_for_codec(alice, "g722")
    # A neighbour that keeps it from working is not its doing.
    (sip_thread,) = (thread.native_id for thread in threading.enumerate() if thread.name == "sip")
    carry_sound(cast("int", sip_thread))
    with PacketTrace(phones.cable.first) as trace:
        mark = alice.mark()
        phones.lose_what_arrives_there(10)
        wait_for_codec(alice, "opus")
        wait_until_heard(alice, {"bob"})
        heard = alice.heard_since(mark)
        began_at = time.monotonic() - heard.duration_s
    missing = gaps(heard, TONES_HZ["bob"])
    # What came late was sent, or carried, by a busy machine.
    late = [after for before, after in pairwise(arrivals(trace)) if after - before > LATE_S]
    record_property("gaps_at_change_s", max((gap.duration_s for gap in missing), default=0.0))
    record_property("packets_late", len(late))
    ours = [
        gap
        for gap in missing
        if not any(began_at + gap.start_s - BUFFERED_S < at < began_at + gap.end_s + BUFFERED_S for at in late)
    ]
    assert max((gap.duration_s for gap in ours), default=0.0) < 0.06


def arrivals(trace: PacketTrace) -> list[float]:
    """Return when bob's audio came, as the kernel stamped it."""
    return [
        frame.at
        for frame in trace.frames
        if frame.packet is not None
        and frame.packet.source == THERE
        and frame.packet.is_rtp
        # RTCP is among it (RFC 5761 section 4).
        and not 64 <= frame.packet.payload[1] & 0x7F < 96
    ]
