"""Errands about the holder's PIN and the guardian's."""

from collections.abc import Callable, Mapping
from time import monotonic

from firmware.base.errors import StorageError
from firmware.phone.activation import AgeBand
from firmware.phone.answers import PinChanged, PinChecked
from firmware.phone.errands import CheckPin, Errand, SetPin
from firmware.phone.key_answers import StoreGuarded
from firmware.phone.key_errands import GuardStore
from firmware.phone.pin import PinSlot
from firmware.services.proofs import TypedJustNow
from firmware.services.runner import Handler
from firmware.store.consents import Consents
from firmware.store.pin import StoredPin


class PinErrands:
    """Checks a PIN, sets one and has it open the store; one that is set changes only after it was typed just now."""

    def __init__(
        self,
        holder: StoredPin,
        guardian: StoredPin,
        consents: Consents,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Set up.

        Args:
            holder: the holder's PIN.
            guardian: the guardian's.
            consents: tells how old the holder is, and so whether a guardian answers.
            clock: seconds that no setting of the clock moves.
        """
        self._pins = {PinSlot.HOLDER: holder, PinSlot.GUARDIAN: guardian}
        self._consents = consents
        self._typed: TypedJustNow[PinSlot, PinSlot] = TypedJustNow(clock)

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {CheckPin: self._check, SetPin: self._set, GuardStore: self._guard}

    async def _check(self, errand: CheckPin) -> PinChecked:
        verdict = await self._pins[errand.slot].check(errand.pin)
        if verdict.accepted:
            self._typed.give(errand.slot, errand.slot)
        return PinChecked(verdict.accepted, verdict.wait_s)

    async def _set(self, errand: SetPin) -> PinChanged:
        # The menu may not know yet that there is a PIN: whoever starts the phone anew must not choose another one.
        typed = self._typed.take(errand.slot)
        if typed is None and await self._pins[errand.slot].is_set() and not await self._has_outlived_its_use(errand):
            raise StorageError("There is a PIN already, and it was not typed just now. Type it, and then a new one.")
        await self._pins[errand.slot].set(errand.pin)
        return PinChanged(is_set=bool(errand.pin), slot=errand.slot)

    async def _has_outlived_its_use(self, errand: SetPin) -> bool:
        """Whether a guardian's PIN is to go that answers for nobody: it was typed when the holder's age was changed."""
        if errand.slot is not PinSlot.GUARDIAN or errand.pin:
            return False
        return (await self._consents.state()).age_band in {AgeBand.FROM_14_TO_17, AgeBand.ADULT}

    async def _guard(self, errand: GuardStore) -> StoreGuarded | PinChecked:
        pin = self._pins[PinSlot.HOLDER]
        verdict = await pin.guard_store(errand.pin, guarded=errand.guarded)
        return StoreGuarded(pin.guards) if verdict.accepted else PinChecked(accepted=False, wait_s=verdict.wait_s)
