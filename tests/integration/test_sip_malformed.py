"""Malformed signalling and audio from the handset's own server: nothing crashes or grows, and the next call works."""

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.fuzzer.cases import Case
from tests.lab.fuzzer.media import make_packet
from tests.lab.fuzzer.message import SDP
from tests.lab.fuzzer.pace import Pace
from tests.lab.fuzzer.server import HostileServer
from tests.lab.stack_process import StackCrashedError, StackProcess, StackSettings

SOAK = os.environ.get("WECALL_SOAK") == "1"
SEED = int(os.environ.get("WECALL_SEED", "1"))
MESSAGES = {"udp": 100_000, "tcp": 20_000} if SOAK else {"udp": 1000, "tcp": 300}
PACKETS = 40_000 if SOAK else 4000
REGRESSIONS = Path(__file__).parents[1] / "lab" / "fuzzer" / "regressions.txt"
# What a batch did is looked at after it, so that a crash is pinned to a few messages.
BATCH = 10
ANSWERS_EACH = 8
# The library keeps transactions for 32 s and its pools for good; what grows beyond is a leak.
WARM_UP = 0.3
GROWTH_BYTES = 6_000_000
CALL_ENDS_S = 45.0
ANSWERED_S = 0.5


class Siege:
    """A handset's stack registered with, and called by, a hostile server."""

    def __init__(self, server: HostileServer, stack: StackProcess) -> None:
        self.server = server
        self.stack = stack
        self._pace = Pace()
        self._answers = 0

    def send(self, cases: list[Case]) -> None:
        """Send malformed messages and see whether the handset lives.

        Raises:
            AssertionError: it does not; the message names the cases.
        """
        try:
            for case in cases:
                self._pace.wait_for(case.kind)
            self.server.send([case.make(self.server.context) for case in cases])
            answers = self.server.ping()
            self.stack.ask("port")  # a process that has ended says so here
            assert answers, "the handset does not answer"
            if not self.server.is_in_call():
                self.stack.hang_up_all()
                self.server.call()
        except (AssertionError, StackCrashedError) as error:
            error.add_note(f"after one of the cases {cases[0]} to {cases[-1]} over {self.server.transport}")
            raise

    def call_out(self, cases: list[Case]) -> None:
        """Have the handset call, and answer it with malformed messages before the right one.

        Raises:
            AssertionError: the handset does not live; the message names the cases.
        """
        try:
            self.server.answers_first.extend(cases)
            mark = len(self.stack.events)
            number = self.stack.ask("call", "sip:somebody@localhost")
            # An answer may be whole enough to be a call, or to ring for ever.
            ended = f"disconnected {number} "
            if not self.stack.has_happened(ended, after=mark, timeout_s=ANSWERED_S):
                self.stack.ask("hang_up", str(number))
                self.stack.wait_for(ended, after=mark, timeout_s=CALL_ENDS_S)
        except (AssertionError, StackCrashedError) as error:
            error.add_note(f"after answers made of {cases[0]} to {cases[-1]} over {self.server.transport}")
            raise

    def assert_works(self) -> None:
        """Call the handset and hear it, within the time that unacknowledged calls may still be in its way."""
        deadline = time.monotonic() + CALL_ENDS_S
        self.stack.hang_up_all()
        while not self._is_heard():
            assert time.monotonic() < deadline, f"calls are no longer answered or heard: {self.stack.events[-20:]}"
            self.stack.hang_up_all()
            threading.Event().wait(1)
        self.stack.listen()
        threading.Event().wait(1)
        assert self.stack.heard().longest_gap_s() < 0.1

    def _is_heard(self) -> bool:
        """Call the handset, and say whether it has answered and sends audio."""
        if not self.server.call():
            return False
        self.server.heard_media.clear()
        return self.server.heard_media.wait(5)


@pytest.fixture(params=["udp", "tcp"])
def siege(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Siege]:
    with HostileServer(request.param) as server:
        settings = StackSettings("alice", "secret", server.port, request.param, welcome=["caller"])
        with StackProcess(tmp_path / "stack", settings) as stack:
            server.target_port = stack.port
            assert server.ping()
            assert server.call()
            yield Siege(server, stack)


def batches(seed: int, count: int) -> Iterator[list[Case]]:
    for first in range(0, count, BATCH):
        yield [Case(seed, number) for number in range(first, first + BATCH)]


@pytest.mark.soak
@pytest.mark.timeout(14_400 if SOAK else 240)
def test_malformed_messages_neither_crash_the_phone_nor_leak(siege: Siege) -> None:
    count = MESSAGES[siege.server.transport.lower()]
    size = siege.stack.size()
    for number, cases in enumerate(batches(SEED, count)):
        siege.send(cases)
        if number % 10 == 9:
            siege.call_out([Case(SEED, 1_000_000_000 + number * ANSWERS_EACH + k) for k in range(ANSWERS_EACH)])
        if number == int(count / BATCH * WARM_UP):
            size = siege.stack.size()
    siege.assert_works()
    after = siege.stack.size()
    assert after.memory_bytes - size.memory_bytes < GROWTH_BYTES
    assert after.threads <= size.threads
    assert after.calls <= 4


def test_messages_that_once_crashed_the_phone_no_longer_do(siege: Siege) -> None:
    cases = [Case.parse(line) for line in REGRESSIONS.read_text().splitlines() if line and not line.startswith("#")]
    for case in cases:
        siege.send([case])
    siege.assert_works()


def test_a_request_within_a_call_that_is_over_is_refused_before_the_library_sees_it(siege: Siege) -> None:
    assert siege.server.refer() == "SIP/2.0 202 Accepted"
    siege.stack.hang_up("1")
    assert siege.server.refer().startswith("SIP/2.0 481")
    siege.assert_works()


GOOD = SDP.format(media_port=9)
USELESS = {
    "no codec of ours": GOOD.replace("8 0 101", "99").replace("a=rtpmap", "a=unknown"),
    "no port": GOOD.replace("m=audio 9", "m=audio 0"),
    "not a description": "m=audio 9 RTP/AVP\r\n",
}


@pytest.mark.parametrize("useless", USELESS.values(), ids=USELESS)
@pytest.mark.parametrize(("first", "then"), [("a", "a"), ("a", "b")], ids=["the same callee", "another"])
@pytest.mark.parametrize("siege", ["udp"], indirect=True)
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


# Audio travels over UDP, whatever SIP does.
@pytest.mark.parametrize("siege", ["udp"], indirect=True)
@pytest.mark.soak
def test_garbage_to_the_audio_port_is_survived(siege: Siege) -> None:
    rng = random.Random(SEED)
    before = siege.stack.size()
    for number in range(PACKETS):
        packet = make_packet(rng)
        siege.server.send_media(packet)
        if number % 3 == 0:
            siege.server.send_control(packet)
        if number % 100 == 99:
            # As a line may carry at most; the handset's buffer would drop the rest unseen.
            threading.Event().wait(0.02)
    assert siege.server.is_in_call()
    siege.assert_works()
    after = siege.stack.size()
    assert after.memory_bytes - before.memory_bytes < GROWTH_BYTES
    assert after.descriptors <= before.descriptors
