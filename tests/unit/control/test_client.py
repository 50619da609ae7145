"""What callers are told when the handset cannot be asked."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.base.errors import ControlError
from firmware.control.admin_requests import ContactAddRequest, StatusRequest
from firmware.control.client import ask, ask_async
from firmware.control.requests import MAX_LINE_BYTES, Request, Role

Ask = Callable[..., Mapping[str, object]]


STATUS: Request = StatusRequest()


def blocking(folder: Path, timeout_s: float, request: Request = STATUS) -> Mapping[str, object]:
    return ask(folder, Role.ADMIN, request, timeout_s=timeout_s)


def asynchronous(folder: Path, timeout_s: float, request: Request = STATUS) -> Mapping[str, object]:
    return asyncio.run(ask_async(folder, Role.ADMIN, request, timeout_s=timeout_s))


both = pytest.mark.parametrize("ask_once", [blocking, asynchronous])


@contextmanager
def answering(folder: Path, answer: bytes | None) -> Iterator[None]:
    """Take one connection and answer with these bytes; None never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "admin.sock"))
        listener.listen()
        over = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if answer is None:
                    over.wait(30)
                    return
                connection.recv(MAX_LINE_BYTES)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@both
def test_no_socket_means_that_the_handset_is_not_running(tmp_path: Path, ask_once: Ask) -> None:
    with pytest.raises(ControlError, match=r"The handset is not running.*admin\.sock"):
        ask_once(tmp_path, 5)


@both
def test_a_socket_left_by_a_dead_handset_means_the_same(tmp_path: Path, ask_once: Ask) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "admin.sock"))
    with pytest.raises(ControlError, match="The handset is not running"):
        ask_once(tmp_path, 5)


@both
def test_a_handset_that_hangs_is_given_up_on(tmp_path: Path, ask_once: Ask) -> None:
    with answering(tmp_path, None), pytest.raises(ControlError, match=r"did not answer .* within 0\.1 s"):
        ask_once(tmp_path, 0.1)


@both
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "stopped before it answered"),
        (b'{"ok": true', "stopped before it answered"),
        (b"hello\n", "not valid JSON"),
        (b"[]\n", "not an object"),
        (b"{}\n", "gave no reason"),
        (b'{"ok": false, "error": "The store is shut."}\n', "The store is shut"),
        (b" " * (2 * MAX_LINE_BYTES + 2) + b"\n", "longer than a line may be"),
    ],
)
def test_an_answer_that_is_none_is_explained(tmp_path: Path, ask_once: Ask, answer: bytes, sentence: str) -> None:
    with answering(tmp_path, answer), pytest.raises(ControlError, match=sentence):
        ask_once(tmp_path, 5)


@both
def test_what_cannot_be_sent_is_explained_before_anybody_is_asked(tmp_path: Path, ask_once: Ask) -> None:
    # What Python makes of a command line that is in Latin-1.
    name = "Jürgen".encode("latin-1").decode(errors="surrogateescape")
    request = ContactAddRequest(name=name)
    with pytest.raises(ControlError, match=r"contact_add cannot be sent: .* not in UTF-8\. Give .*\.$") as raised:
        ask_once(tmp_path, 5, request)
    assert "rgen" not in str(raised.value)
