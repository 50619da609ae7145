"""Hands out what the holder has ordered: what the roles of the stick and of the administrator have in common."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from firmware.control.requests import (
    MAX_PIECE_BYTES,
    Empty,
    ExportListRequest,
    ExportPieceRequest,
    ExportWrittenRequest,
    Piece,
)
from firmware.control.server import Handler
from firmware.control.stick_answers import ExportListed, ExportPiece, OrderedFile


class Exports(Protocol):
    """Files that the holder ordered to be taken away; see firmware.services.exports."""

    def listed(self) -> Sequence[tuple[str, int]]:
        """Return their names and sizes in bytes."""
        ...

    def read(self, name: str, offset: int, size_bytes: int) -> bytes:
        """Return bytes of one of them.

        Raises:
            HandsetError: it was not ordered, or too long ago, or cannot be read.
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
        return {"export_piece": self._piece, "export_written": self._written}

    async def list(self, _request: ExportListRequest) -> ExportListed:
        """Tell what is there, for whoever has not just ordered it."""
        return ExportListed(
            files=tuple(OrderedFile(name=name, size_bytes=size) for name, size in self._exports.listed())
        )

    async def _piece(self, request: ExportPieceRequest) -> ExportPiece:
        data = await asyncio.to_thread(self._exports.read, request.name, request.offset, MAX_PIECE_BYTES)
        return ExportPiece(data=Piece(data))

    async def _written(self, request: ExportWrittenRequest) -> Empty:
        self._exports.fetched(request.names)
        return Empty()
