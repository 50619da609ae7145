"""The outbox of a handset whose holder has gone: what recipients are still to be told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from contract.downlink import AckMessage, DownTopic
from contract.messages import RecordRange, Topic
from firmware.base.errors import ControlError
from firmware.base.proven_time import is_synchronised
from firmware.control.sync_role import Inbound
from firmware.ports.broker import BrokerSettings
from firmware.ports.outbox import Outbox, OutboxKey, OutboxMessage
from firmware.services.account.tombstone import (
    TOMBSTONE_NAME,
    UNTOLD_NAME,
    Parting,
    Tombstone,
    bury,
    mark_untold,
    take_up_tombstone,
    write_tombstone,
)
from firmware.settings.broker import settings_of
from provisioning.broker import Completion

_log = logging.getLogger(__name__)

_FIRST_REPEAT_S: Final = 15.0
"""So long after it has left, what no collector has confirmed leaves once more: its word may have come to nobody, while
the connection was made anew. Then ever more rarely."""

_HOUR_S: Final = 3600.0
"""So often in the end, and so often it is counted for how long that has gone on."""

_LONGEST_S: Final = 90 * 86_400.0
"""So long recipients are tried to be told, and the next holder's messages wait at most."""

_LEAST_TRIED_S: Final = 86_400.0
"""So long the handset must have run meanwhile: one that lay in a drawer for 90 days has told nobody yet."""

_ALL_SAID: Final = "The last holder's messages are delivered. Ask for the configuration again."


async def _nothing() -> None: ...


class CancellationOutbox:
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
        on_untold: Callable[[], Awaitable[None]] = _nothing,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float | None] = lambda: time.time() if is_synchronised() else None,
    ) -> None:
        """Set up.

        Args:
            state_dir: where the tombstone is.
            then: what waits for the broker once all is said; None where there is no store.
            then_inbound: takes in what the broker sends then.
            settings: whose all that is.
            on_untold: awaited where nobody has confirmed in time.
            monotonic: seconds that no setting of the clock moves.
            wall: seconds since the epoch; None while no time service keeps the clock right.
        """
        self._on_untold = on_untold
        self._monotonic = monotonic
        self._wall = wall
        self._repeat_at_s = self._counted_s = monotonic()
        self._repeat_after_s = _FIRST_REPEAT_S
        self._path = state_dir / TOMBSTONE_NAME
        self._then = then
        self._then_inbound = then_inbound
        self._then_settings = settings
        self._tombstone = _found(self._path)
        self._has_just_ended = False
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

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
            raise ControlError(_ALL_SAID)
        if self._tombstone is None:
            return self._then_settings()
        gone = self._tombstone
        return settings_of(gone.device, gone.fleet, gone.sync, departing=True, credential=gone.credential)

    async def keep_trying(self) -> None:
        """Count how long nobody confirms, and give up in the end."""
        while self._tombstone is not None:
            try:
                await self.count()
            except OSError as error:
                _log.warning("How long recipients are tried to be told cannot be written: %s", error.strerror)
            await asyncio.sleep(_HOUR_S)

    async def count(self) -> None:
        """Note how long it has been tried by now; give up where that is long enough.

        What the wall clock says counts where a time service keeps it right and the handset has run for a day
        meanwhile, and else for how long the handset runs.
        """
        if self._tombstone is None:
            return
        now_s, wall_s = self._monotonic(), self._wall()
        ran_s = self._tombstone.ran_s + now_s - self._counted_s
        self._counted_s = now_s
        written_at = self._tombstone.written_at if self._tombstone.written_at is not None else wall_s
        self._tombstone = self._tombstone.model_copy(update={"ran_s": ran_s, "written_at": written_at})
        passed_s = wall_s - written_at if wall_s is not None and written_at is not None else 0.0
        if ran_s < _LONGEST_S and (passed_s < _LONGEST_S or ran_s < _LEAST_TRIED_S):
            await self._keep(self._tombstone.partings)
            return
        await asyncio.to_thread(mark_untold, self._path.parent)
        if not self.waits:
            # The last of them has confirmed meanwhile.
            await asyncio.to_thread(self._path.with_name(UNTOLD_NAME).unlink, missing_ok=True)
            return
        _log.error("Not all recipients have confirmed in 90 days that they have forgotten the last holder")
        await self._end()
        await self._on_untold()

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
        """Let all of them leave, but none over a connection on which all has been said."""
        if self._has_just_ended:
            return frozenset()
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
        """Wait for something to say, or to say once more."""
        if self._tombstone is None and self._then is not None:
            return await self._then.wait_for_due(timeout_s)
        if await self.next_batch(1):
            return True
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, self._repeat_at_s - self._monotonic())):
                await self._changed.wait()
        # What the next holder has to say leaves over a connection of its own.
        return self._tombstone is not None and bool(await self.next_batch(1))

    async def take(self, topic: DownTopic, document: bytes) -> None:
        """Note what a collector says that it has forgotten; all else is for nobody any more.

        Raises:
            HandsetError: all has just been said, so what comes over this connection is not the next holder's.
        """
        if self._has_just_ended:
            raise ControlError(_ALL_SAID)
        if self._tombstone is None:
            if self._then_inbound is not None:
                await self._then_inbound.take(topic, document)
            return
        if topic is not DownTopic.ACK:
            return
        try:
            ack = AckMessage.read(document)
        except ValueError:
            return
        partings = self._tombstone.partings
        await self._keep([each for each in partings if each.topic is Topic.CONSENT or not _is_in(each, ack.messages)])

    def _with_repetitions(self, tombstone: Tombstone) -> Tombstone:
        now_s = self._monotonic()
        if now_s < self._repeat_at_s:
            return tombstone
        self._repeat_at_s = now_s + self._repeat_after_s
        self._repeat_after_s = min(2 * self._repeat_after_s, _HOUR_S)
        partings = tuple(each.model_copy(update={"with_broker": False}) for each in tombstone.partings)
        return tombstone.model_copy(update={"partings": partings})

    async def _keep(self, partings: Sequence[Parting]) -> None:
        if self._tombstone is None:
            return
        if partings:
            self._tombstone = self._tombstone.model_copy(update={"partings": tuple(partings)})
            async with self._one_at_a_time:
                if self._tombstone is not None:
                    await asyncio.to_thread(write_tombstone, self._path, self._tombstone)
            self._changed.set()
        else:
            await self._end()
            _log.warning("All recipients have been told that the last holder has gone")

    async def _end(self) -> None:
        self._tombstone = None
        async with self._one_at_a_time:
            await asyncio.to_thread(bury, self._path)
        self._has_just_ended = True
        self._changed.set()


def _found(path: Path) -> Tombstone | None:
    try:
        return take_up_tombstone(path)
    except OSError as error:
        _log.error("What is to be told of the last holder's going cannot be read: %s", error.strerror)
        return None


def _is_in(parting: Parting, ranges: Sequence[RecordRange]) -> bool:
    return any(each.epoch == parting.epoch and each.first <= parting.seq <= each.last for each in ranges)
