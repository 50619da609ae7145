"""Malformed signalling and audio, from the handset's own server and past it: nothing crashes, and calls work."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import chance
from tests.lab.fuzzer.campaign import BUILDS, LONGEST_S, ROOT, Campaign, Way, besieged
from tests.lab.fuzzer.descriptions import DTLS, OPUS, REPEATED, SDES, SDP, TEXT, WEB
from tests.lab.fuzzer.media import make_packet
from tests.lab.fuzzer.server import HostileServer
from tests.lab.fuzzer.siege import Siege
from tests.lab.stack_process import StackProcess, StackSettings

pytestmark = pytest.mark.feature("malformed messages")
MESSAGES = 1_000_000
THROUGH_THE_GATE = 20_000
A_FEW = 500
INVITES = chance.counted(18_000, 600)
MOST_CALLS = 4
PACKETS = chance.counted(40_000, 1500)
GROWTH_BYTES = 6_000_000
# What the gate lets in for good is more than this.
GATE_PER_S = 40.0


@pytest.fixture
def siege(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Siege]:
    way = getattr(request, "param", Way(counts=True))
    with besieged(tmp_path, way) as siege:
        yield siege


@pytest.mark.parametrize(
    "siege",
    [Way("udp", ice=True), Way("tcp", past_registrar=True), Way("tls", ice=True)],
    ids=lambda way: way.transport,
    indirect=True,
)
def test_some_malformed_messages_do_not_crash_the_phone(siege: Siege) -> None:
    siege.run(chance.SEED, range(A_FEW))
    siege.assert_works()


@pytest.mark.skipif(not chance.SOAK, reason="for make soak")
@pytest.mark.soak
@pytest.mark.timeout(LONGEST_S + 300)
@pytest.mark.parametrize("build", BUILDS)
def test_a_million_malformed_messages_do_not_crash_the_phone(build: str, tmp_path: Path) -> None:
    """It goes on where the run before has ended; the log in build/soak has how far that was."""
    log = ROOT / "build" / "soak" / f"fuzz-{build}.json"
    campaign = Campaign(log, build, chance.SEED, MESSAGES)
    campaign.run(tmp_path)
    if not campaign.is_done:
        pytest.skip(f"{campaign.reached} of {MESSAGES} so far; the next run goes on")


@pytest.mark.skipif(not chance.SOAK, reason="for make soak")
@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("siege", [Way("udp", counts=True, past_registrar=True)], indirect=True)
def test_malformed_messages_at_the_pace_of_the_gate_neither_crash_the_phone_nor_leak(siege: Siege) -> None:
    siege.run(chance.SEED, range(THROUGH_THE_GATE // 4), GATE_PER_S)
    before = siege.stack.size()
    siege.run(chance.SEED, range(THROUGH_THE_GATE // 4, THROUGH_THE_GATE), GATE_PER_S)
    after = siege.stack.size()
    siege.assert_works()
    assert after.memory_bytes - before.memory_bytes < GROWTH_BYTES
    assert after.threads <= before.threads


REGRESSIONS = {
    # pjsip_url_print does not survive it
    "an empty address in brackets": ("OPTIONS", "sip:alice@[]", "", ""),
    # pj_sockaddr_in_set_str_addr does not survive it
    "an address of 3,000 digits": ("INVITE", "", "application/sdp", SDP + f"c=IN IP4 {'1' * 3000}\r\n"),
    # pj_strstr does not survive it
    "a digit in a line without an end": ("INFO", "", "application/dtmf-relay", f"Signal={'5' * 3000}"),
    # pjsua looked at the session that its own refusal had ended
    "an offer that no transport takes": (
        "INVITE", "", "application/sdp", SDP.replace("RTP/AVP", "RTP/SAVP")
        + "a=crypto:1 AES_192_CM_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkMDEyMzQ1Njc=\r\n",
    ),
    "an extension that the library lacks": ("INVITE", "", "application/sdp", SDP),
}  # fmt: skip


@pytest.mark.parametrize("siege", [Way("udp"), Way("udp", reads_bodies=False)], ids=["as shipped", "parser off"],
                         indirect=True)  # fmt: skip
def test_what_once_crashed_the_phone_no_longer_does(siege: Siege) -> None:
    for name, (method, to, content_type, body) in REGRESSIONS.items():
        headers = "Require: unheard-of\r\n" if body == SDP else ""
        for in_call in (True, False):
            siege.server.send_request(
                method, in_call=in_call, to=to, headers=headers, content_type=content_type, body=body
            )
            assert siege.server.ping(), name
    siege.assert_works()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("siege", [Way("udp")], indirect=True)
def test_calls_in_quick_turns_do_not_take_each_others_places(siege: Siege) -> None:
    siege.call_in_turns(INVITES)
    siege.assert_works()


def test_a_request_within_a_call_that_is_over_is_refused_before_the_library_sees_it(siege: Siege) -> None:
    assert siege.server.refer() == "SIP/2.0 202 Accepted"
    siege.stack.hang_up("1")
    assert siege.server.refer().startswith("SIP/2.0 481")
    siege.assert_works()


@pytest.mark.parametrize("siege", [Way(counts=True, ice=True), Way(counts=True)], ids=["ice", "plain"], indirect=True)
def test_a_call_that_a_transfer_begins_is_told_of_until_its_end(siege: Siege) -> None:
    mark = len(siege.stack.events)
    assert siege.server.refer() == "SIP/2.0 202 Accepted"
    assert siege.stack.wait_for("disconnected", after=mark).endswith(" busy")
    siege.assert_works()


def test_a_caller_too_many_is_not_answered_and_keeps_no_place(tmp_path: Path) -> None:
    with HostileServer("udp") as server:
        settings = StackSettings("alice", "secret", server.port, welcome=["caller"], calls=MOST_CALLS + 1)
        with StackProcess(tmp_path, settings) as stack:
            server.target_port = stack.port
            assert [server.call() for _ in range(MOST_CALLS + 1)] == [True] * MOST_CALLS + [False]
            stack.hang_up_all()
            deadline = time.monotonic() + 10
            while stack.ask("calls"):
                assert time.monotonic() < deadline, "the library keeps a call"


GOOD = SDP.format(media_port=9)
USELESS = {
    "no codec of ours": GOOD.replace("8 0 101", "99").replace("a=rtpmap", "a=unknown"),
    "no port": GOOD.replace("m=audio 9", "m=audio 0"),
    "not a description": "m=audio 9 RTP/AVP\r\n",
}


@pytest.mark.parametrize("useless", USELESS.values(), ids=USELESS)
@pytest.mark.parametrize(("first", "then"), [("a", "a"), ("a", "b")], ids=["the same callee", "another"])
def test_a_useless_answer_while_it_rings_does_not_make_the_next_one_deadly(
    siege: Siege, useless: str, first: str, then: str
) -> None:
    siege.server.answers_to_invite = [(183, first, useless), (200, then, GOOD)]
    mark = len(siege.stack.events)
    number = siege.stack.ask("call", "sip:somebody@localhost")
    siege.stack.wait_for(f"alerting {number}", after=mark)
    assert siege.server.ping()
    siege.stack.hang_up(str(number))
    siege.server.answers_to_invite = ()
    siege.assert_works()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("siege", "description"),
    [
        (Way(counts=True), SDP),
        (Way(counts=True), REPEATED),
        (Way(counts=True), OPUS),
        (Way(counts=True), TEXT),
        (Way(counts=True), SDES),
        (Way(counts=True), DTLS),
        (Way(counts=True, ice=True), WEB),
    ],
    ids=["plain", "G.722 again", "Opus again", "text", "SRTP", "DTLS", "ICE"],
    indirect=["siege"],
)
def test_garbage_to_the_audio_port_is_survived(siege: Siege, description: str) -> None:
    rng = chance.dice()
    siege.stack.hang_up("1")
    assert siege.server.call(description=description)
    before = siege.stack.size()
    for number in range(PACKETS):
        packet = make_packet(rng)
        siege.server.send_media(packet, in_stream=number % 2 == 0)
        if number % 3 == 0:
            siege.server.send_control(packet)
        if number % 100 == 99:
            # As a line may carry at most; the handset's buffer would drop the rest unseen.
            threading.Event().wait(0.02)
    assert siege.server.is_in_call()
    siege.assert_works()
    # The same call once more: one whose RTP and RTCP share a port has a socket less than another.
    siege.stack.hang_up_all()
    assert siege.server.call(description=description)
    after = siege.stack.size()
    assert after.memory_bytes - before.memory_bytes < GROWTH_BYTES
    assert after.descriptors <= before.descriptors
