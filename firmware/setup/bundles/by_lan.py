"""Bundles that a handset without a configuration finds on its local network: the stick's intake, less often.

They come from the network itself, or from an address that it names and somebody at the handset has confirmed.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import BinaryIO, Final, Protocol

from contract.results import OutcomeCode
from firmware.configuration.standing import BundleSource
from firmware.fetch.wanted import Place
from firmware.services.operator.inbound import Allowance

_MOST_ADDRESSES: Final = 3
"""So many are asked about until the handset starts anew: a network that names ever others is no more heard."""
_WAIT_S: Final = 5.0
_FETCH_S: Final = 150.0
"""Whoever fetches has said by then what came of it."""


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

    def ask_about(self, address: str, accepted: Callable[[], None]) -> None:
        """Ask a person whether bundles may be fetched from an address."""
        ...

    def refuse_address(self, code: OutcomeCode) -> None:
        """Have the display say why no bundle comes from an address."""
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
        self._asked: set[str] = set()
        self._confirmed: asyncio.Queue[str] = asyncio.Queue()
        self._fetching: asyncio.TimerHandle | None = None

    def offer_address(self, address: str) -> None:
        """Ask about an address that the network names: about each once, and about none that is not of the one form."""
        is_over = address in self._asked or len(self._asked) >= _MOST_ADDRESSES
        if is_over or self._fetching is not None or not self._intake.is_free:
            return
        self._asked.add(address)
        if Place(address).is_one:
            self._intake.ask_about(address, partial(self._confirm, address))
        else:
            self._intake.refuse_address(OutcomeCode.SERVER_WRONG)

    def _confirm(self, address: str) -> None:
        self._confirmed.put_nowait(address)
        loop = asyncio.get_running_loop()
        self._fetching = loop.call_later(_FETCH_S, self.fetch_ended, OutcomeCode.UNREACHABLE)

    async def confirmed_address(self) -> str:
        """Wait some seconds for an address that somebody confirms, and return it, or nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_S):
                return await self._confirmed.get()
        return ""

    def fetch_ended(self, code: OutcomeCode) -> None:
        """Hear why no bundle comes from the address that was confirmed; nothing where nobody waits for one."""
        if self._waits_no_more():
            self._intake.refuse_address(code)

    def _waits_no_more(self) -> bool:
        """Wait no longer for whoever fetches; say whether that was waited for."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            fetching.cancel()
        return fetching is not None

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
        self._waits_no_more()
