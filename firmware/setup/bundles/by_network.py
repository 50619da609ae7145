"""Bundles that the operator sends over the network: the stick's intake, less often and with fewer rights."""

from collections.abc import Callable
from typing import Protocol

from firmware.base.errors import BundleError
from firmware.configuration.standing import BundleSource
from firmware.services.operator.inbound import Allowance


class NetworkIntake(Protocol):
    """What takes bundles in; see firmware.setup.bundles.intake."""

    def is_known(self, digest: str) -> bool:
        """Say whether it is known already what became of the bundle of this SHA-256."""
        ...

    def begin(self, source: BundleSource, size_bytes: int) -> str:
        """Make room for a bundle and return what it is called while it is under way."""
        ...

    def piece(self, offer: str, data: bytes) -> None:
        """Take a bundle's next bytes."""
        ...

    async def end(self, offer: str) -> None:
        """Look at a bundle that is whole now."""
        ...


class NetworkBundles:
    """Takes in what the sync process brings.

    The broker keeps the newest bundle and sends it with each connection: what is known by its SHA-256 stays out.
    """

    def __init__(self, intake: NetworkIntake | None, monotonic: Callable[[], float]) -> None:
        """Set up.

        Args:
            intake: where bundles go; None where this handset takes none.
            monotonic: seconds that no setting of the clock moves.
        """
        self._intake = intake
        # Each is written to the card before anybody knows who sent it.
        self._allowance = Allowance(monotonic, burst=3, per_s=1 / 60)

    def begin(self, size_bytes: int, digest: str) -> str | None:
        """Make room for a bundle and return what its pieces go by; None where it need not come.

        Raises:
            HandsetError: it cannot be taken now, and is to be brought again.
        """
        intake = self._open_intake()
        if intake.is_known(digest):
            return None
        self._allowance.use()
        return intake.begin(BundleSource.NETWORK, size_bytes)

    def piece(self, offer: str, data: bytes) -> None:
        """Take a bundle's next bytes.

        Raises:
            HandsetError: they cannot be taken.
        """
        self._open_intake().piece(offer, data)

    async def end(self, offer: str) -> None:
        """Have a bundle looked at that is whole now; an outcome tells what becomes of it.

        Raises:
            HandsetError: it is not whole.
        """
        await self._open_intake().end(offer)

    def _open_intake(self) -> NetworkIntake:
        if self._intake is None:
            raise BundleError("This handset takes no bundles over the network now. See wecall doctor.")
        return self._intake
