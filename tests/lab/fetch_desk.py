"""A relay of this process's, a real server behind it, and somebody who asks as RAUC does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware.fetch.download import Download, Patience
from firmware.fetch.relay import Relay
from firmware.fetch.server import Server
from firmware.fetch.wanted import FetchCode, News, Wanted
from tests.lab.update_server import UpdateServer

TELLS_ALL = Patience(news_s=0.0)
FAST_KBIT = 10_000_000


class DrivenClock:
    """Seconds that pass where somebody waits, and at once."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._later: list[tuple[float, Callable[[], object]]] = []

    def at(self, time_s: float, action: Callable[[], object]) -> None:
        """Do something once, as soon as it is that late."""
        self._later.append((time_s, action))

    async def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s
        for each in [each for each in self._later if each[0] <= self.now_s]:
            self._later.remove(each)
            each[1]()
        await asyncio.sleep(0)


@dataclass
class FetchDesk:
    """What a test asks the relay, and what root hears.

    Attributes:
        port: the relay's.
        news: all that root heard.
        in_call: there while a call is on.
    """

    port: int
    news: list[News]
    in_call: Path

    @property
    def codes(self) -> set[FetchCode]:
        return {each.code for each in self.news}

    @property
    def code(self) -> FetchCode:
        return self.news[-1].code

    async def ask(self, first: int, last: int) -> tuple[int, bytes]:
        """Ask for a range on a connection of its own; return the status and what came of the body."""
        return await self.say(
            f"GET /update.raucb HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes={first}-{last}\r\nAccept: */*\r\n\r\n"
        )

    async def say(self, request: str) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            body = b""
            while len(body) < length and (more := await reader.read(length - len(body))):
                body += more
            return int(head.split()[1]), body
        finally:
            writer.transport.abort()


@asynccontextmanager
async def fetch_desk(
    server: UpdateServer,
    folder: Path,
    *,
    address: str = "",
    authority: str | None = None,
    size_bytes: int = 0,
    bandwidth_kbit: int = FAST_KBIT,
    stall_s: float = 5.0,
    clock: DrivenClock | None = None,
) -> AsyncIterator[FetchDesk]:
    """Run a relay in front of a server; what is not said is as the server has it."""
    wanted = Wanted(
        address=address or server.address,
        size_bytes=size_bytes or len(server.content),
        bandwidth_kbit=bandwidth_kbit,
        authority=authority or server.authority.ca_pem.decode(),
    )
    news: list[News] = []
    upstream = Server(wanted, stall_s=stall_s)
    in_call = folder / "in-call"
    time = clock or DrivenClock()
    download = Download(
        wanted, upstream, in_call, news.append, patience=TELLS_ALL, clock=lambda: time.now_s, sleep=time.sleep
    )
    relay = await Relay(download).serve(0)
    try:
        yield FetchDesk(relay.sockets[0].getsockname()[1], news, in_call)
    finally:
        relay.close()
        upstream.close()
