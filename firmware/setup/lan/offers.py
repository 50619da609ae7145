"""What one server of bundles offers: read by one form, within bounds, and believed nothing."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from typing import Final

from contract.results import OutcomeCode
from firmware.base.errors import LanServerError
from firmware.fetch.server import MOST_HEAD_BYTES, HeadError, read_head
from firmware.fetch.wanted import Place
from firmware.setup.lan.servers import HOPS, Server
from provisioning.bundle import MAGIC
from provisioning.lan import LENGTH, MOST_BUNDLE_BYTES, MOST_BUNDLES, MOST_BYTES, REQUEST, request_for

_STATUS: Final = re.compile(r"HTTP/1\.1 200(?: [\t\x20-\x7e]*)?")
_LENGTH_FIELD: Final = re.compile(r"[0-9]{1,18}")
_NOT_YET_VALID: Final = 9
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID: so it is with every certificate until this machine's clock is set."""


async def offers(server: Server) -> AsyncGenerator[bytes, None]:
    """Ask a server on the local network, and yield one bundle after another; whoever reads them bounds the time.

    Raises:
        LanServerError: it is not there, or its answer is none or is cut short.
    """
    family, address = server
    async with _errors_told():
        with closing(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as connection:
            if family is socket.AF_INET6:
                connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOPS)
            else:
                connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)
            await asyncio.get_running_loop().sock_connect(connection, address)
            streams = await asyncio.open_connection(sock=connection, limit=MOST_HEAD_BYTES)
            async with aclosing(_answered(streams, REQUEST)) as bundles:
                async for bundle in bundles:
                    yield bundle


async def offers_at(place: Place) -> AsyncGenerator[bytes, None]:
    """Ask the server of an address, which a public authority must have certified; as above."""
    async with _errors_told():
        tls = ssl.create_default_context()
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        streams = await asyncio.open_connection(
            place.host, place.port, ssl=tls, limit=MOST_HEAD_BYTES, happy_eyeballs_delay=0.25
        )
        async with aclosing(_answered(streams, request_for(place.authority_part, place.path))) as bundles:
            async for bundle in bundles:
                yield bundle


@asynccontextmanager
async def _errors_told() -> AsyncIterator[None]:
    try:
        yield
    except asyncio.LimitOverrunError as error:
        raise LanServerError("The server's answer has no end of its head.") from error
    except asyncio.IncompleteReadError as error:
        raise LanServerError("The server ended the connection too early.", OutcomeCode.UNREACHABLE) from error
    except ssl.SSLError as error:
        passes = isinstance(error, ssl.SSLEOFError) or getattr(error, "verify_code", 0) == _NOT_YET_VALID
        code = OutcomeCode.UNREACHABLE if passes else OutcomeCode.SERVER_WRONG
        raise LanServerError(f"The server does not show that it is the one that is wanted: {error}", code) from error
    except OSError as error:
        raise LanServerError(f"The server could not be asked: {error.strerror}.", OutcomeCode.UNREACHABLE) from error


async def _answered(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
) -> AsyncGenerator[bytes, None]:
    reader, writer = streams
    try:
        writer.write(request)
        left_bytes = _length_of(await reader.readuntil(b"\r\n\r\n"))
        for _ in range(MOST_BUNDLES):
            if not left_bytes:
                break
            begins = await reader.readexactly(LENGTH.size)
            if begins == MAGIC[: LENGTH.size]:
                # No list has a bundle of that length: this is one bundle, as it is.
                if left_bytes > MOST_BUNDLE_BYTES:
                    raise LanServerError("The bundle is longer than it may be.", OutcomeCode.TOO_LARGE)
                yield begins + await reader.readexactly(max(left_bytes - LENGTH.size, 0))
                break
            (size_bytes,) = LENGTH.unpack(begins)
            left_bytes -= LENGTH.size + size_bytes
            if not 0 < size_bytes <= MOST_BUNDLE_BYTES or left_bytes < 0:
                raise LanServerError("A bundle is longer than it may be, or than what the server said.")
            yield await reader.readexactly(size_bytes)
    finally:
        writer.transport.abort()


def _length_of(data: bytes) -> int:
    """Return how many bytes of bundles come behind this head."""
    try:
        head = read_head(data)
    except HeadError as error:
        raise LanServerError(f"The server's answer is no HTTP. {error}") from error
    length = head.fields.get("content-length", "")
    if not _STATUS.fullmatch(head.start) or not _LENGTH_FIELD.fullmatch(length):
        raise LanServerError("The server's answer is no list of bundles.")
    if int(length) > MOST_BYTES:
        raise LanServerError("The server's answer is longer than it may be.", OutcomeCode.TOO_LARGE)
    if "transfer-encoding" in head.fields or head.fields.get("content-encoding", "identity") != "identity":
        raise LanServerError("The server changes how its answer is encoded.")
    return int(length)
