"""What the handset answers to whoever looks for bundles on the local network, or fetches them from an address.

Both are there while no configuration counts. It says yes or no to each bundle, and never who it is: whoever breaks into
them learns no serial that no bundle has named.
"""

from collections.abc import Collection, Mapping
from typing import BinaryIO, Protocol

from contract.results import OutcomeCode
from firmware.control.requests import (
    AddressAnswer,
    AddressOfferedRequest,
    AddressWantedRequest,
    BundleOfferedRequest,
    BundleRequest,
    Empty,
    FetchEndedRequest,
    OfferAnswer,
)
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

    def offer_address(self, address: str) -> None:
        """Have somebody asked whether bundles may be fetched from where the network says."""
        ...

    async def confirmed_address(self) -> str:
        """Wait some seconds for an address that somebody confirms, and return it, or nothing."""
        ...

    def fetch_ended(self, code: OutcomeCode) -> None:
        """Hear why no bundle comes from there."""
        ...


class LanRole:
    """Answers the requests of the roles lan and fetch."""

    def __init__(self, intake: LanIntake) -> None:
        self._intake = intake

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.LAN."""
        return {"address_offered": self._address, "bundle_offered": self._offered, "bundle": self._bundle}

    @property
    def fetch_handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.FETCH."""
        return {
            "address_wanted": self._wanted,
            "fetch_ended": self._ended,
            "bundle_offered": self._offered,
            "bundle": self._bundle,
        }

    async def _address(self, request: AddressOfferedRequest) -> Empty:
        self._intake.offer_address(request.address)
        return Empty()

    async def _wanted(self, _request: AddressWantedRequest) -> AddressAnswer:
        return AddressAnswer(address=await self._intake.confirmed_address())

    async def _ended(self, request: FetchEndedRequest) -> Empty:
        self._intake.fetch_ended(request.code)
        return Empty()

    async def _offered(self, request: BundleOfferedRequest) -> OfferAnswer:
        return OfferAnswer(is_wanted=self._intake.wants(request.digest, request.serials))

    async def _bundle(self, _request: BundleRequest, file: BinaryIO) -> Empty:
        await self._intake.bring(file)
        return Empty()
