"""The operator's signed documents: what is kept, what the phone hears of them, and the days that are counted."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from firmware.base.errors import StorageError
from firmware.phone.requests.policies import DocumentsChanged
from firmware.privacy.policy import in_force, unread
from firmware.services.clock import read_clocks
from firmware.store.answers import StoredAnswers
from firmware.store.catalogues import StoredCatalogues
from firmware.store.consents import Consents
from firmware.store.documents import Addressee, DocumentRegister, Report, report_to_nobody
from firmware.store.notices import StoredNotices
from firmware.store.policies import StoredPolicies
from firmware.store.store import Store
from firmware.store.updates import StoredUpdates
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)

_COUNT_EVERY_S: Final = 600.0
"""A power cut costs what was counted since the last time: so much later a policy takes effect."""


class Documents:
    """Policies, notices, answers and updates over one store.

    Attributes:
        policies, notices, answers, catalogues, updates: usable once the store is open.
    """

    def __init__(
        self,
        store: Store,
        consents: Consents,
        configuration: Configuration,
        on_change: Callable[[DocumentsChanged], None],
        report: Report = report_to_nobody,
        *,
        proven_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Set up.

        Args:
            store: where they are.
            consents: the ledger, and the answers that a new policy may change.
            configuration: which handset this is, and whose signature counts.
            on_change: told what the holder has yet to read, at the start and after each change.
            report: queues for the operator what became of a document.
            proven_s: see `DocumentRegister`.
        """
        device = configuration.device
        addressee = Addressee(device.fleet, device.id, configuration.trust.keys)
        register = DocumentRegister(addressee, read_clocks, proven_s)
        self.policies = StoredPolicies(store, consents, register, read_clocks, report)
        self.notices = StoredNotices(store, consents, register, read_clocks, report)
        self.catalogues = StoredCatalogues(store, consents, register)
        self.answers = StoredAnswers(store, consents, register, read_clocks, report, device=device.id)
        self.updates = StoredUpdates(store, register, report)
        self.policies.when_changed = self.notices.when_changed = self.answers.when_changed = self.tell
        self._on_change = on_change
        self._counter: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def take_up(self) -> None:
        """Take up what the store holds, which has been opened.

        Raises:
            StorageError: the store failed.
        """
        await self.policies.prepare()
        await self.policies.count()

    def start(self) -> None:
        """Tell what is yet to be read and installed, and count on."""
        self.tell()
        self._run(self._announce_update())
        self._counter = asyncio.create_task(self._keep_counting(), name="policy counter")

    async def stop(self) -> None:
        """Count once more, and then no more."""
        if self._counter is not None:
            await self._count()
        for task in (self._counter, *self._telling):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def tell(self) -> None:
        """Have it told what the holder has yet to read."""
        self._run(self._tell())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _announce_update(self) -> None:
        try:
            await self.updates.announce_again()
        except StorageError as error:
            _log.warning("What the operator has announced cannot be read: %s", error)

    async def _tell(self) -> None:
        try:
            policies, notices = await self.policies.kept(), await self.notices.to_show()
            answers = await self.answers.count_unread()
        except StorageError as error:
            _log.warning("What the operator has sent cannot be read: %s", error)
            return
        waiting = [notice for notice in notices if not notice.acknowledged]
        # On a phone whose holder has read none the policy is read where the phone is set up.
        new = unread(policies) if in_force(policies) is not None else None
        self._on_change(
            DocumentsChanged(
                new.policy.version if new is not None else "",
                len(waiting),
                unread_incident=any(notice.said.incident for notice in waiting),
                unread_answers=answers,
            )
        )

    async def _keep_counting(self) -> None:
        while True:
            await asyncio.sleep(_COUNT_EVERY_S)
            await self._count()

    async def _count(self) -> None:
        try:
            await self.policies.count()
        except StorageError as error:
            _log.warning("The days of a new policy cannot be counted on now: %s", error)
