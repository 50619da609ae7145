import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.source_filter import (
    ConnectionLimit,
    accepted_connections,
    attach,
    build_filter,
    connections_made,
    detach,
)

KEPT, OTHER = "127.0.0.2", "127.0.0.3"

SERVER, STRANGER = "127.0.0.2", "127.0.0.3"
LIMIT = 3


def arrives(receiver: socket.socket, source: str, target: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"x", (target, receiver.getsockname()[1]))
    # Loopback delivers before sendto returns.
    try:
        return bool(receiver.recv(1))
    except BlockingIOError:
        return False


@pytest.fixture
def receiver() -> socket.socket:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("0.0.0.0", 0))
    receiver.setblocking(False)
    return receiver


def test_packets_from_the_servers_arrive_and_others_do_not(receiver: socket.socket) -> None:
    assert arrives(receiver, OTHER)
    assert attach(receiver.getsockname()[1], socket.SOCK_DGRAM, ["192.0.2.1", KEPT, "127.0.0.9"]) == 1
    assert arrives(receiver, KEPT)
    assert arrives(receiver, "127.0.0.9")
    assert not arrives(receiver, OTHER)


def test_packets_from_a_network_arrive_and_those_from_beside_it_do_not(receiver: socket.socket) -> None:
    attach(receiver.getsockname()[1], socket.SOCK_DGRAM, ["127.1.0.0/16", "2001:db8::/33", "127.0.0.9"])
    assert [arrives(receiver, each) for each in ("127.1.2.3", "127.0.0.9", "127.2.0.1", OTHER)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_new_filter_replaces_the_old_one(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    attach(port, socket.SOCK_DGRAM, [KEPT])
    attach(port, socket.SOCK_DGRAM, [OTHER])
    assert arrives(receiver, OTHER)
    assert not arrives(receiver, KEPT)


def test_strangers_cannot_connect_to_a_listener() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert attach(port, socket.SOCK_STREAM, [KEPT]) == 1
        for source, connects in ((KEPT, True), (OTHER, False)):
            with socket.socket() as client:
                client.bind((source, 0))
                client.settimeout(0.3)
                if connects:
                    client.connect(("127.0.0.1", port))
                else:
                    with pytest.raises(TimeoutError):
                        client.connect(("127.0.0.1", port))


def test_sockets_of_another_kind_or_port_are_left_alone(receiver: socket.socket) -> None:
    assert attach(receiver.getsockname()[1], socket.SOCK_STREAM, [KEPT]) == 0
    assert arrives(receiver, OTHER)


@pytest.fixture
def dual_stack() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiver.bind(("::", 0))
        receiver.setblocking(False)
        yield receiver


@pytest.mark.parametrize(
    ("addresses", "from_kept", "from_other", "from_ipv6"),
    [
        ([KEPT], True, False, False),
        (["::1"], False, False, True),
        (["2001:db8::1", "::1", OTHER, "192.0.2.1"], False, True, True),
        (["0:0:0:0:0:0:0:1"], False, False, True),
        ([f"::ffff:{KEPT}"], True, False, False),
        # Each word of an address counts.
        (["::2", "0:0:0:1::1", "0:1::1", "1::1", "::1:0:1"], False, False, False),
        ([], False, False, False),
        ([f"2001:db8::{n:x}" for n in range(40)] + ["::1", KEPT], True, False, True),
    ],
)
def test_a_socket_for_both_versions_tells_them_apart(
    dual_stack: socket.socket, addresses: list[str], *, from_kept: bool, from_other: bool, from_ipv6: bool
) -> None:
    assert attach(dual_stack.getsockname()[1], socket.SOCK_DGRAM, addresses) == 1
    assert arrives(dual_stack, KEPT) is from_kept
    assert arrives(dual_stack, OTHER) is from_other
    assert arrives(dual_stack, "::1", "::1") is from_ipv6


@pytest.mark.parametrize(("admitted", "connects"), [("::1", True), ("::2", False), ("127.0.0.1", False)])
def test_an_ipv6_listener_tells_servers_from_strangers(admitted: str, *, connects: bool) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        assert attach(port, socket.SOCK_STREAM, [admitted]) == 1
        with socket.socket(socket.AF_INET6) as client:
            client.settimeout(0.3)
            if connects:
                client.connect(("::1", port))
                accepted = listener.accept()[0]
                with accepted:
                    assert list(accepted_connections(port).values()) == ["::1"]
                assert accepted_connections(port) == {}
            else:
                with pytest.raises(TimeoutError):
                    client.connect(("::1", port))


def test_connections_of_our_own_making_are_told_from_accepted_ones() -> None:
    before = connections_made()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as silent:
        attach(silent.getsockname()[1], socket.SOCK_STREAM, [])
        with socket.create_connection(listener.getsockname()), listener.accept()[0], socket.socket() as connecting:
            assert connections_made() == before + 1
            connecting.setblocking(False)
            connecting.connect_ex(silent.getsockname())
            assert connections_made() == before + 2


def test_without_its_filter_a_socket_hears_everybody_again(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    detach(port, socket.SOCK_DGRAM)
    attach(port, socket.SOCK_DGRAM, [KEPT])
    detach(port, socket.SOCK_DGRAM)
    assert arrives(receiver, OTHER)


@pytest.mark.parametrize("addresses", [["not-an-address"], ["300.0.0.1"], [f"10.0.0.{n}" for n in range(65)]])
def test_what_no_filter_can_express_is_refused(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match="address"):
        build_filter(addresses)


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
    # A connection that is held up for a moment is not let in.
    assert door.lets_in(STRANGER)
