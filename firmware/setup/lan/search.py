"""Looks for this handset's bundle on the local network, again and again; it owns nothing and knows no serial."""

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import BinaryIO, Final, Protocol

from firmware.base.backoff import full_jitter_s
from firmware.base.errors import ControlError, LanServerError
from firmware.control.open_files import sealed
from firmware.setup.lan.offers import offers
from firmware.setup.lan.servers import Server, find_servers
from provisioning.bundle import open_bundle
from provisioning.errors import BundleRefusedError

_log = logging.getLogger(__name__)

_SERVER_S: Final = 30.0
"""So long one server may take: who sends slowly keeps no other from being heard."""
_PAUSE_S: Final = 1.0
_JITTER_S: Final = 2.0
_LONGEST_JITTER_S: Final = 30.0


class HandsetLink(Protocol):
    """The handset; every method raises a ControlError. See firmware.control.lan_client."""

    async def wants(self, digest: str, serials: Collection[str]) -> bool: ...
    async def bring(self, bundle: BinaryIO) -> None: ...


class Search:
    """The search of one handset.

    What is found out here decides about nothing: the handset verifies again what it is given, and asks whoever stands
    before it.
    """

    def __init__(
        self,
        link: HandsetLink,
        *,
        find: Callable[[], Awaitable[Sequence[Server]]] = find_servers,
        ask: Callable[[Server], AsyncGenerator[bytes, None]] = offers,
        server_s: float = _SERVER_S,
    ) -> None:
        """Set up.

        Args:
            link: the handset.
            find: finds servers.
            ask: yields what a server offers.
            server_s: how long one may take, in seconds.
        """
        self._link = link
        self._find = find
        self._ask = ask
        self._server_s = server_s

    async def run(self) -> None:
        """Look until this is cancelled; what fails is tried again, after pauses that grow."""
        attempt = 0
        while True:
            attempt = 0 if await self.look() else attempt + 1
            pause_s = full_jitter_s(attempt, base_s=_JITTER_S, cap_s=_LONGEST_JITTER_S)
            await asyncio.sleep(_PAUSE_S + pause_s)

    async def look(self) -> bool:
        """Look once, and say whether a bundle was handed over."""
        for server in await self._find():
            if (bundle := await self._best_of(server)) is None:
                continue
            try:
                with sealed(bundle) as file:
                    await self._link.bring(file)
            except ControlError as error:
                _log.info("The handset takes no bundle now: %s", error)
            else:
                _log.info("A bundle for this handset was found, and handed over.")
                return True
        return False

    async def _best_of(self, server: Server) -> bytes | None:
        """Return the bundle with the highest number that a server has and the handset wants to have."""
        best = None
        try:
            async with asyncio.timeout(self._server_s), aclosing(self._ask(server)) as bundles:
                async for better in wanted_of(bundles, self._link):
                    best = better
        except TimeoutError:
            _log.info("A server on this network takes too long.")
        except LanServerError as error:
            _log.info("A server on this network is passed over: %s", error)
        return best


async def wanted_of(bundles: AsyncGenerator[bytes, None], link: HandsetLink) -> AsyncGenerator[bytes, None]:
    """Yield those bundles that the handset wants to have, each with a higher number than the one before."""
    number = 0
    async for bundle in bundles:
        try:
            opened = open_bundle(io.BytesIO(bundle), None)
        except BundleRefusedError:
            continue
        manifest = opened.manifest
        if manifest.number > number and await _is_wanted(link, opened.digest, manifest.serials):
            number = manifest.number
            yield bundle


async def _is_wanted(link: HandsetLink, digest: str, serials: Collection[str]) -> bool:
    try:
        return await link.wants(digest, serials)
    except ControlError as error:
        _log.info("The handset does not say whether it wants a bundle: %s", error)
        return False
