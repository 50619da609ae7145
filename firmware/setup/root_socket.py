"""Asks a service of root's: a line of JSON with an open file beside it or none, then lines until the answer."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from firmware.base.errors import ControlError

_SILENCE_S: Final = 300.0
"""So long it may say nothing: what it installs is read from a card, written to it and verified meanwhile."""

A = TypeVar("A")


async def converse(
    path: Path, unit: str, line: bytes, hear: Callable[[bytes], A | None], *, file: BinaryIO | None, most_bytes: int
) -> A | None:
    """Return the answer of a service; None where nobody listens, as on a machine that has no such service.

    Args:
        path: its socket.
        unit: what the service manager calls it.
        line: the question, with its line end.
        hear: returns the answer that a line is; None for one that tells of progress. A line that is neither is a
            ValueError.
        file: crosses as an open file beside the first byte, never as a path.
        most_bytes: the longest line that it says.

    Raises:
        ControlError: the service does not answer as it should; nothing is known about what it did.
    """
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(_SILENCE_S) as limit:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, str(path))
                except (FileNotFoundError, ConnectionRefusedError):
                    return None
                await _send(connection, line, file)
                reader, writer = await asyncio.open_unix_connection(sock=connection.dup(), limit=most_bytes)
                try:
                    while said := await reader.readline():
                        if (answer := hear(said)) is not None:
                            return answer
                        limit.reschedule(clock() + _SILENCE_S)
                finally:
                    writer.close()
    except TimeoutError:
        raise ControlError(f"{unit} said nothing for {_SILENCE_S:.0f} s; see its journal.") from None
    except (OSError, ValueError) as error:
        raise ControlError(f"{unit} could not be asked: {error}. See its journal.") from error
    raise ControlError(f"{unit} stopped before it answered; see its journal.")


async def _send(connection: socket.socket, line: bytes, file: BinaryIO | None) -> None:
    # A fresh connection takes at least one byte at once, and with it the file.
    sent = socket.send_fds(connection, [line], [] if file is None else [file.fileno()])
    # Whoever has answered already has closed its end.
    if sent < len(line):
        await asyncio.get_running_loop().sock_sendall(connection, line[sent:])
