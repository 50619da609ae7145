"""Asks the running handset over one of its local sockets: one connection for each request."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from firmware.base.errors import ControlError, RequestRefusedError
from firmware.control.requests import MAX_LINE_BYTES, Answer, Request, Role, read, written

_A = TypeVar("_A", bound=Answer)

TIMEOUT_S: Final = 10.0


def ask(runtime_dir: Path, role: Role, request: Request, *, timeout_s: float = TIMEOUT_S) -> Mapping[str, object]:
    """Send one request and wait for its answer.

    Raises:
        ControlError: the handset is not there, does not answer or refuses; the message says what to do.
    """
    path = _path(runtime_dir, role)
    line = _line(request)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                return _answer(answers.readline(MAX_LINE_BYTES + 1))
    except OSError as error:
        raise _translated(error, path, timeout_s) from error


async def ask_async(
    runtime_dir: Path, role: Role, request: Request, *, timeout_s: float = TIMEOUT_S
) -> Mapping[str, object]:
    """Send one request and wait for its answer; cancelling withdraws the request.

    Raises:
        ControlError: the handset is not there, does not answer or refuses; the message says what to do.
    """
    path = _path(runtime_dir, role)
    line = _line(request)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE_BYTES)
            try:
                writer.write(line)
                await writer.drain()
                return _answer(await reader.readline())
            finally:
                writer.close()
    except ValueError as error:
        raise ControlError("The handset's answer is longer than a line may be.") from error
    except OSError as error:
        raise _translated(error, path, timeout_s) from error


async def ask_for(
    answer: type[_A], runtime_dir: Path, role: Role, request: Request, *, timeout_s: float = TIMEOUT_S
) -> _A:
    """Send one request and wait for an answer of this kind; cancelling withdraws the request.

    Raises:
        ControlError: as above, or the answer is of another kind.
    """
    raw = await ask_async(runtime_dir, role, request, timeout_s=timeout_s)
    try:
        return read(answer, raw)
    except ValueError as error:
        raise ControlError(
            f"The handset's answer to {request.request} is not as expected. Is it of another version?"
        ) from error


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


def _answer(line: bytes) -> Mapping[str, object]:
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
