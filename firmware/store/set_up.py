"""How the phone came to be set up by whoever holds it."""

from firmware.phone.set_up import SetUp
from firmware.store.store import Store


class StoredSetUp:
    """The fact in the store, as one row; none on a phone that is new."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> SetUp:
        """Return how the phone came to be set up."""
        rows = await self._store.run(lambda database: database.query("SELECT reason FROM set_up"))
        return SetUp(rows[0][0]) if rows else SetUp.NEW

    async def save(self, set_up: SetUp) -> None:
        """Keep it; on the disk when this returns."""
        await self._store.transact(
            lambda database: database.execute(
                "INSERT INTO set_up (only, reason) VALUES (1, ?) "
                "ON CONFLICT (only) DO UPDATE SET reason = excluded.reason",
                set_up.value,
            )
        )
