"""Errands about the holder's PIN and the guardian's."""

from collections.abc import Mapping

from firmware.errands.runner import Handler
from firmware.phone.answers import PinChanged, PinChecked
from firmware.phone.errands import CheckPin, Errand, SetPin
from firmware.phone.key_answers import StoreGuarded
from firmware.phone.key_errands import GuardStore
from firmware.phone.pin_slot import PinSlot
from firmware.storage.pin import StoredPin


class PinErrands:
    """Checks a PIN, sets one and has it open the store; the phone sets one only after it has checked the old one."""

    def __init__(self, holder: StoredPin, guardian: StoredPin) -> None:
        self._pins = {PinSlot.HOLDER: holder, PinSlot.GUARDIAN: guardian}

    @property
    def handlers(self) -> Mapping[type[Errand], Handler]:
        """What the runner needs."""
        return {CheckPin: self._check, SetPin: self._set, GuardStore: self._guard}

    async def _check(self, errand: CheckPin) -> PinChecked:
        verdict = await self._pins[errand.slot].check(errand.pin)
        return PinChecked(verdict.accepted, verdict.wait_s)

    async def _set(self, errand: SetPin) -> PinChanged:
        await self._pins[errand.slot].set(errand.pin)
        return PinChanged(is_set=bool(errand.pin), slot=errand.slot)

    async def _guard(self, errand: GuardStore) -> StoreGuarded | PinChecked:
        pin = self._pins[PinSlot.HOLDER]
        verdict = await pin.guard_store(errand.pin, guarded=errand.guarded)
        return StoreGuarded(pin.guards) if verdict.accepted else PinChecked(accepted=False, wait_s=verdict.wait_s)
