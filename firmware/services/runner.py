"""Does what menus ask for, beside the phone: one errand after another for each kind, answers posted when they come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from traceback import extract_tb
from typing import Any, Final

from firmware.base.errors import HandsetError
from firmware.base.words import word
from firmware.phone.answers import Answer, ErrandFailed
from firmware.phone.errands import Errand
from firmware.store.errors import StoreOnTrialError

_log = logging.getLogger(__name__)

_FAILED: Final = word("That did not work. Try again, or ask your installer.")
_ON_TRIAL: Final = word("Contacts and calls open once the new firmware is confirmed.")

Handler = Callable[[Any], Awaitable[Answer | None]]
"""Does an errand of its type; returns its answer, None where answers were posted on the way.

Raises a HandsetError where it comes to nothing: the sentence is for the log and holds nothing personal.
"""


class ErrandRunner:
    """Implements `bus.ErrandRunner` with one handler for each type of errand."""

    def __init__(self, handlers: Mapping[type[Errand], Handler], post: Callable[[Answer], None]) -> None:
        """`post` takes the answers, in the main thread."""
        self._handlers = dict(handlers)
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, errand: Errand) -> None:
        """Begin an errand; its answer is posted later, never from within this call."""
        task = asyncio.get_running_loop().create_task(self._do(errand))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, errand: Errand) -> None:
        name = type(errand).__name__
        handler = self._handlers.get(type(errand))
        if handler is None:
            self._post(ErrandFailed(name, word("This phone's memory cannot be used now.")))
            return
        try:
            answer = await handler(errand)
        except StoreOnTrialError:
            answer = ErrandFailed(name, _ON_TRIAL)
        except HandsetError as error:
            _log.warning("The errand %s came to nothing: %s", name, error)
            answer = ErrandFailed(name, _FAILED)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page that waits must hear of it
            # Its own text may quote what the errand is about.
            place = extract_tb(error.__traceback__)[-1]
            _log.error("The errand %s failed: %s in %s, line %d", name, type(error).__name__, place.name, place.lineno)
            answer = ErrandFailed(name, _FAILED)
        if answer is not None:
            self._post(answer)
