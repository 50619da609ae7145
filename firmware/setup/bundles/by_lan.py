"""Bundles that a handset without a configuration finds on its local network: the stick's intake, less often."""

from collections.abc import Callable, Collection
from typing import BinaryIO, Protocol

from firmware.configuration.standing import BundleSource
from firmware.services.operator.inbound import Allowance


class Intake(Protocol):
    """What takes bundles in; see firmware.setup.bundles.intake."""

    @property
    def is_free(self) -> bool:
        """Whether no bundle is under way."""
        ...

    def is_known(self, digest: str) -> bool:
        """Say whether it is known already what became of the bundle of this SHA-256."""
        ...

    async def bring(self, source: BundleSource, file: BinaryIO) -> str:
        """Take in a bundle."""
        ...


class LanBundles:
    """Takes in what is found: nothing twice, and nothing that is for another handset."""

    def __init__(self, intake: Intake, serial: str, monotonic: Callable[[], float]) -> None:
        """Set up.

        Args:
            intake: where bundles go.
            serial: this handset's.
            monotonic: seconds that no setting of the clock moves.
        """
        self._intake = intake
        self._serial = serial
        # Anybody on the network may have made one: each is written to the card, and may ask a person something.
        self._allowance = Allowance(monotonic, burst=3, per_s=1 / 60)

    def wants(self, digest: str, serials: Collection[str]) -> bool:
        """Say whether a bundle of this SHA-256 is to be brought, which is for these serials; for all where none are."""
        is_for_this = not serials or self._serial in serials
        return is_for_this and self._intake.is_free and not self._intake.is_known(digest)

    async def bring(self, file: BinaryIO) -> None:
        """Take in a bundle; the display tells what becomes of it.

        Raises:
            HandsetError: it cannot be taken now, and may be brought again.
        """
        self._allowance.use()
        await self._intake.bring(BundleSource.LAN, file)
