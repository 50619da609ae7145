"""Floods of INVITEs: the phone lives, the running call sounds whole, and the call that matters gets through."""

import itertools
import re
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from firmware.voice.sip import source_filter
from tests.lab import chance
from tests.lab.answering_peer import AnsweringPeer, Settings
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.ports import free_port
from tests.lab.sip_flood import FloodTransport, SipFlood
from tests.lab.sipp import Sipp
from tests.lab.stack_process import StackProcess, StackSettings

pytestmark = pytest.mark.feature("floods")

RATES_PER_S = (500, 2000)
# The soak has every flood at both rates, a landing each at the higher one.
TRIED_RATES_PER_S = RATES_PER_S if chance.SOAK else RATES_PER_S[-1:]
DURATION_S = chance.counted(10, 4)
LONGEST_GAP_S = 0.06
# A busy machine stutters now and then; a phone that floods disturb is disturbed in most of a flood's stretches.
STRETCHES = 5
# Of a core.
LARGEST_SHARE = 0.5
# What is left of a flood may keep one out, or its last second's share of the gate.
MOST_CALLS = 3
CALLER = "caller"
SERVER, STRANGER, SERVER_6 = "127.0.0.1", "127.0.0.9", "::1"
# What the library keeps of those that the gate lets in, for 32 s.
GROWTH_BYTES = 12_000_000


class Scene:
    """A registrar, a peer that echoes, and the handset's stack in a call with it."""

    def __init__(self, kamailio: Kamailio, authority: CertificateAuthority, peer: AnsweringPeer, folder: Path) -> None:
        self.kamailio = kamailio
        self._authority = authority
        self._peer = peer
        self._folder = folder

    def stack(self, transport: str, *, answer_anyone: bool, ipv6: bool = False) -> StackProcess:
        ports = {"udp": self.kamailio.udp_port, "tcp": self.kamailio.tcp_port, "tls": self.kamailio.tls_port}
        settings = StackSettings(
            "alice",
            "secret",
            ports[transport],
            transport,
            answer_anyone,
            welcome=[CALLER],
            host=SERVER_6 if ipv6 else SERVER,
            # The same for both families.
            local_port=free_port(socket.SOCK_DGRAM),
            tls_ca=str(self._authority.ca_path) if transport == "tls" else "",
        )
        return StackProcess(self._new_folder("stack"), settings)

    def start_call(self, stack: StackProcess) -> str:
        mark = len(self._peer.events)
        number = stack.call("sip:peer@localhost")
        self._peer.wait_for("echoing", after=mark)
        return number

    def flood(
        self,
        stack: StackProcess,
        transport: FloodTransport,
        source: str,
        rate_per_s: int,
        *,
        through_server: bool = False,
    ) -> SipFlood:
        port = self.kamailio.udp_port if through_server else stack.port
        # It is stopped when it has lasted long enough and the call during it has ended.
        count = rate_per_s * (DURATION_S + round(PATIENCE_S))
        return SipFlood(self._new_folder("flood"), port, transport, source=source, rate_per_s=rate_per_s, count=count)

    def calls_until_heard(self, stack: StackProcess, scenario: str = "uac_cancel") -> int:
        """Call through the operator's server until a call rings, and with `uac_call` is answered, as people do.

        Returns:
            how many calls that took.
        """
        began = time.monotonic()
        for calls in itertools.count(1):
            mark = len(stack.events)

            def rings() -> bool:
                return f"incoming {CALLER}" in stack.events[mark:]  # noqa: B023 - of this call

            with self._caller(scenario) as caller:
                wait_until(lambda: rings() or caller.has_ended())
                if caller.has_ended_as_written():
                    # It heard that it rings before this test did.
                    wait_until(rings)
                if rings():
                    caller.finish(PATIENCE_S)
                    return calls
            assert time.monotonic() - began < PATIENCE_S, f"{calls} calls in vain"
        raise AssertionError

    def _caller(self, scenario: str) -> Sipp:
        folder = self._new_folder("caller")
        return Sipp(folder, scenario, server_port=self.kamailio.udp_port, callee="alice", caller=CALLER)

    def gaps_s(self, stack: StackProcess, meanwhile: Callable[[], None]) -> list[float]:
        """Return how long the running call was gone at most in each stretch of a flood; a call comes in the first."""
        gaps_s = []
        for stretch in range(STRETCHES):
            stack.listen()
            ends_at = time.monotonic() + DURATION_S / STRETCHES
            if stretch == 0:
                meanwhile()
            wait(max(0.0, ends_at - time.monotonic()))
            gaps_s.append(stack.heard().longest_gap_s())
        return gaps_s

    def _new_folder(self, name: str) -> Path:
        return self._folder / f"{name}-{time.monotonic_ns()}"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    authority = CertificateAuthority(tmp_path / "authority")
    kamailio = Kamailio(
        tmp_path / "kamailio",
        {"alice": "secret", "peer": "other"},
        certificate=authority.issue("localhost", hosts=LOOPBACK),
        addresses=(SERVER, SERVER_6),
        # It keeps each of 2,000 calls a second for 5 s; a server that has no memory left ends everybody's connection.
        memory_mb=256,
    )
    with kamailio:
        peer = AnsweringPeer(Settings("peer", "other", f"sip:127.0.0.1:{kamailio.udp_port}"), tmp_path / "peer.log")
        with peer:
            yield Scene(kamailio, authority, peer, tmp_path)


def wait(duration_s: float) -> None:
    threading.Event().wait(duration_s)


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("source", "answer_anyone"),
    [(STRANGER, False), (STRANGER, True), (SERVER, False), (SERVER_6, False)],
    ids=["unknown", "stranger", "server", "ipv6"],
)
@pytest.mark.parametrize("flood_transport", list(FloodTransport), ids=lambda transport: transport.name.lower())
@pytest.mark.parametrize("rate_per_s", TRIED_RATES_PER_S)
def test_a_flood_gaps_no_running_call_and_keeps_no_real_call_out(
    scene: Scene,
    record_property: Callable[[str, object], None],
    rate_per_s: int,
    flood_transport: FloodTransport,
    *,
    source: str,
    answer_anyone: bool,
) -> None:
    transport = "udp" if flood_transport is FloodTransport.UDP else "tcp"
    with scene.stack(transport, answer_anyone=answer_anyone, ipv6=source == SERVER_6) as stack:
        running = scene.start_call(stack)
        before = stack.size()
        began_at, cpu_s = time.monotonic(), stack.cpu_s()
        with scene.flood(stack, flood_transport, source, rate_per_s) as flood:

            def call() -> None:
                wait(DURATION_S / 12)
                scene.calls_until_heard(stack)
                assert flood.is_running(), "the call did not come during the flood"

            gaps_s = scene.gaps_s(stack, call)
        share = (stack.cpu_s() - cpu_s) / (time.monotonic() - began_at)
        assert scene.calls_until_heard(stack) <= MOST_CALLS
        judge(gaps_s, record_property)
        record_property("flood_share", share)
        assert share < LARGEST_SHARE
        assert stack.size().memory_bytes - before.memory_bytes < GROWTH_BYTES
        assert not [event for event in stack.events if event.startswith(f"disconnected {running} ")]
        stack.hang_up_all()
        # Whoever gave up during the flood may have rung after it.
        wait_until(lambda: stack.size().calls == 0, "the call is over")
        assert scene.calls_until_heard(stack, "uac_call") <= MOST_CALLS
        # A caller who does not acknowledge a refusal keeps its connection for 32 s (RFC 3261 section 17.2.1, timer H).
        if chance.SOAK:
            wait_until(lambda: stack.size().descriptors <= before.descriptors, "nothing more is open", 40)
        assert stack.size().descriptors <= before.descriptors + source_filter.LIMIT


def judge(gaps_s: list[float], record_property: Callable[[str, object], None]) -> None:
    """Hold the call's sound to what most of a flood's stretches show."""
    record_property("flood_gap_s", statistics.median(gaps_s))
    record_property("flood_gap_bound_s", LONGEST_GAP_S)
    assert statistics.median(gaps_s) < LONGEST_GAP_S, gaps_s


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("transport", "ipv6"), [("udp", False), ("tcp", False), ("tls", False), ("udp", True)],
    ids=["udp", "tcp", "tls", "ipv6"],
)  # fmt: skip
@pytest.mark.parametrize("rate_per_s", TRIED_RATES_PER_S)
def test_a_flood_through_the_server_itself_is_survived_and_the_next_call_gets_through(
    scene: Scene, record_property: Callable[[str, object], None], rate_per_s: int, transport: str, *, ipv6: bool
) -> None:
    with scene.stack(transport, answer_anyone=False, ipv6=ipv6) as stack:
        running = scene.start_call(stack)
        before = stack.size()
        with scene.flood(stack, FloodTransport.UDP, STRANGER, rate_per_s, through_server=True):
            gaps_s = scene.gaps_s(stack, lambda: None)
        # The server has a queue of its own, for which whoever calls has to wait.
        scene.calls_until_heard(stack)
        judge(gaps_s, record_property)
        assert not [event for event in stack.events if event.startswith(f"disconnected {running} ")]
        assert stack.size().memory_bytes - before.memory_bytes < GROWTH_BYTES


INVITE = (
    "INVITE sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source}:{port};rport;branch=z9hG4bK{number}\r\n"
    "From: <sip:flood@{source}>;tag={number}\r\nTo: <sip:alice@127.0.0.1>\r\nCall-ID: flood-{number}\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:flood@{source}:{port}>\r\nMax-Forwards: 9\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
)
INVITES = 60
# As firmware/voice/sip/gate.py lets them in.
STRANGERS_AT_ONCE, STRANGERS_PER_S = 5, 5
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


@pytest.mark.parametrize(
    ("source", "answer_anyone"),
    [(STRANGER, False), (STRANGER, True), (SERVER, False)],
)
def test_servers_beyond_their_limit_are_told_and_strangers_are_not(
    scene: Scene, source: str, *, answer_anyone: bool
) -> None:
    with scene.stack("udp", answer_anyone=answer_anyone) as stack:
        answered: set[bytes] = set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            own_port = sender.getsockname()[1]
            with stack.frozen():
                began_at = time.monotonic()
                for number in range(INVITES):
                    text = INVITE.format(source=source, port=own_port, number=number, length=len(SDP), sdp=SDP)
                    sender.sendto(text.encode(), ("127.0.0.1", stack.port))
            # Whoever is sure of an answer is waited for.
            sender.settimeout(PATIENCE_S if source == SERVER else 1)
            with suppress(TimeoutError):
                while len(answered) < INVITES:
                    answer = sender.recv(65536)
                    if answer.startswith((b"SIP/2.0 4", b"SIP/2.0 5")):
                        answered.update(re.findall(rb"flood-\d+", answer))
            took_s = time.monotonic() - began_at
        if source == SERVER:
            assert len(answered) == INVITES
        elif answer_anyone:
            assert 1 <= len(answered) <= STRANGERS_AT_ONCE + STRANGERS_PER_S * took_s
        else:
            assert not answered


@pytest.mark.parametrize("source", [SERVER, STRANGER])
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_connections_that_say_nothing_use_nothing_up(scene: Scene, transport: str, source: str) -> None:
    with scene.stack(transport, answer_anyone=True) as stack, ExitStack() as connections:
        for _ in range(100):
            connection = connections.enter_context(socket.socket())
            connection.bind((source, 0))
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", stack.port))
        assert scene.calls_until_heard(stack, "uac_call") <= MOST_CALLS
        running = scene.start_call(stack)
        stack.hang_up(running)
