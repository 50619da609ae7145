"""Hands out what the holder has ordered: what the roles of the stick and of the administrator have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol

from firmware.control.requests import (
    Empty,
    ExportFetchRequest,
    ExportListRequest,
    ExportWrittenRequest,
    FileAnswer,
    WithFile,
)
from firmware.control.server import Handler
from firmware.control.stick_answers import ExportListed

_PIECE_BYTES: Final = 256 * 1024


class Exports(Protocol):
    """Files that the holder ordered to be taken away; see firmware.services.exports."""

    def listed(self) -> Sequence[tuple[str, int]]:
        """Return their names and sizes in bytes."""
        ...

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        """Return what reads one of them as it is now: from some place on, so many bytes at most.

        Raises:
            HandsetError: it was not ordered, or too long ago; the reader raises that, too, or that it cannot be read.
        """
        ...

    def fetched(self, names: Sequence[str]) -> None:
        """Forget those that are elsewhere now."""
        ...


class ExportRole:
    """Answers requests that fetch a file."""

    def __init__(self, exports: Exports) -> None:
        """`exports` is what the holder wants to take away."""
        self._exports = exports

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of the role."""
        return {"export_fetch": self._fetch, "export_written": self._written}

    async def list(self, _request: ExportListRequest) -> ExportListed:
        """Tell what is there, for whoever has not just ordered it."""
        return ExportListed(names=tuple(name for name, _ in self._exports.listed()))

    async def _fetch(self, request: ExportFetchRequest) -> WithFile:
        size_bytes = dict(self._exports.listed()).get(request.name, 0)
        read = self._exports.reader(request.name)
        # Says why where it cannot be fetched.
        await asyncio.to_thread(read, 0, 1)
        return WithFile(answer=FileAnswer(size_bytes=size_bytes), pieces=pieces_of(read))

    async def _written(self, request: ExportWrittenRequest) -> Empty:
        self._exports.fetched(request.names)
        return Empty()


async def pieces_of(read: Callable[[int, int], bytes], close: Callable[[], object] = bool) -> AsyncIterator[bytes]:
    """Yield a file to its end.

    Args:
        read: returns bytes of it from some place on, so many at most; none beyond its end.
        close: lets go of it.
    """
    at = 0
    try:
        while piece := await asyncio.to_thread(read, at, _PIECE_BYTES):
            yield piece
            at += len(piece)
    finally:
        close()
