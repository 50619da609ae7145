"""What one server on the local network offers: read by one form, within bounds, and believed nothing."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Final

from firmware.base.errors import LanServerError
from firmware.fetch.server import MOST_HEAD_BYTES, HeadError, read_head
from firmware.setup.lan.servers import HOPS, Server
from provisioning.lan import LENGTH, MOST_BUNDLE_BYTES, MOST_BUNDLES, MOST_BYTES, REQUEST

_STATUS: Final = re.compile(r"HTTP/1\.1 200(?: [\t\x20-\x7e]*)?")
_LENGTH_FIELD: Final = re.compile(r"[0-9]{1,9}")


async def offers(server: Server) -> AsyncGenerator[bytes, None]:
    """Ask a server, and yield one bundle after another as it comes; whoever reads them bounds the time.

    Raises:
        LanServerError: it is not there, or its answer is none or is cut short.
    """
    family, address = server
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as connection:
            if family is socket.AF_INET6:
                connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOPS)
            else:
                connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)
            await asyncio.get_running_loop().sock_connect(connection, address)
            reader, writer = await asyncio.open_connection(sock=connection, limit=MOST_HEAD_BYTES)
            try:
                writer.write(REQUEST)
                left_bytes = _length_of(await reader.readuntil(b"\r\n\r\n"))
                for _ in range(MOST_BUNDLES):
                    if not left_bytes:
                        break
                    (size_bytes,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    left_bytes -= LENGTH.size + size_bytes
                    if not 0 < size_bytes <= MOST_BUNDLE_BYTES or left_bytes < 0:
                        raise LanServerError("A bundle is longer than it may be, or than what the server said.")
                    yield await reader.readexactly(size_bytes)
            finally:
                writer.transport.abort()
    except asyncio.LimitOverrunError as error:
        raise LanServerError("The server's answer has no end of its head.") from error
    except asyncio.IncompleteReadError as error:
        raise LanServerError("The server ended the connection too early.") from error
    except OSError as error:
        raise LanServerError(f"The server could not be asked: {error.strerror}.") from error


def _length_of(data: bytes) -> int:
    """Return how many bytes of bundles come behind this head."""
    try:
        head = read_head(data)
    except HeadError as error:
        raise LanServerError(f"The server's answer is no HTTP. {error}") from error
    length = head.fields.get("content-length", "")
    if not _STATUS.fullmatch(head.start) or not _LENGTH_FIELD.fullmatch(length) or int(length) > MOST_BYTES:
        raise LanServerError("The server's answer is no list of bundles.")
    if "transfer-encoding" in head.fields or head.fields.get("content-encoding", "identity") != "identity":
        raise LanServerError("The server changes how its answer is encoded.")
    return int(length)
