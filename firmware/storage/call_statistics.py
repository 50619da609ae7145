"""Counting the call log. What comes of it is shown and never queued: it only reads."""

import time
from typing import Final

from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.errands import CallKind
from firmware.storage.call_kinds import KINDS
from firmware.storage.database import Database

_COUNTS: Final = (
    f"count(*) FILTER (WHERE {KINDS[CallKind.DIALLED]}), "
    f"count(*) FILTER (WHERE {KINDS[CallKind.RECEIVED]}), "
    f"count(*) FILTER (WHERE {KINDS[CallKind.MISSED]}), "
    # A score of 0 stands for a call of which nothing was heard to be measured.
    "total(ended_at - answered_at), avg(nullif(mos, 0))"
)


def read_statistics(database: Database, now_s: float, *, clock_synced: bool) -> CallStatistics:
    """Count the calls of today, of this month and of the whole log.

    A call counts for the day on which it began, in the handset's own zone. One that began while the clock was not set,
    or after what is now, has no day.
    """
    now = time.localtime(now_s)
    today_s, month_s = (time.mktime((now.tm_year, now.tm_mon, day, 0, 0, 0, 0, 0, -1)) for day in (now.tm_mday, 1))
    [(undated,)] = database.query("SELECT count(*) FROM calls WHERE NOT clock_synced OR started_at > ?", now_s)

    def counts_since(start_s: float) -> CallCounts | None:
        if not clock_synced:
            return None
        return _counts(database, "clock_synced AND started_at BETWEEN ? AND ?", start_s, now_s)

    return CallStatistics(counts_since(today_s), counts_since(month_s), _counts(database, "TRUE"), undated)


def _counts(database: Database, which: str, *parameters: float) -> CallCounts:
    [(dialled, received, missed, talked_s, mos)] = database.query(
        f"SELECT {_COUNTS} FROM calls WHERE {which}",  # noqa: S608 - constants of this module
        *parameters,
    )
    return CallCounts(dialled, received, missed, round(talked_s), mos)
