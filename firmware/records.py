"""The encrypted store and what is kept in it, opened when it can be and never in the way of a call."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from firmware import clock
from firmware.documents import Documents
from firmware.errors import HandsetError, StorageError
from firmware.factory_reset import KEY_NAME, STORE_NAME
from firmware.phone.events import Problem
from firmware.phone.policy_answers import DocumentsChanged
from firmware.ports import Heartbeat
from firmware.privacy.consent import ConsentState
from firmware.settings.sharing import recipient
from firmware.storage.call_log import Clocks, StoredCallLog
from firmware.storage.consents import Consents
from firmware.storage.contacts import StoredContacts
from firmware.storage.errors import StoreFullError
from firmware.storage.key import load_key
from firmware.storage.messages import StoredMessages
from firmware.storage.outbox import StoredOutbox
from firmware.storage.pictures import StoredPictures
from firmware.storage.pin import StoredPin
from firmware.storage.policies import version_in_force
from firmware.storage.preferences import StoredPreferences
from firmware.storage.set_up import StoredSetUp
from firmware.storage.shares import StoredShares
from firmware.storage.store import Store
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

_RETRY_S: Final = 30.0
_SPELLING_PAUSE_S: Final = 0.02


def problem_of(error: HandsetError) -> Problem:
    """Say what a failure of the store is to the person."""
    return Problem.STORE_FULL if isinstance(error, StoreFullError) else Problem.STORE_UNREADABLE


class Records:
    """Call log, contacts, consents, messages, settings, set-up, PIN, pictures and outbox over one store.

    Attributes:
        call_log, contacts, consents, messages, preferences, set_up, pin, pictures, outbox, shares: usable at any time;
            before the store is open they raise StoreClosed.
        documents: policies and notices; likewise.
        fault: why the store cannot be used, None while it can.
    """

    def __init__(
        self,
        state_dir: Path,
        configuration: Configuration,
        heartbeat: Heartbeat,
        on_fault: Callable[[Problem | None, str], None],
        on_consents: Callable[[ConsentState], None],
        *,
        on_documents: Callable[[DocumentsChanged], None],
    ) -> None:
        """Load the key.

        Args:
            state_dir: where the store is.
            configuration: names the handset and its accounts.
            heartbeat: is called while the store's thread makes progress.
            on_fault: is told of each change of `fault`, with None when all is well again.
            on_consents: is told what the holder agrees to, once the store is open and after each change.
            on_documents: is told what of the operator's the holder has yet to read, likewise.

        Raises:
            StorageError: there is no usable key.
        """
        path = state_dir / STORE_NAME
        device = configuration.device
        self._store = Store(path, load_key(state_dir / KEY_NAME, path), heartbeat)
        self._on_fault = on_fault
        self._on_consents = on_consents
        self._opener: asyncio.Task[None] | None = None
        self._speller: asyncio.Task[None] | None = None
        self.fault: str | None = None
        self.outbox = StoredOutbox(self._store, recipient(configuration))
        self.shares = StoredShares(self._store)
        self.contacts = StoredContacts(self._store, device.country)
        self.messages = StoredMessages(self._store, time.time)
        self.preferences = StoredPreferences(self._store)
        self.set_up = StoredSetUp(self._store)
        self.pin = StoredPin(self._store)
        self.pictures = StoredPictures(self._store, state_dir)
        self.consents = Consents(
            self._store,
            self.outbox,
            device=device.id,
            clock=time.time,
            is_synced=clock.is_synchronised,
            policy_version=version_in_force,
        )
        self.consents.when_changed = self._note_consents
        self.documents = Documents(self._store, self.consents, configuration, on_documents, self.outbox.append_outcome)
        self.call_log = StoredCallLog(
            self._store,
            self.outbox,
            self.contacts,
            device=device.id,
            accounts={
                "" if index == 0 else account.identifier: f"{account.username}@{account.domain}"
                for index, account in enumerate(configuration.accounts)
            },
            clocks=Clocks(time.time, time.monotonic, clock.is_synchronised, clock.boot_id()),
        )

    async def start(self, when_open: Callable[[], None]) -> None:
        """Try to open the store now, and if that fails again and again later; `when_open` is called once it is."""
        if not await self._try_to_open(when_open):
            self._opener = asyncio.create_task(self._keep_trying(when_open), name="store opener")

    async def stop(self) -> None:
        """Write what is due and close."""
        for task in (self._opener, self._speller):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self.documents.stop()
        await self._store.stop()

    def note_error(self, error: HandsetError) -> None:
        """Say that the store failed at something."""
        if self.fault != str(error):
            _log.error("The store failed: %s", error)
        self.fault = str(error)
        self._on_fault(problem_of(error), str(error))

    def note_success(self) -> None:
        """Say that the store did something again."""
        if self.fault is not None:
            self.fault = None
            self._on_fault(None, "")

    async def _keep_trying(self, when_open: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            if await self._try_to_open(when_open):
                return

    async def _try_to_open(self, when_open: Callable[[], None]) -> bool:
        try:
            await self._store.start()
            interrupted = await self.call_log.recover_interrupted()
            await self.documents.take_up()
            await self.consents.announce()
            self._on_consents(await self.consents.state())
            await self.pictures.sweep()
        except StorageError as error:
            self.note_error(error)
            return False
        if interrupted:
            _log.warning("%d call(s) had no end in the log, as after a power failure; they are closed now", interrupted)
        self.note_success()
        when_open()
        self.documents.start()
        self._speller = asyncio.create_task(self._spell_contacts(), name="contact speller")
        return True

    def _note_consents(self, state: ConsentState) -> None:
        self._on_consents(state)
        # Which notices may be shown follows from them.
        self.documents.tell()

    async def _spell_contacts(self) -> None:
        """Spell the contacts of an older firmware, a few at a time: calls are written in between."""
        with suppress(StorageError):
            while True:
                if not await self.contacts.spell_anew():
                    return
                await asyncio.sleep(_SPELLING_PAUSE_S)
