"""The steps of a cancellation outside the store."""

import asyncio
from pathlib import Path

from firmware.base.errors import StorageError
from firmware.configuration.loading import mark_cancelled
from firmware.services.account.factory_reset import MARKER_NAME, STORE_NAME, begin_reset
from firmware.services.account.stored import AccountCancellation
from firmware.services.account.tombstone import TOMBSTONE_NAME, Tombstone, write_tombstone
from firmware.settings.broker import kept_credential
from firmware.store.keyring import WRAP_NAME
from provisioning.schema import Configuration


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
