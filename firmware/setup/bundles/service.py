"""Everything about bundles in one run of the handset: what comes in, what is tried, and what is still to be said."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from contract.results import BundleResult, CheckName, OutcomeCode
from firmware.base.errors import BundleError, HandsetError
from firmware.configuration.config_store import BUNDLE_NAME
from firmware.configuration.loading import LoadedConfiguration
from firmware.configuration.standing import BundleSource, Candidate, Ended, Finishing, Standing
from firmware.services.runner import Handlers
from firmware.setup.bundles.context import BundleContext
from firmware.setup.bundles.extras import Extras
from firmware.setup.bundles.intake import Intake
from firmware.setup.bundles.trial import Trial
from firmware.setup.bundles.verdict import news_of
from provisioning.bundle import open_bundle
from provisioning.errors import ProvisioningError
from provisioning.report import Check

_log = logging.getLogger(__name__)

_OFFER_BYTES: Final = 16
_LOOK_AT_CLOCK_S: Final = 600.0
# What may be otherwise after the next start.
_PASSING: Final = frozenset({OutcomeCode.NOT_YET_VALID, OutcomeCode.BUSY, OutcomeCode.NO_SPACE, OutcomeCode.FAILED})


class BundleService:
    """Takes bundles in and has them tried.

    Attributes:
        intake: what sockets talk to.
    """

    def __init__(
        self,
        context: BundleContext,
        loaded: LoadedConfiguration,
        extras: Extras,
        try_sound: Callable[[], Awaitable[CheckName | None]],
        tell_operator: Callable[[Ended], Awaitable[None]],
    ) -> None:
        """Set up.

        Args:
            context: what the handset lends.
            loaded: what this run of the handset runs with.
            extras: takes in what bundles bring beside their configurations.
            try_sound: see `Trial`.
            tell_operator: queues for the operator what became of a bundle that came over the network.
        """
        self._context = context
        self._loaded = loaded
        self._extras = extras
        self._try_sound = try_sound
        self._tell_operator = tell_operator
        self._tasks: set[asyncio.Task[None]] = set()
        self._timekeeper: asyncio.Task[None] | None = None
        self.intake = Intake(context, loaded.installed)
        self.intake.when_ended = self._note_refused

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return self.intake.handlers

    @property
    def standing(self) -> Standing:
        """Which configuration counts, and what became of the last bundle."""
        return self._context.config_store.standing

    def start(self) -> None:
        """Go on with what the run before has left, once the phone is awake."""
        self._do(self._go_on, "bundles")
        self._timekeeper = asyncio.get_running_loop().create_task(self._keep_time(), name="time of day")

    async def stop(self) -> None:
        """Give up what is under way; the next run goes on with it."""
        await self.intake.stop()
        tasks = [*self._tasks, *([self._timekeeper] if self._timekeeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def store_opened(self) -> None:
        """Tell the operator what could not be told before."""
        self._do(self._tell_what_is_due, "bundle outcome")

    async def go_back(self) -> int:
        """Have the configuration tried that counted before; return its number.

        Raises:
            BundleError: there is none, or a bundle is under way.
        """
        before = self.standing.before
        if before is None:
            raise BundleError("No earlier configuration is kept to go back to.")
        candidate = Candidate(
            number=before.number,
            digest=before.digest,
            offer=secrets.token_hex(_OFFER_BYTES),
            source=BundleSource.COMMAND_LINE,
            signer=before.signer,
            note=before.note,
            goes_back=True,
        )
        await self.intake.try_again(candidate)
        return before.number

    # --- going on from the run before ---------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        context, trial = self._context, self._loaded.trial
        if trial is not None and self._loaded.configuration is not None:
            if not await Trial(context, trial, self._loaded.configuration, self._try_sound).run():
                return
        elif (ended := self.standing.ended) is not None and not ended.told:
            context.post(news_of(ended))
            if ended.result is BundleResult.REVERTED and ended.number is not None:
                await Trial.undo_root_work(context, ended.number)
            await asyncio.to_thread(context.config_store.note_told)
        if (finishing := self.standing.finishing) is not None:
            await self._finish(finishing)

    async def _finish(self, finishing: Finishing) -> None:
        """Take in what else the bundle brings that counts now, and tell everybody that it does."""
        context, candidate = self._context, finishing.candidate
        checks = (*finishing.checks, *await self._take_in_extras(candidate))
        ended = Ended.of(candidate, BundleResult.APPLIED, checks=checks, at_s=context.now_s())
        await asyncio.to_thread(context.config_store.end, ended)
        context.post(news_of(ended))
        await asyncio.to_thread(context.config_store.note_told)
        context.steps.follow_offer(ended.offer, ended.source)
        context.steps.end(ended.offer, context.report(ended))
        await self._tell_what_is_due()

    async def _take_in_extras(self, candidate: Candidate) -> tuple[Check, ...]:
        config_store = self._context.config_store
        path = config_store.folder_of(candidate.number) / BUNDLE_NAME
        if candidate.goes_back or not path.exists():
            return ()
        try:
            with path.open("rb") as file:
                # Verified when it came in; from then on nobody else could write to it.
                bundle = await asyncio.to_thread(open_bundle, file, None)
                checks = await self._extras.take_in(bundle)
            # It takes room, may hold somebody's contacts, and root has kept what it needs to go back to it.
            await asyncio.to_thread(config_store.forget_bundle, candidate.number)
        except (OSError, ProvisioningError) as error:
            _log.error("What bundle %d brings is not taken in: %s", candidate.number, error)
            return ()
        return checks

    async def _keep_time(self) -> None:
        """Keep proof of how late it is, for a time when the clock is wrong."""
        while True:
            await asyncio.to_thread(self._context.proven_time.note_clock)
            await asyncio.sleep(_LOOK_AT_CLOCK_S)

    # --- telling the operator -----------------------------------------------------------------------------------------

    def _note_refused(self, ended: Ended) -> None:
        if ended.source is BundleSource.NETWORK:
            self._do(partial(self._tell_refused, ended), "bundle outcome")

    async def _tell_refused(self, ended: Ended) -> None:
        # The broker keeps it and brings it with each connection: once the operator knows, it stays out.
        if await self._tell(ended) and ended.result is BundleResult.REFUSED and ended.code not in _PASSING:
            await asyncio.to_thread(self._context.config_store.note_refused, ended.digest)

    async def _tell_what_is_due(self) -> None:
        ended = self.standing.ended
        if ended is not None and ended.outcome_due and await self._tell(ended):
            await asyncio.to_thread(self._context.config_store.note_outcome)

    async def _tell(self, ended: Ended) -> bool:
        try:
            await self._tell_operator(ended)
        except HandsetError as error:
            _log.info("The operator is not told yet what became of a bundle: %s", error)
            return False
        return True

    def _do(self, work: Callable[[], Awaitable[object]], name: str) -> None:
        async def guarded() -> None:
            try:
                await work()
            except (HandsetError, ProvisioningError, OSError):
                _log.exception("A bundle could not be gone on with")

        task = asyncio.get_running_loop().create_task(guarded(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
