"""Whatever a server does, root hears a code, RAUC gets the file's own bytes or none, and memory stays small."""

import asyncio
import socket
import tracemalloc
from pathlib import Path

import pytest

from firmware.fetch.wanted import FetchCode
from tests.lab.certificates import CertificateAuthority
from tests.lab.fetch_desk import DrivenClock, fetch_desk
from tests.lab.update_server import Asked, Behaviour, UpdateServer, honest

FIRST, LAST = 1000, 200_000


def whole_file(asked: Asked) -> bool:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(asked.content) + asked.content)
    return False


def answer(text: str) -> Behaviour:
    """Return what answers with this; {first}, {last}, {length}, {size} are as an honest server has them."""

    def answering(asked: Asked) -> bool:
        length = asked.last - asked.first + 1
        head = text.format(first=asked.first, last=asked.last, length=length, size=len(asked.content))
        asked.send(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + asked.body)
        return False

    return answering


def redirect(status: int) -> Behaviour:
    return answer(f"HTTP/1.1 {status} Elsewhere\nLocation: https://localhost/other\nContent-Length: 0")


def endless_head(asked: Asked) -> bool:
    asked.send(b"HTTP/1.1 206 Partial Content\r\n")
    while True:
        asked.send(b"X-More: " + b"x" * 60_000 + b"\r\n")


PARTIAL = "HTTP/1.1 206 Partial Content\nContent-Length: {length}\nContent-Range: bytes {first}-{last}/{size}"
LIES: dict[str, Behaviour] = {
    "the whole file for a range": whole_file,
    "another range": answer(PARTIAL.replace("bytes {first}", "bytes 1")),
    "no size": answer(PARTIAL.replace("/{size}", "/*")),
    "a range in other units": answer(PARTIAL.replace("bytes ", "items ")),
    "no range": answer("HTTP/1.1 206 Partial Content\nContent-Length: {length}"),
    "two ranges": answer(PARTIAL + "\nContent-Range: bytes {first}-{last}/{size}"),
    "several ranges": answer("HTTP/1.1 206 Partial Content\nContent-Length: 9\nContent-Type: multipart/byteranges; x"),
    "more bytes": answer(PARTIAL.replace("{length}", "{length}0")),
    "no length": answer(PARTIAL.replace("Content-Length: {length}\n", "")),
    "two lengths": answer(PARTIAL + "\nContent-Length: 5"),
    "fewer bytes": answer(PARTIAL.replace("Content-Length: {length}", "Content-Length: 5")),
    "chunked": answer(PARTIAL + "\nTransfer-Encoding: chunked"),
    "gzip": answer(PARTIAL + "\nContent-Encoding: gzip"),
    "a redirect 301": redirect(301),
    "a redirect 302": redirect(302),
    "a redirect 307": redirect(307),
    "not found": answer("HTTP/1.1 404 Not Found\nContent-Length: 0"),
    "asked to wait first": answer("HTTP/1.1 100 Continue"),
    "older HTTP": answer(PARTIAL.replace("1.1", "1.0")),
    "no HTTP": answer("SSH-2.0-OpenSSH"),
    "a folded line": answer(PARTIAL + "\n and more"),
    "a large head": answer(PARTIAL + "\nX-More: " + "x" * 9_000),
    "many lines": answer(PARTIAL + "\nX: y" * 2_000),
    "a head without end": endless_head,
}
OTHER_SIZES: dict[str, Behaviour] = {
    "larger": answer(PARTIAL.replace("/{size}", "/{size}0")),
    "shorter than the range": answer("HTTP/1.1 416 Range Not Satisfiable\nContent-Range: bytes */7\nContent-Length: 0"),
}


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        *(pytest.param(lie, FetchCode.SERVER_WRONG, id=name) for name, lie in LIES.items()),
        *(pytest.param(lie, FetchCode.WRONG_SIZE, id=name) for name, lie in OTHER_SIZES.items()),
    ],
)
async def test_a_lie_ends_the_download_at_once(
    update_server: UpdateServer, tmp_path: Path, behaviour: Behaviour, code: FetchCode
) -> None:
    update_server.behaviour = behaviour
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.ask(FIRST, LAST) == (404, b"")
        assert desk.code is code
        assert desk.news[-1].received_bytes == 0
        # It is not asked again, and goes nowhere else.
        assert await desk.ask(0, 3) == (404, b"")
        assert (len(update_server.asked), update_server.connections) == (1, 1)


async def test_a_body_without_end_gives_the_range_and_ends_the_download_at_the_next(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    def endless(asked: Asked) -> bool:
        honest(asked)
        while True:
            asked.send(b"x" * 60_000)

    update_server.behaviour = endless
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.ask(FIRST, LAST) == (206, update_server.content[FIRST : LAST + 1])
        assert await desk.ask(0, 3) == (404, b"")
        assert desk.code is FetchCode.SERVER_WRONG


@pytest.mark.parametrize("behaviour", [endless_head, honest], ids=["a head without end", "honest"])
async def test_no_server_makes_the_fetcher_large(
    update_server: UpdateServer, tmp_path: Path, behaviour: Behaviour
) -> None:
    update_server.content = bytes(12_000_000)
    update_server.behaviour = behaviour
    async with fetch_desk(update_server, tmp_path) as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        tracemalloc.start()
        try:
            writer.write(b"GET /update.raucb HTTP/1.1\r\nRange: bytes=0-11999999\r\n\r\n")
            left = 12_000_000 if behaviour is honest else 1
            head = await reader.readuntil(b"\r\n\r\n")
            while left > 0 and (piece := await reader.read(left)):
                left -= len(piece)
            assert (left == 0) is head.startswith(b"HTTP/1.1 206 ")
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()
            writer.close()


async def test_what_was_reset_in_the_middle_goes_on_where_it_stopped(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    def breaks_off_twice(asked: Asked) -> bool:
        if asked.count >= 2:
            return honest(asked)
        asked.begin()
        asked.send(asked.body[:50_000])
        return False

    update_server.behaviour = breaks_off_twice
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.ask(FIRST, LAST) == (206, update_server.content[FIRST : LAST + 1])
        assert (desk.code, desk.news[-1].received_bytes) == (FetchCode.NONE, LAST - FIRST + 1)
        assert FetchCode.STALLED in desk.codes
    asked = [head.partition(b"Range: ")[2].partition(b"\r\n")[0] for head in update_server.asked]
    assert asked == [b"bytes=1000-200000", b"bytes=51000-200000", b"bytes=101000-200000"]


async def test_a_server_that_says_nothing_any_more_is_asked_for_the_rest(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    def stalls_once(asked: Asked) -> bool:
        if asked.count:
            return honest(asked)
        asked.begin()
        asked.send(asked.body[:50_000])
        asked.connection.recv(1)
        return False

    update_server.behaviour = stalls_once
    async with fetch_desk(update_server, tmp_path, stall_s=0.2) as desk:
        assert await desk.ask(FIRST, LAST) == (206, update_server.content[FIRST : LAST + 1])
        assert update_server.asked[1].count(b"Range: bytes=51000-200000") == 1


async def test_a_server_is_given_up_after_half_an_hour_without_a_byte_and_was_asked_ever_more_rarely(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    clock = DrivenClock()

    def stops(asked: Asked) -> bool:
        asked.begin()
        return False

    update_server.behaviour = stops
    async with fetch_desk(update_server, tmp_path, clock=clock) as desk:
        assert await desk.ask(FIRST, LAST) == (404, b"")
        assert desk.code is FetchCode.STALLED
    assert 1800 <= clock.now_s < 1900
    assert 30 < len(update_server.asked) < 70


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_server_that_cannot_answer_now_is_asked_again_and_given_up_in_the_end(
    update_server: UpdateServer, tmp_path: Path, status: int
) -> None:
    update_server.behaviour = answer(f"HTTP/1.1 {status} Not now\nContent-Length: 0")
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.ask(FIRST, LAST) == (404, b"")
        assert desk.code is FetchCode.UNREACHABLE
        assert len(update_server.asked) > 30


async def test_a_server_that_is_back_in_time_goes_on(update_server: UpdateServer, tmp_path: Path) -> None:
    away = answer("HTTP/1.1 503 Not now\nContent-Length: 0")
    update_server.behaviour = lambda asked: honest(asked) if asked.count >= 3 else away(asked)
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.ask(0, 3) == (206, update_server.content[:4])
        assert desk.code is FetchCode.NONE


async def test_nobody_there_is_unreachable(update_server: UpdateServer, tmp_path: Path) -> None:
    async with fetch_desk(update_server, tmp_path) as desk:
        update_server.stop()
        assert await desk.ask(0, 3) == (404, b"")
        assert desk.code is FetchCode.UNREACHABLE


async def test_a_name_that_is_nowhere_is_unreachable(
    update_server: UpdateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_such_name(*_arguments: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    async with fetch_desk(update_server, tmp_path, address="https://updates.invalid/phone.raucb") as desk:
        assert await desk.ask(0, 3) == (404, b"")
        assert desk.code is FetchCode.UNREACHABLE


async def test_a_certificate_of_another_authority_is_another_server(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    other = CertificateAuthority(tmp_path / "other").ca_pem.decode()
    async with fetch_desk(update_server, tmp_path, authority=other) as desk:
        assert await desk.ask(0, 3) == (404, b"")
        assert desk.code is FetchCode.SERVER_WRONG
        assert update_server.asked == []


@pytest.mark.parametrize("case", ["another name", "an address alone", "no TLS"])
async def test_who_does_not_show_who_it_is_is_asked_for_nothing(
    update_server: UpdateServer, tmp_path: Path, case: str
) -> None:
    hosts = ("elsewhere.example.org",) if case == "another name" else ("127.0.0.1",)
    server = UpdateServer(update_server.authority, update_server.content, hosts=hosts, is_plain=case == "no TLS")
    server.start()
    try:
        async with fetch_desk(server, tmp_path) as desk:
            assert await desk.ask(0, 3) == (404, b"")
            assert desk.code is FetchCode.SERVER_WRONG
            assert server.asked == []
    finally:
        server.stop()
