"""Erasing what the holder wants gone, by category: all of it in one transaction, keys first, or nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from contract.consent import Actor, Channel
from contract.messages import ErasureReason
from firmware.phone.my_data import DataCategory
from firmware.phone.recording import RecordingId
from firmware.privacy.consent import LedgerAction
from firmware.store.call_log import StoredCallLog
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.outbox import StoredOutbox
from firmware.store.pictures import StoredPictures
from firmware.store.recordings import StoredRecordings
from firmware.store.shares import Scope, forget_settled
from firmware.store.store import Store
from firmware.store.traffic import forget_traffic

ERASABLE: Final = (
    DataCategory.CONTACTS,
    DataCategory.CALLS,
    DataCategory.MESSAGES,
    DataCategory.RECORDINGS,
    DataCategory.PICTURES,
    DataCategory.SETTINGS,
    DataCategory.SHARES,
    DataCategory.NOTICES,
    DataCategory.REQUESTS,
)
"""What can be erased by itself. The ledger, which proves what was agreed to, the policies that it names, the account
and the PIN go when the account is cancelled."""

_IMPORTABLE: Final = frozenset((DataCategory.CONTACTS, DataCategory.PICTURES))
"""What an import that is under way could bring back."""

_WRITTEN: Final = frozenset((DataCategory.CONTACTS, DataCategory.MESSAGES))
"""What the holder has typed."""

_SIMPLE: Final[dict[DataCategory, str]] = {
    DataCategory.MESSAGES: "DELETE FROM messages",
    DataCategory.SETTINGS: "DELETE FROM preferences",
    DataCategory.NOTICES: "DELETE FROM notices WHERE acknowledged_at IS NOT NULL",
    DataCategory.REQUESTS: "DELETE FROM requests WHERE closed IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Erased:
    """What has gone.

    Attributes:
        count: how many things.
        notices: by how many notices recipients are told to forget what they got.
    """

    count: int
    notices: int


@dataclass(frozen=True, slots=True)
class _Gone:
    """What has gone from the store, and whose files are nothing but noise now."""

    erased: Erased
    recordings: tuple[RecordingId, ...] = ()
    pictures: tuple[str, ...] = ()


class StoredErasure:
    """Erases.

    The keys of recordings and pictures go in the same transaction as all rows, so that a power cut leaves either all as
    it was or nothing that can be read; files without a key are swept away when the store opens. After it, what the
    write-ahead log held is overwritten.
    """

    def __init__(
        self,
        store: Store,
        outbox: StoredOutbox,
        consents: Consents,
        call_log: StoredCallLog,
        *,
        recordings: StoredRecordings,
        pictures: StoredPictures,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._consents = consents
        self._call_log = call_log
        self._recordings = recordings
        self._pictures = pictures

    async def erase(self, categories: Collection[DataCategory], *, actor: Actor, channel: Channel) -> Erased:
        """Erase all that there is of some categories, and have recipients forget what they got of it.

        Raises:
            StorageError: nothing was erased.
        """
        wanted = [category for category in ERASABLE if category in categories]

        def write(database: Database) -> _Gone:
            before = _notices_waiting(database)
            count = 0
            recordings: tuple[RecordingId, ...] = ()
            pictures: tuple[str, ...] = ()
            for category in wanted:
                match category:
                    case DataCategory.CALLS:
                        count += self._call_log.forget_within(database, ErasureReason.ERASED, "TRUE")
                    case DataCategory.RECORDINGS:
                        rows = database.query("DELETE FROM recordings RETURNING recording_id")
                        recordings = tuple(RecordingId(row[0]) for row in rows)
                        count += len(recordings)
                    case DataCategory.PICTURES:
                        rows = database.query("DELETE FROM pictures RETURNING picture")
                        database.execute("UPDATE contacts SET picture = '' WHERE picture <> ''")
                        pictures += tuple(row[0] for row in rows)
                        count += len(rows)
                    case DataCategory.CONTACTS:
                        rows = database.query("DELETE FROM pictures WHERE contact_id IS NOT NULL RETURNING picture")
                        pictures += tuple(row[0] for row in rows)
                        count += database.execute("DELETE FROM contacts")
                    case DataCategory.SHARES:
                        self._outbox.queue_erasure(database, ErasureReason.ERASED, Scope.ALL_RECORDS)
                        count += forget_settled(database, _last_seq(database))
                        forget_traffic(database)
                    case _:
                        count += database.execute(_SIMPLE[category])
                self._consents.append_within(database, LedgerAction.ERASE, category.value, actor, channel)
            if not _WRITTEN.isdisjoint(wanted):
                # Settings stay, but for what they tell of the names and messages that go.
                database.execute("UPDATE preferences SET chosen = json_remove(chosen, '$.written')")
            return _Gone(Erased(count, _notices_waiting(database) - before), recordings, pictures)

        importable = not _IMPORTABLE.isdisjoint(wanted)
        gone = await self._store.erase(write, urgent=True, importable=importable)
        await self._store.overwrite_log()
        await self._recordings.delete_files(gone.recordings)
        await self._pictures.delete_files(gone.pictures)
        self._outbox.notify()
        await self._consents.tell()
        return gone.erased


def _notices_waiting(database: Database) -> int:
    return int(database.query("SELECT count(*) FROM outbox WHERE topic = 'erasure'")[0][0])


def _last_seq(database: Database) -> int:
    return int(database.query("SELECT last_seq FROM outbox_counter")[0][0])
