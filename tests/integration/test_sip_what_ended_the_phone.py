"""What once ended the phone, as it is shipped: it is refused or harmless now, and the next call is answered at once."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import pytest

from provisioning.sip_choices import Srtp
from tests.lab import chance
from tests.lab.audio import find_tone
from tests.lab.kamailio import Kamailio
from tests.lab.rtp_ear import RtpEar
from tests.lab.scripted_peer import ScriptedPeer, ScriptedServer, SipMessage
from tests.lab.stack_process import StackProcess, StackSettings

INVITES = chance.counted(18_000, 600)
TURNS = chance.counted(120, 4)
ANSWERED_S: Final = 10.0
# Less than one question to a name server that is silent takes (resolv.conf(5)).
BEFORE_A_NAME_S: Final = 3.0
FINAL_S: Final = 10.0
# When a request over UDP is sent again (RFC 3261 section 17.1.1.1).
T1_S: Final = 0.5
NAME_SERVER: Final = "127.0.53.53"
STRANGER_HZ: Final = 700
# A sender's report that says nothing (RFC 3550 section 6.4.1).
REPORT: Final = bytes([0x80, 200, 0, 6]) + bytes(24)
PEER_HZ: Final = 400
# In so long the phone lets in two more of one server.
TWO_LET_IN_S: Final = 0.4
# A proxy passes a 503 on as a 500 (RFC 3261 section 16.7, step 6).
TOO_MANY: Final = {500, 503}


class Way(StrEnum):
    """How messages come to the phone."""

    DIRECTLY = "directly"
    THROUGH_KAMAILIO = "through Kamailio"


class Scene:
    """A SIP stack that is set as it is shipped, and a peer that says what a test has it say.

    Attributes:
        stack: the phone's.
        peer: the phone's server itself, or somebody behind that.
        ear: where the peer takes sound.
    """

    def __init__(
        self, folder: Path, way: Way, *, ice: bool = False, name_server: str = "", transport: str = "udp"
    ) -> None:
        with ExitStack() as starting:
            self._start(starting, folder, way, ice=ice, name_server=name_server, transport=transport)
            self._running = starting.pop_all()

    def _start(
        self, starting: ExitStack, folder: Path, way: Way, *, ice: bool, name_server: str, transport: str
    ) -> None:
        self.ear = starting.enter_context(RtpEar())
        if way is Way.DIRECTLY:
            self.peer: ScriptedPeer = starting.enter_context(ScriptedServer())
            server_port = self.peer.port
        else:
            kamailio = starting.enter_context(Kamailio(folder / "kamailio", {"alice": "secret"}, memory_mb=256))
            self.peer = starting.enter_context(ScriptedPeer(kamailio.udp_port))
            kamailio.route("peer", self.peer.uri)
            server_port = kamailio.udp_port
        settings = StackSettings(
            "alice",
            "secret",
            server_port if transport == "udp" else kamailio.tcp_port,
            transport,
            welcome=["peer", "next"],
            calls=2,
            srtp=Srtp.PREFERRED,
            ice=ice,
            name_server=name_server,
        )
        self.stack = StackProcess(folder / "stack", settings)
        # Nothing is looked at after a test, so there is no farewell to wait for.
        starting.callback(self.stack.kill)
        self.stack.start()
        self._entry = self.stack.port if way is Way.DIRECTLY else server_port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def another(self, user: str) -> ScriptedPeer:
        """Return somebody else, whose messages come the same way."""
        return self._running.enter_context(ScriptedPeer(self._entry, user))

    def call(self, body: str, caller: ScriptedPeer | None = None) -> SipMessage:
        """Call the phone, and return the final response."""
        caller = caller or self.peer
        caller.invite("alice", body=body)
        return self.conclude(caller)

    def conclude(self, caller: ScriptedPeer | None = None, timeout_s: float = FINAL_S) -> SipMessage:
        """Return the final response to an INVITE, which is acknowledged."""
        caller = caller or self.peer
        response = self.receive(lambda one: one.code >= 200 and one.method == "INVITE", caller, timeout_s)
        if response.code == 200:
            caller.establish(response)
        caller.acknowledge(response)
        return response

    def receive(
        self, fits: Callable[[SipMessage], bool], peer: ScriptedPeer | None = None, timeout_s: float = FINAL_S
    ) -> SipMessage:
        """Return a message, for which the peer asks again once; where none comes, say how the stack has ended."""
        peer = peer or self.peer
        with suppress(AssertionError):
            return peer.receive_where(fits, min(T1_S, timeout_s))
        peer.repeat()
        try:
            return peer.receive_where(fits, max(0.0, timeout_s - T1_S))
        except AssertionError:
            self.stack.has_happened("gone", timeout_s=0.5)
            raise

    def be_called(self) -> SipMessage:
        """Let the phone call the peer, and return its INVITE."""
        self.stack.ask("call", "sip:peer@localhost")
        return self.peer.take_call()

    def assert_answers_a_call(self, within_s: float = ANSWERED_S) -> None:
        """Call the phone as somebody else, again where too many do, and be answered in time."""
        ends_at = time.monotonic() + within_s
        caller = self.another("next")
        while True:
            caller.invite("alice", body=offer(self.ear.port))
            code = self.conclude(caller, max(0.0, ends_at - time.monotonic())).code
            if code not in TOO_MANY:
                break
            threading.Event().wait(0.1)
        assert code == 200
        self.stack.ask("calls")


def offer(
    port: int,
    *attributes: str,
    profile: str = "RTP/AVP",
    formats: str = "8 101",
    connection: str = "IN IP4 127.0.0.1",
) -> str:
    """Make a session description as a test wants it."""
    names = {"8": "PCMA/8000", "9": "G722/8000", "101": "telephone-event/8000"}
    lines = [
        "v=0", f"o=peer 1 {time.monotonic_ns()} IN IP4 127.0.0.1", "s=-", f"c={connection}", "t=0 0",
        f"m=audio {port} {profile} {formats}", *(f"a=rtpmap:{number} {names[number]}" for number in formats.split()),
        *(f"a={attribute}" for attribute in attributes), "a=sendrecv",
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines)


FINGERPRINT: Final = f"fingerprint:sha-256 {':'.join(['5A'] * 32)}"


def dtls(port: int, profile: str, role: str) -> str:
    return offer(port, f"setup:{role}", FINGERPRINT, "rtcp-mux", profile=profile)


def ipv6_as_ipv4(port: int) -> str:
    return offer(port, connection="IN IP4 2001:db8::7")


Body = Callable[[int], str]

OFFERS: Final[dict[str, Body]] = {
    "DTLS, SAVP": lambda port: dtls(port, "UDP/TLS/RTP/SAVP", "actpass"),
    "DTLS, SAVPF": lambda port: dtls(port, "UDP/TLS/RTP/SAVPF", "actpass"),
    "an IPv6 address as IPv4": ipv6_as_ipv4,
}
ANSWERS: Final[dict[str, tuple[int, Body]]] = {
    "200, DTLS, SAVP": (200, lambda port: dtls(port, "UDP/TLS/RTP/SAVP", "active")),
    "200, DTLS, SAVPF": (200, lambda port: dtls(port, "UDP/TLS/RTP/SAVPF", "active")),
    "200, an IPv6 address as IPv4": (200, ipv6_as_ipv4),
    "183, DTLS, SAVP": (183, lambda port: dtls(port, "UDP/TLS/RTP/SAVP", "active")),
    "183, an IPv6 address as IPv4": (183, ipv6_as_ipv4),
}
NAMELESS: Final[dict[str, Body]] = {
    "c=": lambda port: offer(port, connection="IN IP4 media.example"),
    "a=rtcp:": lambda port: offer(port, f"rtcp:{port + 1} IN IP4 media.example"),
}


def wait_until_heard(stack: StackProcess, frequency_hz: float) -> None:
    ends_at = time.monotonic() + FINAL_S
    while True:
        stack.listen()
        threading.Event().wait(0.1)
        if find_tone(stack.heard().sound, [frequency_hz]):
            return
        assert time.monotonic() < ends_at, f"{frequency_hz} Hz are not heard"


@pytest.fixture(params=Way)
def way(request: pytest.FixtureRequest) -> Way:
    """How messages come to the phone in this test."""
    return Way(request.param)


@pytest.fixture
def scene(tmp_path: Path, way: Way) -> Iterator[Scene]:
    with Scene(tmp_path, way) as scene:
        yield scene


@pytest.mark.parametrize("user", ["peer", "nobody"])
@pytest.mark.parametrize("body", OFFERS.values(), ids=OFFERS)
def test_an_offer_that_ended_the_phone_does_not_whether_the_caller_is_welcome_or_refused(
    scene: Scene, body: Body, user: str
) -> None:
    scene.call(body(scene.ear.port), scene.another(user))
    scene.assert_answers_a_call()


@pytest.mark.parametrize(("code", "body"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_ended_the_phone_does_not(scene: Scene, code: int, body: Body) -> None:
    invite = scene.be_called()
    scene.peer.reply(invite, code, body=body(scene.ear.port))
    scene.assert_answers_a_call()


@pytest.mark.parametrize("body", OFFERS.values(), ids=OFFERS)
def test_a_changed_offer_within_a_call_that_ended_the_phone_does_not(scene: Scene, body: Body) -> None:
    assert scene.call(offer(scene.ear.port)).code == 200
    scene.peer.send("INVITE", body=body(scene.ear.port))
    scene.conclude()
    scene.assert_answers_a_call()


@pytest.mark.parametrize("formats", ["9 101", "8 101"], ids=["G.722", "PCMA"])
def test_packets_of_a_fifth_of_a_second_are_refused_or_sent(scene: Scene, formats: str) -> None:
    is_answered = scene.call(offer(scene.ear.port, "ptime:200", formats=formats)).code == 200
    if is_answered:
        scene.ear.wait_for_packets(1)
        threading.Event().wait(1)
    scene.assert_answers_a_call()
    assert bool(scene.ear.packets) == is_answered


@pytest.mark.parametrize("body", ["Signal=\0\r\nDuration=160\r\n", "Signal=\0005\r\nDuration=160\r\n"],
                         ids=["in its place", "before it"])  # fmt: skip
def test_a_digit_with_a_nul_is_no_digit(scene: Scene, body: str) -> None:
    assert scene.call(offer(scene.ear.port)).code == 200
    scene.peer.send("INFO", "Content-Type: application/dtmf-relay", body=body)
    scene.assert_answers_a_call()


def test_an_acknowledgement_of_nothing_is_not_answered(scene: Scene) -> None:
    assert scene.call("", scene.another("nobody")).code >= 400
    scene.peer.invite("alice")
    assert scene.receive(lambda one: one.code >= 180).method == "INVITE"
    # Of no transaction and of no dialog: it has a branch of its own, and no tag in To.
    scene.peer.send("ACK", sequence=1)
    scene.peer.send("ACK")
    scene.assert_answers_a_call()


@pytest.mark.parametrize("length", [255, 1000])
@pytest.mark.parametrize("is_answer", [False, True], ids=["offer", "answer"])
def test_a_user_fragment_of_ice_that_is_longer_than_any_is_refused_or_harmless(
    tmp_path: Path, way: Way, length: int, *, is_answer: bool
) -> None:
    with Scene(tmp_path, way, ice=True) as scene:
        port, control = scene.ear.port, scene.ear.port + 1
        body = offer(
            port,
            f"rtcp:{control} IN IP4 127.0.0.1",
            f"ice-ufrag:{'u' * length}",
            f"ice-pwd:{'p' * 22}",
            f"candidate:1 1 UDP 2130706431 127.0.0.1 {port} typ host",
            f"candidate:1 2 UDP 2130706430 127.0.0.1 {control} typ host",
        )
        if is_answer:
            scene.peer.reply(scene.be_called(), 200, body=body)
        else:
            scene.call(body)
        scene.assert_answers_a_call()


def test_a_call_that_ends_while_ice_begins_anew_is_only_over(tmp_path: Path) -> None:
    with Scene(tmp_path, Way.THROUGH_KAMAILIO, ice=True, transport="tcp") as scene, ExitStack() as connections:
        # What is being read keeps its own connection waiting, and no other.
        ways = [connections.enter_context(socket.create_connection(("127.0.0.1", scene.stack.port))) for _ in range(2)]
        scene.peer.invite("alice")
        response = scene.receive(lambda one: one.code == 200)
        scene.peer.establish(response)
        # An answer that wants no audio closes the phone's sockets, and the next invitation asks for others.
        scene.peer.acknowledge(response, body=offer(0))
        threading.Event().wait(0.1)
        scene.peer.send("INVITE", to=ways[0])
        scene.peer.send("BYE", to=ways[1])
        scene.assert_answers_a_call()


@pytest.mark.parametrize("body", NAMELESS.values(), ids=NAMELESS)
@pytest.mark.parametrize("is_answer", [False, True], ids=["offer", "answer"])
def test_a_name_in_place_of_an_address_stops_nobody_while_the_name_server_is_silent(
    tmp_path: Path, way: Way, body: Body, *, is_answer: bool
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((NAME_SERVER, 53))
        with Scene(tmp_path, way, name_server=NAME_SERVER) as scene:
            if is_answer:
                scene.peer.reply(scene.be_called(), 200, body=body(scene.ear.port))
            else:
                scene.peer.invite("alice", body=body(scene.ear.port))
            scene.assert_answers_a_call(BEFORE_A_NAME_S)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9"], ids=["at the peer's address", "elsewhere"])
@pytest.mark.parametrize("peer_speaks", [False, True], ids=["silent", "speaking"])
def test_a_stranger_who_finds_the_port_of_a_call_is_not_heard_and_hears_nothing(
    scene: Scene, address: str, *, peer_speaks: bool
) -> None:
    port = re.search(r"m=audio (\d+) ", scene.call(offer(scene.ear.port)).body)
    assert port
    assert scene.ear.wait_for_packets()
    if peer_speaks:
        scene.ear.speak_to(int(port.group(1)), frequency_hz=PEER_HZ)
        wait_until_heard(scene.stack, PEER_HZ)
    with RtpEar(address) as stranger:
        # Many packets between two of the peer's: who counts them takes the stranger for the peer at a new address.
        stranger.speak_to(int(port.group(1)), frequency_hz=STRANGER_HZ, source=2, every_s=0.001)
        scene.stack.listen()
        before = scene.ear.packets
        threading.Event().wait(1)
        heard = scene.stack.heard().sound
        assert not stranger.packets
        assert scene.ear.packets > before
        assert not find_tone(heard, [STRANGER_HZ])
        assert bool(find_tone(heard, [PEER_HZ])) == peer_speaks
    scene.assert_answers_a_call()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9"], ids=["at the peer's address", "elsewhere"])
def test_a_stranger_who_reports_on_a_call_is_not_sent_the_phones_reports(scene: Scene, address: str) -> None:
    with udp_socket("127.0.0.1") as reports, udp_socket(address) as stranger:
        port = reports.getsockname()[1]
        accepted = scene.call(offer(scene.ear.port, f"rtcp:{port} IN IP4 127.0.0.1")).body
        sound = re.search(r"m=audio (\d+) ", accepted)
        own = re.search(r"a=rtcp:(\d+) ", accepted)
        assert sound
        assert own
        for _ in range(20):
            stranger.sendto(REPORT, ("127.0.0.1", int(own.group(1))))
        assert reports.recv(2048)[1] in {200, 201}
        # The second one goes out once some packets have come in.
        scene.ear.speak_to(int(sound.group(1)), frequency_hz=PEER_HZ)
        assert reports.recv(2048)[1] in {200, 201}
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)


def udp_socket(address: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((address, 0))
    opened.settimeout(5)
    return opened


@pytest.mark.soak
@pytest.mark.timeout(chance.counted(1800, 120))
def test_callers_who_give_up_as_the_next_one_comes_do_not_end_the_phone(scene: Scene) -> None:
    # The library gives the lowest number that is free: with these in its first places it goes round among few.
    others = [scene.another("next") for _ in range(2)]
    for other in others:
        assert scene.call(offer(scene.ear.port), other).code == 200
    last = scene.another("nobody")
    invites = turns = 0
    # Of most the phone says that they are too many; those that it lets in one upon the other are what matters.
    while invites < INVITES or turns < TURNS:
        scene.peer.forget()
        last.forget()
        if invites >= INVITES:
            threading.Event().wait(TWO_LET_IN_S)
        invites += 1
        scene.peer.invite("alice", body=offer(scene.ear.port))
        response = scene.receive(lambda one: one.code >= 180 and one.method == "INVITE")
        if response.code >= 200:
            scene.peer.acknowledge(response)
            continue
        invites += 1
        with scene.stack.frozen():
            scene.peer.cancel()
            last.invite("alice")
            threading.Event().wait(0.01)
        scene.conclude()
        turns += scene.conclude(last).code not in TOO_MANY
    for other in others:
        other.hang_up()
    scene.assert_answers_a_call()
