"""Records of calls on their way into the table: each once, and none that was taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.exc import DBAPIError

from fleet.collector.database import insert_or
from fleet.collector.reading import Call
from fleet.tables import calls, erased_ranges

COPY_FROM: Final = 200
"""From so many records on PostgreSQL gets them by COPY."""

_KEY: Final = (calls.c.fleet, calls.c.device, calls.c.epoch, calls.c.seq)
_COLUMNS: Final = tuple(calls.c[name] for name in Call._fields)
_NAMES: Final = ", ".join((*Call._fields, "received_at"))
_INSERT: Final = (
    f"INSERT INTO calls ({_NAMES}) VALUES ({', '.join('?' * (len(Call._fields) + 1))}) ON CONFLICT DO NOTHING"  # noqa: S608 - columns of the table alone
)
# Far below what either database takes as parameters of one statement.
_KEYS_AT_ONCE: Final = 1000

_Key = tuple[str, str, int, int]


@dataclass(slots=True)
class Taken:
    """What became of records.

    Attributes:
        new: were not there before.
        duplicates: were there, with the same content.
        conflicts: have the number of another record, which came first.
        erased: may not come in again: they were taken back.
        expired: are older than records are kept.
    """

    new: list[Call] = field(default_factory=list)
    duplicates: list[Call] = field(default_factory=list)
    conflicts: list[Call] = field(default_factory=list)
    erased: list[Call] = field(default_factory=list)
    expired: list[Call] = field(default_factory=list)


def insert_calls(connection: Connection, records: Iterable[Call], now: datetime, oldest: datetime | None) -> Taken:
    """Write records; the locks of their handsets are taken.

    Args:
        connection: in a transaction.
        records: in the order of their arrival.
        now: when they were received.
        oldest: the earliest start of a call that is kept.
    """
    taken = Taken()
    wanted: dict[_Key, Call] = {}
    for call in records:
        if oldest is not None and call.clock_synced and call.started_at < oldest:
            taken.expired.append(call)
            continue
        first = wanted.setdefault(call[:4], call)
        if first is not call:
            (taken.duplicates if first == call else taken.conflicts).append(call)
    erased = _Erased.of(connection, wanted)
    taken.erased = [call for key, call in wanted.items() if erased.holds(key)]
    for call in taken.erased:
        del wanted[call[:4]]
    # In one order, so that two collectors with the same records do not wait for each other in a circle.
    rows = [wanted[key] for key in sorted(wanted)]
    new = _insert(connection, rows, now)
    for key in new:
        taken.new.append(wanted.pop(key))
    stored = _stored(connection, list(wanted))
    for key, call in wanted.items():
        (taken.duplicates if stored.get(key) == call else taken.conflicts).append(call)
    return taken


@dataclass(frozen=True, slots=True)
class _Erased:
    ranges: dict[tuple[str, str, int], list[tuple[int, int]]]

    @classmethod
    def of(cls, connection: Connection, keys: Iterable[_Key]) -> "_Erased":
        """Look up what of some epochs may not come in."""
        epochs = sorted({key[:3] for key in keys})
        columns = (erased_ranges.c.fleet, erased_ranges.c.device, erased_ranges.c.epoch)
        ranges: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
        for some in _parts(epochs):
            for fleet, device, epoch, first, last in connection.execute(
                select(*columns, erased_ranges.c.first, erased_ranges.c.last).where(tuple_(*columns).in_(some))
            ):
                ranges.setdefault((fleet, device, epoch), []).append((first, last))
        return cls(ranges)

    def holds(self, key: _Key) -> bool:
        return any(first <= key[3] <= last for first, last in self.ranges.get(key[:3], ()))


def _insert(connection: Connection, rows: Sequence[Call], now: datetime) -> list[_Key]:
    """Insert what is not there; return the keys of what is there now that was not."""
    if not rows:
        return []
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
        return _copy(connection, rows, now)
    if connection.dialect.name == "sqlite" and _insert_new(connection, rows, now):
        return [row[:4] for row in rows]
    statement = insert_or(connection, calls).on_conflict_do_nothing().returning(*_KEY)
    new = connection.execute(statement, [{**row._asdict(), "received_at": now} for row in rows])
    return [(fleet, device, epoch, seq) for fleet, device, epoch, seq in new]


def _insert_new(connection: Connection, rows: Sequence[Call], now: datetime) -> bool:
    """Insert into SQLite what is new as a rule, in half the time; False, and nothing inserted, where some are there."""
    received_at = _text(now)
    values = [
        (
            *row[:8],
            _text(row.started_at),
            None if row.answered_at is None else _text(row.answered_at),
            None if row.ended_at is None else _text(row.ended_at),
            *row[11:],
            received_at,
        )
        for row in rows
    ]
    with connection.begin_nested() as attempt:
        if connection.exec_driver_sql(_INSERT, values).rowcount == len(rows):
            return True
        attempt.rollback()
    return False


def _text(moment: datetime) -> str:
    """Write a time as SQLAlchemy does in SQLite."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _copy(connection: Connection, rows: Sequence[Call], now: datetime) -> list[_Key]:
    connection.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE calls) ON COMMIT DELETE ROWS"))
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor:
            with cursor.copy(f"COPY incoming ({_NAMES}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((*row, now))
            cursor.execute(
                f"INSERT INTO calls ({_NAMES}) SELECT {_NAMES} FROM incoming ORDER BY fleet, device, epoch, seq "  # noqa: S608 - columns of the table alone
                "ON CONFLICT DO NOTHING RETURNING fleet, device, epoch, seq"
            )
            new: list[_Key] = cursor.fetchall()
            # Several inserts can be part of one transaction.
            cursor.execute("TRUNCATE incoming")
    except psycopg.Error as error:
        # As SQLAlchemy does with what goes through it.
        raise DBAPIError.instance(None, None, error, psycopg.Error, dialect=connection.dialect) from error
    return new


def _stored(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, Call]:
    stored = {}
    for some in _parts(keys):
        for row in connection.execute(select(*_COLUMNS).where(tuple_(*_KEY).in_(some))):
            call = Call(*row)
            stored[call[:4]] = call
    return stored


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _KEYS_AT_ONCE] for start in range(0, len(items), _KEYS_AT_ONCE))
