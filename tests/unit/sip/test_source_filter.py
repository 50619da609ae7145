import socket

import pytest

from firmware.sip.source_filter import attach, build_filter

KEPT, OTHER = "127.0.0.2", "127.0.0.3"


def arrives(receiver: socket.socket, source: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"x", ("127.0.0.1", receiver.getsockname()[1]))
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


@pytest.mark.parametrize("addresses", [["not-an-address"], ["fd00::1"], [f"10.0.0.{n}" for n in range(65)]])
def test_what_no_filter_can_express_is_refused(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match=r"address|octets"):
        build_filter(addresses)
