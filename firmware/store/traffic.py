"""What the connection to the broker moves, day by day."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from firmware.ports.broker import DailyTraffic, Traffic
from firmware.store.database import Database
from firmware.store.store import Store

DAYS_KEPT: Final = 31
"""So many days, the present one among them."""


class StoredTraffic:
    """Adds up what was moved, for whoever pays for it; nothing of it leaves the handset."""

    def __init__(self, store: Store, today: Callable[[], date] = date.today) -> None:
        self._store = store
        self._today = today

    async def add(self, moved: Traffic) -> None:
        """Count this to the present day; days that are too old, or still to come by a clock that was wrong, go."""
        today = self._today()

        def write(database: Database) -> None:
            database.execute(
                "INSERT INTO traffic (day, sent_bytes, received_bytes) VALUES (?, ?, ?) ON CONFLICT (day) DO UPDATE "
                "SET sent_bytes = sent_bytes + excluded.sent_bytes, "
                "received_bytes = received_bytes + excluded.received_bytes",
                today.isoformat(),
                moved.sent_bytes,
                moved.received_bytes,
            )
            oldest = today - timedelta(DAYS_KEPT - 1)
            database.execute("DELETE FROM traffic WHERE day NOT BETWEEN ? AND ?", oldest.isoformat(), today.isoformat())

        await self._store.transact(write)

    async def daily(self) -> DailyTraffic:
        """Return how much it is a day.

        Raises:
            StorageError: the store is not open.
        """
        rows = await self._store.run(
            lambda database: database.query("SELECT day, sent_bytes, received_bytes FROM traffic")
        )
        today = self._today()
        days = {date.fromisoformat(day): Traffic(sent, received) for day, sent, received in rows}
        before = [moved for day, moved in days.items() if day < today]
        count = max(1, len(before))
        total = sum(before, Traffic())
        return DailyTraffic(
            today=days.get(today, Traffic()),
            yesterday=days.get(today - timedelta(1), Traffic()),
            average=Traffic(total.sent_bytes // count, total.received_bytes // count),
            days=len(before),
        )


def forget_traffic(database: Database) -> None:
    """Forget every day, in the transaction in which the holder erases what says what left."""
    database.execute("DELETE FROM traffic")
