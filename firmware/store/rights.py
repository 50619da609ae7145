"""The holder's requests in the store: filed, told to the operator, and closed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from contract.consent import Actor, Channel, RequestKind, RequestState
from firmware.privacy.consent import LedgerAction
from firmware.privacy.policy import Reading
from firmware.privacy.rights import (
    COPIES_A_DAY,
    DAY_S,
    MONDAY_TO_FRIDAY,
    MOST_A_DAY,
    WORKING_DAYS,
    OpenRequest,
    Request,
    WorkingDays,
)
from firmware.store.consents import Consents
from firmware.store.database import Database, Row
from firmware.store.ledger import witnessed_s
from firmware.store.store import Store

_COLUMNS: Final = "number, epoch, kind, filed_at, due, objected, closed, closed_at"
_WAITING: Final = "closed IS NULL ORDER BY due IS NULL, due, number"


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a request: it, or how many seconds the handset must run before another one is taken."""

    request: Request | None
    wait_s: int = 0


class StoredRequests:
    """Requests by which the holder asks the operator for something, newest last.

    Each try is an entry of the ledger, also one that came too soon. How often may be asked is counted by how long the
    handset runs, so that no setting of the clock makes room for more.

    A day is written down only while a time service keeps the clock right. A request that was filed before has its
    days counted back, once that is so, by how long the handset has run since. Time for which it was switched off
    meanwhile is not known, and makes the day later.
    """

    def __init__(
        self,
        store: Store,
        consents: Consents,
        read_clocks: Callable[[], Reading],
        working_days: WorkingDays = MONDAY_TO_FRIDAY,
    ) -> None:
        """Set up.

        Args:
            store: where they are.
            consents: the ledger, and what tells the operator of them.
            read_clocks: says what the clocks say.
            working_days: those by which an answer is due.
        """
        self._store = store
        self._consents = consents
        self._read_clocks = read_clocks
        self._working_days = working_days
        consents.open_requests = self.open_within

    async def file(self, kind: RequestKind, *, actor: Actor, channel: Channel) -> Filed:
        """File a request; the operator is told of it by the state of consent, without a word of the holder's."""
        now = self._read_clocks()

        def write(database: Database) -> Filed:
            passed_s = witnessed_s(database, now)
            wait_s = _wait(database, "SELECT filed_s FROM requests ORDER BY filed_s DESC", MOST_A_DAY, passed_s)
            if wait_s:
                self._consents.append_within(database, LedgerAction.CHECK_FAILED, f"{kind}:too-often", actor, channel)
                return Filed(None, wait_s)
            [(number,)] = database.query(
                "INSERT INTO requests (epoch, kind, filed_s, waits_s) VALUES (?, ?, ?, ?) RETURNING number",
                self._store.epoch,
                kind.value,
                passed_s,
                passed_s,
            )
            self._date_within(database)
            self._consents.append_within(database, LedgerAction.REQUEST, f"{kind}:{number}", actor, channel)
            [row] = database.query(f"SELECT {_COLUMNS} FROM requests WHERE number = ?", number)  # noqa: S608 - our own names
            return Filed(_request(row))

        filed = await self._store.transact(write)
        await self._consents.tell()
        return filed

    async def close(self, number: int, how: RequestState, *, actor: Actor, channel: Channel) -> bool:
        """Note that a request waits no more; False where none of that number did."""
        now = self._read_clocks()

        def write(database: Database) -> bool:
            known = database.execute(
                "UPDATE requests SET closed = ?, closed_at = ? WHERE number = ? AND closed IS NULL",
                how.value,
                now.wall_s if now.synced else None,
                number,
            )
            if known:
                self._consents.append_within(database, LedgerAction.REQUEST_ANSWERED, f"{how}:{number}", actor, channel)
            return bool(known)

        if known := await self._store.transact(write):
            await self._consents.tell()
        return known

    async def fix_dates(self) -> None:
        """Give days to the requests that have none, once the clock is right; the operator hears of them."""
        if await self._store.transact(self._date_within):
            await self._consents.announce()

    async def listed(self) -> Sequence[Request]:
        """Return all requests, newest first."""
        rows = await self._store.run(
            lambda database: database.query(f"SELECT {_COLUMNS} FROM requests ORDER BY number DESC")  # noqa: S608 - our own names
        )
        return tuple(map(_request, rows))

    async def note_check_failed(self, right: str, *, actor: Actor, channel: Channel) -> None:
        """Write that somebody asked for a right and did not prove to be the holder."""
        await self._consents.append(LedgerAction.CHECK_FAILED, right, actor, channel)

    async def note_override(self, rule: str, *, actor: Actor, channel: Channel) -> None:
        """Write that the holder overruled what the handset had decided by itself."""
        await self._consents.append(LedgerAction.OVERRIDE, rule, actor, channel)

    async def begin_copy(self, *, actor: Actor, channel: Channel) -> int:
        """Note that a copy is made; return for how many seconds none may be, 0 where this one may."""
        now = self._read_clocks()

        def write(database: Database) -> int:
            passed_s = witnessed_s(database, now)
            wait_s = _wait(database, "SELECT made_s FROM copies ORDER BY made_s DESC", COPIES_A_DAY, passed_s)
            if wait_s:
                self._consents.append_within(database, LedgerAction.CHECK_FAILED, "copy:too-often", actor, channel)
                return wait_s
            database.execute("DELETE FROM copies WHERE made_s < ?", passed_s - DAY_S)
            database.execute("INSERT OR REPLACE INTO copies (made_s) VALUES (?)", passed_s)
            self._consents.append_within(database, LedgerAction.EXPORT, "everything", actor, channel)
            return 0

        wait_s = await self._store.transact(write)
        await self._consents.tell()
        return wait_s

    async def note_copy(self, what: str, *, actor: Actor, channel: Channel) -> None:
        """Write that a copy of something is made."""
        await self._consents.append(LedgerAction.EXPORT, what, actor, channel)

    def open_within(self, database: Database) -> Sequence[OpenRequest]:
        """Return what the operator is to be told, due first; as part of the caller's transaction."""
        self._date_within(database)
        today = self.today
        rows = database.query(f"SELECT {_COLUMNS} FROM requests WHERE {_WAITING}")  # noqa: S608 - our own names
        return tuple(_request(row).told(today) for row in rows)

    def _date_within(self, database: Database) -> bool:
        """Write when what has no day yet was filed, and by when it is due; False where nothing could be written."""
        now = self._read_clocks()
        undated = database.query("SELECT number, filed_s, waits_s FROM requests WHERE filed_at IS NULL OR due IS NULL")
        if not now.synced or not undated:
            return False
        passed_s = witnessed_s(database, now)
        for number, filed_s, waits_s in undated:
            due = self._working_days.after(_day(now.wall_s - (passed_s - waits_s)), WORKING_DAYS)
            database.execute(
                "UPDATE requests SET filed_at = coalesce(filed_at, ?), due = coalesce(due, ?) WHERE number = ?",
                now.wall_s - (passed_s - filed_s),
                due.isoformat(),
                number,
            )
        return True

    @property
    def today(self) -> date | None:
        """Which day it is, None where nobody knows."""
        now = self._read_clocks()
        return _day(now.wall_s) if now.synced else None


def _wait(database: Database, newest_first: str, most: int, passed_s: float) -> int:
    """Return how long nothing more is taken where there were so many in a day already."""
    rows = database.query(f"{newest_first} LIMIT 1 OFFSET ?", most - 1)
    return max(0, round(rows[0][0] + DAY_S - passed_s)) if rows else 0


def _day(wall_s: float) -> date:
    local = time.localtime(wall_s)
    return date(local.tm_year, local.tm_mon, local.tm_mday)


def _request(row: Row) -> Request:
    number, epoch, kind, filed_at, due, objected, closed, closed_at = row
    return Request(
        number=number,
        epoch=epoch,
        kind=RequestKind(kind),
        filed_at=filed_at,
        due=date.fromisoformat(due) if due is not None else None,
        objected=bool(objected),
        closed=RequestState(closed) if closed is not None else None,
        closed_at=closed_at,
    )
