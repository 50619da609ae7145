"""Where the handset's answers leave from: whoever asked, on whatever computer, must get them."""

import socket
from pathlib import Path

import pytest

from tests.lab.fuzzer.server import HostileServer
from tests.lab.patience import PATIENCE_S
from tests.lab.stack_process import StackProcess, StackSettings


def answer_to(folder: Path, method: str, *, parameter: str = ";rport", headers: str = "") -> tuple[bytes, int, int]:
    """Ask the handset something from another socket than its server's; return the answer, its port and the handset's.

    Args:
        folder: for the handset's stack.
        method: of the request.
        parameter: of its Via.
        headers: more of them, each with its end.
    """
    with (
        HostileServer("udp") as server,
        StackProcess(folder, StackSettings("alice", "secret", server.port)) as stack,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        asker.bind(("127.0.0.1", 0))
        asker.settimeout(PATIENCE_S)
        port = asker.getsockname()[1]
        asker.sendto(
            (
                f"{method} sip:alice@127.0.0.1:{stack.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{port}{parameter};branch=z9hG4bKone\r\n"
                "From: <sip:somebody@localhost>;tag=one\r\nTo: <sip:alice@localhost>\r\nCall-ID: one\r\n"
                f"Contact: <sip:somebody@127.0.0.1:{port}>\r\n{headers}"
                f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            ("127.0.0.1", stack.port),
        )
        answer, source = asker.recvfrom(4096)
        return answer, source[1], stack.port


@pytest.mark.parametrize("parameter", [";rport", ""], ids=["asked for by rport", "as RFC 3261 has it"])
def test_an_answer_leaves_by_the_socket_that_the_request_came_in_by(tmp_path: Path, parameter: str) -> None:
    answer, left_by, came_by = answer_to(tmp_path, "OPTIONS", parameter=parameter)
    assert answer.startswith(b"SIP/2.0 ")
    assert left_by == came_by


@pytest.mark.parametrize("event", ["presence", "dialog", "presence.winfo"])
def test_who_is_at_the_phone_is_told_to_nobody(tmp_path: Path, event: str) -> None:
    answer, _, _ = answer_to(tmp_path, "SUBSCRIBE", headers=f"Event: {event}\r\nExpires: 600\r\n")
    assert answer.startswith(b"SIP/2.0 489 ")
