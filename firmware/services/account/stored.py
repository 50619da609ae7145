"""The first step of a cancellation, in the store."""

import json

from firmware.phone.purpose import Actor, Channel
from firmware.privacy.consent import LedgerAction
from firmware.privacy.egress.messages import ErasureReason, Topic
from firmware.services.account.tombstone import Parting
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.outbox import StoredOutbox
from firmware.store.shares import has_shared
from firmware.store.store import Store


class AccountCancellation:
    """The first step, in the store."""

    def __init__(self, store: Store, outbox: StoredOutbox, consents: Consents) -> None:
        self._store = store
        self._outbox = outbox
        self._consents = consents

    async def begin(self, actor: Actor, channel: Channel) -> None:
        """Write that the account is being cancelled: from here on nothing but its end comes of it.

        Raises:
            StorageError: the store cannot be written; nothing is cancelled.
        """

        def write(database: Database) -> None:
            self._consents.append_within(database, LedgerAction.DEACTIVATE, "cancelled", actor, channel)
            database.execute("INSERT OR IGNORE INTO cancellation (only) VALUES (1)")
            self._outbox.queue_erasure(database, ErasureReason.CANCELLED)

        await self._store.transact(write, urgent=True)

    async def is_begun(self) -> bool:
        """Tell whether the account is being cancelled."""
        return await self._store.run(lambda database: bool(database.query("SELECT 1 FROM cancellation")))

    async def partings(self) -> tuple[Parting, ...]:
        """Return what recipients are to be told; nothing where nothing ever left."""

        def read(database: Database) -> tuple[Parting, ...]:
            if not has_shared(database):
                return ()
            rows = database.query("SELECT epoch, seq, payload FROM outbox WHERE topic = 'erasure' ORDER BY seq")
            told = [
                Parting(topic=Topic.ERASURE, epoch=epoch, seq=seq, payload=json.loads(payload))
                for epoch, seq, payload in rows
            ]
            [(last_seq,)] = database.query("SELECT last_seq FROM outbox_counter")
            clearing = Parting(topic=Topic.CONSENT, epoch=self._store.epoch, seq=last_seq + 1, payload={})
            return (*told, clearing)

        return await self._store.run(read)
