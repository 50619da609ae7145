"""The server on this machine that RAUC streams from; it gives out one file, by ranges.

What RAUC asks and needs is in its `src/nbd.c` (1.13): a first request for the bytes 0 to 3, whose `Content-Range` tells
it the size, then a range for each block that is read, several at once.
"""

import asyncio
import re
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

from firmware.base.errors import HandsetError
from firmware.fetch.download import Download, DownloadEndedError
from firmware.fetch.server import MOST_HEAD_BYTES, HeadError, read_head

HOST: Final = "127.0.0.1"
_REQUEST: Final = "GET /update.raucb HTTP/1.1"
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})")
# RAUC asks five times again after any other status, a second apart, and asks for nothing else meanwhile.
_ENDED: Final = HTTPStatus.NOT_FOUND


class _RefusedError(HandsetError):
    """A request that is answered by a status alone."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(f"Refused with {status}.")
        self.status = status


class Relay:
    """Gives the ranges of one download to whoever asks on this machine."""

    def __init__(self, download: Download) -> None:
        self._download = download

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on loopback.

        Raises:
            OSError: another process has the port.
        """
        return await asyncio.start_server(self._talk, HOST, port, limit=MOST_HEAD_BYTES)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another, until either end has enough."""
        asking = asyncio.create_task(_request(reader))
        answering: asyncio.Task[bool] | None = None
        try:
            while data := await asking:
                asking = asyncio.create_task(_request(reader))
                answering = asyncio.create_task(self._answer(data, writer))
                # Who leaves wants no answer any more, and others wait for their turn.
                await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
                if (asking.done() and not await asking) or not await answering:
                    break
        finally:
            for task in (asking, answering):
                if task is not None:
                    task.cancel()
            await asyncio.gather(*(task for task in (asking, answering) if task), return_exceptions=True)
            writer.close()

    async def _answer(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer a request, and say whether another one may follow."""
        has_begun = False
        try:
            first, last = self._range(data)
            async with aclosing(self._download.pieces(first, last)) as pieces:
                async for piece in pieces:
                    if not has_begun:
                        writer.write(_head(first, last, self._download.size_bytes))
                        has_begun = True
                    writer.write(piece)
                    await writer.drain()
        except DownloadEndedError:
            if not has_begun:
                await _refuse(writer, _ENDED)
            return False
        except _RefusedError as error:
            await _refuse(writer, error.status)
            return False
        except ConnectionError:
            return False
        return True

    def _range(self, data: bytes) -> tuple[int, int]:
        try:
            head = read_head(data)
        except HeadError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST) from error
        if head.start != _REQUEST:
            raise _RefusedError(HTTPStatus.BAD_REQUEST)
        match = _RANGE.fullmatch(head.fields.get("range", ""))
        if match is None or not int(match.group(1)) <= int(match.group(2)) < self._download.size_bytes:
            raise _RefusedError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        return int(match.group(1)), int(match.group(2))


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Return the next request's head; nothing once there is none that could be one."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        return b""


def _head(first: int, last: int, size_bytes: int) -> bytes:
    return (
        f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size_bytes}\r\n"
        f"Content-Length: {last - first + 1}\r\n\r\n"
    ).encode("ascii")


async def _refuse(writer: asyncio.StreamWriter, status: HTTPStatus) -> None:
    writer.write(
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("ascii")
    )
    await writer.drain()
