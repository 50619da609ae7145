"""What the handset answers to `wecall factory-reset`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware.admin.pin_proof import prove
from firmware.control.requests import Answer, ResetRequest
from firmware.control.server import Handler
from firmware.errors import StorageError
from firmware.farewell.resetting import Resetting
from firmware.phone.purpose import Actor, Channel
from firmware.phone.rights import Right
from firmware.storage.pin import StoredPin, who_answers
from firmware.storage.rights import StoredRequests


class ResetAnswer(Answer):
    """Whether the reset has begun.

    Attributes:
        needs_guardian: it has not, for the guardian's PIN is to be typed first.
    """

    needs_guardian: bool


@dataclass(frozen=True, slots=True)
class Guarding:
    """Who is asked before a reset.

    Attributes:
        pins: the guardian's and the holder's.
        requests: notes each PIN that was wrong.
    """

    pins: Mapping[Actor, StoredPin]
    requests: StoredRequests


class ResetRole:
    """Answers the admin role's request for a factory reset.

    Whoever owns the machine needs no PIN of a holder's, who may have forgotten it. Under 14 the guardian is asked;
    where the store cannot be read nobody knows whether there is one.
    """

    def __init__(self, resetting: Resetting, guarding: Callable[[], Guarding | None]) -> None:
        """`guarding` returns who is asked; None where there is no store."""
        self._resetting = resetting
        self._guarding = guarding

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"reset": self._reset}

    async def _reset(self, request: ResetRequest) -> ResetAnswer:
        actor = Actor.HOLDER
        if (guarding := self._guarding()) is not None and await _is_guarded(guarding):
            actor = Actor.GUARDIAN
            if not request.pin:
                return ResetAnswer(needs_guardian=True)
            await prove(
                guarding.pins[actor], guarding.requests, request.pin, actor=actor, right=Right.RESET, done="erased"
            )
        await self._resetting.begin(actor, Channel.COMMAND_LINE)
        return ResetAnswer(needs_guardian=False)


async def _is_guarded(guarding: Guarding) -> bool:
    try:
        return await who_answers(guarding.pins) is Actor.GUARDIAN
    except StorageError:
        return False
