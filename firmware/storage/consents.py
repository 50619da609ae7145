"""The consent ledger as it is kept in the store, and what follows from a change of it."""

from collections.abc import Callable

from firmware.egress.gate import PURPOSE_OF_TOPIC
from firmware.egress.messages import ConsentMessage, PurposeState, Topic, timestamp
from firmware.phone.purpose import Purpose
from firmware.privacy.consent import ConsentAction, ConsentEntry, ConsentState
from firmware.privacy.purposes import POLICY_VERSION
from firmware.storage.database import Database
from firmware.storage.errors import StoreCorruptError
from firmware.storage.ledger import append_entry, read_ledger, read_state
from firmware.storage.outbox import StoredOutbox
from firmware.storage.store import Store


class Consents:
    """What the holder agreed to."""

    def __init__(self, store: Store, outbox: StoredOutbox, *, device: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._outbox = outbox
        self._device = device
        self._clock = clock

    async def state(self) -> ConsentState:
        """Return the answers that stand."""
        return await self._store.run(read_state)

    async def entries(self) -> tuple[ConsentEntry, ...]:
        """Return the whole ledger, oldest first."""
        return await self._store.run(read_ledger)

    async def grant(self, purpose: Purpose) -> ConsentState:
        """Write the holder's yes; calls that begin from now on may be reported.

        Raises:
            StoreCorruptError: the ledger does not verify, so nothing can be built on it.
        """
        return await self._change(ConsentAction.GRANT, purpose)

    async def withdraw(self, purpose: Purpose) -> ConsentState:
        """Write the holder's no and forget what was queued under the yes, both or neither.

        Raises:
            StoreCorruptError: the ledger does not verify; what was queued is forgotten all the same.
        """
        return await self._change(ConsentAction.WITHDRAW, purpose)

    async def announce(self) -> None:
        """Queue the present state once more, for a broker that may not have it."""
        await self._store.transact(lambda database: self._queue_state(database, read_state(database)))
        self._outbox.notify()

    async def _change(self, action: ConsentAction, purpose: Purpose) -> ConsentState:
        at = timestamp(self._clock())

        def change(database: Database) -> ConsentState:
            before = read_state(database)
            if before.intact and before.granted(purpose) != (action is ConsentAction.GRANT):
                entry = ConsentEntry.follow(before.head, action, purpose, at=at, policy_version=POLICY_VERSION)
                append_entry(database, entry)
            state = read_state(database)
            self._purge_refused(database, state)
            if state != before:
                self._queue_state(database, state)
            return state

        state = await self._store.transact(change)
        self._outbox.notify()
        if not state.intact:
            raise StoreCorruptError(
                "The consent ledger does not verify, so every purpose counts as not granted and no answer can be "
                "added. Restore a copy of the store, or move it away to begin a new one."
            )
        return state

    def _purge_refused(self, database: Database, state: ConsentState) -> None:
        for topic, purpose in PURPOSE_OF_TOPIC.items():
            if purpose is not None and not state.granted(purpose):
                self._outbox.purge(database, topic)

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
                policy_version=POLICY_VERSION,
                ledger_entries=state.head.entries,
                ledger_head=state.head.hash,
                ledger_intact=state.intact,
                epoch=epoch,
                seq=seq,
            ),
            ledger_entries_at_start=state.head.entries,
        )
