"""The text messages that came in and went out."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final

from pydantic import TypeAdapter

from contract.calls import CallDirection
from firmware.phone.call import CallerId, TextMessage
from firmware.store.database import Database
from firmware.store.journal import Entry, Journal, is_time
from firmware.store.store import Store

_log = logging.getLogger(__name__)

_MAX_KEPT: Final = 500
"""Whoever sends more pushes out the oldest: a stranger must not be able to fill the disk."""

JOURNAL_KIND: Final = "message"
"""Names entries of the journal that are messages."""

_MESSAGES: Final = TypeAdapter(TextMessage)


class StoredMessages:
    """Messages in the store, newest last.

    Attributes:
        journal: keeps messages while the store waits for the PIN; None where it never does.
    """

    def __init__(self, store: Store, wall_s: Callable[[], float]) -> None:
        """Set up; `wall_s` is the time of day, in seconds since the epoch."""
        self._store = store
        self._wall_s = wall_s
        self.journal: Journal | None = None

    async def keep(self, message: TextMessage) -> None:
        """Keep a message, or replace what was kept under its id; a message without a time was kept now."""
        at = message.at or self._wall_s()
        entry = {"kind": JOURNAL_KIND, **asdict(replace(message, at=at))}
        if self.journal is None or not await self.journal.append(entry):
            await self._keep(message, at)

    async def _keep(self, message: TextMessage, at: float) -> None:
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

    async def take_over(self, entries: Sequence[Entry]) -> None:
        """Keep the messages of the time in which the store was closed."""
        messages = [message for message in map(_from_entry, entries) if message is not None]
        if len(messages) < len(entries):
            _log.warning("%d message(s) of the store's journal are none, and left out", len(entries) - len(messages))
        for message in messages:
            await self._keep(message, message.at)

    async def restore(self, messages: Sequence[TextMessage]) -> int:
        """Keep messages of a copy that are not here, as far as there is room beside those that are; return how many."""

        def write(database: Database) -> int:
            [(count,)] = database.query("SELECT count(*) FROM messages")
            added = 0
            for message in messages:
                if count + added < _MAX_KEPT:
                    added += database.execute(
                        "INSERT OR IGNORE INTO messages "
                        "(message_id, direction, number, display_name, text, at, read, delivered) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        message.message_id,
                        message.direction.value,
                        message.party.number,
                        message.party.display_name,
                        message.text,
                        message.at,
                        int(message.read),
                        int(message.delivered),
                    )
            return added

        return await self._store.transact(write)

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
        await self._store.erase(
            lambda database: database.execute("DELETE FROM messages WHERE message_id = ?", message_id)
        )


def _from_entry(entry: Entry) -> TextMessage | None:
    """Read a message; None where it is none, for whoever can write to the card can seal an entry."""
    try:
        message = _MESSAGES.validate_json(json.dumps(entry), strict=True)
    except (ValueError, RecursionError):
        return None
    return message if is_time(message.at) else None
