"""The text messages that came in and went out."""

from collections.abc import Callable, Sequence
from typing import Final

from firmware.phone.call import CallDirection, CallerId, TextMessage
from firmware.storage.database import Database
from firmware.storage.store import Store

_MAX_KEPT: Final = 500
"""Whoever sends more pushes out the oldest: a stranger must not be able to fill the disk."""


class StoredMessages:
    """Messages in the store, newest last."""

    def __init__(self, store: Store, wall_s: Callable[[], float]) -> None:
        """Set up; `wall_s` is the time of day, in seconds since the epoch."""
        self._store = store
        self._wall_s = wall_s

    async def keep(self, message: TextMessage) -> None:
        """Keep a message, or replace what was kept under its id; a message without a time was kept now."""
        at = message.at or self._wall_s()

        def write(database: Database) -> None:
            database.execute(
                "INSERT INTO messages (message_id, direction, number, display_name, text, at, read, delivered) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (message_id) DO UPDATE SET read = excluded.read, delivered = excluded.delivered",
                message.message_id,
                message.direction.value,
                message.party.number,
                message.party.display_name,
                message.text,
                at,
                int(message.read or message.direction is CallDirection.OUTGOING),
                int(message.delivered),
            )
            database.execute(
                "DELETE FROM messages WHERE position <= "
                "(SELECT position FROM messages ORDER BY position DESC LIMIT 1 OFFSET ?)",
                _MAX_KEPT,
            )

        await self._store.transact(write)

    async def newest(self, limit: int) -> Sequence[TextMessage]:
        """Return the newest messages, newest first."""
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT message_id, direction, number, display_name, text, at, read, delivered FROM messages "
                "ORDER BY position DESC LIMIT ?",
                limit,
            )
        )
        return tuple(
            TextMessage(
                message_id,
                CallDirection(direction),
                CallerId(number, display_name),
                text,
                at,
                read=bool(read),
                delivered=bool(delivered),
            )
            for message_id, direction, number, display_name, text, at, read, delivered in rows
        )

    async def mark_read(self) -> None:
        """Note that the holder has seen all of them."""
        await self._store.transact(lambda database: database.execute("UPDATE messages SET read = 1 WHERE read = 0"))

    async def delete(self, message_id: str) -> None:
        """Forget a message; one that is not there is forgotten already."""
        await self._store.transact(
            lambda database: database.execute("DELETE FROM messages WHERE message_id = ?", message_id)
        )
