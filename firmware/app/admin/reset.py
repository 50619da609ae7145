"""What the handset answers to `wecall factory-reset`."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from contract.consent import Actor, Channel
from firmware.app.admin.pin_proof import prove
from firmware.base.errors import ControlError, StorageError
from firmware.base.peer import asking
from firmware.control.admin_requests import ResetRequest
from firmware.control.requests import Answer
from firmware.control.server import Handler
from firmware.phone.pin import Right
from firmware.services.account.factory_reset import Resetting
from firmware.store.guardian_mark import GuardianMark
from firmware.store.pin import StoredPin, who_answers
from firmware.store.rights import StoredRequests


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
    while the store that knows the guardian's PIN is closed, only root gets past the mark that there is one.
    """

    def __init__(self, resetting: Resetting, guarding: Callable[[], Guarding | None], mark: GuardianMark) -> None:
        """Set up.

        Args:
            resetting: does it.
            guarding: returns who is asked; None where there is no store.
            mark: says whether a guardian answers while the store cannot.
        """
        self._resetting = resetting
        self._guarding = guarding
        self._mark = mark

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"reset": self._reset}

    async def _reset(self, request: ResetRequest) -> ResetAnswer:
        actor = Actor.HOLDER
        if (guarding := await self._guardians()) is not None:
            actor = Actor.GUARDIAN
            if not request.pin:
                return ResetAnswer(needs_guardian=True)
            await prove(
                guarding.pins[actor], guarding.requests, request.pin, actor=actor, right=Right.RESET, done="erased"
            )
        await self._resetting.begin(actor, Channel.COMMAND_LINE)
        return ResetAnswer(needs_guardian=False)

    async def _guardians(self) -> Guarding | None:
        """Return who is asked where a guardian answers; while nobody can know, only root gets past the mark.

        Raises:
            ControlError: nobody can know, and it is somebody else.
        """
        guarding = self._guarding()
        if guarding is not None:
            with suppress(StorageError):
                return guarding if await who_answers(guarding.pins) is Actor.GUARDIAN else None
        self._require_root_past_a_guardian()
        return None

    def _require_root_past_a_guardian(self) -> None:
        """Let root alone go on where a guardian answers whose PIN nothing can be compared with.

        Raises:
            ControlError: it is somebody else.
        """
        peer = asking.get()
        if self._mark.is_set and (peer is None or peer.uid != 0):
            raise ControlError(
                "A guardian answers for the holder, and the store that knows the guardian's PIN is closed; nothing was "
                "erased. Type the PIN on the phone if it waits for one, then try again; or have root run: "
                "sudo wecall factory-reset"
            )
