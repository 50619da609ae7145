"""What the handset answers to the process that looks for bundles on the local network, while no configuration counts.

It says yes or no to each bundle, and never who it is: whoever breaks into that process learns no serial that no bundle
has named.
"""

from collections.abc import Collection, Mapping
from typing import BinaryIO, Protocol

from firmware.control.requests import BundleOfferedRequest, BundleRequest, Empty, OfferAnswer
from firmware.control.server import Handler


class LanIntake(Protocol):
    """What takes in bundles from the local network; see firmware.setup.bundles.by_lan."""

    def wants(self, digest: str, serials: Collection[str]) -> bool:
        """Say whether a bundle of this SHA-256, for these serials, is to be brought."""
        ...

    async def bring(self, file: BinaryIO) -> None:
        """Take in a bundle.

        Raises:
            HandsetError: it cannot be taken now.
        """
        ...


class LanRole:
    """Answers the lan role's requests."""

    def __init__(self, intake: LanIntake) -> None:
        self._intake = intake

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.LAN."""
        return {"bundle_offered": self._offered, "bundle": self._bundle}

    async def _offered(self, request: BundleOfferedRequest) -> OfferAnswer:
        return OfferAnswer(is_wanted=self._intake.wants(request.digest, request.serials))

    async def _bundle(self, _request: BundleRequest, file: BinaryIO) -> Empty:
        await self._intake.bring(file)
        return Empty()
