"""What the handset answers to the sync process that brings a bundle: the requests of `bundle_role`, by its SHA-256."""

from collections.abc import Callable, Mapping
from typing import Protocol

from firmware.control.bundle_answers import NetworkBundleOffered
from firmware.control.bundle_role import BundleIntake
from firmware.control.requests import BundleEndRequest, BundlePieceRequest, Empty, NetworkBundleBeginRequest
from firmware.control.server import Handler


class NetworkBundleIntake(BundleIntake, Protocol):
    """Keeps the pieces of a bundle until they are all there, unless it is known."""

    def begin(self, size_bytes: int, digest: str) -> str | None:
        """Make room for a bundle and return what its pieces go by; None where it need not come.

        Raises:
            HandsetError: it cannot be taken now, and is to be brought again.
        """
        ...


class NetworkBundleRole:
    """Answers the requests of Role.SYNC that bring a bundle.

    Args:
        intake: keeps the pieces.
        check: refuses whoever speaks to a broker that may be another one now.
    """

    def __init__(self, intake: NetworkBundleIntake, check: Callable[[], None]) -> None:
        self._intake = intake
        self._check = check

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.SYNC."""
        return {"bundle_begin": self._begin, "bundle_piece": self._piece, "bundle_end": self._end}

    async def _begin(self, request: NetworkBundleBeginRequest) -> NetworkBundleOffered:
        self._check()
        return NetworkBundleOffered(offer=self._intake.begin(request.size_bytes, request.digest))

    async def _piece(self, request: BundlePieceRequest) -> Empty:
        self._intake.piece(request.offer, request.data)
        return Empty()

    async def _end(self, request: BundleEndRequest) -> Empty:
        await self._intake.end(request.offer)
        return Empty()
