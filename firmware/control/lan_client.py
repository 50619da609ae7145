"""The end of the socket of the process that looks for bundles on the local network."""

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from firmware.control.client import ask_for
from firmware.control.requests import BundleOfferedRequest, BundleRequest, Empty, OfferAnswer, Role


class HandsetLink:
    """Offers bundles to the handset. Every method raises ControlError when the handset does not answer or refuses."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir

    async def wants(self, digest: str, serials: Collection[str]) -> bool:
        """Return whether a bundle of this SHA-256, for these serials, is to be brought."""
        request = BundleOfferedRequest(digest=digest, serials=tuple(serials))
        return (await ask_for(OfferAnswer, self._runtime_dir, Role.LAN, request)).is_wanted

    async def bring(self, bundle: BinaryIO) -> None:
        """Hand a bundle over."""
        await ask_for(Empty, self._runtime_dir, Role.LAN, BundleRequest(), file=bundle)
