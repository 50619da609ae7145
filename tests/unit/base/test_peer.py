import os
import socket

from firmware.base.peer import Peer, peer_of


def test_the_kernel_names_the_process_user_and_groups_at_the_other_end() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with near, far:
        peer = peer_of(near)
    assert peer == Peer(os.getpid(), os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def test_root_and_the_handsets_own_user_may_use_every_socket() -> None:
    assert Peer(1, 0, frozenset()).may_use(4711)
    assert Peer(1, os.geteuid(), frozenset()).may_use(4711)


def test_another_user_needs_the_sockets_group() -> None:
    other = os.geteuid() + 1
    assert Peer(1, other, frozenset({1, 4711})).may_use(4711)
    assert not Peer(1, other, frozenset({1, 2})).may_use(4711)
