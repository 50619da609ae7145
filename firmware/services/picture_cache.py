"""Pictures at hand for the display's thread, which never waits for the store."""

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from PIL import Image, ImageOps

from firmware.base.errors import HandsetError
from firmware.pictures.pixels import Pixels

_log = logging.getLogger(__name__)

_MOST: Final = 16
"""Pictures that are kept in memory: a quarter of a megabyte each at most."""

_Wanted = tuple[str, int, int]


class PictureCache:
    """Implements `screens.model.Pictures`: what is not at hand is loaded, and then the display is painted again."""

    def __init__(
        self,
        load: Callable[[str], Awaitable[Pixels | None]],
        when_loaded: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Set up.

        Args:
            load: reads a picture from the store, in the loop.
            when_loaded: called in the loop each time that a picture has come to hand.
            loop: the main one.
        """
        self._load = load
        self._when_loaded = when_loaded
        self._loop = loop
        self._lock = threading.Lock()
        self._at_hand: OrderedDict[_Wanted, bytes | None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def picture(self, name: str, width_px: int, height_px: int) -> bytes | None:
        """Return a picture in just that size, cut where its shape is another; None while it is not at hand."""
        wanted = (name, width_px, height_px)
        with self._lock:
            if wanted in self._at_hand:
                self._at_hand.move_to_end(wanted)
                return self._at_hand[wanted]
            # Asked for once; it stays None where the store has no such picture.
            self._at_hand[wanted] = None
            while len(self._at_hand) > _MOST:
                self._at_hand.popitem(last=False)
        try:
            self._loop.call_soon_threadsafe(self._begin, wanted)
        except RuntimeError:
            _log.debug("A picture was asked for after the main loop had closed.")
        return None

    def forget(self) -> None:
        """Load every picture anew when it is next asked for: one was deleted, or the store has opened."""
        with self._lock:
            self._at_hand.clear()

    def _begin(self, wanted: _Wanted) -> None:
        task = self._loop.create_task(self._fetch(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, wanted: _Wanted) -> None:
        name, width_px, height_px = wanted
        try:
            pixels = await self._load(name)
        except HandsetError as error:
            _log.warning("A picture cannot be shown: %s", error)
            return
        if pixels is None:
            return
        fitted = await asyncio.to_thread(_fit, pixels, width_px, height_px)
        with self._lock:
            if wanted not in self._at_hand:
                return
            self._at_hand[wanted] = fitted
        self._when_loaded()


def _fit(pixels: Pixels, width_px: int, height_px: int) -> bytes:
    image = Image.frombytes("RGB", (pixels.width_px, pixels.height_px), pixels.rgb)
    return ImageOps.fit(image, (width_px, height_px), centering=(0.5, 0.4)).tobytes()
