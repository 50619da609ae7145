"""Whatever a server on the local network does, only what has the one good form is read, within bounds."""

import asyncio
import socket
import tracemalloc

import pytest

from firmware.base.errors import LanServerError
from firmware.setup.lan.offers import offers
from provisioning.lan import LENGTH, MOST_BUNDLE_BYTES, MOST_BUNDLES, MOST_BYTES, REQUEST
from tests.lab.lan_server import OK, Behaviour, LanServer, answer, listed, saying

pytestmark = pytest.mark.feature("set-up by the local network")


async def read(server: LanServer) -> list[bytes]:
    return [bundle async for bundle in offers(server.server)]


async def test_every_bundle_comes_as_the_server_has_it() -> None:
    with LanServer(saying(answer(b"first", b"x" * 100_000, b"third"))) as server:
        assert await read(server) == [b"first", b"x" * 100_000, b"third"]
    with LanServer(saying(answer())) as server:
        assert await read(server) == []


async def test_a_request_is_the_same_bytes_from_every_handset_and_nothing_follows_it() -> None:
    with LanServer(saying(answer(b"one"))) as server:
        for _ in range(3):
            await read(server)
    request = (
        b"GET /bundles HTTP/1.1\r\nHost: wecall-bundle.local\r\nUser-Agent: wecall-handset\r\n"
        b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    assert server.received == [request] * 3


def endless_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 60_000 + b"\r\n")


def saying_text(text: str) -> Behaviour:
    return saying(text.replace("\n", "\r\n").encode() + b"\r\n\r\n" + listed(b"one"))


LIES: dict[str, Behaviour] = {
    "nothing": saying(b""),
    "half a head": saying(b"HTTP/1.1 200 OK\r\nContent-"),
    "a head without end": endless_head,
    "a large head": saying_text("HTTP/1.1 200 OK\nContent-Length: 7\nX-More: " + "x" * 9_000),
    "no HTTP": saying_text("SSH-2.0-OpenSSH"),
    "older HTTP": saying_text("HTTP/1.0 200 OK\nContent-Length: 7"),
    "a redirect": saying_text("HTTP/1.1 302 Elsewhere\nLocation: http://127.0.0.1/bundles\nContent-Length: 7"),
    "not found": saying_text("HTTP/1.1 404 Not Found\nContent-Length: 7"),
    "no length": saying_text("HTTP/1.1 200 OK"),
    "two lengths": saying_text("HTTP/1.1 200 OK\nContent-Length: 7\nContent-Length: 7"),
    "a negative length": saying_text("HTTP/1.1 200 OK\nContent-Length: -7"),
    "a huge length": saying_text(f"HTTP/1.1 200 OK\nContent-Length: {MOST_BYTES + 1}"),
    "chunked": saying_text("HTTP/1.1 200 OK\nContent-Length: 7\nTransfer-Encoding: chunked"),
    "gzip": saying_text("HTTP/1.1 200 OK\nContent-Length: 7\nContent-Encoding: gzip"),
    "a folded line": saying_text("HTTP/1.1 200 OK\nContent-Length: 7\n and more"),
    "a bundle of nothing": saying(OK % 4 + LENGTH.pack(0)),
    "a bundle beyond the answer": saying(OK % 8 + LENGTH.pack(5) + b"four"),
    "a huge bundle": saying(OK % MOST_BYTES + LENGTH.pack(MOST_BUNDLE_BYTES + 1) + bytes(99)),
    "half a length": saying(OK % 2 + b"\0\0"),
    "a torn bundle": saying(OK % 100 + LENGTH.pack(96) + bytes(20)),
}


async def test_a_lie_ends_it_and_nothing_is_read(subtests: pytest.Subtests) -> None:
    for behaviour in LIES.values():
        with subtests.test(behaviour=behaviour), LanServer(behaviour) as server:
            async with asyncio.timeout(10):
                with pytest.raises(LanServerError):
                    await read(server)
            assert server.received == [REQUEST]


async def test_what_came_whole_before_a_torn_one_counts() -> None:
    with LanServer(saying(answer(b"first", b"second")[:-3])) as server:
        bundles = offers(server.server)
        assert await anext(bundles) == b"first"
        with pytest.raises(LanServerError, match="too early"):
            await anext(bundles)


async def test_no_more_bundles_are_read_than_a_site_has() -> None:
    with LanServer(saying(answer(*[b"x"] * (MOST_BUNDLES + 5)))) as server:
        assert len(await read(server)) == MOST_BUNDLES


async def test_bytes_behind_the_last_bundle_are_not_read_however_many() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(answer(b"one"))
        while True:
            connection.sendall(bytes(1 << 20))

    with LanServer(endless) as server:
        tracemalloc.start()
        try:
            assert await read(server) == [b"one"]
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


async def test_a_server_that_is_away_is_said_to_be() -> None:
    with LanServer(saying(b"")) as server:
        pass
    with pytest.raises(LanServerError, match="could not be asked"):
        await read(server)
