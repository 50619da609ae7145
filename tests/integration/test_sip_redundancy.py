"""Redundancy of calls on the wire: where a line loses packets they are sent again, and nothing is where it does not."""

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState
from firmware.phone.key import Key
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall, SendDtmf
from firmware.voice.sip import native, redundancy
from firmware.voice.sip.settings import RedundancySettings, SipSettings
from tests.lab.audio import level, loudest
from tests.lab.kamailio import Kamailio
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.redundancy import Block, blocks_of, redundant
from tests.lab.rtp_port import Packet, RtpPort, g722
from tests.lab.rtp_tap import RtpTap
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import TONES_HZ, USERS, new_call_id, settings_of, uri_of

pytestmark = pytest.mark.feature("redundancy")

HOME, OPERATOR = "10.9.0.1", "10.9.0.2"
BAD: Final = Line(loss_percent=10)
KEEP_S: Final = 4.0
OPUS_TICKS, G722_TICKS = 960, 160


# --- between two handsets ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two handsets of ours with a line between them.

    Attributes:
        tap: what alice sends, before any of it is lost.
        lines: what alice's stream has shown of its line, and how much she had sent then, the newest last.
    """

    cable: LossyCable
    alice: SipLine
    bob: SecondPhone
    tap: RtpTap
    lines: list[tuple[native.Line, int]]

    def call(self) -> tuple[CallId, CallId]:
        """Let alice call bob; return the call's id at either end."""
        call_id = new_call_id()
        self.alice.stack.order(PlaceCall(call_id, uri_of("bob")))
        incoming = self.bob.wait_for(IncomingCallReceived).call_id
        self.bob.stack.order(AnswerCall(incoming))
        self.alice.wait_for_call(call_id, CallState.ACTIVE)
        self.bob.wait_for_call(incoming, CallState.ACTIVE)
        return call_id, incoming


@contextmanager
def pair(folder: Path, codec: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    lines: list[tuple[native.Line, int]] = []
    look = native.look_at_line

    def look_and_tell(stream: int) -> native.Line:
        line = look(stream)
        lines.append((line, tap.heard.mark()))
        return line

    monkeypatch.setattr(native, "look_at_line", look_and_tell)
    monkeypatch.setattr(redundancy, "_KEEP_S", KEEP_S)
    with ExitStack() as stack:
        home, operator = (stack.enter_context(Namespace()) for _ in range(2))
        cable = stack.enter_context(LossyCable(home, operator, [f"{HOME}/24"], [f"{OPERATOR}/24"]))
        server = stack.enter_context(Kamailio(folder, USERS, addresses=(OPERATOR,), namespace=operator))
        tap = stack.enter_context(RtpTap(cable.first))
        alice, bob = SipLine(settings(server, "alice", codec)), SecondPhone(settings(server, "bob", codec))
        stack.callback(bob.stop)
        with operator.entered():
            bob.start()
        stack.callback(alice.stop)
        with home.entered():
            alice.start()
        for phone, user in ((alice, "alice"), (bob, "bob")):
            phone.wait_for_registration(RegistrationState.REGISTERED)
            phone.say(TONES_HZ[user])
        yield Pair(cable, alice, bob, tap, lines)


def settings(server: Kamailio, user: str, codec: str) -> SipSettings:
    there = settings_of(user, server, codecs=(codec,))
    return replace(there, account=replace(there.account, host=OPERATOR))


def room_in(kbit_s: int) -> int:
    """Return how long a payload may be, 50 times a second, with the headers of IPv6, UDP, RTP and SRTP's tag."""
    return max(0, kbit_s * 20 // 8 - 40 - 8 - 12 - 10)


def is_repeated(packet: Packet, codec: int, copies: int = 2) -> bool:
    """Say whether a packet holds so many older ones, all of a codec."""
    if packet.type == codec:
        return False
    blocks = blocks_of(packet.payload)
    return len(blocks) == copies + 1 and all(block.type == codec and block.payload for block in blocks)


def are_alone(packets: Sequence[Packet], codec: int) -> bool:
    return all(packet.type == codec for packet in packets)


def assert_copies_are_true(packets: Sequence[Packet], codec: int) -> None:
    """See that each copy is what was sent at its time."""
    sent: dict[int, bytes] = {}
    compared = 0
    for packet in packets:
        *copies, itself = blocks_of(packet.payload) if packet.type != codec else [Block(codec, 0, packet.payload)]
        for copy in copies:
            original = sent.get((packet.timestamp - copy.offset) % 2**32)
            assert original in {None, copy.payload}
            compared += original is not None
        assert all(earlier.offset > later.offset for earlier, later in pairwise([*copies, itself]))
        sent[packet.timestamp] = itself.payload
    assert compared > len(packets)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("codec", ["g722", "opus"])
def test_on_a_line_that_loses_each_packet_carries_two_older_ones_until_it_is_clean_again(
    codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, codec, monkeypatch) as pair_:
        pair_.call()
        heard = pair_.tap.heard
        clean = heard.first(100)
        number = clean[0].type
        assert are_alone(clean, number)
        mark = heard.mark()
        pair_.cable.change(BAD)
        heard.in_a_row(50, lambda packet: is_repeated(packet, number), after=mark)
        before, mark = pair_.lines[-1]
        repeated = heard.first(300, after=mark)
        assert all(is_repeated(packet, number) for packet in repeated)
        assert_copies_are_true(repeated, number)
        assert max(len(packet.payload) for packet in repeated) <= room_in(RedundancySettings().most_kbit_s)
        after, mark = pair_.lines[-1]
        played = after.played - before.played
        assert (after.lost - before.lost) / (after.frames - before.frames) > 0.05
        assert after.copied - before.copied > 0.05 * played
        # Four in a hundred would be made up where one in ten is lost and half of them come again.
        assert after.concealed - before.concealed < 0.015 * played
        pair_.cable.change(Line())
        heard.in_a_row(50, lambda packet: packet.type == number, after=mark)


@pytest.mark.timeout(90)
def test_packets_that_overtake_each_other_are_not_taken_for_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, "g722", monkeypatch) as pair_:
        pair_.call()
        heard = pair_.tap.heard
        number = heard.first(20)[0].type
        mark = heard.mark()
        pair_.cable.change(Line(jitter_ms=60))
        # As long as what a line did counts, and longer.
        assert are_alone(heard.first(300, after=mark), number)


@pytest.mark.timeout(60)
def test_what_a_digit_takes_the_place_of_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pair(tmp_path, "g722", monkeypatch) as pair_:
        _, incoming = pair_.call()
        pair_.tap.heard.first(50)
        before, sent_before = pair_.lines[-1]
        for _ in range(3):
            pair_.bob.stack.order(SendDtmf(incoming, Key.DIGIT_5))
        pair_.tap.heard.first(150, after=sent_before)
        after, sent = pair_.lines[-1]
        # Each takes as long as eight packets, or longer.
        assert after.frames - before.frames < sent - sent_before - 5
        assert after.lost - before.lost < 8


@pytest.mark.timeout(120)
def test_digits_are_sent_as_they_are_meanwhile_and_the_next_call_begins_as_this_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, "g722", monkeypatch) as pair_:
        call_id, _ = pair_.call()
        heard = pair_.tap.heard
        number = heard.first(10)[0].type
        mark = heard.mark()
        pair_.cable.change(BAD)
        heard.in_a_row(20, lambda packet: is_repeated(packet, number), after=mark)
        mark = heard.mark()
        pair_.alice.stack.order(SendDtmf(call_id, Key.DIGIT_5))
        packets = heard.first(60, after=mark)
        events = [packet for packet in packets if len(packet.payload) == 4]
        # RFC 4733 section 2.5.1: its end is sent three times, and all of it under one timestamp.
        assert {packet.payload[0] for packet in events} == {5}
        assert sum(packet.payload[1] >> 7 for packet in events) == 3
        assert len({packet.timestamp for packet in events}) == 1
        assert all(is_repeated(packet, number) for packet in packets[-20:])
        # Nothing of before the digit is sent again behind it.
        last = max(at for at, packet in enumerate(packets) if len(packet.payload) == 4)
        assert packets[last + 1].type == number
        pair_.alice.stack.order(HangUpCall(call_id))
        pair_.alice.wait_for_call(call_id, CallState.DISCONNECTED)
        mark = heard.mark()
        pair_.call()
        assert all(is_repeated(packet, number) for packet in heard.first(20, after=mark)[10:])


# --- with others ------------------------------------------------------------------------------------------------------

NAMES: Final = {"97": "red/8000", "98": "red/8000", "63": "red/48000/2", "111": "opus/48000/2"}
HAS_LBRR: Final = ctypes.CDLL("libopus.so.0").opus_packet_has_lbrr
TONE_HZ: Final = 1000
HEARD: Final = 1000.0


class Talker:
    """Whoever speaks to a handset by packets of which one in ten is lost."""

    def __init__(self, port: RtpPort, target: int, codec: int) -> None:
        self._stopping = threading.Event()
        self._port, self._target, self._codec = port, target, codec
        self._thread = threading.Thread(target=self._speak, name="talker", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _speak(self) -> None:
        units_per_ms = 8 if self._codec == 9 else 48
        # Of Opus: silence, as RFC 6716 has it in one byte.
        payloads = g722(TONE_HZ, 0.2) if self._codec == 9 else [b"\x08"] * 10
        while not self._stopping.is_set():
            self._port.speak(self._target, self._codec, payloads, units_per_ms=units_per_ms, lost_one_in=10)


@pytest.fixture
def begin(server: Kamailio) -> Iterator[Callable[..., SipLine]]:
    """Return what starts a handset that has seen no line yet."""
    with ExitStack() as stack:

        def begin(most_kbit_s: int = 256) -> SipLine:
            words = RedundancySettings(most_kbit_s=most_kbit_s)
            line = SipLine(settings_of("alice", server, codecs=("g722", "opus", "pcma"), redundancy=words))
            stack.enter_context(line)
            line.wait_for_registration(RegistrationState.REGISTERED)
            line.say(TONE_HZ)
            return line

        yield begin


@pytest.fixture
def port() -> Iterator[RtpPort]:
    with RtpPort() as port:
        yield port


def offer(port: RtpPort, formats: str, *lines: str) -> str:
    return sdp(port.port, formats=formats, names=NAMES, lines=lines)


def answered(peer: ScriptedPeer, line: SipLine, body: str) -> int:
    """Let the peer call; return where the handset takes audio."""
    _, answer = line.take_call(peer, body)
    return answer.audio_port


@pytest.mark.parametrize("number", ["97", "98"])
def test_a_peer_that_has_redundancy_gets_it_by_the_number_that_it_gave(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort, number: str
) -> None:
    target = answered(peer, begin(), offer(port, f"9 {number} 101", f"fmtp:{number} 9/9/9"))
    with Talker(port, target, 9):
        packets = port.heard.in_a_row(20, lambda packet: is_repeated(packet, 9))
        assert {packet.type for packet in packets} == {int(number)}
        other = "98" if number == "97" else "97"
        peer.send("INVITE", body=offer(port, f"9 {other} 101", f"fmtp:{other} 9/9/9"))
        peer.acknowledge(peer.receive(200, method="INVITE"))
        port.heard.in_a_row(20, lambda packet: packet.type == int(other))
    peer.hang_up()


def test_a_peer_that_takes_one_copy_gets_one_by_a_number_below_96_too(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort
) -> None:
    line = begin()
    target = answered(peer, line, offer(port, "111 63 101", "fmtp:63 111/111"))
    with Talker(port, target, 111):
        packets = port.heard.in_a_row(20, lambda packet: is_repeated(packet, 111, 1))
    assert {packet.type for packet in packets} == {63}
    # What comes by that number is heard.
    own = [blocks_of(packet.payload)[-1].payload for packet in packets]
    line.say(0)
    port.speak(target, 111, [b"\x08"] * 30, units_per_ms=48)
    assert level(line.last_heard(0.2), TONE_HZ) < HEARD
    mark = line.mark()
    port.speak(target, 63, [redundant([], payload, 111) for payload in own * 2], units_per_ms=48)
    assert loudest(line.heard_since(mark), TONE_HZ) > HEARD
    peer.hang_up()


@pytest.mark.parametrize(("formats", "codec"), [("9 101", 9), ("111 101", 111), ("9 97 101", 9), ("8 97 101", 8)])
def test_with_a_peer_that_has_none_nothing_changes(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort, formats: str, codec: int
) -> None:
    target = answered(peer, begin(), offer(port, formats, *(["fmtp:97 8/8"] if "97" in formats else [])))
    port.heard.first(20)
    with Talker(port, target, codec):
        # Twice as long as it takes until a peer that has redundancy gets it.
        packets = port.heard.first(180)
    assert are_alone(packets, codec)
    steps = {later.timestamp - earlier.timestamp for earlier, later in pairwise(packets)}
    assert steps == {OPUS_TICKS if codec == 111 else G722_TICKS}
    peer.hang_up()


@pytest.mark.parametrize(
    ("wish", "has_it"),
    [("useinbandfec=1", True), ("useinbandfec=1;usedtx=1", True), ("useinbandfec=0", False), ("cbr=0", False)],
)
def test_opus_has_redundancy_of_its_own_on_a_line_that_loses_where_the_other_end_uses_it(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort, wish: str, *, has_it: bool
) -> None:
    line = begin()
    target = answered(peer, line, offer(port, "111 101", f"fmtp:111 {wish}"))
    assert not any(map(has_earlier, spoken(line, port)))
    with Talker(port, target, 111):
        port.heard.first(100, after=port.heard.mark())
        packets = spoken(line, port)
    assert any(map(has_earlier, packets)) is has_it
    # A frame of two bytes or fewer is one that was not transmitted.
    assert min(len(packet.payload) for packet in packets) > 2
    peer.hang_up()


def spoken(line: SipLine, port: RtpPort) -> list[Packet]:
    """Return packets of something like words; Opus takes a tone that goes on for noise, and repeats none of it."""
    packets: list[Packet] = []
    for _ in range(4):
        mark = port.heard.mark()
        line.say(0)
        port.heard.first(15, after=mark)
        mark = port.heard.mark()
        line.say(TONE_HZ)
        packets += port.heard.first(20, after=mark)
    return packets


def has_earlier(packet: Packet) -> bool:
    return bool(HAS_LBRR(packet.payload, len(packet.payload)) == 1)


@pytest.mark.parametrize(("kbit_s", "codec"), [(0, 9), (128, 9), (64, 111), (128, 111)])
def test_no_payload_grows_beyond_the_bandwidth_that_is_set(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort, kbit_s: int, codec: int
) -> None:
    most = room_in(kbit_s)
    body = offer(port, "9 97 101", "fmtp:97 9/9/9") if codec == 9 else offer(port, "111 63 101", "fmtp:63 111/111/111")
    target = answered(peer, begin(kbit_s), body)
    with Talker(port, target, codec):
        packets = port.heard.first(200)
    grown = [packet for packet in packets if packet.type != codec]
    assert all(len(packet.payload) <= most for packet in grown)
    # Two of G.722 and what it costs to name one are 325 bytes, of Opus some 170.
    assert bool(grown) == (codec == 111 and most > 200)
    peer.hang_up()


def test_redundancy_that_lies_is_dropped_and_the_call_goes_on(
    begin: Callable[..., SipLine], peer: ScriptedPeer, port: RtpPort
) -> None:
    line = begin()
    target = answered(peer, line, offer(port, "9 97 101", "fmtp:97 9/9/9"))
    silence = g722(0, 0.6)
    port.speak(target, 9, silence)
    assert level(line.last_heard(0.2), TONE_HZ) < HEARD
    mark = line.mark()
    for lie in (
        lambda payload: redundant([(160, payload)], payload, 8),
        lambda payload: redundant([(80, payload)], payload, 9),
        lambda payload: redundant([(160, payload)], payload, 9)[:100],
        lambda payload: b"\x89" + payload,
    ):
        port.speak(target, 97, [lie(payload) for payload in g722(TONE_HZ, 0.4)])
        assert loudest(line.heard_since(mark), TONE_HZ) < HEARD
    port.speak(target, 97, [redundant([], payload, 9) for payload in g722(TONE_HZ, 0.6)])
    assert loudest(line.heard_since(mark), TONE_HZ) > HEARD
    peer.hang_up()
