"""The errand that makes the handset forget its holder."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from firmware.errands.runner import Handler
from firmware.errors import StorageError
from firmware.farewell.factory_reset import begin_reset
from firmware.phone.errands import Errand, FactoryReset

_log = logging.getLogger(__name__)


class ResetErrands:
    """Begins the reset and has the handset start anew, which erases before it opens the store."""

    def __init__(self, state_dir: Path, restart: Callable[[], None], leave_word: Callable[[], Awaitable[None]]) -> None:
        """Set up.

        Args:
            state_dir: where the store is.
            restart: ends this run of the handset and begins another.
            leave_word: keeps outside the store what recipients are still to be told.
        """
        self._state_dir = state_dir
        self._leave_word = leave_word
        self._restart = restart

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {FactoryReset: self._reset}

    async def _reset(self, _errand: FactoryReset) -> None:
        # After this nothing can be read of the store any more.
        try:
            await self._leave_word()
        except (StorageError, OSError) as error:
            # A store that does not open, say: whoever resets the phone for that must be able to.
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("Recipients are not told what they still should be before the factory reset: %s", reason)
        await asyncio.to_thread(begin_reset, self._state_dir)
        _log.warning("A factory reset begins: the handset starts anew and forgets its holder")
        self._restart()
