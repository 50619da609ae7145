"""The local sockets, over real Unix sockets."""

import asyncio
import grp
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from firmware.base.errors import ControlError
from firmware.base.peer import Peer, asking, peer_of
from firmware.control import server as server_module
from firmware.control.admin_requests import ConsentRequest, DoctorRequest, LogRequest, StatusRequest
from firmware.control.client import ask, ask_async
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import MAX_LINE_BYTES, Answer, Empty, Role
from firmware.control.server import GROUPS, MAX_CONNECTIONS, ControlServer, Handler
from tests.lab.patience import PATIENCE_S


class Text(Answer):
    text: str


async def _nothing(_request: object) -> Empty:
    return Empty()


def admin_handlers(**replaced: Callable[[Any], Awaitable[Answer]]) -> dict[Role, Mapping[str, Handler]]:
    return {Role.ADMIN: {name: replaced.get(name, _nothing) for name in REQUESTS[Role.ADMIN]}}


@asynccontextmanager
async def serving(folder: Path, *, idle_timeout_s: float = 60.0, **handlers: Handler) -> AsyncIterator[ControlServer]:
    server = ControlServer(folder, admin_handlers(**handlers), idle_timeout_s=idle_timeout_s)
    await server.start()
    try:
        yield server
    finally:
        async with asyncio.timeout(PATIENCE_S):
            await server.stop()


class RawClient:
    """A client that sends what it likes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "admin.sock"

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_unix_connection(self.path, limit=2 * MAX_LINE_BYTES)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.writer.close()

    async def send(self, line: bytes) -> None:
        self.writer.write(line)
        await self.writer.drain()

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            answer: dict[str, Any] = json.loads(await self.reader.readline())
            return answer

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


async def test_a_request_gets_its_handlers_answer(tmp_path: Path) -> None:
    async def status(request: StatusRequest) -> Text:
        return Text(text=f"asked for {request.request}")

    async with serving(tmp_path, status=status):
        assert await ask_async(tmp_path, Role.ADMIN, StatusRequest()) == {"text": "asked for status"}


async def test_a_handler_can_see_who_asks(tmp_path: Path) -> None:
    seen: list[Peer | None] = []

    async def note(_request: object) -> Empty:
        seen.append(asking.get())
        return Empty()

    async with serving(tmp_path, status=note):
        await ask_async(tmp_path, Role.ADMIN, StatusRequest())
    [peer] = seen
    assert peer is not None
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert asking.get() is None


async def test_the_blocking_client_gets_the_same_answer(tmp_path: Path) -> None:
    async def log(request: LogRequest) -> Text:
        return Text(text="x" * request.limit)

    async with serving(tmp_path, log=log):
        answer = await asyncio.to_thread(ask, tmp_path, Role.ADMIN, LogRequest(limit=3))
    assert answer == {"text": "xxx"}


async def test_a_connection_takes_one_request_after_another_in_order(tmp_path: Path) -> None:
    async def log(request: LogRequest) -> Text:
        return Text(text=str(request.limit))

    async with serving(tmp_path, log=log), RawClient(tmp_path) as client:
        await client.send(b'{"request":"log","limit":1}\n{"request":"log","limit":2}\n')
        assert [await client.receive(), await client.receive()] == [
            {"ok": True, "text": "1"},
            {"ok": True, "text": "2"},
        ]


async def test_a_line_of_the_greatest_length_is_taken_and_a_longer_one_is_refused_and_hung_up_on(
    tmp_path: Path,
) -> None:
    longest = b'{"request":"status"}'.ljust(MAX_LINE_BYTES - 1) + b"\n"
    async with serving(tmp_path):
        async with RawClient(tmp_path) as client:
            await client.send(longest)
            assert (await client.receive())["ok"] is True
        async with RawClient(tmp_path) as client:
            await client.send(b" " * (MAX_LINE_BYTES + 1))
            assert await client.receive() == {"ok": False, "error": f"The line is longer than {MAX_LINE_BYTES} bytes."}
            assert await client.is_closed()


@pytest.mark.parametrize(
    "line",
    [b"not json\n", b'"status\n', b"\xff\xfe\n", b"[" * 30000 + b"\n", b"\n"],
    ids=["word", "open", "bytes", "deep", "empty"],
)
async def test_bad_json_is_answered_with_an_error_and_the_connection_goes_on(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path), RawClient(tmp_path) as client:
        await client.send(line)
        assert await client.receive() == {"ok": False, "error": "The line is not valid JSON."}
        await client.send(b'{"request":"status"}\n')
        assert (await client.receive())["ok"] is True


@pytest.mark.parametrize("line", [b'{"request":"reboot"}\n', b"[]\n", b'{"request":["status"]}\n', b"{}\n"])
async def test_an_unknown_request_is_answered_with_those_that_the_role_has(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path), RawClient(tmp_path) as client:
        await client.send(line)
        answer = await client.receive()
    known = ", ".join(sorted(REQUESTS[Role.ADMIN]))
    assert answer["error"] == f"The admin socket knows no such request. It knows: {known}."


async def test_a_request_with_a_field_too_many_names_it(tmp_path: Path) -> None:
    async with serving(tmp_path), RawClient(tmp_path) as client:
        await client.send(b'{"request":"log","limit":0,"password":"hunter2"}\n')
        error = (await client.receive())["error"]
    assert "limit" in error
    assert "password" in error
    assert "hunter2" not in error


def _with(part: dict[str, object]) -> dict[str, object]:
    """A request of a contact with twenty numbers of which the fourth has a part like this."""
    numbers = [{"number": "4711"} for _ in range(20)]
    return {"request": "contact_add", "name": "secret", "numbers": [*numbers[:3], part, *numbers[4:]]}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"request": "log", "limit": True}, "limit: expected `int`, got `bool`"),
        ({"request": "log", "limit": 4711}, "limit: expected `int` <= 200"),
        ({"request": "log", "limit": 2**70}, "limit: expected `int` <= 200"),
        ({"request": "ledger_show", "after": "secret"}, "after: expected `int`, got `str`"),
        ({"request": "my_data_export"}, "pin is missing"),
        ({"request": "my_data_export", "pin": "secret" * 9}, "pin: expected `str` of length <= 32"),
        ({"request": "consent", "action": "secret"}, "action is not as it must be"),
        ({"request": "consent", "action": "secret - at `$.secret`"}, "action is not as it must be"),
        ({"request": "consent", "action": ["secret"]}, "action: expected `str`, got `array`"),
        ({"request": "consent", "purpose": "Secret"}, "purpose: expected `str` matching regex '^[a-z][a-z0-9_]*\\\\Z'"),
        ({"request": "consent", "action": "grant"}, "grant and withdraw name a purpose, list names none"),
        (_with({"number": ""}), "numbers[3].number: expected `str` of length >= 1"),
        (_with({"number": "1", "kind": "secret"}), "numbers[3].kind is not as it must be"),
        (_with({}), "numbers[3]: object missing required field `number`"),
        (_with({"number": "1", "note": "secret"}), "numbers[3]: object contains unknown field `note`"),
        ({"request": "contact_add", "name": "secret" * 14}, "name: expected `str` of length <= 80"),
    ],
)  # fmt: skip
async def test_a_mistake_is_told_by_its_place_and_what_is_expected_and_never_quoted(
    tmp_path: Path, request_: dict[str, object], told: str
) -> None:
    async with serving(tmp_path), RawClient(tmp_path) as client:
        await client.send(json.dumps(request_).encode() + b"\n")
        error = (await client.receive())["error"]
    assert error == f"The request {request_['request']} has mistakes: {told}."
    assert "secret" not in error.lower()
    assert "4711" not in error


async def test_what_is_no_json_is_not_let_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    class Number(Answer):
        number: float

    async def log(_request: LogRequest) -> Number:
        return Number(number=float("nan"))

    async def doctor(_request: DoctorRequest) -> Text:
        return Text(text="王\udcfc\n")

    async def status(_request: StatusRequest) -> Text:
        raise ControlError("There is no file \udcfc.")

    async with serving(tmp_path, log=log, doctor=doctor, status=status):
        with pytest.raises(ControlError, match="The handset failed at the request log"):
            await ask_async(tmp_path, Role.ADMIN, LogRequest())
        assert await ask_async(tmp_path, Role.ADMIN, DoctorRequest()) == {"text": "王?\n"}
        with pytest.raises(ControlError, match=r"There is no file \?\."):
            await ask_async(tmp_path, Role.ADMIN, StatusRequest())
    assert "Out of range float" in caplog.text
    assert "was refused: There is no file ?." in caplog.text


async def test_one_role_cannot_make_another_roles_request(tmp_path: Path) -> None:
    async with serving(tmp_path), RawClient(tmp_path) as client:
        await client.send(b'{"request":"configuration"}\n')
        assert (await client.receive())["ok"] is False


async def test_a_handler_that_refuses_has_its_sentence_passed_on(tmp_path: Path) -> None:
    async def consent(_request: ConsentRequest) -> Empty:
        raise ControlError("Nothing is granted while the store cannot be read.")

    async with serving(tmp_path, consent=consent):
        with pytest.raises(ControlError, match=r"^Nothing is granted while the store cannot be read\.$"):
            await ask_async(tmp_path, Role.ADMIN, ConsentRequest())


async def test_a_handler_that_throws_is_logged_by_name_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def doctor(_request: DoctorRequest) -> Empty:
        raise ZeroDivisionError("secret detail")

    async with serving(tmp_path, doctor=doctor), RawClient(tmp_path) as client:
        await client.send(b'{"request":"doctor"}\n')
        error = (await client.receive())["error"]
        await client.send(b'{"request":"status"}\n')
        assert (await client.receive())["ok"] is True
    assert "secret detail" not in error
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "admin request doctor" in record.message
    assert doctor.__qualname__ in record.message


async def test_an_answer_that_fits_no_line_is_replaced_by_an_error(tmp_path: Path) -> None:
    async def log(_request: LogRequest) -> Text:
        return Text(text="x" * MAX_LINE_BYTES)

    async with serving(tmp_path, log=log):
        with pytest.raises(ControlError, match="Ask for less"):
            await ask_async(tmp_path, Role.ADMIN, LogRequest())


async def test_a_client_that_leaves_withdraws_its_request(tmp_path: Path) -> None:
    begun, withdrawn = asyncio.Event(), asyncio.Event()

    async def doctor(_request: DoctorRequest) -> Empty:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            withdrawn.set()
        return Empty()

    async with serving(tmp_path, doctor=doctor):
        async with RawClient(tmp_path) as client:
            await client.send(b'{"request":"doctor"}\n')
            await asyncio.wait_for(begun.wait(), PATIENCE_S)
        await asyncio.wait_for(withdrawn.wait(), PATIENCE_S)


async def test_idle_clients_and_unanswered_requests_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def doctor(_request: DoctorRequest) -> Empty:
        begun.set()
        await asyncio.Event().wait()
        return Empty()

    server = ControlServer(tmp_path, admin_handlers(doctor=doctor))
    await server.start()
    async with RawClient(tmp_path) as idle, RawClient(tmp_path) as waiting:
        await waiting.send(b'{"request":"doctor"}\n')
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        async with asyncio.timeout(5):
            await server.stop()
        assert await idle.is_closed()
        assert await waiting.is_closed()
    assert not (tmp_path / "admin.sock").exists()


async def test_a_client_that_is_silent_for_too_long_is_hung_up_on(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_timeout_s=0.05), RawClient(tmp_path) as client:
        await client.send(b'{"request"')
        assert await client.is_closed()


async def test_a_client_that_does_not_read_its_answers_is_hung_up_on(tmp_path: Path) -> None:
    async def log(_request: LogRequest) -> Text:
        return Text(text="x" * (MAX_LINE_BYTES - 100))

    def ask_without_reading() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(tmp_path / "admin.sock"))
            while True:
                client.sendall(b'{"request":"log"}\n' * 50)

    async with serving(tmp_path, idle_timeout_s=0.3, log=log):
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await asyncio.to_thread(ask_without_reading)


async def test_more_connections_than_allowed_are_refused_and_room_comes_back(tmp_path: Path) -> None:
    async with serving(tmp_path):
        clients = [RawClient(tmp_path) for _ in range(MAX_CONNECTIONS)]
        for client in clients:
            await client.__aenter__()
            await client.send(b'{"request":"status"}\n')
            assert (await client.receive())["ok"] is True
        async with RawClient(tmp_path) as one_too_many:
            assert "16 connections already" in (await one_too_many.receive())["error"]
            assert await one_too_many.is_closed()
        for client in clients:
            await client.__aexit__()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await ask_async(tmp_path, Role.ADMIN, StatusRequest())
                    break
                except ControlError as error:
                    assert "connections already" in str(error)  # noqa: PT017 - until the server has seen them go


async def test_the_socket_is_for_its_group_only(tmp_path: Path) -> None:
    async with serving(tmp_path):
        status = (tmp_path / "admin.sock").stat()
    assert stat.S_IMODE(status.st_mode) == 0o660


async def test_the_socket_goes_to_the_roles_group_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = sorted(set(os.getgroups()) | {os.getegid()})
    own = grp.getgrgid(groups[-1])
    monkeypatch.setattr(server_module, "GROUPS", {**GROUPS, Role.ADMIN: own.gr_name})
    async with serving(tmp_path):
        assert (tmp_path / "admin.sock").stat().st_gid == own.gr_gid


async def test_a_missing_group_is_said_once_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "GROUPS", {**GROUPS, Role.ADMIN: "no-such-group"})
    caplog.set_level(logging.INFO)
    async with serving(tmp_path):
        await ask_async(tmp_path, Role.ADMIN, StatusRequest())
        await ask_async(tmp_path, Role.ADMIN, StatusRequest())
    assert [record.message for record in caplog.records if "no-such-group" in record.message] == [
        f"There is no group no-such-group here, so only this user's own group may use {tmp_path / 'admin.sock'}."
    ]


async def test_a_dead_handsets_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "admin.sock"))
    async with serving(tmp_path):
        assert await ask_async(tmp_path, Role.ADMIN, StatusRequest()) == {}


async def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    in_the_way = tmp_path / "admin.sock"
    in_the_way.write_text("precious")
    with pytest.raises(ControlError, match="is in the way"):
        await ControlServer(tmp_path, admin_handlers()).start()
    assert in_the_way.read_text() == "precious"


async def test_a_second_handset_leaves_the_firsts_sockets_alone(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(ControlError, match="Another handset already runs"):
            await ControlServer(tmp_path, admin_handlers()).start()
        assert await ask_async(tmp_path, Role.ADMIN, StatusRequest()) == {}


async def test_a_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="must exist and belong to the handset's user"):
        await ControlServer(tmp_path / "missing", admin_handlers()).start()


def test_every_request_of_a_role_needs_a_handler(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs handlers for exactly"):
        ControlServer(tmp_path, {Role.ADMIN: {"status": _nothing}})


async def test_a_peer_outside_the_group_is_refused_where_the_file_would_let_it_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = os.geteuid() + 4711
    monkeypatch.setattr("firmware.base.peer.os.geteuid", lambda: stranger)
    monkeypatch.setattr(
        "firmware.control.server.peer_of",
        lambda connection: type(real := peer_of(connection))(real.pid, stranger + 1, frozenset({stranger})),
    )
    async with serving(tmp_path):
        with pytest.raises(ControlError, match="may not use the admin socket"):
            await ask_async(tmp_path, Role.ADMIN, StatusRequest())
    assert "open to more than its group" in caplog.text
