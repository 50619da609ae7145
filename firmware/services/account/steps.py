"""The steps of a cancellation: the first one is in the store, the others are outside it."""

import asyncio
import json
from pathlib import Path

from contract.consent import Actor, Channel
from contract.messages import ErasureReason, Topic
from firmware.base.errors import StorageError
from firmware.configuration.loading import mark_cancelled
from firmware.privacy.consent import LedgerAction
from firmware.services.account.factory_reset import MARKER_NAME, STORE_NAME, begin_reset
from firmware.services.account.tombstone import TOMBSTONE_NAME, Parting, Tombstone, write_tombstone
from firmware.settings.broker import kept_credential
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.keyring import WRAP_NAME
from firmware.store.outbox import StoredOutbox
from firmware.store.shares import has_shared
from firmware.store.store import Store
from provisioning.schema import Configuration


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


async def _leave_word(cancellation: AccountCancellation, state_dir: Path, configuration: Configuration) -> None:
    """Write the tombstone, where something ever left: what waits to be said, and that the broker is to keep nothing."""
    partings = await cancellation.partings()
    if partings and configuration.sync is not None:
        tombstone = Tombstone(
            device=configuration.device.id,
            fleet=configuration.device.fleet,
            sync=configuration.sync,
            credential=await asyncio.to_thread(kept_credential, configuration.sync),
            partings=partings,
        )
        await asyncio.to_thread(write_tombstone, state_dir / TOMBSTONE_NAME, tombstone)


async def go_on(cancellation: AccountCancellation, state_dir: Path, configuration: Configuration, text: str) -> None:
    """Do the steps outside the store; each may be done again.

    Args:
        cancellation: has the first step behind it.
        state_dir: where the store is.
        configuration: the one that is not to be used any more.
        text: its text.

    Raises:
        StorageError: the card cannot be written; it goes on at the next start.
    """
    try:
        await _leave_word(cancellation, state_dir, configuration)
        await asyncio.to_thread(mark_cancelled, state_dir, text)
    except OSError as error:
        raise StorageError(
            f"The account cannot be cancelled yet: {state_dir} cannot be written ({error.strerror}). "
            "It goes on at the next start."
        ) from error
    await asyncio.to_thread(begin_reset, state_dir)


def resume_reset(state_dir: Path) -> None:
    """Have the reset begun that belongs to a cancellation, where a power cut came right before its marker.

    Raises:
        StorageError: the card cannot be written.
    """
    left = (state_dir / STORE_NAME, state_dir / WRAP_NAME)
    if not (state_dir / MARKER_NAME).exists() and any(path.exists() for path in left):
        begin_reset(state_dir)
