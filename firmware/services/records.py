"""The encrypted store and what is kept in it, opened when it can be and never in the way of a call."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb
from typing import Final

from contract.consent import Actor
from firmware.base.errors import HandsetError, StorageError
from firmware.base.heartbeats import Heartbeat
from firmware.base.proven_time import NAME as PROVEN_TIME_NAME
from firmware.base.proven_time import ProvenTime, is_synchronised
from firmware.configuration.config_store import FOLDER_NAME
from firmware.phone.call import CallId
from firmware.phone.news import Problem
from firmware.phone.pin import PinSlot
from firmware.phone.recording import RecordingId
from firmware.phone.requests.policies import DocumentsChanged
from firmware.privacy.consent import ConsentState
from firmware.privacy.rights import working_days_of
from firmware.services import clock
from firmware.services.account.factory_reset import KEY_NAME, STORE_NAME
from firmware.services.account.steps import AccountCancellation
from firmware.services.operator.documents import Documents
from firmware.settings.records import periods, recipient, room_limits
from firmware.store.call_log import Clocks, StoredCallLog
from firmware.store.call_rows import JOURNAL_KIND as CALL_ENTRY
from firmware.store.consents import Consents
from firmware.store.contacts import StoredContacts
from firmware.store.erasure import StoredErasure
from firmware.store.errors import StoreClosedError, StoreFullError
from firmware.store.guardian_mark import GuardianMark
from firmware.store.journal import JOURNAL_NAME, Entry, Journal
from firmware.store.key_wrap import load_host_keys
from firmware.store.keyring import WRAP_NAME, Keyring
from firmware.store.messages import JOURNAL_KIND as MESSAGE_ENTRY
from firmware.store.messages import StoredMessages
from firmware.store.my_data import StoredMyData
from firmware.store.number_proof import StoredNumberProof
from firmware.store.outbox import StoredOutbox
from firmware.store.pictures import StoredPictures
from firmware.store.pin import TRIES_NAME, Door, StoredPin
from firmware.store.policies import version_in_force
from firmware.store.preferences import StoredPreferences, StoredSetUp
from firmware.store.recordings import StoredRecordings
from firmware.store.retention import StoredRetention
from firmware.store.rights import StoredRequests
from firmware.store.shares import StoredShares
from firmware.store.store import Store
from firmware.store.traffic import StoredTraffic
from firmware.store.trial import is_on_trial
from firmware.voice.audio.sound_format import joined
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

_RETRY_S: Final = 30.0
_TRIAL_LOOK_S: Final = 2.0
_RESERVE_BYTES: Final = 512 * 1024
_SPELLING_PAUSE_S: Final = 0.02
_COUNT_EVERY_S: Final = 600.0
"""A power cut costs what was counted since the last time: so much longer things stay."""


def problem_of(error: HandsetError) -> Problem:
    """Say what a failure of the store is to the person."""
    return Problem.STORE_FULL if isinstance(error, StoreFullError) else Problem.STORE_UNREADABLE


class Records:
    """Call log, contacts, consents, messages, settings, set-up, PIN, pictures, recordings and outbox over one store.

    Attributes:
        call_log, contacts, consents, messages, preferences, set_up, pin, guardian_pin, pictures, recordings, outbox,
            shares, traffic: usable at any time; before the store is open they raise StoreClosed.
        pins: the holder's and the guardian's once more, by whose they are.
        documents, number_proof: policies and notices, and whether the line's number is proved; likewise.
        my_data, requests, retention, erasure, cancellation: what the holder's rights are about; likewise.
        when_erased: called after something was erased, in whatever way.
        when_cancelled: called where the account is being cancelled, which a power cut has interrupted.
        keyring: what opens the store; where that takes the PIN, the store is closed until it was typed.
        fault: why the store cannot be used, None while it can, or waits as `opens_when` says.
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
        is_on_trial: Callable[[], bool] = is_on_trial,
    ) -> None:
        """Load the key.

        Args:
            state_dir: where the store is.
            configuration: names the handset and its accounts.
            heartbeat: is called while the store's thread makes progress.
            on_fault: is told of each change of `fault`, with None when all is well again.
            on_consents: is told what the holder agrees to, once the store is open and after each change.
            on_documents: is told what of the operator's the holder has yet to read, likewise.
            is_on_trial: tells whether the firmware that runs may yet be taken back; see firmware.store.trial.

        Raises:
            StorageError: there is no usable key.
        """
        path = state_dir / STORE_NAME
        device = configuration.device
        self.keyring = Keyring(state_dir / WRAP_NAME, path, load_host_keys(state_dir / KEY_NAME, path))
        self._store = Store(path, None, heartbeat, reserve_bytes=_RESERVE_BYTES, is_on_trial=is_on_trial)
        address = self.keyring.journal_address if self.opens_when else None
        self._journal = Journal(state_dir / JOURNAL_NAME, address)
        self._on_fault = on_fault
        self._on_consents = on_consents
        self._when_open: Callable[[], None] = lambda: None
        self.when_cancelled: Callable[[], None] = lambda: None
        self.when_erased: Callable[[], None] = lambda: None
        self._store.when_erased = self._note_erasure
        self._opener: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_settled = asyncio.Event()
        self._going_on: frozenset[CallId] = frozenset()
        self.fault: str | None = None
        self._is_read = self._is_unwritten = self._is_cancelled = False
        self._cut_off: tuple[RecordingId, ...] = ()
        self.outbox = StoredOutbox(self._store, recipient(configuration))
        self.shares = StoredShares(self._store)
        self.traffic = StoredTraffic(self._store)
        self.pictures = StoredPictures(self._store, state_dir)
        self.contacts = StoredContacts(self._store, device.assumed_country, self.pictures.delete_files)
        self.messages = StoredMessages(self._store, time.time)
        self.messages.journal = self._journal
        self.preferences = StoredPreferences(self._store)
        self.set_up = StoredSetUp(self._store)
        self.guardian_pin = StoredPin(self._store, slot=PinSlot.GUARDIAN, mark=GuardianMark(state_dir))
        self.pin = StoredPin(self._store, door=Door(self.keyring, state_dir / TRIES_NAME, self._open))
        self.pins = {Actor.HOLDER: self.pin, Actor.GUARDIAN: self.guardian_pin}
        clocks = Clocks(time.time, time.monotonic, is_synchronised, clock.boot_id())
        self.recordings = StoredRecordings(
            self._store, self.contacts, state_dir, clocks=clocks, limits=room_limits(configuration), joined=joined
        )
        self.consents = Consents(
            self._store,
            self.outbox,
            device=device.id,
            clock=time.time,
            is_synced=is_synchronised,
            policy_version=version_in_force,
        )
        self.consents.when_changed = self._note_consents
        line = configuration.accounts[0]
        self.number_proof = StoredNumberProof(self._store, self.consents, f"{line.username}@{line.domain}")
        proven_time = ProvenTime(state_dir / FOLDER_NAME / PROVEN_TIME_NAME)
        self.documents = Documents(
            self._store,
            self.consents,
            configuration,
            on_documents,
            self.outbox.append_outcome,
            proven_s=lambda: proven_time.read().proven_s,
        )
        self.documents.updates.when_told = self.outbox.notify
        self.call_log = StoredCallLog(
            self._store,
            self.outbox,
            self.contacts,
            device=device.id,
            accounts={
                "" if index == 0 else account.identifier: f"{account.username}@{account.domain}"
                for index, account in enumerate(configuration.accounts)
            },
            clocks=clocks,
        )
        self.call_log.journal = self._journal
        self.my_data = StoredMyData(self._store)
        working_days = working_days_of(device.region or device.country or "")
        self.requests = StoredRequests(self._store, self.consents, clock.read_clocks, working_days)
        self.retention = StoredRetention(
            self._store,
            self.outbox,
            self.call_log,
            self.recordings,
            read_clocks=clock.read_clocks,
            periods=periods(configuration),
        )
        self.erasure = StoredErasure(
            self._store,
            self.outbox,
            self.consents,
            self.call_log,
            recordings=self.recordings,
            pictures=self.pictures,
        )
        self.cancellation = AccountCancellation(self._store, self.outbox, self.consents)

    @property
    def opens_when(self) -> str:
        """What the store waits for before it opens, in words; empty where it waits for nothing."""
        if self.keyring.waits_for_pin:
            return "the holder's PIN is typed on the phone"
        return "the new firmware is confirmed" if self._store.on_trial else ""

    @property
    def closed_until(self) -> str:
        """What has to happen before the store can be used, in words; empty where it can be, and where it failed."""
        if self.opens_when or self.fault or self._is_read or self._is_cancelled:
            return self.opens_when
        return "its start is over"

    @property
    def store_proved(self) -> bool | None:
        """Whether the firmware that runs has opened the store, or migrated a copy of it while it is tried.

        False where it could not; None while that is not known, as where the PIN is waited for.
        """
        return self._store.proved

    async def start(self, when_open: Callable[[], None]) -> None:
        """Try to open the store now, and if that fails again and again later; `when_open` is called once it is.

        One that waits for the PIN is opened when `pin.check` has the right one, and one that stays shut while firmware
        is tried once that is confirmed.
        """
        self._when_open = self.retention.when_changed = when_open
        await self._open()

    async def stop(self) -> None:
        """Write what is due and close."""
        for task in (self._opener, *self._tasks):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self.documents.stop()
        await self._store.stop()

    def settle(self, going_on: Collection[CallId]) -> None:
        """Say what has become of the calls of the run before; all others that it left open are closed as interrupted.

        Until this is said they stay open. It may be said before the store is.

        Args:
            going_on: those that go on, or whose ends are being written.
        """
        self._going_on = frozenset(going_on)
        self._is_settled.set()

    def note_error(self, error: HandsetError) -> None:
        """Say that the store failed at something; that it waits is no fault."""
        if self.opens_when and isinstance(error, StoreClosedError):
            return
        if self.fault != str(error):
            _log.error("The store failed: %s", error)
        self.fault = str(error)
        self._on_fault(problem_of(error), str(error))

    def note_success(self) -> None:
        """Say that the store did something again; a start that could not write what it has to stays a fault."""
        # What the journal has kept tells nothing of the store.
        if self.fault is not None and self._is_read and not self._is_unwritten:
            self.fault = None
            self._on_fault(None, "")

    async def rotate_key(self) -> None:
        """Write the store anew with another key.

        Raises:
            StorageError: there is no room for it, or the store is not open.
        """
        await self.keyring.rotate(self._store)

    async def _open(self) -> None:
        if not self.keyring.waits_for_pin and not await self._try_to_open():
            self._opener = asyncio.create_task(self._keep_trying(), name="store opener")

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(_TRIAL_LOOK_S if self._store.on_trial and self._store.proved else _RETRY_S)
            if await self._try_to_open():
                return

    async def _try_to_open(self) -> bool:
        """Open the store and write what a start has to; False where some of it is to be tried again.

        A store that can be read and not written, as on a full card, still says whose phone it is and by which PIN:
        without that the phone would be open to everybody.
        """
        if not await self._attempt(self._read_whose_phone_it_is):
            return False
        if self._is_cancelled:
            self.when_cancelled()
            return True
        self._is_unwritten = not await self._attempt(self._take_up)
        if self._is_unwritten and self._is_read:
            return False
        self._is_read = True
        self.note_success()
        self._when_open()
        if self._is_unwritten:
            return False
        self._start_tasks()
        return True

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Do a step of the start; where it fails, say so and return False."""
        try:
            await step()
        except StorageError as error:
            self.note_error(error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever stands in the store, the phone still calls
            # Its own text may quote what stands there.
            place = extract_tb(error.__traceback__)[-1]
            self.note_error(
                StorageError(
                    f"The store holds what this firmware cannot read ({type(error).__name__} in {place.name}). Install "
                    "the firmware that wrote it, or move the store away to begin a new one."
                )
            )
            return False
        return True

    async def _read_whose_phone_it_is(self) -> None:
        """Open the store and hand on what the holder agrees to; nothing is written but what stands beside the store."""
        await self.keyring.open(self._store)
        await self.guardian_pin.correct_mark()
        self._is_cancelled = await self.cancellation.is_begun()
        if not self._is_cancelled:
            self._on_consents(await self.consents.state())

    async def _take_up(self) -> None:
        """Write what the run before left over, and what changes with a start."""
        await self._journal.drain(self.keyring.journal_key, self._take_over)
        await self.documents.take_up()
        await self.consents.announce()
        # A policy that came into force may have ended an answer.
        self._on_consents(await self.consents.state())
        await self.pictures.sweep()
        self._cut_off = await self.recordings.sweep()

    def _start_tasks(self) -> None:
        self.documents.start()
        self._tasks = [
            asyncio.create_task(self._close_calls(), name="call closer"),
            asyncio.create_task(self._settle_keys(), name="key settler"),
            asyncio.create_task(self._spell_contacts(), name="contact speller"),
            asyncio.create_task(self._recover_recordings(self._cut_off), name="recording recoverer"),
            asyncio.create_task(self._keep_retaining(), name="retainer"),
        ]

    async def _close_calls(self) -> None:
        """Close the calls of the run before, once it is known which of them go on."""
        await self._is_settled.wait()
        while True:
            self._is_unwritten = not await self._attempt(self._close_interrupted)
            if not self._is_unwritten:
                break
            await asyncio.sleep(_RETRY_S)
        self.note_success()

    async def _close_interrupted(self) -> None:
        if interrupted := await self.call_log.recover_interrupted(self._going_on):
            _log.warning("%d call(s) had no end in the log, as after a power failure; they are closed now", interrupted)
            # Some of them may have been missed.
            self._when_open()

    def _note_consents(self, state: ConsentState) -> None:
        self._on_consents(state)
        # Which notices may be shown follows from them.
        self.documents.tell()

    def _note_erasure(self) -> None:
        self.when_erased()

    async def _take_over(self, entries: Sequence[Entry]) -> None:
        await self.call_log.take_over([entry for entry in entries if entry.get("kind") == CALL_ENTRY])
        await self.messages.take_over([entry for entry in entries if entry.get("kind") == MESSAGE_ENTRY])

    async def _settle_keys(self) -> None:
        """Finish a change of the store's key, in the background: a large store takes seconds to be written anew."""
        try:
            await self.keyring.settle(self._store)
        except StorageError as error:
            _log.warning("The store keeps its key until now; the next start tries again to change it: %s", error)

    async def _recover_recordings(self, cut_off: Sequence[RecordingId]) -> None:
        """Find out how much there is of recordings whose ends a power failure has swallowed."""
        with suppress(StorageError):
            for recording_id in cut_off:
                await self.recordings.recover(recording_id)

    async def _keep_retaining(self) -> None:
        """Delete what was kept long enough, now and each night, and give days to requests once the clock is right."""
        at_start = True
        while True:
            try:
                await self.retention.enforce(at_start=at_start)
                await self.requests.fix_dates()
            except StorageError as error:
                _log.warning("What was kept long enough, and days by which answers are due, must wait: %s", error)
            at_start = False
            await asyncio.sleep(_COUNT_EVERY_S)

    async def _spell_contacts(self) -> None:
        """Spell the contacts of an older firmware, a few at a time: calls are written in between."""
        with suppress(StorageError):
            while True:
                if not await self.contacts.spell_anew():
                    return
                await asyncio.sleep(_SPELLING_PAUSE_S)
