"""Beginning a factory reset while the handset runs: the ledger's entry, the marker, and a new start."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from firmware.base.errors import StorageError
from firmware.phone.purpose import Actor, Channel
from firmware.privacy.consent import LedgerAction
from firmware.services.account.factory_reset import begin_reset
from firmware.store.consents import Consents

_log = logging.getLogger(__name__)


class Resetting:
    """Begins the reset, which the next run finishes before it opens the store."""

    def __init__(self, state_dir: Path, consents: Consents | None, start_anew: Callable[[], None]) -> None:
        """Set up.

        Args:
            state_dir: where the store is.
            consents: the ledger; None where there is no store.
            start_anew: ends this run of the handset and begins another.
        """
        self._state_dir = state_dir
        self._consents = consents
        self._start_anew = start_anew

    async def begin(self, actor: Actor, channel: Channel) -> None:
        """Begin; the entry says who wanted it, wherever the store can be written.

        Raises:
            StorageError: the card cannot be written, so nothing is erased.
        """
        if self._consents is not None:
            try:
                await self._consents.append(LedgerAction.DEACTIVATE, "reset", actor, channel)
            except StorageError as error:
                # One that cannot be read is what some phones are reset for.
                _log.warning("The reset is not in the ledger: %s", error)
        await asyncio.to_thread(begin_reset, self._state_dir)
        _log.warning("A factory reset begins: the handset starts anew and forgets its holder")
        self._start_anew()
