"""Tells a broker once more what the holder agrees to, where it may have forgotten what it kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from firmware.base.errors import StorageError
from firmware.ports.broker import BrokerProblem, BrokerState

_log = logging.getLogger(__name__)

_AWAY: Final = frozenset({BrokerState.CONNECTING, BrokerState.UNREACHABLE})


class BrokerMemory:
    """Notes how the sync process stands with the broker.

    A broker that falls writes what it retains to its disk only now and then. It comes back with what the holder agreed
    to before, or with nothing, and whoever reads it there then believes that until the next change.
    """

    def __init__(
        self, announce: Callable[[], Awaitable[None]], tell: Callable[[BrokerState, BrokerProblem], None]
    ) -> None:
        """Set up; `announce` queues the state of consent once more, `tell` is told everything that is noted here."""
        self._announce = announce
        self._tell = tell
        self._was_there = False
        self._was_away = False
        self._announcing: asyncio.Task[None] | None = None

    def note(self, state: BrokerState, problem: BrokerProblem) -> None:
        """Note that the broker is there, or is not."""
        self._tell(state, problem)
        if state in _AWAY:
            self._was_away = self._was_there
        elif state is BrokerState.CONNECTED:
            self._was_there = True
            if self._was_away:
                self._was_away = False
                self._announcing = asyncio.create_task(self._announce_again(), name="consent announcer")

    async def _announce_again(self) -> None:
        try:
            await self._announce()
        except StorageError as error:
            _log.warning("The broker is not told once more what the holder agrees to: %s", error)
