"""What the handset keeps, in one run: the store, a reset that is to be finished first, and who must hear of its end."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final

from contract.consent import Actor, Channel
from firmware.app.admin.my_data import CopyParts
from firmware.app.bus import Bus
from firmware.base.errors import StorageError
from firmware.base.heartbeats import Health
from firmware.configuration.loading import LoadedConfiguration
from firmware.control.sync_role import Inbound
from firmware.phone.call import CallId
from firmware.phone.events import BlockedContactsLoaded
from firmware.pictures.pixels import Pixels
from firmware.ports.broker import BrokerSettings
from firmware.ports.outbox import Outbox
from firmware.services import exchange
from firmware.services.account.factory_reset import Resetting, finish_reset
from firmware.services.account.forgotten_pin import ForgottenPin, Handset, Taker, end_request
from firmware.services.account.last_word import KnownRecipients
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.account.steps import resume_reset
from firmware.services.account.tombstone import tell_untold
from firmware.services.exports import Exports
from firmware.services.faults import Faults
from firmware.services.handlers import copy_of_everything, restore_parts
from firmware.services.records import Records, problem_of
from firmware.services.restore.errands import CopyInbox
from firmware.services.restore.restorer import Restorer
from firmware.settings.broker import broker_settings
from firmware.settings.phone import identity
from firmware.settings.records import issuer
from firmware.store.guardian_mark import GuardianMark
from firmware.store.pin import who_answers
from provisioning.serial import serial

_log = logging.getLogger(__name__)

SLOW_THREAD_LIMIT_S: Final = 60.0
# A voice that runs is there at once, one that starts within a second or two.
_FOUND_PATIENCE_S: Final = 10.0
_LAST_WORDS_S: Final = 15.0


class Memory:
    """The store, where there is one, and what is done about it whether there is one or not.

    Attributes:
        records: the store; None where there is none.
        exports: what a stick may fetch.
        command_exports: what the command line may fetch, and no stick.
        inbox: where a stick leaves a copy that is to come back.
        restorer: brings copies back; None where there is no store.
    """

    def __init__(
        self,
        state_dir: Path,
        loaded: LoadedConfiguration,
        bus: Bus,
        faults: Faults,
        *,
        start_anew: Callable[[], None],
        running: AsyncExitStack,
    ) -> None:
        """Set up.

        Args:
            state_dir: where everything is.
            loaded: what this run goes by.
            bus: brings news to the phone, and writes down what becomes of calls.
            faults: hear why something cannot be kept.
            start_anew: ends this run and begins another.
            running: stops at the end what is started here.
        """
        self._state_dir = state_dir
        self._loaded = loaded
        self._bus = bus
        self._faults = faults
        self._start_anew = start_anew
        self._running = running
        self._recipients: KnownRecipients | None = None
        self._is_writing = False
        self.records: Records | None = None
        self.exports = Exports(state_dir)
        self.command_exports = Exports(state_dir)
        self.inbox = CopyInbox()
        self.restorer: Restorer | None = None

    async def finish_reset(self) -> bool:
        """Finish a factory reset that was begun; False where the store must not be opened in this run.

        That is where it fails, and where this run knows of the last holder what the next must not.
        """
        try:
            if self._loaded.cancelled:
                await asyncio.to_thread(resume_reset, self._state_dir)
            if await asyncio.to_thread(finish_reset, self._state_dir):
                _log.warning("The factory reset is finished")
                if self._loaded.chosen_country:
                    self._start_anew()
                    return False
        except StorageError as error:
            self._faults.note_store(problem_of(error), str(error))
            return False
        return True

    async def forget_files(self) -> None:
        """Destroy what lies in the exchange folder and should not any more."""
        try:
            await asyncio.to_thread(exchange.forget_left, self.exchange_dir)
            await asyncio.to_thread(exchange.forget_old_exports, self.exchange_dir)
        except StorageError as error:
            self._faults.note_files(str(error))

    def open(self, health: Health) -> None:
        """Make the store, which opens later; without a configuration, or a key that can be used, there is none."""
        if (configuration := self._loaded.configuration) is None:
            return
        try:
            records = Records(
                self._state_dir,
                configuration,
                # A store that does not open, or waits for the PIN, has no thread.
                health.register("storage", SLOW_THREAD_LIMIT_S, starts_later=True),
                self._faults.note_store,
                self._faults.note_consents,
                on_documents=self._bus.post,
            )
        except StorageError as error:
            health.forget("storage")
            self._faults.note_store(problem_of(error), str(error))
            return
        self.records = records
        records.when_erased = self._drop_exports
        records.pin.when_right = partial(end_request, self._state_dir)
        self.restorer = Restorer(restore_parts(records, self.exports, self._bus.load_from_store))
        if configuration.sync is not None:
            shared = records.shares.epochs
            self._recipients = KnownRecipients(records.outbox, self._state_dir, configuration, shared)
        self._running.push_async_callback(records.stop)

    def _drop_exports(self) -> None:
        """Let nothing wait any more for a stick or a command: whatever is erased may be in it."""
        self.exports.drop()
        self.command_exports.drop()

    def write(self) -> None:
        """Write down what has been done of calls, and will be; not before the store takes it.

        The phone may be in a call from its first moment on, which voice kept.
        """
        if self.records is not None and not self._is_writing:
            self._is_writing = True
            self._bus.write_to(self.records)

    def settle_calls(self, records: Records, found: asyncio.Future[frozenset[CallId]]) -> None:
        """Have the calls of the run before closed that voice does not have; without a voice that is all of them."""

        async def settle() -> None:
            try:
                async with asyncio.timeout(_FOUND_PATIENCE_S):
                    records.settle(await asyncio.shield(found))
            except TimeoutError:
                records.settle(())

        settling = asyncio.create_task(settle(), name="calls of the run before")
        self._running.callback(settling.cancel)

    async def settle_recipients(self) -> None:
        """Have the card say who would have to be told of a reset, and the ledger who was not told of the last one."""
        try:
            if self._recipients is not None:
                await self._recipients.settle()
        except StorageError as error:
            self._faults.note_store(problem_of(error), str(error))
        await self.tell_untold()

    async def tell_untold(self) -> None:
        consents = self.records.consents if self.records is not None else None
        await tell_untold(self._state_dir, consents, self._bus.post)

    async def load_picture(self, picture: str) -> Pixels | None:
        return await self.records.pictures.read(picture) if self.records is not None else None

    async def tell_blocked_contacts(self) -> None:
        if self.records is not None:
            self._bus.post(BlockedContactsLoaded(tuple(await self.records.contacts.blocked_numbers())))

    @property
    def outbox(self) -> Outbox | None:
        """What waits for the broker; where there is one, nothing of it leaves that a reset could not take back."""
        return self._recipients or (self.records.outbox if self.records is not None else None)

    def make_cancellation_outbox(self, inbound: Inbound | None) -> CancellationOutbox:
        """Make what speaks of a holder who has gone, and have it try for as long as it takes, but not for ever."""
        cancellation = CancellationOutbox(
            self._state_dir,
            self.outbox,
            inbound,
            self.broker_settings,
            on_untold=self.tell_untold,
        )
        trying = asyncio.create_task(cancellation.keep_trying(), name="farewell")
        self._running.callback(trying.cancel)
        return cancellation

    @property
    def resetting(self) -> Resetting:
        consents = self.records.consents if self.records is not None else None
        return Resetting(self._state_dir, consents, self._start_anew)

    @property
    def forgotten_pin(self) -> ForgottenPin | None:
        """What asks for a reset without the PIN, and takes the order; None without a configuration, which has keys."""
        if (configuration := self._loaded.configuration) is None:
            return None
        device = configuration.device
        handset = Handset(device.fleet, device.id, serial(), configuration.trust.keys)
        # The report goes back to the stick, and the outcome to the operator, before the handset starts anew.
        consents = self.records.consents if self.records is not None else None
        resetting = Resetting(self._state_dir, consents, self._start_anew_soon)
        return ForgottenPin(self._state_dir, handset, resetting, self._has_guardian)

    def order_to_reset(self, channel: Channel) -> Taker | None:
        """Return what takes an order to erase the handset."""
        return self.forgotten_pin.over(channel) if self.forgotten_pin is not None else None

    def _start_anew_soon(self) -> None:
        asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._start_anew)

    async def _has_guardian(self) -> bool:
        if self.records is not None:
            with suppress(StorageError):
                return await who_answers(self.records.pins) is Actor.GUARDIAN
        return GuardianMark(self._state_dir).is_set

    def broker_settings(self) -> BrokerSettings | None:
        return broker_settings(self._loaded.configuration)

    @property
    def exchange_dir(self) -> Path:
        return self._state_dir / exchange.FOLDER_NAME

    def copy_parts(self) -> CopyParts | None:
        if (records := self.records) is None or self.restorer is None:
            return None
        configuration = self._loaded.configuration
        copy = copy_of_everything(records, identity(configuration), issuer(configuration), self.command_exports)
        return CopyParts(records.pins, records.requests, copy, self.command_exports, self.restorer)
