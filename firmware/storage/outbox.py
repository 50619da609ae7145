"""Messages that wait for the broker, in the store until it has them."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from firmware.egress.gate import ConsentGate, Refusal
from firmware.egress.messages import CallDetailRecord, ConsentMessage, Topic
from firmware.phone.call import CallId
from firmware.ports import OutboxKey, OutboxMessage
from firmware.storage.database import Database, Row
from firmware.storage.ledger import read_state
from firmware.storage.store import Store

_log = logging.getLogger(__name__)

_MODELS: Final[dict[Topic, type[CallDetailRecord | ConsentMessage]]] = {
    Topic.CDR: CallDetailRecord,
    Topic.CONSENT: ConsentMessage,
}
_RETAINED: Final = frozenset({Topic.CONSENT})


class StoredOutbox:
    """The durable queue.

    One row is one call detail record or one state of consent, and has a number of its own. Joining records into one
    MQTT message is left to sync, which knows how many the broker takes; a record sent twice is the same, byte for byte,
    whichever others it is sent with.

    `append` and `purge` belong to the transaction of whoever causes the message, on the storage thread; `notify` is
    called on the event loop once that transaction is on the disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queued = asyncio.Event()

    async def next_batch(self, limit: int) -> tuple[OutboxMessage, ...]:
        """Return the oldest messages that may leave now, the same ones again until they are complete."""
        return await self._store.run(lambda database: _due(database, limit))

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Forget messages that the broker has; keys of none that wait mean nothing."""

        def forget(database: Database) -> None:
            for key in keys:
                database.execute("DELETE FROM outbox WHERE epoch = ? AND seq = ?", key.epoch, key.seq)

        await self._store.transact(forget)

    async def waiting(self) -> int:
        """Return how many messages wait."""
        return await self._store.run(lambda database: int(database.query("SELECT count(*) FROM outbox")[0][0]))

    async def wait_for_due(self, timeout_s: float) -> bool:
        """Wait until there is a message to hand over; False if there was none in that time."""
        self._queued.clear()
        if await self.next_batch(1):
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while await self._queued.wait():
                    self._queued.clear()
                    if await self.next_batch(1):
                        return True
        return False

    def notify(self) -> None:
        """Wake whoever waits for a message."""
        self._queued.set()

    def append(
        self,
        database: Database,
        topic: Topic,
        make: Callable[[int, int], CallDetailRecord | ConsentMessage],
        *,
        ledger_entries_at_start: int,
        call_id: CallId | None = None,
    ) -> Refusal | None:
        """Queue a message if consent allows, and say why where it does not.

        Args:
            database: in the caller's transaction.
            topic: where the message goes.
            make: makes the message from its epoch and number.
            ledger_entries_at_start: see ConsentGate.
            call_id: the call that the message tells of.
        """
        refusal = ConsentGate(read_state(database)).refusal(topic, ledger_entries_at_start)
        if refusal is not None:
            return refusal
        [(seq,)] = database.query("UPDATE outbox_counter SET last_seq = last_seq + 1 RETURNING last_seq")
        epoch = self._store.epoch
        try:
            payload = make(epoch, seq).model_dump_json()
        except ValidationError as error:
            # The error's own text quotes the content. What caused the message (a call that ended) stands without it.
            _log.error("A message for topic %s was not queued: it has %d mistakes", topic.value, error.error_count())
            return Refusal.NOT_ALLOWED
        database.execute(
            "INSERT INTO outbox (seq, epoch, topic, call_id, ledger_entries, payload) VALUES (?, ?, ?, ?, ?, ?)",
            seq,
            epoch,
            topic.value,
            call_id,
            ledger_entries_at_start,
            payload,
        )
        return None

    def purge_without_calls(self, database: Database) -> None:
        """Drop what waits and tells of calls that the log has no longer."""
        database.execute("DELETE FROM outbox WHERE call_id IS NOT NULL AND call_id NOT IN (SELECT call_id FROM calls)")

    def purge(self, database: Database, topic: Topic) -> None:
        """Drop what waits for a topic."""
        database.execute("DELETE FROM outbox WHERE topic = ?", topic.value)


def _due(database: Database, limit: int) -> tuple[OutboxMessage, ...]:
    gate = ConsentGate(read_state(database))
    due: list[OutboxMessage] = []
    after = 0
    while len(due) < limit:
        rows = database.query(
            "SELECT seq, epoch, topic, ledger_entries, payload FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
            after,
            limit,
        )
        if not rows:
            break
        due.extend(message for row in rows if (message := _message(database, gate, row)) is not None)
        after = rows[-1][0]
    return tuple(due[:limit])


def _message(database: Database, gate: ConsentGate, row: Row) -> OutboxMessage | None:
    seq, epoch, topic_name, ledger_entries, payload = row
    topic = Topic(topic_name)
    if gate.refusal(topic, ledger_entries) is not None:
        return None
    try:
        _MODELS[topic].model_validate_json(payload)
    except ValidationError as error:
        # It can never leave, and kept it would be looked at for ever. The error's own text quotes the content.
        _log.error("Message %d for topic %s was dropped: it has %d mistakes", seq, topic.value, error.error_count())
        database.execute("DELETE FROM outbox WHERE seq = ?", seq)
        return None
    return OutboxMessage(OutboxKey(epoch, seq), topic.value, topic in _RETAINED, json.loads(payload))
