"""The errand that keeps in which country the handset stands, where its configuration does not say it."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from firmware.configuration.loading import keep_country
from firmware.phone.requests.handset import ChooseCountry
from firmware.services.runner import Handlers

_log = logging.getLogger(__name__)


class CountryErrands:
    """Keeps the country and has the handset start anew: each of its parts learns the country when it starts."""

    def __init__(self, state_dir: Path, start_anew: Callable[[], None]) -> None:
        """`start_anew` ends this run of the handset and begins another."""
        self._state_dir = state_dir
        self._start_anew = start_anew

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {ChooseCountry: self._choose}

    async def _choose(self, request: ChooseCountry) -> None:
        await asyncio.to_thread(keep_country, self._state_dir, request.code)
        _log.warning("The country was chosen on the display: the handset starts anew")
        self._start_anew()
