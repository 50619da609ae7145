"""Asks the running handset over one of its local sockets: one connection for each request."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from firmware.base.errors import ControlError, RequestRefusedError
from firmware.control import open_files
from firmware.control.requests import MAX_LINE_BYTES, Answer, FileAnswer, Request, Role, read, written

_A = TypeVar("_A", bound=Answer)

TIMEOUT_S: Final = 10.0
_PIECE_BYTES: Final = 256 * 1024


def ask(
    runtime_dir: Path, role: Role, request: Request, *, file: BinaryIO | None = None, timeout_s: float = TIMEOUT_S
) -> Mapping[str, object]:
    """Send one request, with an open file where it takes one, and wait for its answer.

    Raises:
        ControlError: the handset is not there, does not answer or refuses; the message says what to do.
    """
    with _asking(runtime_dir, role, request, file, timeout_s) as answers:
        return _answer(answers.readline(MAX_LINE_BYTES + 1))


def fetch(runtime_dir: Path, role: Role, request: Request, *, timeout_s: float = TIMEOUT_S) -> Iterator[bytes]:
    """Send one request, and yield the file that comes with its answer.

    Raises:
        ControlError: as above, or not all of it came.
    """
    with _asking(runtime_dir, role, request, None, timeout_s) as answers:
        left_bytes = _as_asked(FileAnswer, request, _answer(answers.readline(MAX_LINE_BYTES + 1))).size_bytes
        while piece := answers.read(min(left_bytes, _PIECE_BYTES)):
            left_bytes -= len(piece)
            yield piece
    if left_bytes:
        raise ControlError("The handset stopped before all of it had come. Ask for it again.")


async def ask_async(
    runtime_dir: Path, role: Role, request: Request, *, file: BinaryIO | None = None, timeout_s: float = TIMEOUT_S
) -> Mapping[str, object]:
    """Send one request, with an open file where it takes one, and wait for its answer; cancelling withdraws it.

    Raises:
        ControlError: the handset is not there, does not answer or refuses; the message says what to do.
    """
    path = _path(runtime_dir, role)
    line = _line(request)
    try:
        async with asyncio.timeout(timeout_s):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
                loop, answer = asyncio.get_running_loop(), bytearray()
                await loop.sock_connect(connection, str(path))
                with suppress(BrokenPipeError):
                    await loop.sock_sendall(connection, line[open_files.send(connection, line, file) :])
                while not answer.endswith(b"\n") and len(answer) <= MAX_LINE_BYTES:
                    if not (piece := await loop.sock_recv(connection, MAX_LINE_BYTES)):
                        break
                    answer += piece
                return _answer(answer)
    except OSError as error:
        raise _translated(error, path, timeout_s) from error


async def ask_for(
    answer: type[_A],
    runtime_dir: Path,
    role: Role,
    request: Request,
    *,
    file: BinaryIO | None = None,
    timeout_s: float = TIMEOUT_S,
) -> _A:
    """Send one request, with an open file where it takes one, and wait for an answer of this kind, as above.

    Raises:
        ControlError: as above, or the answer is of another kind.
    """
    return _as_asked(answer, request, await ask_async(runtime_dir, role, request, file=file, timeout_s=timeout_s))


def _as_asked(answer: type[_A], request: Request, raw: Mapping[str, object]) -> _A:
    try:
        return read(answer, raw)
    except ValueError as error:
        raise ControlError(
            f"The handset's answer to {request.request} is not as expected. Is it of another version?"
        ) from error


@contextmanager
def _asking(
    runtime_dir: Path, role: Role, request: Request, file: BinaryIO | None, timeout_s: float
) -> Iterator[BinaryIO]:
    path = _path(runtime_dir, role)
    line = _line(request)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            # Who refuses the connection itself has said so, and closed it.
            with suppress(BrokenPipeError):
                connection.sendall(line[open_files.send(connection, line, file) :])
            with connection.makefile("rb") as answers:
                yield answers
    except OSError as error:
        raise _translated(error, path, timeout_s) from error


def _path(runtime_dir: Path, role: Role) -> Path:
    return runtime_dir / f"{role}.sock"


def _line(request: Request) -> bytes:
    told = {name: value for name, value in written(request).items() if value is not None}
    try:
        return msgspec.json.encode(told) + b"\n"
    except ValueError as error:
        # A command line whose bytes are not UTF-8 becomes text that cannot be written as UTF-8 again.
        raise ControlError(
            f"The request {request.request} cannot be sent: a text in it is not in UTF-8. Give that text in UTF-8; a "
            "terminal must be set to it."
        ) from error


def _answer(line: bytes | bytearray) -> Mapping[str, object]:
    if len(line) > MAX_LINE_BYTES:
        raise ControlError("The handset's answer is longer than a line may be. Is it of another version?")
    if not line.endswith(b"\n"):
        raise ControlError("The handset stopped before it answered. See its journal, and ask again.")
    try:
        answer = msgspec.json.decode(line)
    except ValueError as error:
        raise ControlError("The handset's answer is not valid JSON. Is it of another version?") from error
    if not isinstance(answer, dict):
        raise ControlError("The handset's answer is not an object. Is it of another version?")
    if answer.pop("ok", None) is not True:
        raise RequestRefusedError(str(answer.get("error", "The handset refused the request and gave no reason.")))
    return answer


def _translated(error: OSError, path: Path, timeout_s: float) -> ControlError:
    match error:
        case TimeoutError():
            return ControlError(f"The handset did not answer on {path} within {timeout_s:g} s. See its journal.")
        case PermissionError():
            return ControlError(
                f"This user may not ask the handset on {path}: join the group that owns that file, or use sudo."
            )
        case FileNotFoundError() | ConnectionRefusedError():
            return ControlError(f"The handset is not running, or not with its sockets here: nobody listens on {path}.")
        case _:
            return ControlError(f"The handset could not be asked on {path}: {error.strerror or error}.")
