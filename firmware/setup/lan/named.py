"""Bundles at an address that the network names: it is brought to the handset, and fetched once somebody said yes.

Two processes do this. Who hears the network reaches nothing behind its routers; who fetches hears no network.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Final, Protocol

from contract.results import OutcomeCode
from firmware.base.backoff import full_jitter_s
from firmware.base.errors import ControlError, LanServerError
from firmware.control.open_files import sealed
from firmware.fetch.wanted import Place
from firmware.setup.lan.dhcp import named_addresses
from firmware.setup.lan.offers import offers_at
from firmware.setup.lan.search import HandsetLink, wanted_of

_log = logging.getLogger(__name__)

_FETCH_S: Final = 120.0
"""So long all tries together may take; the handset waits half a minute longer."""
_TRIES: Final = 3
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


class NamingLink(Protocol):
    """The handset, for whoever hears the network."""

    async def offer_address(self, address: str) -> None: ...


class FetchingLink(HandsetLink, Protocol):
    """The handset, for whoever fetches."""

    async def confirmed_address(self) -> str: ...
    async def fetch_ended(self, code: OutcomeCode) -> None: ...


async def offer_addresses(link: NamingLink, hear: Callable[[], Awaitable[Collection[str]]] = named_addresses) -> None:
    """Bring the handset what the network names, again and again, until this is cancelled; it asks about each once."""
    attempt = 0
    while True:
        for address in await hear():
            try:
                await link.offer_address(address)
            except ControlError as error:
                _log.info("The handset hears of no address now: %s", error)
        await asyncio.sleep(_PAUSE_S + full_jitter_s(attempt, base_s=_PAUSE_S, cap_s=_LONGEST_PAUSE_S))
        attempt += 1


async def fetch_confirmed(link: FetchingLink, ask: Callable[[Place], AsyncGenerator[bytes, None]] = offers_at) -> None:
    """Fetch from each address that somebody has confirmed, until this is cancelled."""
    while True:
        try:
            if address := await link.confirmed_address():
                await _fetch(link, Place(address), ask)
        except ControlError as error:
            _log.info("The handset cannot be asked what to fetch: %s", error)
            await asyncio.sleep(_PAUSE_S)


async def _fetch(link: FetchingLink, place: Place, ask: Callable[[Place], AsyncGenerator[bytes, None]]) -> None:
    try:
        async with asyncio.timeout(_FETCH_S):
            bundle = await _best_at(link, place, ask)
    except TimeoutError:
        _log.warning("The server that the network names takes too long.")
        await link.fetch_ended(OutcomeCode.UNREACHABLE)
    except LanServerError as error:
        _log.warning("The server that the network names has no bundle. %s", error)
        await link.fetch_ended(error.refusal)
    else:
        if bundle is None:
            await link.fetch_ended(OutcomeCode.WRONG_SERIAL)
        else:
            await _hand_over(link, bundle)


async def _hand_over(link: FetchingLink, bundle: bytes) -> None:
    try:
        with sealed(bundle) as file:
            await link.bring(file)
    except ControlError as error:
        _log.warning("The handset does not take the bundle: %s", error)
        await link.fetch_ended(OutcomeCode.FAILED)


async def _best_at(
    link: FetchingLink, place: Place, ask: Callable[[Place], AsyncGenerator[bytes, None]]
) -> bytes | None:
    best = None
    for tries_left in reversed(range(_TRIES)):
        try:
            async with aclosing(ask(place)) as bundles:
                async for better in wanted_of(bundles, link):
                    best = better
            break
        except LanServerError as error:
            # A name server, the clock or the link may come a moment after the phone.
            if error.refusal is not OutcomeCode.UNREACHABLE or not tries_left:
                raise
            await asyncio.sleep(_PAUSE_S)
    return best
