"""What RAUC gets of an honest server, what the server sees of RAUC, and how much, how fast and when."""

import asyncio
from pathlib import Path

import pytest

from firmware.fetch.wanted import FetchCode
from tests.lab.fetch_desk import DrivenClock, fetch_desk
from tests.lab.update_server import PATH, Asked, UpdateServer, honest


async def test_ranges_are_the_files_own_bytes_over_one_connection(update_server: UpdateServer, tmp_path: Path) -> None:
    ranges = [(0, 3), (0, 0), (299_999, 299_999), (0, 299_999), (65_536, 131_072), (131_073, 196_608)]
    async with fetch_desk(update_server, tmp_path) as desk:
        for first, last in ranges[:3]:
            assert await desk.ask(first, last) == (206, update_server.content[first : last + 1])
        answers = await asyncio.gather(*(desk.ask(first, last) for first, last in ranges[4:]))
        assert answers == [(206, update_server.content[first : last + 1]) for first, last in ranges[4:]]
    assert update_server.connections == 1


async def test_a_request_is_these_bytes_and_no_others(update_server: UpdateServer, tmp_path: Path) -> None:
    async with fetch_desk(update_server, tmp_path) as desk:
        await desk.say(
            "GET /update.raucb HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=5-9\r\nUser-Agent: rauc/1.13\r\n"
            "Cookie: serial=1000\r\nRAUC-Machine-ID: 1234\r\nAuthorization: Basic eDp5\r\n\r\n"
        )
    assert update_server.asked == [
        f"GET {PATH} HTTP/1.1\r\nHost: localhost:{update_server.port}\r\nUser-Agent: wecall-handset\r\n"
        "Accept-Encoding: identity\r\nRange: bytes=5-9\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    ("request_line", "range_line", "status"),
    [
        ("GET /update.raucb HTTP/1.1", "Range: bytes=0-300000", 416),
        ("GET /update.raucb HTTP/1.1", "Range: bytes=9-5", 416),
        ("GET /update.raucb HTTP/1.1", "Range: bytes=0-", 416),
        ("GET /update.raucb HTTP/1.1", "Range: bytes=0-3,5-9", 416),
        ("GET /update.raucb HTTP/1.1", "Accept: */*", 416),
        ("GET /other HTTP/1.1", "Range: bytes=0-3", 400),
        ("POST /update.raucb HTTP/1.1", "Range: bytes=0-3", 400),
        ("GET https://elsewhere/ HTTP/1.1", "Range: bytes=0-3", 400),
        ("GET /update.raucb HTTP/1.1", "Range: bytes=0-3\r\nRange: bytes=5-9", 400),
    ],
)
async def test_nothing_else_is_fetched_for_anybody(
    update_server: UpdateServer, tmp_path: Path, request_line: str, range_line: str, status: int
) -> None:
    async with fetch_desk(update_server, tmp_path) as desk:
        assert await desk.say(f"{request_line}\r\n{range_line}\r\n\r\n") == (status, b"")
    assert update_server.connections == 0


async def test_a_connection_that_the_server_closed_in_between_is_opened_again_at_once(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    def closes(asked: Asked) -> bool:
        honest(asked)
        return False

    update_server.behaviour = closes
    async with fetch_desk(update_server, tmp_path) as desk:
        for _ in range(3):
            assert await desk.ask(0, 3) == (206, update_server.content[:4])
        assert desk.codes == {FetchCode.NONE}
    assert (update_server.connections, len(update_server.asked)) == (3, 3)


async def test_a_download_keeps_to_its_bandwidth(update_server: UpdateServer, tmp_path: Path) -> None:
    clock = DrivenClock()
    async with fetch_desk(update_server, tmp_path, bandwidth_kbit=4000, clock=clock) as desk:
        await desk.ask(0, 131_071)
        await desk.ask(131_072, 262_143)
        await desk.ask(0, 0)
    assert clock.now_s == pytest.approx(262_145 * 8 / 4_000_000, abs=0.001)


async def test_nothing_is_fetched_while_a_call_is_on(update_server: UpdateServer, tmp_path: Path) -> None:
    clock = DrivenClock()
    had: list[int] = []

    def call_begins(asked: Asked) -> bool:
        asked.begin()
        asked.send(asked.body[:70_000])
        desk.in_call.touch()
        asked.send(asked.body[70_000:])
        return True

    def call_ends() -> None:
        had.append(desk.news[-1].received_bytes)
        assert desk.code is FetchCode.POSTPONED
        desk.in_call.unlink()

    update_server.behaviour = call_begins
    # An hour, which is longer than it takes to give a server up.
    clock.at(3600, call_ends)
    async with fetch_desk(update_server, tmp_path, clock=clock) as desk:
        assert await desk.ask(0, 299_999) == (206, update_server.content)
        assert desk.code is FetchCode.NONE
    # What was on its way when it began, and no more.
    assert had[0] < 200_000


async def test_nothing_is_asked_while_a_call_is_on(update_server: UpdateServer, tmp_path: Path) -> None:
    clock = DrivenClock()
    connections: list[int] = []

    def call_ends() -> None:
        connections.append(update_server.connections)
        desk.in_call.unlink()

    clock.at(3600, call_ends)
    async with fetch_desk(update_server, tmp_path, clock=clock) as desk:
        desk.in_call.touch()
        assert await desk.ask(0, 3) == (206, update_server.content[:4])
        assert FetchCode.POSTPONED in desk.codes
    assert connections == [0]


async def test_no_more_comes_than_a_fifth_above_the_files_size(update_server: UpdateServer, tmp_path: Path) -> None:
    async with fetch_desk(update_server, tmp_path) as desk:
        assert (await desk.ask(0, 299_999))[0] == 206
        assert (await desk.ask(0, 59_999))[0] == 206
        assert await desk.ask(0, 3) == (404, b"")
        assert desk.code is FetchCode.TOO_LARGE
        asked = len(update_server.asked)
        assert await desk.ask(0, 3) == (404, b"")
        assert len(update_server.asked) == asked


async def test_who_leaves_does_not_keep_others_waiting(update_server: UpdateServer, tmp_path: Path) -> None:
    waits = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stalls_once(asked: Asked) -> bool:
        if asked.count:
            return honest(asked)
        loop.call_soon_threadsafe(waits.set)
        asked.connection.recv(1)
        return False

    update_server.behaviour = stalls_once
    async with fetch_desk(update_server, tmp_path, stall_s=60) as desk:
        leaving = asyncio.create_task(desk.ask(0, 3))
        await waits.wait()
        leaving.cancel()
        assert await desk.ask(4, 9) == (206, update_server.content[4:10])


async def test_two_requests_on_one_connection_are_answered_one_after_the_other(
    update_server: UpdateServer, tmp_path: Path
) -> None:
    async with fetch_desk(update_server, tmp_path) as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        for first, last in ((0, 3), (100, 199), (5, 5)):
            writer.write(f"GET /update.raucb HTTP/1.1\r\nRange: bytes={first}-{last}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert f"Content-Range: bytes {first}-{last}/300000\r\n".encode() in head
            assert await reader.readexactly(last - first + 1) == update_server.content[first : last + 1]
        writer.close()
