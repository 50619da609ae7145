"""Records do not stay for ever: what has grown old is deleted, a little at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, tuple_

from fleet.collector.reading import LATEST_AHEAD
from fleet.tables import audit, calls, devices, outcomes, quarantine, requests

AT_ONCE: Final = 500
"""Rows in one transaction: others wait for no longer than these take."""

EVERY: Final = timedelta(days=1)


def steps(oldest: datetime | None, oldest_audit: datetime) -> Iterator["Step"]:
    """Return what is to be deleted, each kind until a step deletes nothing more.

    Args:
        oldest: what handsets sent before that; None: all of it stays.
        oldest_audit: what people did before that.
    """
    if oldest is not None:
        # A clock that nobody set says nothing of a record's age, and is at most that much ahead.
        old = or_(and_(calls.c.clock_synced, calls.c.started_at < oldest), calls.c.received_at < oldest)
        fleets = select(devices.c.fleet).distinct()
        yield Step(calls, and_(calls.c.fleet.in_(fleets), calls.c.started_at < oldest + LATEST_AHEAD, old))
        yield Step(outcomes, outcomes.c.received_at < oldest)
        yield Step(requests, requests.c.closed_at < oldest)
        yield Step(quarantine, quarantine.c.last_received_at < oldest)
    yield Step(audit, audit.c.at < oldest_audit)


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of rows that have grown old."""

    table: Table
    condition: ColumnElement[bool]

    @property
    def is_about_calls(self) -> bool:
        return self.table is calls

    def run(self, connection: Connection) -> int:
        """Delete some; return how many, 0 where no more are there."""
        keys = tuple(self.table.primary_key.columns)
        some = select(*keys).where(self.condition).limit(AT_ONCE)
        return connection.execute(delete(self.table).where(tuple_(*keys).in_(some))).rowcount
