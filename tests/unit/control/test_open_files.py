"""Open files beside requests: only what a request takes comes in, whatever is sent, and nothing of it stays open."""

import asyncio
import fcntl
import json
import os
import socket
import threading
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from firmware.base.errors import ControlError
from firmware.control.client import ask_async
from firmware.control.open_files import content_of, sealed
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import MAX_LINE_BYTES, BundleRequest, Empty, IdentityRequest, Request, Role
from firmware.control.server import ControlServer, Handler
from tests.lab.patience import PATIENCE_S, wait_until

BRINGS, BRINGS_NONE = b'{"request":"bundle"}\n', b'{"request":"identity"}\n'
MOST_BYTES = 1000


def opened() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class Handset:
    """Reads what comes beside a bundle, as a handler of small files does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "stick.sock"
        self.taken: list[bytes] = []
        self.files: list[BinaryIO] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        handlers: dict[str, Handler] = dict.fromkeys(REQUESTS[Role.STICK], self._nothing)
        self.server = ControlServer(folder, {Role.STICK: {**handlers, "bundle": self._bundle}})

    async def _nothing(self, _request: object) -> Empty:
        return Empty()

    async def _bundle(self, _request: BundleRequest, file: BinaryIO) -> Empty:
        self.files.append(file)
        self.begun.set()
        await self.may_end.wait()
        self.taken.append(content_of(file, MOST_BYTES))
        return Empty()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(str(self.path))
        return connection

    async def answer_to(self, line: bytes, *descriptors: int) -> dict[str, Any]:
        """Send a line with these beside it, then one that needs none; return the answer to the first."""
        with self.connect() as connection:
            connection.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))])
            answer: dict[str, Any] = json.loads(await asyncio.to_thread(connection.recv, MAX_LINE_BYTES))
            connection.sendall(BRINGS_NONE)
            assert json.loads(await asyncio.to_thread(connection.recv, MAX_LINE_BYTES)) == {"ok": True}
            return answer


@pytest.fixture
async def handset(tmp_path: Path) -> AsyncIterator[Handset]:
    handset = Handset(tmp_path)
    await handset.server.start()
    before = opened()
    yield handset
    await asyncio.to_thread(wait_until, lambda: opened() <= before)
    await handset.server.stop()


async def test_a_file_comes_whole_and_is_closed_once_there_is_an_answer(handset: Handset, tmp_path: Path) -> None:
    with sealed(b"content") as file:
        await ask_async(tmp_path, Role.STICK, BundleRequest(), file=file)
    assert handset.taken == [b"content"]
    assert [file.closed for file in handset.files] == [True]


async def test_a_file_of_whoever_leaves_is_closed(handset: Handset) -> None:
    handset.may_end.clear()
    with handset.connect() as connection, sealed(b"content") as file:
        connection.sendmsg([BRINGS], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()]))])
        await asyncio.wait_for(handset.begun.wait(), PATIENCE_S)
    await asyncio.to_thread(wait_until, lambda: handset.files[0].closed)
    assert not handset.taken


def folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


def link(path: Path) -> int:
    (path / "link").symlink_to("/dev/zero")
    return os.open(path / "link", os.O_PATH | os.O_NOFOLLOW)


def pipe_that_never_ends(path: Path) -> int:
    os.mkfifo(path / "pipe")
    return os.open(path / "pipe", os.O_RDWR)


def device(_path: Path) -> int:
    return os.open("/dev/zero", os.O_RDONLY)


def connection(_path: Path) -> int:
    return socket.socket(socket.AF_UNIX).detach()


@pytest.mark.parametrize("kind", [folder, link, pipe_that_never_ends, device, connection])
async def test_what_is_no_plain_file_is_refused(handset: Handset, kind: Callable[[Path], int], tmp_path: Path) -> None:
    descriptor = kind(tmp_path)
    answer = await handset.answer_to(BRINGS, descriptor)
    os.close(descriptor)
    assert answer == {"ok": False, "error": "What came beside the request is no plain file."}
    assert not handset.files


@pytest.mark.parametrize("count", [2, 3, 200])
@pytest.mark.parametrize("line", [BRINGS, BRINGS_NONE])
async def test_a_file_too_many_is_refused_with_all_of_them(handset: Handset, line: bytes, count: int) -> None:
    with sealed(b"content") as file:
        answer = await handset.answer_to(line, *[file.fileno()] * count)
    name = json.loads(line)["request"]
    assert answer == {"ok": False, "error": f"More open files came beside the request {name} than it takes."}
    assert not handset.files


@pytest.mark.parametrize(("call", "request_"), [("fstat", BundleRequest()), ("close", IdentityRequest())])
async def test_a_file_that_does_not_answer_holds_nobody_else_up(
    handset: Handset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, request_: Request
) -> None:
    asked, may_answer, answer = threading.Event(), threading.Event(), getattr(os, call)
    in_time: list[bool] = []

    def answer_late(descriptor: int) -> object:
        asked.set()
        in_time.append(may_answer.wait(PATIENCE_S))
        return answer(descriptor)

    with sealed(b"content") as file:
        monkeypatch.setattr(os, call, answer_late)
        slow = asyncio.create_task(ask_async(tmp_path, Role.STICK, request_, file=file))
        assert await asyncio.to_thread(asked.wait, PATIENCE_S)
        await ask_async(tmp_path, Role.STICK, IdentityRequest())
        may_answer.set()
        await asyncio.wait({slow})
    assert all(in_time)


async def test_a_request_that_takes_no_file_gets_none(handset: Handset, tmp_path: Path) -> None:
    with sealed(b"content") as file, pytest.raises(ControlError, match=r"More open files .* identity than it takes\."):
        await ask_async(tmp_path, Role.STICK, IdentityRequest(), file=file)


async def test_a_request_that_takes_a_file_is_refused_without(handset: Handset, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="The request bundle needs an open file beside it"):
        await ask_async(tmp_path, Role.STICK, BundleRequest())
    assert not handset.files


async def test_a_line_that_is_no_request_leaves_no_file_open(handset: Handset) -> None:
    with sealed(b"content") as file:
        assert (await handset.answer_to(b"no json\n", file.fileno()))["error"] == "The line is not valid JSON."


async def test_a_line_that_never_ends_holds_no_more_files_than_one_may_have(handset: Handset) -> None:
    before = opened()
    with handset.connect() as connection, sealed(b"content") as file:
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()] * 2))]
        for _ in range(500):
            await asyncio.to_thread(connection.sendmsg, [b" "], beside)
        connection.sendall(BRINGS)
        answer = json.loads(await asyncio.to_thread(connection.recv, MAX_LINE_BYTES))
        assert "More open files" in answer["error"]
        # Both ends of the connection, the file and what no request has had yet; what came last may not be shut yet.
        await asyncio.to_thread(wait_until, lambda: opened() <= before + 5)
    assert not handset.files


async def test_a_connection_that_is_reset_in_the_middle_of_a_line_leaves_no_file_open(handset: Handset) -> None:
    with handset.connect() as connection, sealed(b"content") as file:
        connection.sendmsg([b"{"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()]))])
        await asyncio.sleep(0)


# --- files in memory ---


def test_a_sealed_file_is_what_it_was_for_good() -> None:
    with sealed(b"content") as file:
        with pytest.raises(PermissionError):
            os.truncate(file.fileno(), 3)
        with pytest.raises(PermissionError):
            os.pwrite(file.fileno(), b"x", 0)
        os.lseek(file.fileno(), 3, os.SEEK_SET)
        assert content_of(file, 7) == b"content"


def in_memory(seals: int) -> BinaryIO:
    file = os.fdopen(os.memfd_create("test", os.MFD_ALLOW_SEALING), "w+b", buffering=0)
    file.write(b"content")
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
    return file


@pytest.mark.parametrize(
    "seals",
    [0, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW],
)
def test_a_file_that_can_still_be_changed_is_not_read(seals: int) -> None:
    with in_memory(seals) as file, pytest.raises(ControlError, match="can still be changed"):
        content_of(file, 7)


def test_a_file_on_a_disk_is_not_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with (
        (tmp_path / "file").open("rb") as file,
        pytest.raises(ControlError, match=r"no file in memory|still be changed"),
    ):
        content_of(file, 7)


def test_a_file_that_is_longer_than_it_may_be_is_not_taken() -> None:
    with sealed(b"content") as file, pytest.raises(ControlError, match="has more than 6 bytes"):
        content_of(file, 6)


def test_a_file_that_cannot_be_read_is_told_as_that() -> None:
    with sealed(b"content") as file:
        blind = os.open(f"/proc/self/fd/{file.fileno()}", os.O_PATH)
    with os.fdopen(blind, "rb", buffering=0) as unreadable, pytest.raises(ControlError, match="can be read"):
        content_of(unreadable, 7)
