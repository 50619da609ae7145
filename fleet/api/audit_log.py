"""Writes down who does what with what handsets have told, and when."""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import Any, Final

from sqlalchemy import Engine, insert
from sqlalchemy.exc import DBAPIError

from fleet.api.access import Reader, digest
from fleet.api.settings import ALL_FLEETS
from fleet.tables import audit

NOTED_EVERY_S: Final = 3600.0
"""A page asks for the same again and again: that somebody looks at it is written down so often."""

_MAX_KNOWN: Final = 10_000


class Action(StrEnum):
    """What somebody did."""

    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    VIEWED = "viewed"
    EXPORTED = "exported"


@dataclass(slots=True)
class _Waiting:
    row: dict[str, Any]
    is_done: bool = False
    problem: DBAPIError | None = None


class AuditLog:
    """Writes down what people and programs do; rows are added, and deleted once they are old, and never changed."""

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        turn: Lock | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            engine: a database that may be written, see `writing`; None: nothing is written down.
            turn: held while the database is written; whoever else writes it in this process is to hold it, too. SQLite
                has those who wait for its file look for it ten times a second, and a collector leaves it for less.
            now: the time of day.
            now_s: a clock that nobody sets.
        """
        self._engine = engine
        self._now = now
        self._now_s = now_s
        self._lock = Lock()
        self._turn = turn or Lock()
        self._waiting: list[_Waiting] = []
        self._viewed: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def note(
        self, who: str, action: Action, what: str = "", *, fleets: Collection[str] | None = (), device: str = ""
    ) -> None:
        """Write down what somebody does, before it is done.

        Args:
            who: a user, or a token's short name.
            action: what they do.
            what: with what, a route of the API.
            fleets: of which fleets; None: of all.
            device: of which handset; "": of all.

        Raises:
            DBAPIError: the database does not take it, so it is not to be done.
        """
        if self._engine is None:
            return
        named = ALL_FLEETS if fleets is None else " ".join(sorted(fleets))
        look = (who, what, named, device)
        if action is Action.VIEWED and self._was_noted(look):
            return
        row = {"at": self._now(), "id": uuid.uuid4().hex, "who": who, "action": action.value, "what": what}
        self._write(self._engine, {**row, "fleets": named, "device": device})
        if action is Action.VIEWED:
            with self._lock:
                self._viewed[look] = self._now_s()
                self._viewed.move_to_end(look)
                while len(self._viewed) > _MAX_KNOWN:
                    self._viewed.popitem(last=False)
        elif action is Action.LOGGED_IN:
            with self._lock:
                for known in [known for known in self._viewed if known[0] == who]:
                    del self._viewed[known]

    def _write(self, engine: Engine, row: dict[str, Any]) -> None:
        """Write a row, with those of others that wait: SQLite's file is one writer's at a time."""
        mine = _Waiting(row)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                with self._lock:
                    together, self._waiting = self._waiting, []
                problem: DBAPIError | None = None
                try:
                    with engine.begin() as connection:
                        connection.execute(insert(audit), [each.row for each in together])
                except DBAPIError as error:
                    problem = error
                for each in together:
                    each.is_done, each.problem = True, problem
        if mine.problem is not None:
            raise mine.problem

    def _was_noted(self, look: tuple[str, ...]) -> bool:
        with self._lock:
            noted_s = self._viewed.get(look)
        return noted_s is not None and self._now_s() - noted_s < NOTED_EVERY_S


def name_of(reader: Reader, token: str) -> str:
    """Return what the log calls somebody: their user, or the first digits of a token's SHA-256, which open nothing."""
    return reader.user or f"token:{digest(token).hex()[:8]}"
