"""Does what the phone asks for, beside it, and posts the answers when they come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from traceback import extract_tb
from typing import Any, Final

from firmware.base.errors import HandsetError
from firmware.base.words import word
from firmware.phone.request import NO_MEMORY, Answered, Failed, Request
from firmware.store.errors import StoreOnTrialError

_log = logging.getLogger(__name__)

_FAILED: Final = word("That did not work. Try again, or ask your installer.")
_ON_TRIAL: Final = word("Contacts and calls open once the new firmware is confirmed.")

Handler = Callable[[Any], Awaitable[object]]
"""Does what a request of its type asks for, and returns its answer.

Raises a HandsetError where it comes to nothing: the sentence is for the log and holds nothing personal.
"""

Handlers = dict[type[Request[object]], Handler]
"""Who does what."""


class ErrandRunner:
    """Implements `bus.ErrandRunner` with one handler for each type of request."""

    def __init__(self, handlers: Handlers, post: Callable[[Answered], None]) -> None:
        """`post` takes the answers, in the main thread."""
        self._handlers = dict(handlers)
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, request: Request[object]) -> None:
        """Begin what is asked for; the answer is posted later, never from within this call."""
        task = asyncio.get_running_loop().create_task(self._do(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, request: Request[object]) -> None:
        self._post(Answered(request, await self._answer(request)))

    async def _answer(self, request: Request[object]) -> object:
        name = type(request).__name__
        handler = self._handlers.get(type(request))
        if handler is None:
            return Failed(NO_MEMORY)
        try:
            return await handler(request)
        except StoreOnTrialError:
            return Failed(_ON_TRIAL)
        except HandsetError as error:
            _log.warning("The request %s came to nothing: %s", name, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page that waits must hear of it
            # Its own text may quote what the request is about.
            place = extract_tb(error.__traceback__)[-1]
            _log.error("The request %s failed: %s in %s, line %d", name, type(error).__name__, place.name, place.lineno)
        return Failed(_FAILED)
