"""The call log. A call's row is on the disk before its first packet; its end and its record are written together."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from contract.calls import DisconnectReason
from contract.messages import ErasureReason
from firmware.base.errors import StorageError
from firmware.phone.call import CallId, CallQuality
from firmware.phone.call_statistics import CallStatistics
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.kept_text import PAUSE_S, Utterance, utterances, with_letters
from firmware.phone.requests.calls import CallKind
from firmware.phone.requests.people import PeopleFound, Person
from firmware.ports.store import CallLogEntry
from firmware.store.call_kinds import KINDS
from firmware.store.call_records import Call, CallRecords
from firmware.store.call_rows import (
    entry_of,
    from_entry,
    is_known,
    is_over,
    opaque_account,
    read_calls,
    write_call,
    write_quality,
)
from firmware.store.call_statistics import read_most_called, read_statistics
from firmware.store.contacts import StoredContacts
from firmware.store.database import Database
from firmware.store.journal import Entry, Journal
from firmware.store.ledger import read_head, read_state
from firmware.store.outbox import StoredOutbox
from firmware.store.store import Store

_log = logging.getLogger(__name__)

_MAX_KEPT: Final = 256
"""Calls that are kept here at most while the store cannot take them; a store that never opens must not fill memory."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the call log gets its times from.

    Attributes:
        wall_s: seconds since the epoch.
        monotonic_s: seconds that no setting of the clock moves.
        is_synced: whether the wall clock has been set from the network.
        boot_id: the kernel's name for this run of it (/proc/sys/kernel/random/boot_id).
    """

    wall_s: Callable[[], float]
    monotonic_s: Callable[[], float]
    is_synced: Callable[[], bool]
    boot_id: str


class StoredCallLog:
    """Calls, newest last.

    Times after the start are the start plus what the monotonic clock counted, so that setting the clock during a call
    makes no call shorter than nothing.

    What the store cannot take (a full disk, a store that is not open yet) is kept here and written together with the
    next call that it can. While the store waits for the PIN, which may be for days, the journal keeps it as well.

    Attributes:
        journal: keeps calls while the store waits for the PIN; None where it never does.
    """

    def __init__(
        self,
        store: Store,
        outbox: StoredOutbox,
        contacts: StoredContacts,
        *,
        device: str,
        accounts: Mapping[str, str],
        clocks: Clocks,
    ) -> None:
        """Set up.

        Args:
            store: where the calls are kept.
            outbox: where their records wait.
            contacts: for the names of those who called.
            device: names the handset in each record.
            accounts: the address of record of each account by its name; the default account's under the empty name too.
            clocks: what the time is, and how well that is known.
        """
        self.journal: Journal | None = None
        self._store = store
        self._outbox = outbox
        self._contacts = contacts
        self._accounts = accounts
        self._clocks = clocks
        self._calls: dict[CallId, Call] = {}
        self._taken: set[CallId] = set()
        self._written_s: dict[tuple[CallId, bool], float] = {}
        self._records = CallRecords(outbox, device)
        outbox.make_anew = self._records.queue

    async def open_record(self, begun: OpenCallRecord) -> None:
        """Write a call's first line; on the disk when this returns. One that an earlier run has opened goes on.

        What is over under the name of another call stays as it is, and of the new one nothing is written.
        """
        call_id = begun.call_id
        self._calls[call_id] = call = Call(
            call_id,
            begun.direction,
            begun.number,
            begun.dialled,
            self._accounts.get(begun.account, begun.account),
            started_at=self._clocks.wall_s() - begun.began_ago_s,
            started_monotonic_s=self._clocks.monotonic_s() - begun.began_ago_s,
            clock_synced=self._clocks.is_synced(),
            decision=begun.decision,
            boot_id=self._clocks.boot_id,
            verification=begun.verification,
        )
        while len(self._calls) > _MAX_KEPT:
            del self._calls[next(iter(self._calls))]
        if await self._is_set_aside(call):
            return

        # Copies, here and below: a call may be over before the storage thread comes to this, and an end that is written
        # with anything but its record would be one that has been reported. Calls that the store could not take come
        # first, since the log is in the order of its rows.
        beginnings = [replace(each, ended_at=None, reason=None, sip_code=0) for each in self._calls.values()]

        def write(database: Database) -> None:
            if is_over(database, call_id):
                self._taken.add(call_id)
            beginnings[-1].ledger_entries = call.ledger_entries = read_head(database).entries
            for each in beginnings:
                if not is_known(database, each.call_id):
                    write_call(database, each)

        await self._store.transact(write)

    async def mark_answered(self, call_id: CallId, answered_ago_s: float = 0.0) -> None:
        """Write the moment of answer, unless that is known."""
        call = self._running(call_id)
        call.answered_at = self._time_in(call, answered_ago_s)
        if await self._is_set_aside(call):
            return
        answered = replace(call)
        await self._store.transact(lambda database: write_call(database, answered))

    async def close_record(self, ended: CloseCallRecord) -> None:
        """Write a call's end and queue its record where consent allows: both or neither.

        Closing again a call that is over changes nothing.

        Raises:
            StorageError: nobody opened that call, or the store cannot take it now.
        """
        call_id = ended.call_id
        for ours in (True, False):
            self._written_s.pop((call_id, ours), None)
        if call_id not in self._calls and await self._store.run(lambda database: is_over(database, call_id)):
            return
        call = self._running(call_id)
        if call.reason is None:
            call.reason = ended.reason
            call.sip_code = ended.sip_code
            call.decision = ended.decision or call.decision
            call.ended_at = self._time_in(call, ended.ended_ago_s)
        if not await self._is_set_aside(call):
            await self._write_ends()

    async def take_over(self, entries: Sequence[Entry]) -> None:
        """Write the calls of the time in which the store was closed; on the disk when this returns.

        To be called before anything else is done with a store that has opened: what the holder consented to when they
        began is what stands in the ledger still. Those that an earlier run did not see the end of stay open, for
        `recover_interrupted`.
        """
        calls = [call for call in map(from_entry, entries) if call is not None]
        if len(calls) < len(entries):
            _log.warning("%d call(s) of the store's journal are none, and left out", len(entries) - len(calls))
        for call in calls:
            call.set_aside = True
        latest = {call.call_id: call for call in calls if call.call_id not in self._calls}
        self._calls = {**{call_id: call for call_id, call in latest.items() if call.reason is not None}, **self._calls}
        head = await self._store.run(read_head)
        for call in (*calls, *self._calls.values()):
            if call.set_aside:
                call.ledger_entries = head.entries
        # The first that was kept of a call is how it began.
        begun = [replace(call, ended_at=None, reason=None, sip_code=0) for call in (*calls, *self._calls.values())]

        def write(database: Database) -> None:
            for call in begun:
                write_call(database, call)

        await self._store.transact(write)
        await self._write_ends()

    async def _is_set_aside(self, call: Call) -> bool:
        """Keep a call in the journal where the store waits for the PIN."""
        if self.journal is None or not await self.journal.append(entry_of(call)):
            return False
        call.set_aside = True
        return True

    async def keep_quality(self, call_id: CallId, quality: CallQuality) -> None:
        """Write how a call sounded beside it."""
        if call_id in self._taken:
            return
        await self._store.transact(lambda database: write_quality(database, call_id, quality))

    async def keep_text(self, call_id: CallId, letters: str, *, ours: bool) -> None:
        """Write what was written in a call beside it, with_letters; on the disk when this returns."""
        if call_id in self._taken:
            return
        now_s = self._clocks.monotonic_s()
        goes_on = now_s - self._written_s.get((call_id, ours), -PAUSE_S) < PAUSE_S
        self._written_s[call_id, ours] = now_s

        def write(database: Database) -> None:
            for (kept,) in database.query("SELECT text FROM calls WHERE call_id = ?", call_id):
                text = with_letters(kept, letters, ours=ours, goes_on=goes_on)
                database.execute("UPDATE calls SET text = ? WHERE call_id = ?", text, call_id)

        await self._store.transact(write)

    async def text_of(self, call_id: CallId) -> Sequence[Utterance]:
        """Return what is kept of the text of a call."""
        rows = await self._store.run(
            lambda database: database.query("SELECT text FROM calls WHERE call_id = ?", call_id)
        )
        return utterances(rows[0][0]) if rows else ()

    async def recover_interrupted(self, going_on: Collection[CallId] = ()) -> int:
        """Close the calls that an earlier run left open, as interrupted, and queue their records likewise.

        Nobody saw their ends, so these have no time of end.

        Args:
            going_on: calls that are not over, or whose ends were seen and are being written.

        Returns:
            how many there were.
        """
        await self._write_ends()
        running = {*self._calls, *going_on}

        def recover(database: Database) -> int:
            left = [
                call_id
                for (call_id,) in database.query("SELECT call_id FROM calls WHERE reason IS NULL ORDER BY position")
                if call_id not in running
            ]
            state = read_state(database)
            for call_id in left:
                database.execute(
                    "UPDATE calls SET reason = ? WHERE call_id = ?", DisconnectReason.INTERRUPTED.value, call_id
                )
                self._records.queue(database, call_id, state)
            return len(left)

        count = await self._store.transact(recover)
        self._outbox.notify()
        return count

    async def last_dialled(self) -> str:
        """Return the digits of the newest outgoing call, empty where there is none."""
        rows = await self._store.run(
            lambda database: database.query(
                "SELECT dialled FROM calls WHERE dialled <> '' ORDER BY position DESC LIMIT 1"
            )
        )
        return str(rows[0][0]) if rows else ""

    async def account_id(self) -> str:
        """Return the default account's opaque id, as call records have it."""
        return await self._store.run(lambda database: opaque_account(database, self._accounts.get("", "")))

    async def count_unseen_missed(self) -> int:
        """Return how many calls nobody answered and nobody has seen in the log."""
        rows = await self._store.run(
            lambda database: database.query(
                f"SELECT count(*) FROM calls WHERE seen = 0 AND {KINDS[CallKind.MISSED]}"  # noqa: S608 - a constant
            )
        )
        return int(rows[0][0])

    async def mark_missed_seen(self) -> None:
        """Note that the holder has seen the calls that are over."""
        await self._store.transact(
            lambda database: database.execute("UPDATE calls SET seen = 1 WHERE seen = 0 AND reason IS NOT NULL")
        )

    async def recent(self, limit: int) -> Sequence[CallLogEntry]:
        """Return the newest calls, newest first, those that are not over included."""
        return (await self.listed(CallKind.ALL, 0, limit))[1]

    async def listed(self, kind: CallKind, first: int, limit: int) -> tuple[int, Sequence[CallLogEntry]]:
        """Return how many calls of a kind there are, and a stretch of them, newest first."""
        return await self._store.run(lambda database: read_calls(database, self._contacts, kind, first, limit))

    async def statistics(self) -> CallStatistics:
        """Count the calls; see read_statistics."""
        now_s, clock_synced = self._clocks.wall_s(), self._clocks.is_synced()
        return await self._store.run(lambda database: read_statistics(database, now_s, clock_synced=clock_synced))

    async def people(self, numbers: Sequence[str]) -> PeopleFound:
        """Return whose numbers these are, and who was called most; see read_most_called."""

        def find(database: Database) -> PeopleFound:
            found = [(number, self._contacts.contact_in(database, number)) for number in numbers]
            known = (
                Person(contact.contact_id, contact.name, number, contact.picture)
                for number, contact in found
                if contact is not None and contact.name
            )
            return PeopleFound(tuple(known), read_most_called(database, self._contacts))

        return await self._store.run(find)

    async def delete(self, call_id: CallId) -> None:
        """Delete one call that is over, and its record: where it still waits, and where it has gone."""
        await self._store.erase(
            lambda database: self.forget_within(database, ErasureReason.DELETED, "call_id = ?", call_id), urgent=True
        )
        self._outbox.notify()

    async def clear(self, kind: CallKind = CallKind.ALL) -> None:
        """Delete all calls of a kind that are over, and their records: those that wait, and those that have gone."""
        await self._store.erase(
            lambda database: self.forget_within(database, ErasureReason.DELETED, f"({KINDS[kind]})"), urgent=True
        )
        self._outbox.notify()

    def forget_within(self, database: Database, reason: ErasureReason, which: str, *parameters: str | int) -> int:
        """Delete calls that are over and withdraw what tells of them, also from recipients; return how many.

        The one place where calls leave the log, in the caller's transaction; `notify` the outbox after it.

        Args:
            database: in the caller's transaction.
            reason: said to recipients.
            which: a condition, of ours and with nothing of anybody else's in it.
            parameters: those that it needs.
        """
        gone = database.execute(
            f"DELETE FROM calls WHERE reason IS NOT NULL AND {which}",  # noqa: S608 - conditions of our own
            *parameters,
        )
        self._outbox.queue_erasure(database, reason)
        return gone

    async def _write_ends(self) -> None:
        over = [each for each in self._calls.values() if each.reason is not None]

        def write(database: Database) -> None:
            state = read_state(database)
            for each in over:
                # The end of another call that closed at the same moment may have taken this one along.
                if not is_over(database, each.call_id):
                    write_call(database, each)
                    self._records.queue(database, each.call_id, state)

        await self._store.transact(write)
        for each in over:
            self._calls.pop(each.call_id, None)
        self._outbox.notify()

    def _running(self, call_id: CallId) -> Call:
        if call_id not in self._calls:
            raise StorageError("A call is being written that was never opened; it is missing in the call log.")
        return self._calls[call_id]

    def _time_in(self, call: Call, ago_s: float = 0.0) -> float:
        return call.started_at + max(0.0, self._clocks.monotonic_s() - ago_s - call.started_monotonic_s)
