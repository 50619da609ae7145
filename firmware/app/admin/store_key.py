"""What the handset answers to `wecall store rotate-key`."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from firmware.base.errors import ControlError
from firmware.control.admin_requests import KeyRotateRequest
from firmware.control.requests import Answer
from firmware.control.server import Handler

_log = logging.getLogger(__name__)


class KeyRotated(Answer):
    """The store has another key."""


class KeyRole:
    """Answers the admin role's request to change the store's key; nothing about the key itself is ever answered."""

    def __init__(self, rotate: Callable[[], Callable[[], Awaitable[None]] | None]) -> None:
        """`rotate` returns what writes the store anew; None where there is no store."""
        self._rotate = rotate

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"key_rotate": self._change}

    async def _change(self, _request: KeyRotateRequest) -> KeyRotated:
        rotate = self._rotate()
        if rotate is None:
            raise ControlError("The store cannot be used, so its key cannot be changed. See wecall doctor.")
        await rotate()
        _log.info("The store has a new key")
        return KeyRotated()
