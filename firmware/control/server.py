"""The local sockets, one a role: lines of JSON, one answer for each request; files go beside or behind them."""

import asyncio
import fcntl
import json
import logging
import os
import re
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from firmware.base.errors import ControlError, HandsetError
from firmware.base.peer import Peer, asking, hand_to_group, peer_of
from firmware.control import open_files
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import MAX_LINE_BYTES, Answer, Request, Role, WithFile, read, read_other, written

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

Handler = Callable[..., Awaitable[Answer]]
"""Answers one kind of request; it is given the request's model in firmware.control.request_lists, and where that takes
a file, the file, which is closed once there is an answer."""

GROUPS: Final[Mapping[Role, str]] = {
    Role.SYNC: "wecall-sync",
    Role.ADMIN: "wecall-admin",
    Role.STICK: "wecall-stick",
    Role.LAN: "wecall-lan",
    Role.FETCH: "wecall-fetch",
}

MAX_CONNECTIONS: Final = 16
_SOCKET_MODE: Final = 0o660
_LOCK_NAME: Final = "handset.lock"
_ACCEPT_PAUSE_S: Final = 1.0

_PLACE: Final = re.compile(r" - at `\$([\w.\[\]]*)`\Z")
"""Where in a value msgspec found a mistake: names of fields and indexes; a quoted value does not end like that."""


class ControlServer:
    """Listens on `<runtime_dir>/<role>.sock` for each role that has handlers.

    A client must keep its side open until its answer is there: one that leaves withdraws its request.
    """

    def __init__(
        self, runtime_dir: Path, handlers: Mapping[Role, Mapping[str, Handler]], *, idle_timeout_s: float = 60.0
    ) -> None:
        """Set up without listening.

        Args:
            runtime_dir: where the sockets go; it must exist.
            handlers: for each role, a handler by request name; all of the role's requests must have one.
            idle_timeout_s: how long a client may take to send a line, or to read its answer.
        """
        for role, by_name in handlers.items():
            if by_name.keys() != REQUESTS[role].keys():
                raise ValueError(f"{role} needs handlers for exactly {sorted(REQUESTS[role])}")
        self._runtime_dir = runtime_dir
        self._handlers = handlers
        self._idle_timeout_s = idle_timeout_s
        self._lock_fd: int | None = None
        self._listeners: dict[Path, socket.socket] = {}
        self._accepting: list[asyncio.Task[None]] = []
        self._connections: dict[Role, set[asyncio.Task[None]]] = {role: set() for role in handlers}

    async def start(self) -> None:
        """Listen.

        Raises:
            ControlError: another handset runs here, or the sockets cannot be made.
        """
        self._lock()
        try:
            for role in Role:
                if role not in self._handlers:
                    # A run that was killed has left it: that it is there would say that somebody answers.
                    with suppress(OSError):
                        self._path(role).unlink()
                    continue
                listener = self._listen(role)
                listener.listen(MAX_CONNECTIONS)
                accepting = self._accept(role, listener, self._path(role).stat().st_gid)
                self._accepting.append(asyncio.create_task(accepting, name=f"{role}.sock"))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drop every connection, also those in the middle of a request, and remove the sockets."""
        tasks = [*self._accepting, *(task for tasks in self._connections.values() for task in tasks)]
        self._accepting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._listeners:
            path, listener = self._listeners.popitem()
            listener.close()
            with suppress(OSError):
                path.unlink()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _path(self, role: Role) -> Path:
        return self._runtime_dir / f"{role}.sock"

    def _lock(self) -> None:
        """Make sure that no other handset listens here, so that a socket file found is a dead one's."""
        path = self._runtime_dir / _LOCK_NAME
        try:
            lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ControlError(
                f"The handset cannot make its sockets in {self._runtime_dir}: {error.strerror}. "
                "The folder must exist and belong to the handset's user."
            ) from error
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock_fd)
            raise ControlError(
                f"Another handset already runs with its sockets in {self._runtime_dir}. Stop it first."
            ) from error
        self._lock_fd = lock_fd

    def _listen(self, role: Role) -> socket.socket:
        path = self._path(role)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _remove_stale(path)
            listener.bind(str(path))
            self._listeners[path] = listener
            # Nobody can connect between bind and listen, so the mode is right before the first client.
            path.chmod(_SOCKET_MODE)
            hand_to_group(path, GROUPS[role])
        except OSError as error:
            listener.close()
            raise ControlError(f"The handset cannot listen on {path}: {error.strerror or error}.") from error
        except BaseException:
            listener.close()
            raise
        return listener

    async def _accept(self, role: Role, listener: socket.socket, group_id: int) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:
                # This process has too many files open; whoever waits is let in later.
                _log.error("The %s socket cannot take a connection: %s.", role, error.strerror)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            task = asyncio.create_task(self._serve(role, connection, group_id))
            self._connections[role].add(task)
            task.add_done_callback(self._connections[role].discard)

    async def _serve(self, role: Role, connection: socket.socket, group_id: int) -> None:
        client = _Client(connection, self._idle_timeout_s)
        try:
            peer = peer_of(connection)
            # Of this connection's task alone, and of those that it begins.
            asking.set(peer)
            _log.debug("A client of role %s connected: process %d of user %d.", role, peer.pid, peer.uid)
            refusal = self._refusal(role, peer, group_id)
            if refusal:
                await client.answer(_refused(refusal))
                return
            while (received := await client.next_line()) is not None:
                try:
                    request, file = await _parse(role, *received)
                except ControlError as error:
                    await client.answer(_refused(str(error)))
                    continue
                answer = await client.unless_gone(self._answer(role, request, file))
                if answer is None:
                    return
                line, pieces = answer
                await client.answer(line)
                if pieces is not None:
                    async for piece in pieces:
                        await client.answer(piece)
        except _LineTooLongError:
            with suppress(OSError, TimeoutError):
                await client.answer(_refused(f"The line is longer than {MAX_LINE_BYTES} bytes."))
        except (OSError, TimeoutError, HandsetError) as error:
            # Where a file cannot be sent on, the client finds that it is not whole.
            _log.debug("A client of role %s is gone: %s.", role, type(error).__name__)
        finally:
            await client.close()
            connection.close()

    def _refusal(self, role: Role, peer: Peer, group_id: int) -> str:
        if not peer.may_use(group_id):
            _log.warning(
                "User %d (process %d) was refused on the %s socket: its file is open to more than its group.",
                peer.uid, peer.pid, role,
            )  # fmt: skip
            return f"This user may not use the {role} socket."
        if len(self._connections[role]) > MAX_CONNECTIONS:
            _log.warning("The %s socket has more than %d connections; one was refused.", role, MAX_CONNECTIONS)
            return f"The {role} socket has {MAX_CONNECTIONS} connections already. Close one of them."
        return ""

    async def _answer(
        self, role: Role, request: Request, file: BinaryIO | None
    ) -> tuple[bytes, AsyncIterator[bytes] | None]:
        handler = self._handlers[role][request.request]
        try:
            if file is None:
                answer = await handler(request)
            else:
                try:
                    answer = await handler(request, file)
                finally:
                    await _aside(file.close)
            told, pieces = (answer.answer, answer.pieces) if isinstance(answer, WithFile) else (answer, None)
            line = _done(told)
        except HandsetError as error:
            # What is in no UTF-8, as `_line` says, has no place in the journal either.
            sentence = str(error).encode(errors="replace").decode()
            _log.info("The %s request %s was refused: %s", role, request.request, sentence)
            return _refused(sentence), None
        except Exception:  # noqa: BLE001 - whatever one handler does, the others go on
            owner = getattr(handler, "__qualname__", type(handler).__qualname__)
            _log.exception("%s failed at the %s request %s.", owner, role, request.request)
            return _refused(f"The handset failed at the request {request.request}. Its journal says why."), None
        if len(line) > MAX_LINE_BYTES:
            _log.error("The answer to the %s request %s is too long: %d bytes.", role, request.request, len(line))
            return _refused(
                f"The answer to {request.request} is longer than {MAX_LINE_BYTES} bytes. Ask for less."
            ), None
        return line, pieces


class _LineTooLongError(Exception):
    """The client sends more than a line may hold."""


class _Client:
    """One connection: reads ahead by one line, so that it knows when the client leaves during a request."""

    def __init__(self, connection: socket.socket, idle_timeout_s: float) -> None:
        self._connection = connection
        self._idle_timeout_s = idle_timeout_s
        self._received = bytearray()
        self._files: list[int] = []
        self._ahead: asyncio.Task[tuple[bytes, list[int]] | None] | None = None

    async def next_line(self) -> tuple[bytes, list[int]] | None:
        """Return the next line and open files beside it; None when the client has left or was silent for too long."""
        ahead = self._read_ahead()
        await asyncio.wait({ahead}, timeout=self._idle_timeout_s)
        if not ahead.done():
            return None
        self._ahead = None
        return ahead.result()

    async def unless_gone(self, work: Awaitable[_T]) -> _T | None:
        """Return what the work returns, or None once the client has left, and then the work is cancelled."""
        task = asyncio.ensure_future(work)
        ahead = self._read_ahead()
        try:
            await asyncio.wait({task, ahead}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and ahead.result() is None:
                return None
            return await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def answer(self, data: bytes) -> None:
        async with asyncio.timeout(self._idle_timeout_s):
            await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def close(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            [ahead] = await asyncio.gather(self._ahead, return_exceptions=True)
            if isinstance(ahead, tuple):
                self._files += ahead[1]
        _close_aside(self._files)

    def _read_ahead(self) -> "asyncio.Task[tuple[bytes, list[int]] | None]":
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._read_line())
        return self._ahead

    async def _read_line(self) -> tuple[bytes, list[int]] | None:
        while not (end := self._received.find(b"\n") + 1):
            if len(self._received) >= MAX_LINE_BYTES:
                raise _LineTooLongError
            await _until_readable(self._connection)
            # Not by asyncio's streams: they have the kernel close the files that come along.
            data, files = open_files.receive(self._connection, MAX_LINE_BYTES)
            self._files += files
            _close_aside(self._files[open_files.MOST_RECEIVED :])
            del self._files[open_files.MOST_RECEIVED :]
            if not data:
                return None
            self._received += data
        if end > MAX_LINE_BYTES:
            raise _LineTooLongError
        line, files = bytes(self._received[:end]), self._files
        del self._received[:end]
        self._files = []
        return line, files


async def _until_readable(connection: socket.socket) -> None:
    loop, is_readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(connection)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is in the way: it is not a socket. Remove it.")
    path.unlink()


def _aside(work: Callable[[], _T]) -> asyncio.Future[_T]:
    """Have a thread do what waits for an open file, which may not answer; it is done, too, where nobody waits."""
    return asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))


def _close_aside(files: Sequence[int]) -> None:
    for file in files:
        _aside(partial(os.close, file))


async def _parse(role: Role, line: bytes, files: list[int]) -> tuple[Request, BinaryIO | None]:
    """Return a request and the file beside it; what is not returned is closed."""
    with ExitStack() as unwanted:
        unwanted.callback(_close_aside, files)
        request = _request(role, line)
        if len(files) > request.takes_file:
            raise ControlError(f"More open files came beside the request {request.request} than it takes.")
        if len(files) < request.takes_file:
            raise ControlError(f"The request {request.request} needs an open file beside it.")
        if not files:
            return request, None
        unwanted.pop_all()
    return request, await _aside(partial(open_files.regular, files[0]))


def _request(role: Role, line: bytes) -> Request:
    known = REQUESTS[role]
    try:
        raw = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        raise ControlError("The line is not valid JSON.") from error
    name = raw.get("request") if isinstance(raw, dict) else None
    model = known.get(name) if isinstance(name, str) else None
    if model is None:
        raise ControlError(f"The {role} socket knows no such request. It knows: {', '.join(sorted(known))}.")
    try:
        return read(model, raw)
    except ValueError as error:
        raise ControlError(f"The request {name} has mistakes: {_mistakes(model, raw, error)[:500]}.") from error


def _mistakes(model: type[Request], raw: Mapping[str, object], error: ValueError) -> str:
    """Say which fields are not as they must be, and nothing of what is in them."""
    fields = {field.name: field for field in msgspec.structs.fields(model)}
    found = [f"{name} is unknown" for name in raw.keys() - fields.keys() - {"request"}]
    for name, field in fields.items():
        if name not in raw:
            found += [f"{name} is missing"] if field.required else []
            continue
        try:
            msgspec.convert(raw[name], field.type, dec_hook=read_other)
        except ValueError as mistake:
            found.append(name + _mistake(str(mistake)))
    # Where each field is right by itself, the request's own words remain.
    return "; ".join(found) or str(error)


def _mistake(words: str) -> str:
    """Say where in a field a mistake is and what is expected there, never what is there.

    Args:
        words: of msgspec or pydantic. What begins as here tells types, bounds and names; the rest may quote.
    """
    match = _PLACE.search(words)
    place, what = (match[1], words[: match.start()]) if match else ("", words)
    if not what.startswith(("Expected ", "Object ")):
        return f"{place} is not as it must be"
    return f"{place}: {what[0].lower()}{what[1:]}"


def _done(answer: Answer) -> bytes:
    return _line({"ok": True, **written(answer)})


def _refused(sentence: str) -> bytes:
    return _line({"ok": False, "error": sentence})


def _line(message: Mapping[str, object]) -> bytes:
    # Half of a surrogate pair, which a file's name may have, is in no UTF-8.
    return (
        json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace") + b"\n"
    )
