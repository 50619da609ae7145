"""Giving the phone back: what recipients are to forget is said, every key goes, and the phone is as it came.

Whatever interrupts it, it goes on at the next start. Four things are written, each durably and each before the next:

1. in the store, in one transaction: that the account is being cancelled, and the notice that says so;
2. the tombstone, a file outside the store: that notice, and by which credential the broker takes it;
3. a mark that names the configuration, which this phone does not use any more: it registers no more with it;
4. the factory reset's marker, by which the next start destroys the keys first and then all else.

The tombstone lives until the broker (or the collector, where one confirms) has the notice and has cleared what it kept
for this device; then it goes too.

A factory reset leaves a tombstone too, before its marker: notices that waited, and the clearing. It cancels nothing.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware.cancelled_mark import mark_cancelled
from firmware.control.sync_role import Inbound
from firmware.durable import replace_durably, sync_folder
from firmware.egress.downlink import AckMessage, DownTopic
from firmware.egress.messages import ErasureReason, RecordRange, Topic
from firmware.errors import ControlError, StorageError
from firmware.factory_reset import MARKER_NAME, STORE_NAME, begin_reset
from firmware.phone.purpose import Actor, Channel
from firmware.ports.broker import BrokerSettings
from firmware.ports.outbox import Outbox, OutboxKey, OutboxMessage
from firmware.privacy.consent import LedgerAction
from firmware.settings.broker import settings_of
from firmware.storage.consents import Consents
from firmware.storage.database import Database
from firmware.storage.keyring import WRAP_NAME
from firmware.storage.outbox import StoredOutbox
from firmware.storage.shares import has_shared
from firmware.storage.store import Store
from provisioning.broker import Completion, Sync
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

TOMBSTONE_NAME: Final = "tombstone.json"

_REPEAT_S: Final = 3600.0
"""So often, and at each start, what no collector has confirmed leaves once more."""


class Parting(BaseModel):
    """A message that is still to be carried; an empty payload clears what the broker keeps for the topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Topic
    epoch: Annotated[int, Field(ge=0)]
    seq: Annotated[int, Field(ge=0)]
    payload: dict[str, Any]
    with_broker: bool = False

    @property
    def key(self) -> OutboxKey:
        return OutboxKey(self.epoch, self.seq)


class Tombstone(BaseModel):
    """What is left of a holder who has gone, until recipients have been told.

    Attributes:
        device, fleet: what the handset was called.
        sync: the broker, and the files of the credential that it takes; not the credential itself.
        partings: what is still to be said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    fleet: str
    sync: Sync
    partings: tuple[Parting, ...]


class StoredFarewell:
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


async def leave_word(farewell: StoredFarewell, state_dir: Path, configuration: Configuration) -> None:
    """Write the tombstone, where something ever left: what waits to be said, and that the broker is to keep nothing.

    Raises:
        StorageError: the store cannot be read.
        OSError: the card cannot be written.
    """
    partings = await farewell.partings()
    if partings and configuration.sync is not None:
        tombstone = Tombstone(
            device=configuration.device.id,
            fleet=configuration.device.fleet,
            sync=configuration.sync,
            partings=partings,
        )
        content = tombstone.model_dump_json().encode()
        await asyncio.to_thread(replace_durably, state_dir / TOMBSTONE_NAME, content)


async def go_on(farewell: StoredFarewell, state_dir: Path, configuration: Configuration, text: str) -> None:
    """Do the steps outside the store; each may be done again.

    Args:
        farewell: has the first step behind it.
        state_dir: where the store is.
        configuration: the one that is not to be used any more.
        text: its text.

    Raises:
        StorageError: the card cannot be written; it goes on at the next start.
    """
    try:
        await leave_word(farewell, state_dir, configuration)
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


class Farewell:
    """Implements `Outbox` with what a tombstone holds, and after its end with the store's own, where there is one.

    Takes collectors' confirmations as well: `take` is for the sync role.
    """

    def __init__(
        self,
        state_dir: Path,
        then: Outbox | None,
        then_inbound: Inbound | None,
        settings: Callable[[], BrokerSettings | None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            state_dir: where the tombstone is.
            then: what waits for the broker once all is said; None where there is no store.
            then_inbound: takes in what the broker sends then.
            settings: whose all that is.
            monotonic: seconds that no setting of the clock moves.
        """
        self._monotonic = monotonic
        self._repeat_at_s = monotonic()
        self._path = state_dir / TOMBSTONE_NAME
        self._then = then
        self._then_inbound = then_inbound
        self._then_settings = settings
        self._tombstone = _read(self._path)
        self._has_just_ended = False
        self._changed = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether something of a holder who has gone is still to be said."""
        return self._tombstone is not None

    def settings(self) -> BrokerSettings | None:
        """Return which broker to speak to.

        Raises:
            ControlError: all has just been said: whoever carries must ask anew, and connect anew.
        """
        if self._has_just_ended:
            self._has_just_ended = False
            raise ControlError("The last holder's messages are delivered. Ask for the configuration again.")
        if self._tombstone is None:
            return self._then_settings()
        gone = self._tombstone
        return settings_of(gone.device, gone.fleet, gone.sync, departing=True)

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        """Return what is to be said, in order: what the broker keeps goes once the notice has arrived."""
        if self._tombstone is None:
            return await self._then.next_batch(limit) if self._then is not None else ()
        self._tombstone = self._with_repetitions(self._tombstone)
        due = [parting for parting in self._tombstone.partings if not parting.with_broker]
        return [
            OutboxMessage(each.key, each.topic.value, retain=each.topic is Topic.CONSENT, payload=each.payload)
            for each in due[:limit]
        ]

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Collection[OutboxKey]:
        """Let all of them leave."""
        if self._tombstone is None and self._then is not None:
            return await self._then.hand_over(keys)
        return frozenset(keys)

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Note what the broker has."""
        if self._tombstone is None:
            if self._then is not None:
                await self._then.complete(keys)
            return
        confirms = self._tombstone.sync.complete is Completion.ACK
        left = []
        for parting in self._tombstone.partings:
            if parting.key not in keys:
                left.append(parting)
            elif confirms and parting.topic is Topic.ERASURE:
                left.append(parting.model_copy(update={"with_broker": True}))
        await self._keep(left)

    async def wait_for_due(self, timeout_s: float) -> bool:
        """Wait for something to say."""
        if self._tombstone is None and self._then is not None:
            return await self._then.wait_for_due(timeout_s)
        if await self.next_batch(1):
            return True
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        return False

    async def take(self, topic: DownTopic, document: bytes) -> None:
        """Note what a collector says that it has forgotten; all else is for nobody any more."""
        if self._tombstone is None:
            if self._then_inbound is not None:
                await self._then_inbound.take(topic, document)
            return
        if topic is not DownTopic.ACK:
            return
        try:
            ack = AckMessage.model_validate_json(document)
        except ValidationError:
            return
        partings = self._tombstone.partings
        await self._keep([each for each in partings if each.topic is Topic.CONSENT or not _is_in(each, ack.messages)])

    def _with_repetitions(self, tombstone: Tombstone) -> Tombstone:
        now_s = self._monotonic()
        if now_s < self._repeat_at_s:
            return tombstone
        self._repeat_at_s = now_s + _REPEAT_S
        partings = tuple(each.model_copy(update={"with_broker": False}) for each in tombstone.partings)
        return tombstone.model_copy(update={"partings": partings})

    async def _keep(self, partings: Sequence[Parting]) -> None:
        if self._tombstone is None:
            return
        if partings:
            self._tombstone = self._tombstone.model_copy(update={"partings": tuple(partings)})
            content = self._tombstone.model_dump_json().encode()
            await asyncio.to_thread(replace_durably, self._path, content)
        else:
            await asyncio.to_thread(_bury, self._path)
            self._tombstone = None
            self._has_just_ended = True
            _log.warning("All recipients have been told that the last holder has gone")
        self._changed.set()


def _is_in(parting: Parting, ranges: Sequence[RecordRange]) -> bool:
    return any(each.epoch == parting.epoch and each.first <= parting.seq <= each.last for each in ranges)


def _bury(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _read(path: Path) -> Tombstone | None:
    try:
        return Tombstone.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.error("What is to be told of the last holder's going cannot be read: %s", type(error).__name__)
        return None
