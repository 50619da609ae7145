"""What the holder has set on the phone itself, and how the phone came to be set up."""

import logging
from typing import Final

from pydantic import TypeAdapter, ValidationError

from firmware.phone.preferences import Preferences, SetUp
from firmware.store.store import Store

_log = logging.getLogger(__name__)

_PREFERENCES: Final = TypeAdapter(Preferences)


class StoredPreferences:
    """The holder's settings in the store, as one row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> Preferences | None:
        """Return what was saved last, None where nothing ever was."""
        rows = await self._store.run(lambda database: database.query("SELECT chosen FROM preferences"))
        if not rows:
            return None
        try:
            return _PREFERENCES.validate_json(rows[0][0])
        except ValidationError:
            # Without the reason, which would quote what the holder has set.
            _log.warning("The holder's settings in the store are not ones that this version knows; they start afresh.")
            return None

    async def save(self, preferences: Preferences) -> None:
        """Keep them; on the disk when this returns."""
        chosen = _PREFERENCES.dump_json(preferences).decode()
        await self._store.transact(
            lambda database: database.execute(
                "INSERT INTO preferences (only, chosen) VALUES (1, ?) "
                "ON CONFLICT (only) DO UPDATE SET chosen = excluded.chosen",
                chosen,
            )
        )


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
