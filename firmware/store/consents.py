"""The consent ledger as it is kept in the store, and what follows from a change of it."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from contract.consent import Actor, Channel, ClockTrust, Purpose
from contract.messages import MAX_REQUESTS, ConsentMessage, PurposeState, RequestStatement, Topic, timestamp
from firmware.privacy.catalogue import NEEDED, POLICY_VERSION
from firmware.privacy.consent import ConsentState, LedgerAction, LedgerEntry
from firmware.privacy.rights import OpenRequest
from firmware.store.database import Database
from firmware.store.errors import LedgerDamagedError
from firmware.store.ledger import append_entry, read_ledger, read_state
from firmware.store.outbox import StoredOutbox
from firmware.store.store import Store

_T = TypeVar("_T")

Step = tuple[LedgerAction, str]
"""An entry to be: what it tells of, and about what."""

_DAMAGED: Final = (
    "The consent ledger does not verify, so every purpose counts as not granted and no answer can be added. "
    "Restore a copy of the store, or move it away to begin a new one."
)


def _nobody(_state: ConsentState) -> None:
    """Tell nobody."""


def _no_requests(_database: Database) -> Sequence[OpenRequest]:
    return ()


def _lapses(purposes: Collection[Purpose], state: ConsentState) -> Iterable[Step]:
    for purpose in Purpose:
        if purpose in purposes and state.purposes[purpose].asked:
            yield LedgerAction.LAPSE, purpose


class Consents:
    """What the holder agreed to, and the ledger that says so.

    A change is one transaction with all that follows from it in the store: entries, head, what is deleted from the
    outbox and the message that announces the new state. It comes to its end whether whoever asked still waits or not.

    Attributes:
        open_requests: reads what waits for the operator's answer, due first.
        when_changed: told of the state after each change, on the event loop.
    """

    def __init__(
        self,
        store: Store,
        outbox: StoredOutbox,
        *,
        device: str,
        clock: Callable[[], float],
        is_synced: Callable[[], bool],
        policy_version: Callable[[Database], str] = lambda _database: POLICY_VERSION,
    ) -> None:
        """Set up.

        Args:
            store: where the ledger is.
            outbox: what is deleted from, and takes the announcement.
            device: names the handset.
            clock: seconds since the epoch.
            is_synced: tells whether a time service keeps that clock right.
            policy_version: reads which policy is in force.
        """
        self._store = store
        self._outbox = outbox
        self._device = device
        self._clock = clock
        self.open_requests: Callable[[Database], Sequence[OpenRequest]] = _no_requests
        self._is_synced = is_synced
        self._policy_version = policy_version
        self._changes: set[asyncio.Task[Any]] = set()
        self._committed: ConsentState | None = None
        self.when_changed: Callable[[ConsentState], None] = _nobody

    async def state(self) -> ConsentState:
        """Return the answers that stand."""
        return await self._store.run(read_state)

    async def entries(self) -> tuple[LedgerEntry, ...]:
        """Return the whole ledger, oldest first, as far as it can be read."""
        return await self._store.run(read_ledger)

    async def grant(
        self, purpose: Purpose, *, actor: Actor = Actor.HOLDER, channel: Channel = Channel.KEYPAD
    ) -> ConsentState:
        """Write the holder's yes; calls that begin from now on may be reported.

        Raises:
            LedgerDamagedError: nothing can be built on it.
        """

        def decide(state: ConsentState) -> Iterable[Step]:
            if not state.granted(purpose):
                yield LedgerAction.GRANT, purpose

        return await self._answer(decide, actor, channel, urgent=False)

    async def withdraw(
        self, purpose: Purpose, *, actor: Actor = Actor.HOLDER, channel: Channel = Channel.KEYPAD
    ) -> ConsentState:
        """Write the holder's no, the first one included, and forget what was queued under a yes, both or neither.

        Raises:
            LedgerDamagedError: no answer can be added; what was queued is forgotten all the same.
        """

        def decide(state: ConsentState) -> Iterable[Step]:
            if state.granted(purpose):
                yield LedgerAction.WITHDRAW, purpose
            elif not state.purposes[purpose].asked:
                yield LedgerAction.REFUSE, purpose

        return await self._answer(decide, actor, channel)

    async def withdraw_optional(
        self, *, actor: Actor = Actor.HOLDER, channel: Channel = Channel.KEYPAD
    ) -> ConsentState:
        """Take back every yes that the service does not need, all or none (private mode).

        Raises:
            LedgerDamagedError: as with `withdraw`.
        """

        def decide(state: ConsentState) -> Iterable[Step]:
            for purpose in Purpose:
                if purpose not in NEEDED and state.granted(purpose):
                    yield LedgerAction.WITHDRAW, purpose

        return await self._answer(decide, actor, channel)

    def lapse_within(self, database: Database, purposes: Collection[Purpose], channel: Channel) -> bool:
        """Let no earlier answer count for purposes that have changed: a no, until they are asked anew.

        As part of the caller's transaction; see `append_within`.
        """
        return self._answer_within(database, partial(_lapses, purposes), Actor.POLICY, channel).intact

    async def append(self, action: LedgerAction, about: str, actor: Actor, channel: Channel) -> bool:
        """Write an entry about something else than a purpose; False where the ledger is damaged and takes none.

        Raises:
            ValueError: `about` is not a short name; nobody's number, name or words belong there.
        """
        return await self._change(lambda database: self.append_within(database, action, about, actor, channel))

    def append_within(
        self, database: Database, action: LedgerAction, about: str, actor: Actor, channel: Channel
    ) -> bool:
        """Write such an entry as part of the caller's transaction, on the storage thread; see `append`.

        Once that transaction is on the disk the caller calls `tell`.
        """
        before = read_state(database)
        if not before.intact:
            self._note_once_committed(database, before)
            return False
        self._append(database, before, [(action, about)], actor, channel)
        state = read_state(database)
        self._queue_state(database, state)
        self._note_once_committed(database, state)
        return True

    async def tell(self) -> None:
        """Tell whoever is to know of the state that stands since the last change.

        It is known from the change itself: what is on the disk is told also where the store fails right after that.
        """
        self._outbox.notify()
        self.when_changed(self._committed or await self.state())

    async def announce(self) -> None:
        """Queue the present state once more, for a broker that may not have it."""

        def queue(database: Database) -> None:
            # The border may have moved since the last run.
            self._outbox.take_back_numbers(database)
            self._queue_state(database, read_state(database))

        await self._store.transact(queue)
        self._outbox.notify()

    async def _answer(
        self,
        decide: Callable[[ConsentState], Iterable[Step]],
        actor: Actor,
        channel: Channel,
        *,
        urgent: bool = True,
    ) -> ConsentState:
        def change(database: Database) -> ConsentState:
            return self._answer_within(database, decide, actor, channel)

        state = await self._change(change, urgent=urgent)
        if not state.intact:
            raise LedgerDamagedError(_DAMAGED)
        return state

    def _answer_within(
        self, database: Database, decide: Callable[[ConsentState], Iterable[Step]], actor: Actor, channel: Channel
    ) -> ConsentState:
        before = read_state(database)
        if before.intact:
            self._append(database, before, decide(before), actor, channel)
        state = read_state(database)
        self._outbox.follow_consent(database, state)
        if state != before:
            self._queue_state(database, state)
        self._note_once_committed(database, state)
        return state

    def _note_once_committed(self, database: Database, state: ConsentState) -> None:
        def note() -> None:
            self._committed = state

        database.once_committed(note)

    async def _change(self, change: Callable[[Database], _T], *, urgent: bool = False) -> _T:
        async def whole() -> _T:
            result = await self._store.transact(change, urgent=urgent)
            await self.tell()
            return result

        return await self._to_its_end(whole())

    async def _to_its_end(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.get_running_loop().create_task(work)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    def _append(
        self, database: Database, state: ConsentState, steps: Iterable[Step], actor: Actor, channel: Channel
    ) -> None:
        head = state.head
        for action, about in steps:
            entry = LedgerEntry.follow(
                head,
                action,
                about,
                actor=actor,
                channel=channel,
                at=timestamp(self._clock()),
                clock=ClockTrust.SYNCED if self._is_synced() else ClockTrust.UNSYNCED,
                policy_version=self._policy_version(database),
            )
            append_entry(database, entry)
            head = entry.head

    def _queue_state(self, database: Database, state: ConsentState) -> None:
        self._outbox.purge(database, Topic.CONSENT)
        self._outbox.append(
            database,
            Topic.CONSENT,
            lambda epoch, seq: ConsentMessage(
                device=self._device,
                purposes=tuple(
                    PurposeState(purpose=purpose, granted=answer.granted, since=answer.since or None)
                    for purpose, answer in state.purposes.items()
                ),
                policy_version=self._policy_version(database),
                ledger_entries=state.head.entries,
                ledger_head=state.head.hash,
                ledger_intact=state.intact,
                requests=tuple(
                    RequestStatement(
                        number=request.number,
                        epoch=request.epoch,
                        kind=request.kind,
                        due=request.due,
                        state=request.state,
                        objected=request.objected,
                    )
                    for request in self.open_requests(database)[:MAX_REQUESTS]
                ),
                epoch=epoch,
                seq=seq,
            ),
            ledger_entries_at_start=state.head.entries,
        )
