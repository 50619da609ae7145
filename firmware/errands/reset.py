"""The errand that makes the handset forget its holder."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from firmware.errands.runner import Handler
from firmware.farewell.factory_reset import begin_reset
from firmware.phone.errands import Errand, FactoryReset

_log = logging.getLogger(__name__)


class ResetErrands:
    """Begins the reset and has the handset start anew, which erases before it opens the store."""

    def __init__(self, state_dir: Path, restart: Callable[[], None]) -> None:
        """Set up.

        Args:
            state_dir: where the store is.
            restart: ends this run of the handset and begins another.
        """
        self._state_dir = state_dir
        self._restart = restart

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {FactoryReset: self._reset}

    async def _reset(self, _errand: FactoryReset) -> None:
        await asyncio.to_thread(begin_reset, self._state_dir)
        _log.warning("A factory reset begins: the handset starts anew and forgets its holder")
        self._restart()
