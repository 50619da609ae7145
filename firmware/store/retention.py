"""What is kept in the store only for a time, and goes when that is over."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.messages import ErasureReason
from firmware.phone.my_data import DataCategory
from firmware.phone.recording import RecordingId
from firmware.privacy.policy import Reading
from firmware.privacy.retention import Mark, Periods, ended, is_due, needed
from firmware.store.call_log import StoredCallLog
from firmware.store.database import Database
from firmware.store.ledger import witnessed_s
from firmware.store.outbox import StoredOutbox
from firmware.store.recordings import StoredRecordings
from firmware.store.shares import forget_settled
from firmware.store.store import Store

# What was handed over before all that waits now has left is settled: it has got no younger since.
_NEWEST: Final[dict[DataCategory, str]] = {
    DataCategory.CALLS: "SELECT coalesce(max(position), 0) FROM calls",
    DataCategory.MESSAGES: "SELECT coalesce(max(position), 0) FROM messages",
    DataCategory.RECORDINGS: "SELECT coalesce(max(position), 0) FROM recordings WHERE state <> 'running'",
    DataCategory.SHARES: (
        "SELECT coalesce((SELECT min(seq) - 1 FROM outbox), (SELECT last_seq FROM outbox_counter), 0)"
    ),
    DataCategory.NOTICES: "SELECT coalesce(max(notice_id), 0) FROM notices",
    DataCategory.REQUESTS: "SELECT coalesce(max(number), 0) FROM requests",
}
_SIMPLE: Final[dict[DataCategory, str]] = {
    DataCategory.MESSAGES: "DELETE FROM messages WHERE position <= ?",
    DataCategory.NOTICES: "DELETE FROM notices WHERE notice_id <= ? AND acknowledged_at IS NOT NULL",
    DataCategory.REQUESTS: "DELETE FROM requests WHERE number <= ? AND closed IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class _Ended:
    """What has gone, and which recordings are to go."""

    rows: int = 0
    recordings: tuple[RecordingId, ...] = ()

    def __bool__(self) -> bool:
        """Say whether something has gone."""
        return self.rows > 0


class StoredRetention:
    """Marks how far each category has come, and deletes what was kept long enough; see firmware.privacy.retention.

    Attributes:
        periods: for how many days each category is kept.
        when_calls_went: called, on the event loop, after calls have left the log.
        when_messages_went: the same of text messages.
    """

    def __init__(
        self,
        store: Store,
        outbox: StoredOutbox,
        call_log: StoredCallLog,
        recordings: StoredRecordings,
        *,
        read_clocks: Callable[[], Reading],
        periods: Periods,
        hour: Callable[[], int] = lambda: time.localtime().tm_hour,
    ) -> None:
        """Set up.

        Args:
            store: where it all is.
            outbox: takes the notices by which recipients forget calls too.
            call_log: forgets calls.
            recordings: forgets recordings.
            read_clocks: says what the clocks say.
            periods: for how many days each category is kept.
            hour: which hour of the day it is, as far as anybody knows.
        """
        self._store = store
        self._outbox = outbox
        self._call_log = call_log
        self._recordings = recordings
        self._read_clocks = read_clocks
        self._hour = hour
        self.periods = periods
        self.when_changed: Callable[[], None] = lambda: None

    async def enforce(self, *, at_start: bool = False) -> int:
        """Count on, and delete what was kept long enough where it is time for that; return how many things went.

        Args:
            at_start: it is time in any case.
        """
        now = self._read_clocks()

        def work(database: Database) -> _Ended:
            passed_s = witnessed_s(database, now)
            marks = _read_marks(database)
            due = is_due(marks[-1] if marks else None, passed_s, self._hour())
            if due:
                marks.append(_mark(database, passed_s))
                _keep_marks(database, needed(marks, self.periods, passed_s))
            if not (due or at_start):
                return _Ended()
            return self._delete(database, ended(marks, self.periods, passed_s), now)

        gone = await self._store.erase(work)
        for recording_id in gone.recordings:
            await self._recordings.delete(recording_id)
        if gone.rows:
            await self._store.overwrite_log()
            self._outbox.notify()
            self.when_changed()
        return gone.rows + len(gone.recordings)

    def _delete(self, database: Database, up_to: dict[DataCategory, int], now: Reading) -> _Ended:
        rows = 0
        recordings: tuple[RecordingId, ...] = ()
        for category, position in up_to.items():
            match category:
                case DataCategory.CALLS:
                    rows += self._call_log.forget_within(
                        database, ErasureReason.RETENTION_ENDED, "position <= ?", position
                    )
                case DataCategory.SHARES:
                    rows += forget_settled(database, position)
                case DataCategory.RECORDINGS:
                    recordings = _recordings_to_go(database, position, now)
                case _:
                    rows += database.execute(_SIMPLE[category], position)
        return _Ended(rows, recordings)


def _mark(database: Database, passed_s: float) -> Mark:
    return Mark(passed_s, {category: int(database.query(sql)[0][0]) for category, sql in _NEWEST.items()})


def _read_marks(database: Database) -> list[Mark]:
    rows = database.query("SELECT witnessed_s, positions FROM retention_marks ORDER BY witnessed_s")
    known = set(DataCategory)
    return [
        Mark(at_s, {DataCategory(name): number for name, number in json.loads(positions).items() if name in known})
        for at_s, positions in rows
    ]


def _keep_marks(database: Database, marks: list[Mark]) -> None:
    newest = marks[-1]
    database.execute("DELETE FROM retention_marks WHERE witnessed_s < ?", marks[0].witnessed_s)
    database.execute(
        "INSERT OR REPLACE INTO retention_marks (witnessed_s, positions) VALUES (?, ?)",
        newest.witnessed_s,
        json.dumps(newest.positions),
    )


def _recordings_to_go(database: Database, position: int, now: Reading) -> tuple[RecordingId, ...]:
    """Return recordings that nobody keeps; no moment has come while the clock may be wrong."""
    rows = database.query(
        "SELECT recording_id FROM recordings WHERE position <= ? AND state <> 'running' "
        "AND (kept = 0 OR kept_until < ?) ORDER BY position",
        position,
        now.wall_s if now.synced else None,
    )
    return tuple(RecordingId(recording_id) for (recording_id,) in rows)
