"""Whole messages with a file or none, over real sockets."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware.voice import channel
from firmware.voice.channel import MAX_MESSAGE_BYTES, ClosedError, RefusedError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        yield here, there


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def send_for_ever(connection: socket.socket, file: int | None) -> None:
    while True:
        channel.send(connection, b"x" * 1000, file)


def made(content: bytes) -> int:
    file = os.memfd_create("sound")
    os.pwrite(file, content, 0)
    return file


def test_messages_stay_whole_and_in_order(pair: Pair) -> None:
    here, there = pair
    longest = b"x" * MAX_MESSAGE_BYTES
    for data in (b"one", b"two", longest):
        channel.send(here, data)
    assert [channel.receive(there) for _ in range(3)] == [(b"one", None), (b"two", None), (longest, None)]


def test_a_file_goes_with_its_message_and_is_the_receivers_own(pair: Pair) -> None:
    here, there = pair
    file = made(b"sound")
    channel.send(here, b"with", file)
    channel.send(here, b"without")
    os.close(file)
    data, received = channel.receive(there)
    assert (data, channel.receive(there)) == (b"with", (b"without", None))
    assert received is not None
    assert os.pread(received, 9, 0) == b"sound"
    # Whatever the receiver starts has nothing of it.
    assert not os.get_inheritable(received)
    channel.close(received, None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(received)


def test_a_message_that_is_too_long_is_refused_and_the_next_one_heard(pair: Pair) -> None:
    here, there = pair
    here.send(b"x" * (MAX_MESSAGE_BYTES + 1))
    here.send(b"next")
    with pytest.raises(RefusedError):
        channel.receive(there)
    assert channel.receive(there) == (b"next", None)


@pytest.mark.parametrize("count", [2, 3, 100])
def test_several_files_are_refused_and_none_stays_open(pair: Pair, count: int) -> None:
    here, there = pair
    file = made(b"sound")
    before = open_files()
    socket.send_fds(here, [b"x"], [file] * count)
    with pytest.raises(RefusedError):
        channel.receive(there)
    assert open_files() == before
    os.close(file)


def test_a_file_with_a_message_that_is_too_long_does_not_stay_open(pair: Pair) -> None:
    here, there = pair
    file = made(b"sound")
    before = open_files()
    socket.send_fds(here, [b"x" * (MAX_MESSAGE_BYTES + 1)], [file])
    with pytest.raises(RefusedError):
        channel.receive(there)
    assert open_files() == before
    os.close(file)


def test_an_end_that_is_closed_is_told_after_what_it_said(pair: Pair) -> None:
    here, there = pair
    channel.send(here, b"last words")
    here.close()
    assert channel.receive(there) == (b"last words", None)
    with pytest.raises(ClosedError):
        channel.receive(there)
    with pytest.raises(ClosedError):
        channel.send(there, b"x")


def test_what_an_end_said_is_heard_though_it_did_not_read_what_it_was_told(pair: Pair) -> None:
    here, there = pair
    channel.send(there, b"unread")
    channel.send(here, b"last words")
    here.close()
    assert channel.receive(there) == (b"last words", None)
    with pytest.raises(ClosedError):
        channel.receive(there)


def test_an_empty_message_is_an_end(pair: Pair) -> None:
    here, there = pair
    here.send(b"")
    with pytest.raises(ClosedError):
        channel.receive(there)


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("with_file", [False, True])
def test_nobody_waits_for_an_end_that_takes_nothing(pair: Pair, *, blocking: bool, with_file: bool) -> None:
    here, _there = pair
    here.setblocking(blocking)
    file = made(b"sound") if with_file else None
    # A phone that is busy for a moment takes what was said meanwhile.
    for _ in range(50):
        channel.send(here, b"x" * 1000, file)
    with pytest.raises(ClosedError):
        send_for_ever(here, file)
    channel.close(file)


def test_on_a_connection_that_does_not_wait_nothing_said_is_no_end(pair: Pair) -> None:
    _here, there = pair
    there.setblocking(False)
    with pytest.raises(BlockingIOError):
        channel.receive(there)


def test_a_socket_is_for_its_group_and_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / channel.SOCKET_NAME
    assert channel.connect(path) is None
    with closing(channel.listen(path)) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert channel.connect(path) is None
        listener.listen()
        connection = channel.connect(path)
        assert connection is not None
        with connection, listener.accept()[0] as accepted:
            channel.send(connection, b"x")
            assert channel.receive(accepted) == (b"x", None)


def test_a_dead_handsets_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / channel.SOCKET_NAME
    channel.listen(path).close()
    assert channel.connect(path) is None
    with closing(channel.listen(path)) as listener:
        listener.listen()
        connection = channel.connect(path)
        assert connection is not None
        connection.close()


def test_where_no_socket_can_be_made_nothing_stays_open(tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(OSError, match="No such file"):
        channel.listen(tmp_path / "nowhere" / "voice.sock")
    assert open_files() == before
