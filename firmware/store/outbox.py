"""Messages that wait for the broker, in the store until it has them."""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from contract.consent import Purpose
from contract.messages import (
    MODELS,
    RETAINED,
    ErasureMessage,
    ErasureReason,
    OutcomeMessage,
    QueuedMessage,
    RecordRange,
    Topic,
)
from contract.results import OutcomeCode
from firmware.base.errors import StorageError
from firmware.phone.call import CallId
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.privacy.consent import ConsentState
from firmware.privacy.egress.border import Border
from firmware.privacy.egress.gate import PURPOSE_OF_TOPIC, ConsentGate, Refusal
from firmware.store import shares
from firmware.store.database import Database, Row
from firmware.store.ledger import read_state
from firmware.store.shares import Scope
from firmware.store.store import Store

_log = logging.getLogger(__name__)

_MAX_OUTCOMES: Final = 64
"""Outcomes that wait at most: whoever sends messages without end is not answered without end."""

_FIRST_REPEAT_S: Final = 900.0
_LONGEST_REPEAT_S: Final = 6 * 3600.0
_CONFIRMED: Final = frozenset({Topic.CDR, Topic.ERASURE})
_SELECT: Final = (
    "SELECT seq, epoch, topic, ledger_entries, "
    "CASE WHEN topic = 'cdr' AND json_valid(payload) THEN payload ->> '$.number' END, payload FROM outbox"
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets what waits.

    Attributes:
        device: this handset's name there.
        name: the broker's.
        confirms: only a collector's word, and not the broker's, completes records and erasure notices.
        border: what lies between.
    """

    device: str = "unnamed"
    name: str = ""
    confirms: bool = False
    border: Border = field(default_factory=Border)


class StoredOutbox:
    """The durable queue.

    One row is one call detail record, one state of consent, one erasure notice or one outcome, and has a number of its
    own. Joining records into one MQTT message is left to sync, which knows how many the broker takes; a record sent
    twice is the same, byte for byte, whichever others it is sent with.

    `append`, `purge` and `queue_*` belong to the transaction of whoever causes the message, on the storage thread;
    `notify` is called on the event loop once that transaction is on the disk.

    Attributes:
        recipient: who gets what waits.
        make_anew: queues the record of a call once more, in the transaction that took it back and under the consent
            that stands there; set by the call log.
    """

    def __init__(
        self,
        store: Store,
        recipient: Recipient | None = None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.recipient = recipient or Recipient()
        self.make_anew: Callable[[Database, CallId, ConsentState], None] = lambda *_: None
        self._clock = clock
        self._monotonic = monotonic
        self._queued = asyncio.Event()
        self._repeat_at_s = 0.0
        self._repeat_after_s = _FIRST_REPEAT_S

    async def next_batch(self, limit: int) -> tuple[OutboxMessage, ...]:
        """Return the oldest messages that may leave now, the same ones again until they are complete.

        None of them may leave before `hand_over` has been told of it.
        """
        await self._repeat_unconfirmed()
        return await self._store.run(lambda database: self._due(database, limit))

    async def hand_over(self, keys: Sequence[OutboxKey]) -> frozenset[OutboxKey]:
        """Write down that these messages leave now; return those that still may, which are all that leave."""

        def note(database: Database) -> frozenset[OutboxKey]:
            state = read_state(database)
            leaving: dict[OutboxKey, bool] = {}
            for seq, epoch, topic, ledger_entries, number, _ in database.query(
                f"{_SELECT} WHERE seq IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants
                _numbers(keys),
            ):
                key = OutboxKey(epoch, seq)
                if key in wanted and self._may_leave(state, Topic(topic), ledger_entries, number):
                    leaving[key] = self.recipient.border.is_in_clear(number)
            shares.note_handed_over(database, leaving, self.recipient.name, self._clock())
            return frozenset(leaving)

        wanted = frozenset(keys)
        return await self._store.transact(note)

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Note that the broker has these, and forget those that wait for nobody else's word.

        Keys of none that wait mean nothing.
        """
        name, at = self.recipient.name, self._clock()
        wanted = frozenset(keys)

        def note(database: Database) -> None:
            rows = database.query(
                "SELECT epoch, seq, topic FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", _numbers(keys)
            )
            topics = {OutboxKey(epoch, seq): Topic(topic) for epoch, seq, topic in rows}
            waiting = [key for key in topics if key in wanted]
            unconfirmed = [key for key in waiting if self.recipient.confirms and topics[key] in _CONFIRMED]
            complete = set(waiting).difference(unconfirmed)
            shares.note_with_broker(database, waiting, name, at)
            database.execute(
                "UPDATE outbox SET with_broker = 1 WHERE seq IN (SELECT value FROM json_each(?))", _numbers(unconfirmed)
            )
            database.execute("DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", _numbers(complete))

        await self._store.transact(note)

    async def confirm(
        self,
        collector: str,
        messages: Iterable[RecordRange],
        when_erased: Callable[[Database, OutboxKey], None] = lambda _database, _notice: None,
    ) -> tuple[OutboxKey, ...]:
        """Note that a collector has these, as far as they were handed over, and forget them.

        Args:
            collector: who says so.
            messages: their numbers.
            when_erased: called for each erasure notice that it had not confirmed before, in the same transaction.

        Returns:
            those notices.
        """
        name, at = self.recipient.name, self._clock()

        def note(database: Database) -> list[tuple[Topic, OutboxKey]]:
            confirmed: list[tuple[Topic, OutboxKey]] = []
            for each in messages:
                confirmed.extend(shares.note_confirmed(database, each, name, collector, at))
            for topic, key in confirmed:
                database.execute("DELETE FROM outbox WHERE epoch = ? AND seq = ?", key.epoch, key.seq)
                if topic is Topic.ERASURE:
                    when_erased(database, key)
            return confirmed

        confirmed = await self._store.transact(note)
        if confirmed:
            self._repeat_after_s = _FIRST_REPEAT_S
        return tuple(key for topic, key in confirmed if topic is Topic.ERASURE)

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

    async def queue_outcome(self, message: str, code: OutcomeCode) -> None:
        """Queue what became of a message of the operator's, named by its SHA-256 in hexadecimal."""
        await self._store.transact(lambda database: self.append_outcome(database, message, code))
        self.notify()

    def append(
        self,
        database: Database,
        topic: Topic,
        make: Callable[[int, int], QueuedMessage],
        *,
        ledger_entries_at_start: int,
        call_id: CallId | None = None,
        state: ConsentState | None = None,
    ) -> Refusal | None:
        """Queue a message if consent allows, and say why where it does not.

        Args:
            database: in the caller's transaction.
            topic: where the message goes.
            make: makes the message from its epoch and number.
            ledger_entries_at_start: see ConsentGate.
            call_id: the call that the message tells of.
            state: what the holder agrees to, where the caller has read it in this transaction.
        """
        refusal = ConsentGate(state or read_state(database)).refusal(topic, ledger_entries_at_start)
        if refusal is not None:
            return refusal
        [(seq,)] = database.query("UPDATE outbox_counter SET last_seq = last_seq + 1 RETURNING last_seq")
        epoch = self._store.epoch
        try:
            payload = make(epoch, seq).written().decode()
        except ValueError:
            # The error's own text quotes the content. What caused the message (a call that ended) stands without it.
            _log.error("A message for topic %s was not queued: it is not as it must be.", topic.value)
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

    def append_outcome(self, database: Database, message: str, code: OutcomeCode) -> None:
        """Queue what became of a message of the operator's, named by its SHA-256 in hexadecimal."""
        self.append(
            database,
            Topic.OUTCOME,
            lambda epoch, seq: OutcomeMessage(
                device=self.recipient.device, message=message, code=code, epoch=epoch, seq=seq
            ),
            ledger_entries_at_start=0,
        )
        database.execute(
            "DELETE FROM outbox WHERE topic = 'outcome' AND seq NOT IN "
            "(SELECT seq FROM outbox WHERE topic = 'outcome' ORDER BY seq DESC LIMIT ?)",
            _MAX_OUTCOMES,
        )

    def queue_erasure(
        self,
        database: Database,
        reason: ErasureReason,
        scope: Scope = Scope.FORGOTTEN_CALLS,
        call_ids: Sequence[CallId] = (),
    ) -> tuple[OutboxKey, ...]:
        """Take records back: drop those that wait, and have recipients delete those that left or may have.

        What never left is not spoken of, and nothing that was taken back before. What leaves later under pseudonyms
        cannot be brought together with what is erased here.

        Args:
            database: in the caller's transaction.
            reason: said to the recipients; with CANCELLED they delete everything, and nothing but that waits any more.
            scope: which records.
            call_ids: the calls that the scope THESE_CALLS speaks of.

        Returns:
            the notices that wait now because of it, none where nothing had left.

        Raises:
            StorageError: the notice cannot be made; the caller's transaction must come to nothing.
        """
        if reason is ErasureReason.CANCELLED:
            return self._queue_cancellation(database)
        shares.drop_waiting(database, scope, call_ids)
        notices = tuple(
            self._append_erasure(database, reason, ranges)
            for ranges in shares.in_notices(shares.begin_erasure(database, scope, call_ids))
        )
        if notices and reason is not ErasureReason.RETENTION_ENDED:
            database.execute("UPDATE pseudonym_key SET key = randomblob(32)")
        return notices

    def follow_consent(self, database: Database, state: ConsentState) -> None:
        """Drop what the holder does not agree to any more, and take back what left where the holder said so.

        A ledger that does not verify takes nothing back, and neither does a yes that lapsed with a new policy: nobody
        has said no.
        """
        for topic, purpose in PURPOSE_OF_TOPIC.items():
            if purpose is not None and not state.granted(purpose):
                self.purge(database, topic)
        if state.intact:
            if _is_refused(state, Purpose.CDR_SYNC):
                self.queue_erasure(database, ErasureReason.WITHDRAWN, Scope.ALL_RECORDS)
            self.take_back_numbers(database)

    def take_back_numbers(self, database: Database) -> tuple[OutboxKey, ...]:
        """Take back numbers that may not cross the border as they are, and queue those records with pseudonyms.

        To be called when consent has changed, and at the start: the border may have moved.

        Returns:
            the notices that wait now because of it.
        """
        border = self.recipient.border
        state = read_state(database)
        if not border.crossed or not state.intact:
            return ()
        waiting = database.query(
            "SELECT call_id, payload ->> '$.number', ledger_entries FROM outbox WHERE topic = 'cdr' ORDER BY seq"
        )
        calls = [call_id for call_id, number, entries in waiting if border.holds_back(number, state, entries)]
        if _is_refused(state, Purpose.CROSS_BORDER_CDR):
            calls += shares.calls_in_clear(database)
        if not calls:
            return ()
        notices = self.queue_erasure(database, ErasureReason.WITHDRAWN, Scope.THESE_CALLS, calls)
        for call_id in dict.fromkeys(calls):
            self.make_anew(database, call_id, state)
        return notices

    def purge(self, database: Database, topic: Topic) -> None:
        """Drop what waits for a topic."""
        database.execute("DELETE FROM outbox WHERE topic = ?", topic.value)

    def _queue_cancellation(self, database: Database) -> tuple[OutboxKey, ...]:
        database.execute("DELETE FROM outbox")
        if not shares.has_shared(database):
            return ()
        ranges = shares.begin_erasure(database, Scope.ALL_RECORDS)
        notice = self._append_erasure(database, ErasureReason.CANCELLED, shares.newest_epochs(database))
        shares.end_erasure(database, ranges, notice)
        return (notice,)

    def _append_erasure(self, database: Database, reason: ErasureReason, ranges: tuple[RecordRange, ...]) -> OutboxKey:
        refusal = self.append(
            database,
            Topic.ERASURE,
            lambda epoch, seq: ErasureMessage(
                device=self.recipient.device,
                reason=reason,
                cancelled=reason is ErasureReason.CANCELLED,
                records=ranges,
                epoch=epoch,
                seq=seq,
            ),
            ledger_entries_at_start=0,
        )
        if refusal is not None:
            raise StorageError(
                "The notice that tells recipients to delete cannot be made, so nothing was deleted here."
            )
        [(seq,)] = database.query("SELECT last_seq FROM outbox_counter")
        notice = OutboxKey(self._store.epoch, seq)
        shares.end_erasure(database, ranges, notice)
        return notice

    async def _repeat_unconfirmed(self) -> None:
        """Let what no collector has confirmed leave once more: at the start, then ever more rarely.

        At the start also where none confirms any more: the broker's word completes it now.
        """
        now_s = self._monotonic()
        if now_s < self._repeat_at_s:
            return
        await self._store.transact(
            lambda database: database.execute("UPDATE outbox SET with_broker = 0 WHERE with_broker = 1")
        )
        self._repeat_at_s = now_s + self._repeat_after_s if self.recipient.confirms else math.inf
        self._repeat_after_s = min(2 * self._repeat_after_s, _LONGEST_REPEAT_S)

    def _due(self, database: Database, limit: int) -> tuple[OutboxMessage, ...]:
        state = read_state(database)
        due: list[OutboxMessage] = []
        after = 0
        while len(due) < limit:
            rows = database.query(f"{_SELECT} WHERE with_broker = 0 AND seq > ? ORDER BY seq LIMIT ?", after, limit)
            if not rows:
                break
            due.extend(message for row in rows if (message := self._message(database, state, row)) is not None)
            after = rows[-1][0]
        return tuple(due[:limit])

    def _message(self, database: Database, state: ConsentState, row: Row) -> OutboxMessage | None:
        """Read a row, None where consent does not let it leave now."""
        seq, epoch, topic_name, ledger_entries, number, payload = row
        topic = Topic(topic_name)
        if not self._may_leave(state, topic, ledger_entries, number):
            return None
        try:
            MODELS[topic].read(payload)
        except ValueError:
            # It can never leave, and kept it would be looked at for ever. The error's own text quotes the content.
            _log.error("Message %d for topic %s was dropped: it is not as it must be.", seq, topic.value)
            database.execute("DELETE FROM outbox WHERE seq = ?", seq)
            return None
        return OutboxMessage(OutboxKey(epoch, seq), topic.value, topic in RETAINED, json.loads(payload))

    def _may_leave(self, state: ConsentState, topic: Topic, ledger_entries: int, number: str | None) -> bool:
        """Ask the gate, and the border about the number in a call record: None where it has none."""
        if ConsentGate(state).refusal(topic, ledger_entries) is not None:
            return False
        return not self.recipient.border.holds_back(number, state, ledger_entries)


def _numbers(keys: Iterable[OutboxKey]) -> str:
    """Write the numbers of messages for json_each: one statement for a whole batch."""
    return json.dumps([key.seq for key in keys])


def _is_refused(state: ConsentState, purpose: Purpose) -> bool:
    """Tell whether the holder has said no to a purpose as it is now."""
    consent = state.purposes[purpose]
    return consent.asked and not consent.granted
