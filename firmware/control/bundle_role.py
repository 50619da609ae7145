"""Takes bundles in, whoever carries them: what the roles of the stick and of the sync process have in common."""

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from firmware.base.errors import BundleError
from firmware.control.bundle_answers import BundleOffered
from firmware.control.requests import BundleBeginRequest, BundleEndRequest, BundlePieceRequest, Empty
from firmware.control.server import Handler

_log = logging.getLogger(__name__)


class BundleIntake(Protocol):
    """Keeps the pieces of a bundle until they are all there, and then looks at it."""

    def piece(self, offer: str, data: bytes) -> None:
        """Keep the next bytes.

        Raises:
            HandsetError: there is no such offer, or this is more than was said, or the disk is full.
        """
        ...

    async def end(self, offer: str) -> None:
        """Have what has come looked at; what becomes of it is told elsewhere.

        Raises:
            HandsetError: there is no such offer, or not all of it has come.
        """
        ...


class BundleRole:
    """Answers requests that bring a bundle."""

    def __init__(self, begin: Callable[[int], str], intake: BundleIntake) -> None:
        """Set up.

        Args:
            begin: makes room for a bundle of so many bytes, and names it; raises a BundleError where it cannot.
            intake: takes its pieces.
        """
        self._begin_offer = begin
        self._intake = intake

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of the role."""
        return {"bundle_begin": self._begin, "bundle_piece": self._piece, "bundle_end": self.end}

    async def _begin(self, request: BundleBeginRequest) -> BundleOffered:
        try:
            return BundleOffered(offer=self._begin_offer(request.size_bytes))
        except BundleError as error:
            _log.info("No bundle is taken now: %s", error)
            return BundleOffered(offer=None, refusal=error.refusal)

    async def _piece(self, request: BundlePieceRequest) -> Empty:
        self._intake.piece(request.offer, request.data)
        return Empty()

    async def end(self, request: BundleEndRequest) -> Empty:
        """Answer that a bundle has come whole."""
        await self._intake.end(request.offer)
        return Empty()
