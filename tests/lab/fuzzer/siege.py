"""A handset's stack under malformed messages, at the pace at which it handles them."""

import random
import threading
import time
from collections.abc import Sequence
from typing import Final

from tests.lab.fuzzer.cases import Case
from tests.lab.fuzzer.descriptions import GOOD
from tests.lab.fuzzer.media import make_packet
from tests.lab.fuzzer.server import HostileServer
from tests.lab.stack_process import StackCrashedError, StackProcess

# What a batch did is seen at the next, so that a crash is pinned to two of them; more would overflow its socket.
BATCH: Final = 25
_CALL_OUT_EVERY: Final = 10
_ANSWERS_EACH: Final = 8
_OUTGOING: Final = 1_000_000_000
_CALL_ENDS_S: Final = 45.0
_LONGEST_GAP_S: Final = 0.1


class Siege:
    """A stack that is registered with, and called by, a hostile server."""

    def __init__(self, server: HostileServer, stack: StackProcess) -> None:
        self.server = server
        self.stack = stack
        self._outgoing = ""
        self._ping = ""

    def run(self, seed: int, numbers: range, per_s: float = 0) -> None:
        """Send the cases of a seed, in calls and outside, and answer calls of the handset's with others.

        Args:
            seed: of the cases.
            numbers: which of them.
            per_s: how many a second at most; as many as it handles where 0.

        Raises:
            AssertionError: the handset does not live; a note names the cases.
        """
        self._ping = self.server.begin_ping()
        for turn, first in enumerate(range(numbers.start, numbers.stop, BATCH)):
            cases = [Case(seed, number) for number in range(first, min(first + BATCH, numbers.stop))]
            if turn % _CALL_OUT_EVERY == 0:
                answers = _OUTGOING + (first // BATCH) * _ANSWERS_EACH
                self._call_out([Case(seed, answers + k) for k in range(_ANSWERS_EACH)])
            self.send(cases)
            if per_s:
                threading.Event().wait(BATCH / per_s)
        self._hear()

    def call_in_turns(self, count: int) -> None:
        """Call so often that each call takes the place of one that has just ended."""
        for first in range(0, count, BATCH):
            self._hear()
            self.server.send([self.server.invitation(f"turn-{first + each}") for each in range(BATCH)])
            self._ping = self.server.begin_ping()
        self._hear()

    def send(self, cases: Sequence[Case]) -> None:
        """Send malformed messages, once those before have been handled.

        Raises:
            AssertionError: those before have ended it.
        """
        messages = [case.make(self.server.context) for case in cases]
        rng = random.Random(f"packets {cases[0]}")
        try:
            self._hear()
            self.server.send(messages)
            for in_stream in (False, True, True):
                self.server.send_media(packet := make_packet(rng), in_stream=in_stream)
            self.server.send_control(packet)
            self._ping = self.server.begin_ping(in_dialog=True)
        except (AssertionError, StackCrashedError) as error:
            error.add_note(f"after one of some {2 * len(cases)} cases up to {cases[-1]} over {self.server.transport}")
            raise

    def _hear(self) -> None:
        """See that the handset lives, and call it where the call has ended."""
        answer = self.server.ended(self._ping, 2) if self._ping else None
        self._ping = ""
        # One may be lost among much else.
        if answer is None and not self._lives():
            self.stack.ask("port")  # a process that has ended says so here
            raise AssertionError("the handset does not answer")
        if answer is None or not self.server.is_in_call(answer):
            self.server.call(description=random.choice(GOOD))

    def _lives(self) -> bool:
        try:
            return self.server.ping()
        except ConnectionRefusedError:
            return False

    def _call_out(self, cases: Sequence[Case]) -> None:
        """Have the handset call, and answer it with malformed messages before the right one; end the call before."""
        if self._outgoing:
            self.stack.ask("hang_up", self._outgoing)
        rng = random.Random(f"answers {cases[0]}")
        good = rng.choice(GOOD)
        accepted = [(180, "fuzz", ""), (183, "fuzz", good), (200, "fuzz", good)]
        self.server.answers_to_invite = rng.choice(((), accepted[::2], accepted[1:], accepted[2:]))
        self.server.answers_first.extend(cases)
        self._outgoing = str(self.stack.ask("call", "sip:somebody@localhost"))

    def assert_works(self) -> None:
        """Call the handset and hear it, within the time that unacknowledged calls may still be in its way."""
        deadline = time.monotonic() + _CALL_ENDS_S
        self.server.answers_first.clear()
        self.stack.hang_up_all()
        while not self._is_heard():
            assert time.monotonic() < deadline, f"calls are no longer answered or heard: {self.stack.events[-20:]}"
            self.stack.hang_up_all()
            threading.Event().wait(1)

    def _is_heard(self) -> bool:
        """Call the handset, and say whether it has answered, sends audio, and hears its own without a gap."""
        if not self.server.call():
            return False
        self.server.heard_media.clear()
        if not self.server.heard_media.wait(5):
            return False
        self.stack.listen()
        threading.Event().wait(1)
        return self.stack.heard().longest_gap_s() < _LONGEST_GAP_S
