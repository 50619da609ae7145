"""Where the handset's answers leave from: whoever asked, on whatever computer, must get them."""

import socket
from pathlib import Path

import pytest

from tests.lab.fuzzer.server import HostileServer
from tests.lab.patience import PATIENCE_S
from tests.lab.stack_process import StackProcess, StackSettings


@pytest.mark.parametrize("parameter", [";rport", ""], ids=["asked for by rport", "as RFC 3261 has it"])
def test_an_answer_leaves_by_the_socket_that_the_request_came_in_by(tmp_path: Path, parameter: str) -> None:
    with (
        HostileServer("udp") as server,
        StackProcess(tmp_path, StackSettings("alice", "secret", server.port)) as stack,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        asker.bind(("127.0.0.1", 0))
        asker.settimeout(PATIENCE_S)
        asker.sendto(
            (
                f"OPTIONS sip:alice@127.0.0.1:{stack.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{asker.getsockname()[1]}{parameter};branch=z9hG4bKone\r\n"
                "From: <sip:somebody@localhost>;tag=one\r\nTo: <sip:alice@localhost>\r\nCall-ID: one\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            ("127.0.0.1", stack.port),
        )
        answer, source = asker.recvfrom(4096)
    assert answer.startswith(b"SIP/2.0 ")
    assert source[1] == stack.port


@pytest.mark.parametrize("event", ["presence", "dialog", "presence.winfo"])
def test_who_is_at_the_phone_is_told_to_nobody(tmp_path: Path, event: str) -> None:
    with (
        HostileServer("udp") as server,
        StackProcess(tmp_path, StackSettings("alice", "secret", server.port)) as stack,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        asker.bind(("127.0.0.1", 0))
        asker.settimeout(PATIENCE_S)
        port = asker.getsockname()[1]
        asker.sendto(
            (
                f"SUBSCRIBE sip:alice@127.0.0.1:{stack.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bKone\r\n"
                f"From: <sip:somebody@localhost>;tag=one\r\nTo: <sip:alice@localhost>\r\nCall-ID: one\r\n"
                f"Contact: <sip:somebody@127.0.0.1:{port}>\r\nEvent: {event}\r\nExpires: 600\r\n"
                "CSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            ("127.0.0.1", stack.port),
        )
        answer, _ = asker.recvfrom(4096)
    assert answer.startswith(b"SIP/2.0 489 ")
