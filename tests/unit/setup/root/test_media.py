"""Who may have audio let through, and what counts as an address; the rules themselves are the kernel's."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.setup.root.media import Door, said_address


@pytest.fixture
def door_at(tmp_path: Path) -> Iterator[Callable[[int], tuple[Door, socket.socket, list[str]]]]:
    """Make a door for a user, somebody at it, and what it lets through."""
    opened: list[socket.socket] = []

    def make(user: int) -> tuple[Door, socket.socket, list[str]]:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(tmp_path / "door"))
        listener.listen()
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        caller.connect(str(tmp_path / "door"))
        opened.extend((listener, caller))
        let: list[str] = []

        def let_through(address: str) -> bool:
            let.append(address)
            return True

        door = Door(listener, user, let_through, clock=lambda: 0.0)
        door.answer_once()
        return door, caller, let

    yield make
    for each in opened:
        each.close()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_as_it_is_written_is_one(address: str) -> None:
    assert said_address(address.encode()) == address


@pytest.mark.parametrize(
    "message",
    [
        b"192.0.2.01",
        b"192.0.2.1 ",
        b"192.0.2.0/24",
        b"2001:DB8::1",
        b"fe80::1%eth0",
        b"1.2.3.4 } ; flush ruleset",
        b"\xff",
        b"7",
    ],
)
def test_whatever_else_is_said_is_none(message: bytes) -> None:
    assert said_address(message) is None


def test_voice_is_answered_until_it_asks_for_too_much(
    door_at: Callable[[int], tuple[Door, socket.socket, list[str]]],
) -> None:
    door, caller, let = door_at(os.getuid())
    answers = []
    for number in range(50):
        caller.send(f"192.0.2.{number}".encode())
        door.answer_once()
        answers.append(caller.recv(10))
    assert answers == [b"yes"] * 40 + [b"no"] * 10
    assert len(let) == 40


def test_nobody_else_is_heard(door_at: Callable[[int], tuple[Door, socket.socket, list[str]]]) -> None:
    _, caller, let = door_at(os.getuid() + 1)
    with pytest.raises(BrokenPipeError):
        caller.send(b"192.0.2.1")
    assert let == []
