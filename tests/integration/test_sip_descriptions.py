"""What session descriptions agree on and what then goes over the wire: Opus within the limits of both, redundancy."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import CallAudioChanged, CallQualityMeasured, IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, HoldCall, PlaceCall, ResumeCall
from tests.lab.audio import Sound, find_tone, gaps, level, loudest
from tests.lab.kamailio import Kamailio
from tests.lab.patience import wait_until
from tests.lab.rtp_port import Packet, RtpPort, g722, redundant
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine
from tests.lab.three_agents import TONES_HZ, new_call_id, settings_of, uri_of, wait_until_heard

PEER = SipUri("sip:peer@localhost")
TONE_HZ = 1000
HEARD, NOT_HEARD = 1000.0, 150.0
SILENCE = g722(0, 0.6)
NAMES = {
    "96": "opus/48000/2",
    "111": "opus/48000/2",
    "63": "red/48000/2",
    "97": "red/8000",
    "98": "red/8000",
    "102": "telephone-event/48000",
}
OPUS = ("fmtp:111 useinbandfec=1",)
G722_REPEATED = ("fmtp:97 9/9/9",)


@pytest.fixture(scope="module")
def registered(server: Kamailio) -> Iterator[SipLine]:
    with SipLine(settings_of("alice", server, codecs=("g722", "opus", "pcma"))) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        yield line


@pytest.fixture
def port() -> Iterator[RtpPort]:
    with RtpPort() as port:
        yield port


class Said:
    """The audio of a session description.

    Attributes:
        formats: its payload types.
        names: of the formats.
        parameters: of the formats.
    """

    def __init__(self, body: str) -> None:
        found = re.search(r"^m=audio (\d+) \S+ (.*?)\r?$", body, re.MULTILINE)
        assert found
        self.port, self.formats = int(found[1]), found[2].split()
        self.names, self.parameters = (
            dict(re.findall(rf"^a={kind}:(\d+) (.*?)\r?$", body, re.MULTILINE)) for kind in ("rtpmap", "fmtp")
        )

    def type_of(self, name: str) -> str:
        return next((number for number in self.formats if self.names.get(number) == name), "")


def offered(peer: ScriptedPeer, line: SipLine, body: str) -> Said:
    """Let the peer call with an offer, and return what it is answered."""
    _, answer = line.take_call(peer, body)
    return Said(answer.body)


def offered_again(peer: ScriptedPeer, body: str) -> Said:
    peer.send("INVITE", body=body)
    answer = peer.receive(200, method="INVITE")
    peer.acknowledge(answer)
    return Said(answer.body)


def answered(peer: ScriptedPeer, line: SipLine | SecondPhone, body: str) -> tuple[CallId, Said]:
    """Call the peer, which answers with this; return what it was offered."""
    call_id = new_call_id()
    line.stack.order(PlaceCall(call_id, PEER))
    invite = peer.take_call()
    peer.reply(invite, 200, body=body)
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    line.wait_for(CallAudioChanged, lambda event: event.receiving and event.sending)
    return call_id, Said(invite.body)


def hang_up(peer: ScriptedPeer, line: SipLine | SecondPhone, call_id: CallId) -> None:
    line.stack.order(HangUpCall(call_id))
    peer.confirm_hang_up()
    line.wait_for_call(call_id, CallState.DISCONNECTED)


def hear(line: SipLine, port: RtpPort, said: Said, payload_type: int | str, payloads: Sequence[bytes]) -> float:
    """Return how loud the tone becomes by these packets."""
    mark = line.mark()
    port.speak(said.port, int(payload_type), payloads)
    return loudest(line.heard_since(mark), TONE_HZ)


def hush(line: SipLine, port: RtpPort, said: Said) -> None:
    """Let nothing more be heard of what was spoken."""
    port.speak(said.port, 9, SILENCE)
    assert level(line.last_heard(0.2), TONE_HZ) < NOT_HEARD


def is_redundancy_taken(line: SipLine, port: RtpPort, said: Said, payload_type: int | str) -> bool:
    """Say whether packets with redundancy are heard; those without are in any case."""
    packets = g722(TONE_HZ, 0.6)
    assert hear(line, port, said, 9, packets) > HEARD
    hush(line, port, said)
    heard = hear(line, port, said, payload_type, redundant(packets, 9))
    assert heard > HEARD or heard < NOT_HEARD
    return heard > HEARD


def g722_offer(port: RtpPort, *lines: str, formats: str = "9 97 101") -> str:
    return sdp(port.port, formats=formats, names=NAMES, lines=lines or G722_REPEATED)


def opus_offer(port: RtpPort, *lines: str, formats: str = "111 63 102") -> str:
    return sdp(port.port, formats=formats, names=NAMES, lines=(*lines, "fmtp:63 111/111"))


# --- redundancy -------------------------------------------------------------------------------------------------------


def test_an_offer_names_redundancy_of_opus_and_g722_behind_everything_else(line: SipLine, peer: ScriptedPeer) -> None:
    line.stack.order(PlaceCall(new_call_id(), PEER))
    invite = peer.take_call()
    said = Said(invite.body)
    opus = said.type_of("opus/48000/2")
    repeated = {said.type_of("red/48000/2"): f"{opus}/{opus}/{opus}", said.type_of("red/8000"): "9/9/9"}
    assert {said.parameters[number] for number in repeated} == set(repeated.values())
    assert set(said.formats[-2:]) == set(repeated)
    assert len(set(said.formats)) == len(said.formats)
    peer.reply(invite, 486)


@pytest.mark.parametrize(
    ("formats", "lines", "expected"),
    [
        ("9 97 101", ["fmtp:97 9/9/9"], "9/9/9"),
        ("9 97 101", ["fmtp:97 9/9"], "9/9"),
        ("9 97 101", ["fmtp:97 9/9/9/9"], "9/9/9"),
        # Whoever prefers redundancy names it first.
        ("97 9 101", ["fmtp:97 9/9"], "9/9"),
        ("111 63 9 97 101", ["fmtp:63 111/111", "fmtp:97 9/9"], "111/111"),
        ("9 111 63 97 101", ["fmtp:63 111/111", "fmtp:97 9/9"], "9/9"),
        ("63 111", ["fmtp:63 111/111/111"], "111/111/111"),
    ],
)
def test_an_answer_keeps_the_redundancy_of_the_codec_that_is_used(
    line: SipLine, peer: ScriptedPeer, formats: str, lines: list[str], expected: str
) -> None:
    said = offered(peer, line, sdp(formats=formats, names=NAMES, lines=lines))
    repeated = [number for number, name in said.names.items() if name.startswith("red")]
    assert [said.parameters[number] for number in repeated] == [expected]
    # By the numbers of the offer, behind the codec.
    assert said.formats[0] == expected.partition("/")[0]
    assert said.formats[-1] == repeated[0] == ("63" if expected.startswith("111") else "97")
    peer.hang_up()


@pytest.mark.parametrize(
    ("formats", "names", "lines"),
    [
        ("9 101", {}, []),
        ("9 97", {"97": "red/90000"}, ["fmtp:97 9/9"]),
        ("9 97", {"97": "red/48000/2"}, ["fmtp:97 9/9"]),
        ("9 8 97", {}, ["fmtp:97 9/8"]),
        ("9 97", {}, ["fmtp:97 111/111"]),
        ("9 97", {}, ["fmtp:97 9"]),
        ("9 97", {}, []),
        ("9 97", {}, ["fmtp:97 97/97"]),
        ("97 8", {}, ["fmtp:97 9/9"]),
        ("8 97", {}, ["fmtp:97 8/8"]),
        ("9 97 98", {}, ["fmtp:97 9/9", "fmtp:98 9/9/9"]),
        ("9 63", {}, ["fmtp:63 111/111"]),
    ],
)
def test_redundancy_that_is_offered_wrongly_costs_nobody_the_call(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, *, formats: str, names: dict[str, str], lines: list[str]
) -> None:
    said = offered(peer, line, sdp(port.port, formats=formats, names=NAMES | names, lines=lines))
    assert "red" not in " ".join(said.names.values())
    port.heard.first(10, lambda packet: str(packet.type) == said.formats[0])
    peer.hang_up()


def test_two_handsets_agree_on_redundancy(line: SipLine, peer: ScriptedPeer) -> None:
    line.stack.order(PlaceCall(new_call_id(), PEER))
    invite = peer.take_call()
    peer.reply(invite, 486)
    said = offered(peer, line, invite.body)
    assert said.formats[0] == "9"
    assert said.parameters[said.type_of("red/8000")] == "9/9/9"
    assert not said.type_of("red/48000/2")
    peer.hang_up()


def test_redundancy_alone_is_refused(line: SipLine, peer: ScriptedPeer) -> None:
    peer.invite("alice", body=sdp(formats="97", names=NAMES, lines=["fmtp:97 9/9"]))
    peer.acknowledge(peer.receive(488))
    line.forget()


def test_packets_with_redundancy_are_taken_by_the_number_that_was_agreed_on(
    line: SipLine, peer: ScriptedPeer, port: RtpPort
) -> None:
    said = offered(peer, line, g722_offer(port))
    assert is_redundancy_taken(line, port, said, 97)
    assert not is_redundancy_taken(line, port, said, 98)
    peer.hang_up()


def test_the_numbers_change_with_a_re_invite(line: SipLine, peer: ScriptedPeer, port: RtpPort) -> None:
    said = offered(peer, line, g722_offer(port))
    again = offered_again(peer, g722_offer(port, "fmtp:98 9/9", formats="9 98 101"))
    assert (said.parameters["97"], again.parameters["98"], again.type_of("red/8000")) == ("9/9/9", "9/9", "98")
    assert is_redundancy_taken(line, port, again, 98)
    assert not is_redundancy_taken(line, port, again, 97)
    without = offered_again(peer, g722_offer(port, "ptime:20", formats="9 101"))
    assert not is_redundancy_taken(line, port, without, 98)
    peer.hang_up()


def test_redundancy_follows_the_codec_that_a_re_invite_changes_to(
    line: SipLine, peer: ScriptedPeer, port: RtpPort
) -> None:
    said = offered(peer, line, g722_offer(port))
    by_opus = offered_again(peer, opus_offer(port, *OPUS))
    assert by_opus.parameters["63"] == "111/111"
    assert not by_opus.type_of("red/8000")
    port.heard.first(10, is_opus)
    again = offered_again(peer, g722_offer(port))
    assert again.parameters["97"] == said.parameters["97"]
    assert is_redundancy_taken(line, port, again, 97)
    peer.hang_up()


def test_redundancy_names_its_codec_by_the_number_that_a_session_has_for_it(
    line: SipLine, peer: ScriptedPeer, port: RtpPort
) -> None:
    peer.invite("alice", body=opus_offer(port))
    call_id = line.wait_for(IncomingCallReceived).call_id
    line.stack.order(AnswerCall(call_id))
    answer = peer.receive(200)
    peer.establish(answer)
    peer.acknowledge(answer)
    line.wait_for_call(call_id, CallState.ACTIVE)
    line.stack.order(HoldCall(call_id))
    hold = peer.receive("INVITE")
    said = Said(hold.body)
    assert said.type_of("opus/48000/2") == "111"
    assert said.parameters[said.type_of("red/48000/2")] == "111/111/111"
    peer.reply(hold, 200, body=opus_offer(port).replace("sendrecv", "recvonly"))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.HELD)
    mark = port.heard.mark()
    line.stack.order(ResumeCall(call_id))
    back = peer.receive("INVITE")
    peer.reply(back, 200, body=opus_offer(port))
    peer.receive("ACK")
    line.wait_for_call(call_id, CallState.ACTIVE)
    port.heard.first(10, is_opus, after=mark)
    hang_up(peer, line, call_id)


def test_an_answer_may_have_numbers_of_its_own_and_needs_no_second_offer(
    line: SipLine, peer: ScriptedPeer, port: RtpPort
) -> None:
    # Below 96, as browsers have it: pjmedia takes such a number for a codec's.
    names = NAMES | {"63": "red/8000"}
    call_id, said = answered(peer, line, sdp(port.port, formats="63 9 101", names=names, lines=["fmtp:63 9/9"]))
    assert is_redundancy_taken(line, port, said, said.type_of("red/8000"))
    assert not peer.receives("INVITE", 0.5)
    assert not peer.receives("UPDATE", 0.1)
    hang_up(peer, line, call_id)


@pytest.mark.parametrize(
    ("formats", "lines"),
    [("9 101", []), ("9 97 101", ["fmtp:97 9/8"]), ("9 97 101", []), ("9 8 97", ["fmtp:97 8/8"]), ("9 63", OPUS)],
)
def test_an_answer_without_good_redundancy_has_none_taken(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, formats: str, lines: Sequence[str]
) -> None:
    call_id, said = answered(peer, line, sdp(port.port, formats=formats, names=NAMES, lines=lines))
    assert not is_redundancy_taken(line, port, said, said.type_of("red/8000"))
    hang_up(peer, line, call_id)


def test_an_answer_that_names_redundancy_which_was_not_offered_is_an_answer_without(
    server: Kamailio, port: RtpPort
) -> None:
    with SecondPhone(settings_of("bob", server, codecs=("pcma",))) as bob, ScriptedPeer(server.udp_port) as peer:
        bob.wait_for_registration(RegistrationState.REGISTERED)
        server.route("peer", peer.uri)
        names, lines = {"97": "red/8000"}, ["fmtp:97 8/8"]
        call_id, said = answered(peer, bob, sdp(port.port, formats="8 97 101", names=names, lines=lines))
        assert "red" not in " ".join(said.names.values())
        port.heard.first(10, lambda packet: packet.type == 8)
        hang_up(peer, bob, call_id)


def test_a_packet_of_another_codec_is_not_heard(line: SipLine, peer: ScriptedPeer, port: RtpPort) -> None:
    # No payload type for redundancy is no payload type at all, not PCMU's.
    said = offered(peer, line, g722_offer(port, "ptime:20", formats="9 101"))
    assert hear(line, port, said, 9, g722(TONE_HZ, 0.6)) > HEARD
    hush(line, port, said)
    assert hear(line, port, said, 0, g722(TONE_HZ, 0.6)) < NOT_HEARD
    peer.hang_up()


def means(heard: Sound) -> list[float]:
    """Return the means of the samples' amounts by fifths of a second."""
    starts = np.arange(0, heard.duration_s - 0.2, 0.1)
    return [float(np.abs(heard.between(start, start + 0.2).samples).mean()) for start in starts]


def test_a_room_that_is_nearly_silent_is_heard(line: SipLine, peer: ScriptedPeer, port: RtpPort) -> None:
    said = offered(peer, line, sdp(port.port, formats="9 101"))
    # G.722 makes a restless step or two of silence. A mean of less than four is where the library hears nothing at all.
    mark = line.mark()
    port.speak(said.port, 9, SILENCE)
    # It comes a little late where the computer is busy, and what is made up for packets that come late is louder.
    wait_until(lambda: any(0 < mean < 4 for mean in means(line.heard_since(mark))), "something is heard")
    peer.hang_up()


# --- Opus -------------------------------------------------------------------------------------------------------------


def test_what_is_said_of_opus(line: SipLine, peer: ScriptedPeer, port: RtpPort) -> None:
    line.stack.order(PlaceCall(new_call_id(), PEER))
    invite = peer.take_call()
    offer = Said(invite.body)
    expected = {"maxplaybackrate=16000", "sprop-maxcapturerate=16000", "maxaveragebitrate=32000", "useinbandfec=1"}
    assert set(offer.parameters[offer.type_of("opus/48000/2")].split(";")) == expected
    peer.reply(invite, 486)
    answer = offered(peer, line, opus_offer(port, *OPUS))
    assert set(answer.parameters["111"].split(";")) == expected
    peer.hang_up()


def test_two_handsets_hear_each_other_by_opus(server: Kamailio, line: SipLine) -> None:
    with SecondPhone(settings_of("bob", server, codecs=("opus",))) as bob:
        bob.wait_for_registration(RegistrationState.REGISTERED)
        for phone, user in ((line, "alice"), (bob, "bob")):
            phone.say(TONES_HZ[user])
        call_id = new_call_id()
        line.stack.order(PlaceCall(call_id, uri_of("bob")))
        bob.stack.order(AnswerCall(bob.wait_for(IncomingCallReceived).call_id))
        line.wait_for_call(call_id, CallState.ACTIVE)
        wait_until_heard(line, {"bob"})
        wait_until_heard(bob, {"alice"})
        line.stack.order(HangUpCall(call_id))
        assert line.wait_for(CallQualityMeasured).quality.codec.lower() == "opus"


@pytest.mark.parametrize(
    ("parameters", "bits_per_s"),
    [
        ("cbr=1", 32_000),
        ("cbr=1;maxaveragebitrate=510000", 32_000),
        ("cbr=1;maxaveragebitrate=12000", 12_000),
        ("cbr=1;maxaveragebitrate=6000", 6_000),
        ("cbr=1;maxaveragebitrate=100", 32_000),  # below what RFC 7587 allows
    ],
)
def test_opus_keeps_to_the_lower_bit_rate_of_both(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, parameters: str, bits_per_s: int
) -> None:
    line.say(TONE_HZ)
    offered(peer, line, opus_offer(port, f"fmtp:111 {parameters}"))
    packets = port.heard.first(25, is_opus)
    assert {len(packet.payload) for packet in packets} == {bits_per_s // 50 // 8}
    peer.hang_up()


def is_opus(packet: Packet) -> bool:
    return packet.type == 111


@pytest.mark.parametrize(
    ("lines", "length_ms"),
    [
        ([], 20),
        (["ptime:10"], 10),
        (["ptime:20"], 20),
        (["ptime:40"], 40),
        (["ptime:60"], 60),
        (["maxptime:10"], 10),
        (["ptime:20", "maxptime:15"], 10),
        (["ptime:60", "maxptime:40"], 40),
    ],
)
@pytest.mark.parametrize(("codec", "units_per_ms"), [("111", 48), ("9", 8)])
def test_packets_are_as_long_as_the_other_end_wants_them(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, *, codec: str, units_per_ms: int, lines: list[str], length_ms: int
) -> None:
    offered(peer, line, sdp(port.port, formats=codec, names=NAMES, lines=lines))
    packets = port.heard.first(8, lambda packet: str(packet.type) == codec)
    steps = {later.timestamp - earlier.timestamp for earlier, later in pairwise(packets)}
    assert steps == {length_ms * units_per_ms}
    peer.hang_up()


@pytest.mark.parametrize("length_ms", [10, 20, 40])
def test_opus_is_heard_in_packets_of_each_length(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, length_ms: int
) -> None:
    """What the handset sends comes back to it, so that both directions have packets of this length."""
    said = offered(peer, line, opus_offer(port, *OPUS, f"ptime:{length_ms}"))
    mark = port.heard.mark()
    line.say(TONE_HZ)
    packets = [packet.payload for packet in port.heard.first(40, is_opus, after=mark)]
    mark = line.mark()
    port.speak(said.port, 111, packets, length_ms=length_ms, units_per_ms=48)
    assert loudest(line.heard_since(mark), TONE_HZ) > HEARD
    peer.hang_up()


def test_opus_is_mono_and_never_silent_whatever_the_other_end_wishes(
    line: SipLine, peer: ScriptedPeer, port: RtpPort
) -> None:
    offered(peer, line, opus_offer(port, "fmtp:111 stereo=1;sprop-stereo=1;usedtx=1"))
    packets = port.heard.first(60, is_opus)
    # RFC 6716 section 3.1: this bit is stereo. A frame of two bytes or fewer is one that was not transmitted.
    assert not any(packet.payload[0] & 0x04 for packet in packets)
    assert min(len(packet.payload) for packet in packets) > 2
    assert {later.timestamp - earlier.timestamp for earlier, later in pairwise(packets)} == {960}
    peer.hang_up()


@pytest.mark.parametrize(("limit", "bandwidth"), [(8000, 0), (12000, 1), (48000, 2)])
def test_opus_sends_no_more_than_the_other_end_can_play(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, limit: int, bandwidth: int
) -> None:
    offered(peer, line, opus_offer(port, f"fmtp:111 maxplaybackrate={limit}"))
    line.say(TONE_HZ)
    # RFC 6716 section 3.1: of SILK, four configurations a bandwidth; narrow, medium, wide.
    port.heard.in_a_row(10, lambda packet: is_opus(packet) and packet.payload[0] >> 5 == bandwidth)
    peer.hang_up()


@pytest.mark.parametrize("units_per_ms", [8, 16])
def test_g722_is_heard_whole_whether_its_timestamps_count_each_sample_or_every_other(
    line: SipLine, peer: ScriptedPeer, port: RtpPort, units_per_ms: int
) -> None:
    # RFC 3551 section 4.5.2 has a clock of 8 kHz for historical reasons, and some senders have none.
    said = offered(peer, line, sdp(port.port, formats="9 101"))
    mark = line.mark()
    port.speak(said.port, 9, g722(TONE_HZ, 2.0), units_per_ms=units_per_ms)
    heard = line.heard_since(mark)
    begins_s = find_tone(heard, [TONE_HZ])[0].start_s
    assert gaps(heard.between(begins_s + 0.7, begins_s + 1.9), TONE_HZ) == []
    peer.hang_up()
