"""How far the bundle has come that is being worked on: the display is told, and whoever brought it may follow."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from firmware.configuration.standing import BundleSource, Progress
from firmware.phone.bundle_news import BundleNews, BundleStep, BundleStepStarted
from provisioning.report import Report


class Steps:
    """One bundle's at a time; for the main thread alone."""

    def __init__(self, post: Callable[[BundleNews], None]) -> None:
        """`post` tells the phone."""
        self._post = post
        self._offer = ""
        self._source = BundleSource.STICK
        self._step = BundleStep.READING
        self._report: Report | None = None
        self._count = 0
        self._told = False
        self._changed = asyncio.Event()

    def follow_offer(self, offer: str, source: BundleSource) -> None:
        """Begin to tell of another bundle."""
        self._offer, self._source = offer, source
        self._step, self._report, self._told = BundleStep.READING, None, False
        self._tell()

    def take(self, step: BundleStep) -> None:
        """Go on to a step; the same one again says nothing."""
        if self._told and step is self._step:
            return
        self._step, self._told = step, True
        source = self._source
        by_stick, by_lan = source is BundleSource.STICK, source is BundleSource.LAN
        self._post(BundleStepStarted(step, by_stick=by_stick, by_lan=by_lan))
        self._tell()

    def end(self, offer: str, report: Report) -> None:
        """Tell whoever follows what became of a bundle; of one that is not told of any more nobody hears here."""
        if self.knows(offer):
            self._report = report
            self._tell()

    def knows(self, offer: str) -> bool:
        """Whether this is the bundle that is told of."""
        return offer == self._offer

    async def next(self, after: int, wait_s: float) -> Progress:
        """Wait for a change since the count `after`, or for so long, and return how far it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self._count == after:
                    await self._changed.wait()
        return Progress(self._count, self._step, self._report)

    def _tell(self) -> None:
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()
