"""The ends of the sockets of what looks for bundles on the local network, and of what fetches them from an address."""

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from contract.results import OutcomeCode
from firmware.control.client import ask_for
from firmware.control.requests import (
    AddressAnswer,
    AddressOfferedRequest,
    AddressWantedRequest,
    BundleOfferedRequest,
    BundleRequest,
    Empty,
    FetchEndedRequest,
    OfferAnswer,
    Role,
)


class HandsetLink:
    """Offers bundles to the handset. Every method raises ControlError when the handset does not answer or refuses."""

    def __init__(self, runtime_dir: Path, role: Role = Role.LAN) -> None:
        self._runtime_dir = runtime_dir
        self._role = role

    async def wants(self, digest: str, serials: Collection[str]) -> bool:
        """Return whether a bundle of this SHA-256, for these serials, is to be brought."""
        request = BundleOfferedRequest(digest=digest, serials=tuple(serials))
        return (await ask_for(OfferAnswer, self._runtime_dir, self._role, request)).is_wanted

    async def bring(self, bundle: BinaryIO) -> None:
        """Hand a bundle over."""
        await ask_for(Empty, self._runtime_dir, self._role, BundleRequest(), file=bundle)

    async def offer_address(self, address: str) -> None:
        """Tell where bundles are, as the network says."""
        await ask_for(Empty, self._runtime_dir, self._role, AddressOfferedRequest(address=address))

    async def confirmed_address(self) -> str:
        """Wait some seconds for an address that somebody confirms, and return it, or nothing."""
        return (await ask_for(AddressAnswer, self._runtime_dir, self._role, AddressWantedRequest())).address

    async def fetch_ended(self, code: OutcomeCode) -> None:
        """Tell why no bundle comes from there."""
        await ask_for(Empty, self._runtime_dir, self._role, FetchEndedRequest(code=code))
