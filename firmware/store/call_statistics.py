"""Counting the call log. What comes of it is shown and never queued: it only reads."""

import time
from collections import Counter
from collections.abc import Container
from enum import IntEnum
from typing import Final

from contract.calls import CallDirection
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.requests.calls import CallKind
from firmware.phone.requests.people import Person
from firmware.store.call_kinds import KINDS
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database, Row


class _Time(IntEnum):
    """When a call began; UNDATED: while the clock was not set, or after what is now."""

    TODAY = 0
    EARLIER_THIS_MONTH = 1
    EARLIER = 2
    UNDATED = 3


_TIME: Final = (
    f"CASE WHEN NOT clock_synced OR started_at > ?1 THEN {_Time.UNDATED:d} "
    f"WHEN started_at >= ?2 THEN {_Time.TODAY:d} "
    f"WHEN started_at >= ?3 THEN {_Time.EARLIER_THIS_MONTH:d} ELSE {_Time.EARLIER:d} END"
)
_OFTEN: Final = 3
"""Who was called less often is not somebody whom a digit should call."""
_NUMBERS: Final = 50
_NEWEST: Final = 1000

_SUMS: Final = (
    f"count(*) FILTER (WHERE {KINDS[CallKind.DIALLED]}), "
    f"count(*) FILTER (WHERE {KINDS[CallKind.RECEIVED]}), "
    f"count(*) FILTER (WHERE {KINDS[CallKind.MISSED]}), "
    # A score of 0 stands for a call of which nothing was heard to be measured.
    "total(ended_at - answered_at), total(mos), count(nullif(mos, 0))"
)


def read_statistics(database: Database, now_s: float, *, clock_synced: bool) -> CallStatistics:
    """Count the calls of today, of this month and of the whole log.

    A call counts for the day on which it began, in the handset's own zone. One that began while the clock was not set,
    or after what is now, has no day.
    """
    now = time.localtime(now_s)
    today_s, month_s = (time.mktime((now.tm_year, now.tm_mon, day, 0, 0, 0, 0, 0, -1)) for day in (now.tm_mday, 1))
    # One pass over the log, since other work waits for the store meanwhile.
    rows = database.query(
        f"SELECT {_TIME} AS time, count(*), {_SUMS} FROM calls GROUP BY time",  # noqa: S608 - constants
        now_s,
        today_s,
        month_s,
    )
    return CallStatistics(
        today=_counts(rows, {_Time.TODAY}) if clock_synced else None,
        month=_counts(rows, {_Time.TODAY, _Time.EARLIER_THIS_MONTH}) if clock_synced else None,
        ever=_counts(rows, set(_Time)),
        undated=sum(count for when, count, *_ in rows if when == _Time.UNDATED),
    )


def read_most_called(database: Database, contacts: StoredContacts) -> tuple[Person, ...]:
    """Return the contacts that were called and answered most often of late, each by the number that was called most.

    It is asked for after each call, so it looks at the newest calls alone, however long the log is.
    """
    rows = database.query(
        "SELECT number, count(*) AS calls FROM (SELECT * FROM calls ORDER BY position DESC LIMIT ?) "
        "WHERE direction = ? AND answered_at IS NOT NULL "
        "GROUP BY number ORDER BY calls DESC, max(position) DESC LIMIT ?",
        _NEWEST,
        CallDirection.OUTGOING,
        _NUMBERS,
    )
    people: dict[int, Person] = {}
    counts: Counter[int] = Counter()
    for number, calls in rows:
        contact = contacts.contact_in(database, number)
        if contact is not None and contact.name and not contact.blocked:
            counts[contact.contact_id] += calls
            people.setdefault(contact.contact_id, Person(contact.contact_id, contact.name, number, contact.picture))
    return tuple(people[contact_id] for contact_id, calls in counts.most_common() if calls >= _OFTEN)


def _counts(rows: list[Row], times: Container[int]) -> CallCounts:
    chosen = [figures for when, _, *figures in rows if when in times]
    dialled, received, missed, talked_s, mos, measured = map(sum, zip((0,) * 6, *chosen, strict=True))
    return CallCounts(dialled, received, missed, round(talked_s), mos / measured if measured else None)
