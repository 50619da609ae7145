"""One download: within its bandwidth, never in a call, taken up where it broke, and ended where that is no use."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from firmware.base.backoff import full_jitter_s
from firmware.base.errors import HandsetError
from firmware.fetch.server import Server, ServerLostError, ServerWrongError
from firmware.fetch.wanted import FetchCode, News, Wanted

_log = logging.getLogger(__name__)

# RAUC reads some blocks twice, where memory is short; a server that makes it read for ever pays for nobody's line.
_MOST_OF_SIZE: Final = 1.2
_CALL_POLL_S: Final = 0.5


class DownloadEndedError(HandsetError):
    """The download is at an end before all of it came; it does not go on in this process."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download waits, in seconds.

    Attributes:
        give_up_s: without a byte, until it is at an end. Calls do not count.
        pause_s, longest_pause_s: before the server is asked again: the first, and the longest.
        news_s: between two pieces of news of how much came.
    """

    give_up_s: float = 1800.0
    pause_s: float = 2.0
    longest_pause_s: float = 60.0
    news_s: float = 1.0


PATIENCE: Final = Patience()


class Download:
    """The ranges of one update, one after another."""

    def __init__(
        self,
        wanted: Wanted,
        server: Server,
        in_call: Path,
        tell: Callable[[News], None],
        *,
        patience: Patience = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up, and tell that nothing has come yet.

        Args:
            wanted: what is fetched.
            server: where from.
            in_call: there while a call is on.
            tell: is given the news.
            patience: how long it waits.
            clock: seconds that only grow.
            sleep: waits.
        """
        self._wanted = wanted
        self._server = server
        self._in_call = in_call
        self._listener = tell
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._received_bytes = 0
        self._has_ended = False
        self._code = FetchCode.NONE
        self._heard_s = self._told_s = self._free_s = clock()
        tell(News(0, FetchCode.NONE))

    @property
    def size_bytes(self) -> int:
        return self._wanted.size_bytes

    def tell(self) -> None:
        """Tell how far it has come."""
        self._say(self._code)

    async def pieces(self, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `first` to `last`, as they come; other ranges wait until this one is through.

        Raises:
            DownloadEndedError: the server is no use, now or any more.
        """
        async with self._turn:
            if self._code in {FetchCode.NONE, FetchCode.POSTPONED}:
                # Nobody was asked in the meantime.
                self._heard_s = self._clock()
            losses = 0
            while first <= last:
                await self._wait_for_room()
                try:
                    async with aclosing(self._server.pieces(first, last)) as pieces:
                        async for piece in pieces:
                            first += len(piece)
                            self._count(piece)
                            yield piece
                            await self._wait_for_room()
                except ServerLostError as error:
                    self._note_loss(error)
                    await self._sleep(self._pause_s(losses))
                    losses += 1
                except ServerWrongError as error:
                    self._end(error.code, error)

    def _pause_s(self, losses: int) -> float:
        patience = self._patience
        # Half of it for certain: what is lost at once is not asked for at once.
        most_s = min(patience.pause_s * 2.0**losses, patience.longest_pause_s)
        return most_s / 2 + full_jitter_s(0, base_s=most_s / 2, cap_s=most_s / 2)

    async def _wait_for_room(self) -> None:
        """Wait while a call is on, and until the bandwidth lets another piece in.

        Raises:
            DownloadEndedError: it came to its end meanwhile.
        """
        if self._has_ended:
            raise DownloadEndedError("The download is at an end; wecall-update begins another one.")
        await self._sleep(max(0.0, self._free_s - self._clock()))
        if self._in_call.exists():
            self._say(FetchCode.POSTPONED)
            while self._in_call.exists():
                await self._sleep(_CALL_POLL_S)
            self._heard_s = self._clock()

    def _count(self, piece: bytes) -> None:
        now_s = self._heard_s = self._clock()
        self._received_bytes += len(piece)
        if self._received_bytes > self._wanted.size_bytes * _MOST_OF_SIZE:
            self._end(FetchCode.TOO_LARGE)
        # A piece may come at once after a while without one.
        self._free_s = max(self._free_s, now_s) + len(piece) * 8 / (self._wanted.bandwidth_kbit * 1000)
        if self._code is not FetchCode.NONE or now_s - self._told_s >= self._patience.news_s:
            self._say(FetchCode.NONE)

    def _note_loss(self, error: ServerLostError) -> None:
        if self._clock() - self._heard_s >= self._patience.give_up_s:
            self._end(error.code, error)
        if self._code is not error.code:
            _log.warning("%s Asking again for the rest.", error)
            self._say(error.code)

    def _end(self, code: FetchCode, error: HandsetError | None = None) -> NoReturn:
        _log.error("The download is at an end. %s", error or "More was asked for than the update has, by far.")
        self._has_ended = True
        self._say(code)
        raise DownloadEndedError(f"The download is at an end: {code}.") from error

    def _say(self, code: FetchCode) -> None:
        self._code = code
        self._told_s = self._clock()
        self._listener(News(self._received_bytes, code))
