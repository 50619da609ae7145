import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firmware.voice.sip.connection_limit import ConnectionLimit
from firmware.voice.sip.scheduler import Scheduler

SERVER, STRANGER = "127.0.0.2", "127.0.0.3"
LIMIT = 3


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Door:
    """A listener that accepts everybody whom the kernel lets in, and the limit that watches over it."""

    def __init__(self, stack: ExitStack, *, answer_anyone: bool) -> None:
        self.clock = Clock()
        self.scheduler = Scheduler(self.clock)
        self.limit = ConnectionLimit(self.scheduler, answer_anyone=answer_anyone, limit=LIMIT, clock=self.clock)
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._listener.getsockname()[1]
        self.filtered = self.limit.guard({self.port}, {SERVER})

    def lets_in(self, source: str) -> bool:
        return self.connect(source) is not None

    def connect(self, source: str) -> tuple[socket.socket, socket.socket] | None:
        client = self._stack.enter_context(socket.socket())
        client.bind((source, 0))
        client.settimeout(0.15)
        try:
            client.connect(("127.0.0.1", self.port))
        except TimeoutError:
            # It would go on trying.
            client.close()
            return None
        accepted = self._stack.enter_context(self._listener.accept()[0])
        self.limit.connections_changed()
        return client, accepted

    def wait(self, duration_s: float) -> None:
        self.clock.now_s += duration_s
        self.scheduler.run_due()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_only_servers_may_connect_unless_told_otherwise(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=False)
    assert door.filtered
    assert door.lets_in(SERVER)
    assert not door.lets_in(STRANGER)
    open_door = Door(stack, answer_anyone=True)
    assert not open_door.filtered
    assert open_door.lets_in(STRANGER)


def test_strangers_beyond_the_limit_wait_and_servers_come_in(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=True)
    assert [door.lets_in(STRANGER) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]
    assert door.lets_in(SERVER)


def test_a_server_beyond_its_limit_waits_too(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=False)
    assert [door.lets_in(SERVER) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]


def test_an_ended_connection_counts_until_its_handle_is_free(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=True)
    connections = [door.connect(STRANGER) for _ in range(LIMIT)]
    assert connections[0] is not None
    client, accepted = connections[0]
    client.close()
    accepted.close()
    door.limit.connections_changed()
    door.wait(0.5)
    assert not door.lets_in(STRANGER)
    door.wait(0.2)
    assert door.lets_in(STRANGER)
    assert not door.lets_in(STRANGER)


def test_a_connection_that_was_reset_counts_until_it_is_closed(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=True)
    for client, _ in filter(None, [door.connect(STRANGER) for _ in range(LIMIT)]):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    door.wait(0.61)
    door.wait(0.61)
    assert not door.lets_in(STRANGER)


def test_the_door_opens_by_itself_where_nobody_told_of_an_end(stack: ExitStack) -> None:
    door = Door(stack, answer_anyone=False)
    connections = [door.connect(SERVER) for _ in range(LIMIT)]
    for connection in connections:
        assert connection is not None
        connection[1].close()
    # The first look finds them gone and the second that they no longer linger.
    door.wait(0.61)
    door.wait(0.61)
    assert door.lets_in(SERVER)


def test_connections_to_other_ports_do_not_count(stack: ExitStack) -> None:
    door, other = Door(stack, answer_anyone=True), Door(stack, answer_anyone=True)
    assert all(other.lets_in(STRANGER) for _ in range(LIMIT))
    began = time.monotonic()
    assert door.lets_in(STRANGER)
    assert time.monotonic() - began < 1
