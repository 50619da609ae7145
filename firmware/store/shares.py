"""The outbox's own log: who got which message, when, and whose word there is that it arrived.

A message's line is written before the message leaves the process, so that whatever may have left has one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.messages import MAX_RANGES, RecordRange, Topic
from firmware.phone.call import CallId
from firmware.ports.outbox import OutboxKey
from firmware.store.database import Database
from firmware.store.store import Store

_CONFIRMED: Final = (Topic.CDR.value, Topic.ERASURE.value)
"""What a collector speaks of."""


class Scope(StrEnum):
    """Which call detail records recipients are to delete."""

    FORGOTTEN_CALLS = "forgotten_calls"
    THESE_CALLS = "these_calls"
    ALL_RECORDS = "all_records"


_IN_SCOPE: Final[dict[Scope, str]] = {
    Scope.FORGOTTEN_CALLS: "call_id NOT IN (SELECT call_id FROM calls)",
    Scope.THESE_CALLS: "call_id IN (SELECT value FROM json_each(?))",
    Scope.ALL_RECORDS: "TRUE",
}
_LIVING: Final = "topic = 'cdr' AND erased_seq IS NULL"


@dataclass(frozen=True, slots=True)
class Share:
    """One message that was handed over, or may have been.

    Attributes:
        recipient: the broker that it was for.
        topic: what kind of message it is.
        call_id: the call that it tells of; None where it tells of none, or no more.
        in_clear: the call's number crossed a border as it is.
        handed_at: seconds since the epoch, by the handset's clock.
        broker_at: when the broker confirmed it.
        collector, collector_at: who confirmed it beyond the broker, and when.
        erased_by: the notice by which the recipient is told to delete it.
    """

    key: OutboxKey
    recipient: str
    topic: Topic
    call_id: CallId | None
    in_clear: bool
    handed_at: float
    broker_at: float | None
    collector: str | None
    collector_at: float | None
    erased_by: OutboxKey | None


@dataclass(frozen=True, slots=True)
class DayOfShares:
    """How many messages of a kind one recipient got in a day.

    Attributes:
        day: in the handset's own zone, as "2026-11-25".
        with_broker: how many of them the broker confirmed.
        confirmed: how many a collector confirmed.
        collectors: who these were.
        erased: how many recipients have been told to delete, or are yet to be told.
    """

    recipient: str
    topic: Topic
    day: str
    count: int
    with_broker: int
    confirmed: int
    collectors: tuple[str, ...]
    erased: int


class StoredShares:
    """Reads the log, for the holder's eyes and for the copy that the holder takes away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def days(self, first: int, limit: int) -> tuple[int, tuple[DayOfShares, ...]]:
        """Return how many lines there are, and a stretch of them, newest first: one a day, kind and recipient."""

        def read(database: Database) -> tuple[int, tuple[DayOfShares, ...]]:
            rows = database.query(
                "SELECT recipient, topic, date(handed_at, 'unixepoch', 'localtime') AS day, count(*), "
                "count(broker_at), count(collector_at), json_group_array(DISTINCT collector) FILTER "
                "(WHERE collector IS NOT NULL), count(erased_seq), count(*) OVER () FROM shares "
                "GROUP BY recipient, topic, day ORDER BY day DESC, topic, recipient LIMIT ? OFFSET ?",
                limit,
                first,
            )
            lines = tuple(
                DayOfShares(
                    recipient,
                    Topic(topic),
                    day,
                    count,
                    with_broker,
                    confirmed,
                    tuple(sorted(json.loads(collectors))),
                    erased,
                )
                for recipient, topic, day, count, with_broker, confirmed, collectors, erased, _ in rows
            )
            return rows[0][-1] if rows else 0, lines

        return await self._store.run(read)

    async def epochs(self) -> tuple[int, ...]:
        """Return the epochs of which recipients may have something."""
        rows = await self._store.run(lambda database: database.query("SELECT DISTINCT epoch FROM shares"))
        return tuple(epoch for (epoch,) in rows)

    async def listed(self, first: int, limit: int) -> tuple[Share, ...]:
        """Return a stretch of the log, oldest first."""
        return await self._store.run(lambda database: read_shares(database, first, limit))


def read_shares(database: Database, first: int, limit: int) -> tuple[Share, ...]:
    """Return a stretch of the log, oldest first."""
    rows = database.query(
        "SELECT epoch, seq, recipient, topic, call_id, in_clear, handed_at, broker_at, collector, collector_at, "
        "erased_epoch, erased_seq FROM shares ORDER BY handed_at, seq, recipient LIMIT ? OFFSET ?",
        limit,
        first,
    )
    return tuple(
        Share(
            key=OutboxKey(epoch, seq),
            recipient=recipient,
            topic=Topic(topic),
            call_id=call_id,
            in_clear=bool(in_clear),
            handed_at=handed_at,
            broker_at=broker_at,
            collector=collector,
            collector_at=collector_at,
            erased_by=OutboxKey(erased_epoch, erased_seq) if erased_seq is not None else None,
        )
        for (
            epoch, seq, recipient, topic, call_id, in_clear, handed_at, broker_at, collector, collector_at,
            erased_epoch, erased_seq,
        ) in rows
    )  # fmt: skip


def note_handed_over(database: Database, in_clear: Mapping[OutboxKey, bool], recipient: str, at: float) -> None:
    """Write the lines of messages that wait; those that are there stay as they are.

    Args:
        database: in the caller's transaction.
        in_clear: the messages, and of each whether its number crosses a border as it is.
        recipient: whom they are for.
        at: seconds since the epoch.
    """
    database.execute(
        "INSERT INTO shares (epoch, seq, recipient, topic, call_id, in_clear, handed_at) "
        "SELECT epoch, seq, ?, topic, call_id, leaving.value ->> 2, ? FROM json_each(?) AS leaving "
        "JOIN outbox ON seq = leaving.value ->> 1 AND epoch = leaving.value ->> 0 WHERE TRUE "
        "ON CONFLICT DO NOTHING",
        recipient,
        at,
        json.dumps([(key.epoch, key.seq, int(clear)) for key, clear in in_clear.items()]),
    )


def note_with_broker(database: Database, keys: Iterable[OutboxKey], recipient: str, at: float) -> None:
    """Write that the broker has messages."""
    database.execute(
        "UPDATE shares SET broker_at = ? WHERE recipient = ? AND broker_at IS NULL "
        "AND (epoch, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
        at,
        recipient,
        json.dumps([(key.epoch, key.seq) for key in keys]),
    )


def note_confirmed(
    database: Database, messages: RecordRange, recipient: str, collector: str, at: float
) -> tuple[tuple[Topic, OutboxKey], ...]:
    """Write that a collector has records and erasure notices; return those for which that is new."""
    rows = database.query(
        "UPDATE shares SET collector = ?, collector_at = ? WHERE epoch = ? AND seq BETWEEN ? AND ? AND recipient = ? "
        "AND topic IN (?, ?) AND collector_at IS NULL RETURNING topic, epoch, seq",
        collector,
        at,
        messages.epoch,
        messages.first,
        messages.last,
        recipient,
        *_CONFIRMED,
    )
    return tuple((Topic(topic), OutboxKey(epoch, seq)) for topic, epoch, seq in rows)


def calls_in_clear(database: Database) -> list[CallId]:
    """Return the calls whose numbers crossed a border as they are and were not taken back."""
    rows = database.query(
        f"SELECT DISTINCT call_id FROM shares WHERE {_LIVING} AND in_clear = 1 "  # noqa: S608 - a constant
        "AND call_id IS NOT NULL ORDER BY seq"
    )
    return [CallId(call_id) for (call_id,) in rows]


def drop_waiting(database: Database, scope: Scope, call_ids: Sequence[CallId] = ()) -> None:
    """Delete records that wait."""
    database.execute(
        f"DELETE FROM outbox WHERE topic = 'cdr' AND {_IN_SCOPE[scope]}",  # noqa: S608 - constants of this module
        *_parameters(scope, call_ids),
    )


def begin_erasure(database: Database, scope: Scope, call_ids: Sequence[CallId] = ()) -> tuple[RecordRange, ...]:
    """Take what is in scope out of the living and return it in as few ranges as there can be.

    A range covers no record that is to stay: neither one that was handed over nor one that waits. `end_erasure` says
    which notice names it.
    """
    keys = database.query(
        "UPDATE shares SET call_id = NULL, erased_epoch = 0, erased_seq = 0 "  # noqa: S608 - constants of this module
        f"WHERE {_LIVING} AND {_IN_SCOPE[scope]} RETURNING epoch, seq",
        *_parameters(scope, call_ids),
    )
    ranges: list[RecordRange] = []
    for epoch, seq in sorted(set(keys)):
        last = ranges[-1] if ranges else None
        if last is not None and last.epoch == epoch and not _is_between(database, epoch, last.last, seq):
            ranges[-1] = RecordRange(epoch=epoch, first=last.first, last=seq)
        else:
            ranges.append(RecordRange(epoch=epoch, first=seq, last=seq))
    return tuple(ranges)


def end_erasure(database: Database, ranges: Sequence[RecordRange], notice: OutboxKey) -> None:
    """Write which notice names these records."""
    for each in ranges:
        database.execute(
            "UPDATE shares SET erased_epoch = ?, erased_seq = ? "
            "WHERE erased_seq = 0 AND epoch = ? AND seq BETWEEN ? AND ?",
            notice.epoch,
            notice.seq,
            each.epoch,
            each.first,
            each.last,
        )


def in_notices(ranges: Sequence[RecordRange]) -> list[tuple[RecordRange, ...]]:
    """Divide ranges among as many notices as they need."""
    return [tuple(ranges[first : first + MAX_RANGES]) for first in range(0, len(ranges), MAX_RANGES)]


def newest_epochs(database: Database) -> tuple[RecordRange, ...]:
    """Return what was handed over in each epoch, as far as one notice holds them, the newest first.

    A recipient who has yet to hear of an epoch, since all of it is still on its way, could not know by anything else
    that it is of a holder who has gone.
    """
    rows = database.query(
        "SELECT epoch, min(seq), max(seq) FROM shares GROUP BY epoch ORDER BY max(seq) DESC LIMIT ?", MAX_RANGES
    )
    return tuple(RecordRange(epoch=epoch, first=first, last=last) for epoch, first, last in rows)


def has_shared(database: Database) -> bool:
    """Tell whether anything at all was handed over."""
    return bool(database.query("SELECT 1 FROM shares LIMIT 1"))


def forget_settled(database: Database, up_to_seq: int) -> int:
    """Delete the lines of messages up to a number that nothing depends on any more; return how many.

    What is not a record is settled at once, but for the newest state of consent: the broker keeps that one, and has to
    be told to clear it when the account is cancelled. A record is settled when the notice that it is to be deleted is
    out of the outbox; until then its line is what the notice is made from.
    """
    return database.execute(
        "DELETE FROM shares WHERE seq <= ? AND ((topic NOT IN (?, ?) AND NOT (topic = 'consent' AND seq = "
        "(SELECT max(seq) FROM shares AS kept WHERE kept.topic = 'consent' AND kept.recipient = shares.recipient))) OR "
        "(topic = 'erasure' AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = shares.seq)) OR "
        "(erased_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = shares.erased_seq)))",
        up_to_seq,
        *_CONFIRMED,
    )


def _parameters(scope: Scope, call_ids: Sequence[CallId]) -> tuple[str, ...]:
    return (json.dumps(call_ids),) if scope is Scope.THESE_CALLS else ()


def _is_between(database: Database, epoch: int, low: int, high: int) -> bool:
    """Tell whether a record that stays has a number between two."""
    if high - low == 1:
        return False
    between = "epoch = ? AND seq > ? AND seq < ?"
    return bool(
        database.query(
            f"SELECT 1 FROM shares WHERE {between} AND {_LIVING} "  # noqa: S608 - constants of this module
            f"UNION ALL SELECT 1 FROM outbox WHERE {between} AND topic = 'cdr' LIMIT 1",
            *(epoch, low, high),
            *(epoch, low, high),
        )
    )
