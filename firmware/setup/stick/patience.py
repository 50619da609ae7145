"""Asking a handset that may just be starting anew."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from contract.results import OutcomeCode
from firmware.base.backoff import full_jitter_s
from firmware.base.errors import BundleNotTakenError, ControlError, RequestRefusedError

_T = TypeVar("_T")

_PAUSE_BASE_S: Final = 0.2
_PAUSE_CAP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long somebody who is not there is asked again.

    Attributes:
        limit_s: from the first time that nobody answered; a handset that tries a configuration starts twice.
        refused_limit_s: where it answers that it knows nothing of it, which may be early in its start.
        busy_limit_s: where it says that another bundle is under way: after a power cut it goes on with the one that the
            same stick has brought.
    """

    limit_s: float = 180.0
    refused_limit_s: float = 15.0
    busy_limit_s: float = 600.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self, question: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer.

        Raises:
            RequestRefusedError: the handset goes on to refuse.
            ControlError: nobody answered for too long.
        """
        began_s, attempt = self.clock(), 0
        while True:
            try:
                return await question()
            except ControlError as error:
                limit_s = self._limit_s(error)
                pause_s = full_jitter_s(attempt, base_s=_PAUSE_BASE_S, cap_s=_PAUSE_CAP_S)
                if self.clock() - began_s + pause_s > limit_s:
                    raise
            await self.sleep(pause_s)
            attempt += 1

    def _limit_s(self, error: ControlError) -> float:
        match error:
            case BundleNotTakenError(refusal=OutcomeCode.BUSY):
                return self.busy_limit_s
            case BundleNotTakenError():
                return 0.0
            case RequestRefusedError():
                return self.refused_limit_s
        return self.limit_s
