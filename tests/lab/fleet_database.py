"""Where a fleet's collectors write, and how it is of no use to them for a while."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, text

from fleet.collector.move import Move
from fleet.collector.settings import Storage
from tests.lab.postgres import Postgres


class FleetDatabase(Protocol):
    """Where the collectors write.

    Attributes:
        url: SQLAlchemy's.
    """

    url: str

    async def go_away(self, lasts_s: float) -> None:
        """Be of no use to anybody for a while, and lose nothing."""
        ...


class SqliteFile:
    """A file; while it is away somebody else has it for himself."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'calls.db'}"

    async def go_away(self, lasts_s: float) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", connect_args={"timeout": 30})
        try:
            with await asyncio.to_thread(engine.connect) as connection:
                await asyncio.to_thread(connection.execute, text("BEGIN EXCLUSIVE"))
                await asyncio.sleep(lasts_s)
                connection.execute(text("ROLLBACK"))
        finally:
            engine.dispose()


class PostgresServer:
    """A server; while it is away it is dead."""

    def __init__(self, server: Postgres) -> None:
        """The server runs already."""
        self.url = server.url
        self._server = server

    async def go_away(self, lasts_s: float) -> None:
        await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(lasts_s)
        await asyncio.to_thread(self._server.start)


def move_and_die_at(old: Storage, new: Storage, table: str) -> None:
    """Move a database as the command does, in a process of its own, and be killed within one of its tables."""

    def die(name: str, _number: int) -> None:
        if name == table:
            os.kill(os.getpid(), signal.SIGKILL)

    Move(old, new).run(lambda _total: None, die)
