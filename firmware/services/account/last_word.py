"""What recipients would have to be told if the holder were gone now: written before anything leaves, read by a reset.

A reset has no open store to read it from: its PIN may be forgotten, its key lost or the card damaged.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.messages import MAX_RANGES, ErasureMessage, ErasureReason, RecordRange, Topic
from firmware.base.durable import replace_durably
from firmware.base.errors import StorageError
from firmware.ports.outbox import Outbox, OutboxKey, OutboxMessage
from firmware.services.account.tombstone import (
    TOMBSTONE_NAME,
    Parting,
    Tombstone,
    mark_untold,
    take_up_tombstone,
    write_tombstone,
)
from firmware.settings.broker import Credential, kept_credential
from provisioning.broker import Sync
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

LAST_WORD_NAME: Final = "last-word.json"
_LAST_NUMBER: Final = 2**53 - 1
"""The highest number that a message can have: an epoch is taken back as a whole."""

_Epoch = Annotated[int, Field(ge=1, le=_LAST_NUMBER)]


class LastWord(BaseModel):
    """What the notice of a reset is made of.

    Attributes:
        device, fleet: what the handset is called.
        sync: the broker.
        credential: what it knows the handset by; None where that could not be read. Its files may be gone by then.
        epochs: the runs of the handset of which something left, oldest first; no other holder's run has one of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    fleet: str
    sync: Sync
    credential: Credential | None = None
    epochs: tuple[_Epoch, ...]


class KnownRecipients:
    """An outbox of which nothing leaves before the card says that recipients may have it."""

    def __init__(
        self,
        outbox: Outbox,
        state_dir: Path,
        configuration: Configuration,
        shared: Callable[[], Awaitable[Collection[int]]],
    ) -> None:
        """Set up.

        Args:
            outbox: what waits for the broker.
            state_dir: where the last word is kept.
            configuration: names the handset and its broker.
            shared: reads of which runs something was handed over.
        """
        device = configuration.device
        self._outbox = outbox
        self._path = state_dir / LAST_WORD_NAME
        self._shared = shared
        self._word = LastWord(device=device.id, fleet=device.fleet, sync=configuration.sync, epochs=())
        self._is_known = False
        self._one_at_a_time = asyncio.Lock()

    async def settle(self) -> None:
        """Have the last word speak of all that was ever handed over, once the store is open.

        Raises:
            StorageError: the store cannot be read, or the card cannot be written.
        """
        async with self._one_at_a_time:
            await self._know()

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        """Return what waits."""
        return await self._outbox.next_batch(limit)

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Collection[OutboxKey]:
        """Let messages leave, once it is on the card that they do.

        Raises:
            StorageError: the card cannot be written; nothing leaves.
        """
        async with self._one_at_a_time:
            await self._know()
            if new := {key.epoch for key in keys}.difference(self._word.epochs):
                await self._write((*self._word.epochs, *sorted(new)))
        return await self._outbox.hand_over(keys)

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Note what the broker has."""
        await self._outbox.complete(keys)

    async def wait_for_due(self, timeout_s: float) -> bool:
        """Wait for something to leave."""
        return await self._outbox.wait_for_due(timeout_s)

    async def _know(self) -> None:
        if not self._is_known:
            # The store forgets who got what, and may have been moved away; recipients have it all the same.
            before = await asyncio.to_thread(read_last_word, self._path.parent)
            known = before.epochs if before is not None and self._is_of_the_same_broker(before) else ()
            await self._write(tuple(sorted({*known, *await self._shared()})))
            self._is_known = True

    def _is_of_the_same_broker(self, word: LastWord) -> bool:
        ours, theirs = ((each.device, each.fleet, each.sync.host, each.sync.port) for each in (self._word, word))
        return ours == theirs

    async def _write(self, epochs: tuple[int, ...]) -> None:
        if not epochs and not await asyncio.to_thread(self._path.exists):
            return
        credential = await asyncio.to_thread(kept_credential, self._word.sync)
        word = self._word.model_copy(update={"epochs": epochs, "credential": credential})
        try:
            await asyncio.to_thread(replace_durably, self._path, word.model_dump_json().encode())
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be written: {error.strerror}. Without it a reset could tell nobody, so nothing "
                "leaves. Is the card full or read-only?"
            ) from error
        self._word = word


def read_last_word(state_dir: Path) -> LastWord | None:
    """Return it, None where nothing ever left, or where it cannot be read."""
    try:
        return LastWord.model_validate_json((state_dir / LAST_WORD_NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.error("What recipients are to be told of a reset cannot be read: %s", type(error).__name__)
        return None


def leave_word_of_reset(state_dir: Path) -> None:
    """Write the tombstone of a reset, where something ever left; one that still waits stays instead.

    Where it cannot be known what left, it is noted that recipients are not told.

    Raises:
        OSError: the card cannot be written.
    """
    word, path = read_last_word(state_dir), state_dir / TOMBSTONE_NAME
    if word is None and (state_dir / LAST_WORD_NAME).exists():
        mark_untold(state_dir)
    if take_up_tombstone(path) is not None or word is None or not word.epochs:
        return
    # An epoch of its own, so that no holder's message has such a number.
    epoch = secrets.randbelow(_LAST_NUMBER) + 1
    ranges = [RecordRange(epoch=each, first=1, last=_LAST_NUMBER) for each in word.epochs]
    notices = [
        Parting(
            topic=Topic.ERASURE,
            epoch=epoch,
            seq=seq,
            payload=ErasureMessage(
                device=word.device,
                reason=ErasureReason.RESET,
                cancelled=False,
                records=tuple(ranges[first : first + MAX_RANGES]),
                epoch=epoch,
                seq=seq,
            ).plain(),
        )
        for seq, first in enumerate(range(0, len(ranges), MAX_RANGES), 1)
    ]
    clearing = Parting(topic=Topic.CONSENT, epoch=epoch, seq=len(notices) + 1, payload={})
    write_tombstone(
        path,
        Tombstone(
            device=word.device,
            fleet=word.fleet,
            sync=word.sync,
            credential=word.credential or kept_credential(word.sync),
            partings=(*notices, clearing),
        ),
    )


def forget_last_word(state_dir: Path) -> None:
    """Delete it: what it said is in the tombstone."""
    (state_dir / LAST_WORD_NAME).unlink(missing_ok=True)
