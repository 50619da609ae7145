"""The errand that makes the handset forget its holder."""

from contract.consent import Actor, Channel
from firmware.base.errors import StorageError
from firmware.phone.pin import Right
from firmware.phone.requests.handset import FactoryReset
from firmware.services.account.factory_reset import Resetting
from firmware.services.proofs import Proofs
from firmware.services.runner import Handlers


class ResetErrands:
    """Begins a reset, once it is proved to be whoever may have it."""

    def __init__(self, resetting: Resetting, proofs: Proofs | None, *, unreadable: bool = False) -> None:
        """Set up.

        Args:
            resetting: does it.
            proofs: who proved to be who; None where no store can be used.
            unreadable: there is one all the same, so that the phone may be somebody's.
        """
        self._resetting = resetting
        self._proofs = proofs
        self._unreadable = unreadable

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {FactoryReset: self._reset}

    async def _reset(self, _request: FactoryReset) -> None:
        if self._unreadable:
            raise StorageError(
                "The store cannot be read, so nobody knows whether a guardian answers for the holder, and the menu "
                "resets nothing. Whoever owns the machine can: sudo wecall factory-reset"
            )
        actor = Actor.HOLDER
        if self._proofs is not None and await self._proofs.who_answers() is not None:
            actor = await self._proofs.take(Right.RESET)
        await self._resetting.begin(actor, Channel.KEYPAD)
