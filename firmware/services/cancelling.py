"""Giving the phone back on its holder's word, or on with it where a power cut has interrupted it."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from contract.consent import Actor, Channel
from firmware.base.errors import StorageError
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.news import Problem
from firmware.services.account.steps import AccountCancellation, go_on
from firmware.services.records import Records, problem_of

_log = logging.getLogger(__name__)


class Cancelling:
    """Takes the steps of a cancellation in order, and has the handset start anew: the next run finishes it."""

    def __init__(
        self,
        records: Records | None,
        state_dir: Path,
        loaded: LoadedConfiguration,
        *,
        start_anew: Callable[[], None],
        on_fault: Callable[[Problem, str], None],
    ) -> None:
        """Set up; has itself called where the store finds that it was interrupted.

        Args:
            records: the store; None where there is none, and nobody whose phone it is.
            state_dir: where it is.
            loaded: the configuration that is given up.
            start_anew: ends this run and begins another.
            on_fault: told why an interrupted one cannot go on.
        """
        self._cancellation: AccountCancellation | None = None
        self._state_dir = state_dir
        self._loaded = loaded
        self._start_anew = start_anew
        self._on_fault = on_fault
        self._resumed: asyncio.Task[None] | None = None
        if records is not None:
            self._cancellation = records.cancellation
            records.when_cancelled = self._resume

    async def begin(self, actor: Actor) -> None:
        """Begin to give the phone back.

        Raises:
            StorageError: the store or the card cannot be written.
        """
        if self._cancellation is not None:
            await self._cancellation.begin(actor, Channel.KEYPAD)
            await self._go_on(self._cancellation)

    async def _go_on(self, cancellation: AccountCancellation) -> None:
        if (configuration := self._loaded.configuration) is None:
            return
        await go_on(cancellation, self._state_dir, configuration, self._loaded.text)
        _log.warning("The account is cancelled: the handset starts anew and forgets its holder")
        self._start_anew()

    def _resume(self) -> None:
        self._resumed = asyncio.create_task(self._go_on_or_say_why())

    async def _go_on_or_say_why(self) -> None:
        if self._cancellation is None:
            return
        try:
            await self._go_on(self._cancellation)
        except StorageError as error:
            self._on_fault(problem_of(error), str(error))
