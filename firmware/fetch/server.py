"""The server that an update comes from: asked for one range after another over one connection, and believed nothing."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Final

from firmware.base.errors import HandsetError
from firmware.fetch.wanted import FetchCode, Wanted

PIECE_BYTES: Final = 64 * 1024
MOST_HEAD_BYTES: Final = 8 * 1024
# Without it a server fills megabytes of the kernel's at full speed, whatever bandwidth is wanted.
_RECEIVE_BUFFER_BYTES: Final = 128 * 1024
_CONNECT_S: Final = 20.0
STALL_S: Final = 60.0

# RFC 9112 sections 4 and 5. What a server may add to either is not for us to understand.
_STATUS: Final = re.compile(r"HTTP/1\.1 ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_RANGE: Final = re.compile(r"bytes (?:[0-9]+-[0-9]+|\*)/([0-9]{1,15})")  # RFC 9110 section 14.4
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
# They say that the server is there and cannot answer now.
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class ServerLostError(HandsetError):
    """The server cannot be reached, or stopped in the middle; it may be asked again.

    Attributes:
        code: which of the two.
    """

    def __init__(self, message: str, code: FetchCode) -> None:
        super().__init__(message)
        self.code = code


class ServerWrongError(HandsetError):
    """The server is another one, or does not give what was asked; to ask again does not help.

    Attributes:
        code: whether all that is wrong is the size of its file.
    """

    def __init__(self, message: str, code: FetchCode = FetchCode.SERVER_WRONG) -> None:
        super().__init__(message)
        self.code = code


class HeadError(HandsetError):
    """What should begin a request or an answer of HTTP does not."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the body.

    Attributes:
        start: the first line.
        fields: by their names in small letters; each of those that count stands once.
    """

    start: str
    fields: dict[str, str]


def read_head(data: bytes) -> Head:
    """Read the lines before a body, the empty one included.

    Raises:
        HeadError: it is too long, or a line is none of HTTP/1.1, or a field stands twice that may stand once.
    """
    if len(data) > MOST_HEAD_BYTES:
        raise HeadError("The lines before the body are too long.")
    start, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise HeadError("A line before the body is no field of HTTP.")
        name, value = match.group(1).lower(), match.group(2)
        if name in fields and name in {"content-length", "content-range", "range", "transfer-encoding"}:
            raise HeadError("A field that says where the body ends stands twice.")
        fields[name] = value
    return Head(start, fields)


class Server:
    """The server of one update.

    Every phone asks in the same bytes: nothing in a request depends on more than the update and the range.
    """

    def __init__(self, wanted: Wanted, *, stall_s: float = STALL_S) -> None:
        """Set up.

        Raises:
            ServerWrongError: the authority that its certificate must come from is none.
        """
        self._wanted = wanted
        self._stall_s = stall_s
        try:
            self._tls = ssl.create_default_context(cadata=wanted.authority)
        except (ssl.SSLError, ValueError) as error:
            raise ServerWrongError("The update's server cannot be known: its authority is no certificate.") from error
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """Drop the connection; the next range opens another one."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def pieces(self, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Yield what the server has from byte `first` to byte `last`, and never more.

        Raises:
            ServerLostError: it is not there, or stopped in the middle.
            ServerWrongError: it did not answer with this range.
        """
        left = last - first + 1
        keeps = False
        try:
            reader, keeps = await self._ask(first, last)
            while left:
                piece = await self._within(reader.read(min(left, PIECE_BYTES)))
                if not piece:
                    raise ServerLostError("The server ended the connection before the range.", FetchCode.STALLED)
                left -= len(piece)
                yield piece
        finally:
            if left or not keeps:
                self.close()

    async def _ask(self, first: int, last: int) -> tuple[asyncio.StreamReader, bool]:
        """Ask for a range and read what stands before it; return where it comes, and whether the connection stays."""
        while True:
            is_kept = self._streams is not None
            reader, writer = self._streams = self._streams or await self._connect()
            writer.write(self._request(first, last))
            try:
                data = await self._within(reader.readuntil(b"\r\n\r\n"))
            except asyncio.LimitOverrunError as error:
                raise ServerWrongError("The server's answer has no end of its head.") from error
            except asyncio.IncompleteReadError as error:
                if is_kept and not error.partial:
                    # It had closed a connection on which nothing was asked for a while (RFC 9112 section 9.5).
                    self.close()
                    continue
                raise ServerLostError(
                    "The server ended the connection and gave no answer.", FetchCode.STALLED
                ) from error
            return reader, self._is_kept_after(data, first, last)

    def _request(self, first: int, last: int) -> bytes:
        return (
            f"GET {self._wanted.path} HTTP/1.1\r\nHost: {self._wanted.authority_part}\r\nUser-Agent: wecall-handset\r\n"
            f"Accept-Encoding: identity\r\nRange: bytes={first}-{last}\r\n\r\n"
        ).encode("ascii")

    def _is_kept_after(self, data: bytes, first: int, last: int) -> bool:
        """Say whether the connection stays, after an answer that has exactly this range (RFC 9110 section 15.3.7)."""
        try:
            head = read_head(data)
        except HeadError as error:
            raise ServerWrongError(f"The server's answer is no HTTP. {error}") from error
        status = _STATUS.fullmatch(head.start)
        if status is None:
            raise ServerWrongError("The server's answer is no HTTP.")
        code = int(status.group(1))
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _LATER:
            raise ServerLostError("The server says that it cannot answer now.", FetchCode.UNREACHABLE)
        self._check_size(head)
        if code != HTTPStatus.PARTIAL_CONTENT:
            raise ServerWrongError("The server answers with no range of the file; have it serve the file itself.")
        expected = {
            "content-range": f"bytes {first}-{last}/{self._wanted.size_bytes}",
            "content-length": str(last - first + 1),
        }
        if any(head.fields.get(name) != value for name, value in expected.items()):
            raise ServerWrongError("The server answers with another range than was asked for.")
        if "transfer-encoding" in head.fields or head.fields.get("content-encoding", "identity") != "identity":
            raise ServerWrongError("The server changes how the file is encoded.")
        return "close" not in head.fields.get("connection", "").lower()

    def _check_size(self, head: Head) -> None:
        size = _RANGE.fullmatch(head.fields.get("content-range", ""))
        if size is not None and int(size.group(1)) != self._wanted.size_bytes:
            raise ServerWrongError(
                "The server has a file of another size than was announced; put that one there.", FetchCode.WRONG_SIZE
            )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(_CONNECT_S):
                streams = await asyncio.open_connection(
                    self._wanted.host, self._wanted.port, ssl=self._tls, limit=PIECE_BYTES, happy_eyeballs_delay=0.25
                )
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError) as error:
            raise ServerLostError("The server ended the connection.", FetchCode.UNREACHABLE) from error
        except ssl.SSLError as error:
            raise ServerWrongError("The server does not show that it is the one that is wanted.") from error
        except OSError as error:
            raise ServerLostError("The server could not be reached.", FetchCode.UNREACHABLE) from error
        streams[1].get_extra_info("socket").setsockopt(SOL_SOCKET, SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return streams

    async def _within(self, reading: Coroutine[None, None, bytes]) -> bytes:
        """Wait for what is read, no longer than a server may be silent."""
        try:
            async with asyncio.timeout(self._stall_s):
                return await reading
        except TimeoutError as error:
            raise ServerLostError("The server sends nothing any more.", FetchCode.STALLED) from error
        except OSError as error:
            raise ServerLostError("The connection to the server broke.", FetchCode.STALLED) from error
