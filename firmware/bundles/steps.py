"""How far the bundle has come that is being worked on: the display is told, and whoever brought it may follow."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from firmware.bundles.progress import BundleSource, Progress
from firmware.phone.bundle_news import BundleNews, BundleStep, BundleStepStarted
from provisioning.report import Report


class Steps:
    """One bundle's at a time."""

    def __init__(self, post: Callable[[BundleNews], None]) -> None:
        """`post` tells the phone, in the main thread."""
        self._post = post
        self._offer = ""
        self._source = BundleSource.STICK
        self._step = BundleStep.READING
        self._report: Report | None = None
        self._count = 0
        self._changed = asyncio.Condition()

    @property
    def by_stick(self) -> bool:
        """Whether somebody stands before the phone who has brought the bundle."""
        return self._source is BundleSource.STICK

    def follow_offer(self, offer: str, source: BundleSource) -> None:
        """Begin to tell of another bundle."""
        self._offer, self._source, self._report = offer, source, None

    async def take(self, step: BundleStep) -> None:
        """Go on to a step; the same one again says nothing."""
        if self._count and self._report is None and step is self._step:
            return
        self._step = step
        self._post(BundleStepStarted(step, by_stick=self.by_stick))
        await self._tell()

    async def end(self, report: Report) -> None:
        """Tell what became of the bundle."""
        self._report = report
        await self._tell()

    def knows(self, offer: str) -> bool:
        """Whether this is the bundle that is told of."""
        return offer == self._offer

    async def next(self, after: int, wait_s: float) -> Progress:
        """Wait for a change since the count `after`, or for so long, and return how far it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s), self._changed:
                await self._changed.wait_for(lambda: self._count != after)
        return Progress(self._count, self._step, self._report)

    async def _tell(self) -> None:
        self._count += 1
        async with self._changed:
            self._changed.notify_all()
