"""Bundles that the operator sends over the network: the stick's intake, less often and with fewer rights."""

from collections.abc import Callable
from typing import BinaryIO, Protocol

from firmware.base.errors import BundleError
from firmware.configuration.standing import BundleSource
from firmware.services.operator.inbound import Allowance


class NetworkIntake(Protocol):
    """What takes bundles in; see firmware.setup.bundles.intake."""

    def is_known(self, digest: str) -> bool:
        """Say whether it is known already what became of the bundle of this SHA-256."""
        ...

    async def bring(self, source: BundleSource, file: BinaryIO) -> str:
        """Take in a bundle."""
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

    async def bring(self, digest: str, file: BinaryIO) -> None:
        """Take in a bundle of this SHA-256, unless it is known; an outcome tells what becomes of it.

        Raises:
            HandsetError: it cannot be taken now, and is to be brought again.
        """
        if self._intake is None:
            raise BundleError("This handset takes no bundles over the network now. See wecall doctor.")
        if not self._intake.is_known(digest):
            self._allowance.use()
            await self._intake.bring(BundleSource.NETWORK, file)
