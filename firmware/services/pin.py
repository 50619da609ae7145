"""Requests about the holder's PIN and the guardian's."""

from collections.abc import Callable
from time import monotonic

from firmware.base.errors import StorageError
from firmware.phone.activation import AgeBand
from firmware.phone.events import Event
from firmware.phone.pin import PinSlot
from firmware.phone.requests.pin import CheckPin, GuardStore, PinChanged, PinChecked, SetPin, StoreGuarded
from firmware.services.proofs import TypedJustNow
from firmware.services.runner import Handlers
from firmware.store.consents import Consents
from firmware.store.pin import StoredPin


class PinErrands:
    """Checks a PIN, sets one and has it open the store; one that is set changes only after it was typed just now."""

    def __init__(
        self,
        holder: StoredPin,
        guardian: StoredPin,
        consents: Consents,
        post: Callable[[Event], None],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Set up.

        Args:
            holder: the holder's PIN.
            guardian: the guardian's.
            consents: tells how old the holder is, and so whether a guardian answers.
            post: tells the phone of changes, in the main thread.
            clock: seconds that no setting of the clock moves.
        """
        self._pins = {PinSlot.HOLDER: holder, PinSlot.GUARDIAN: guardian}
        self._consents = consents
        self._post = post
        self._typed: TypedJustNow[PinSlot, PinSlot] = TypedJustNow(clock)

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {CheckPin: self._check, SetPin: self._set, GuardStore: self._guard}

    async def _check(self, request: CheckPin) -> PinChecked:
        verdict = await self._pins[request.slot].check(request.pin)
        if verdict.accepted:
            self._typed.give(request.slot, request.slot)
        return PinChecked(verdict.accepted, verdict.wait_s)

    async def _set(self, request: SetPin) -> None:
        # The menu may not know yet that there is a PIN: whoever starts the phone anew must not choose another one.
        slot, pin = request.slot, request.pin
        typed = self._typed.take(slot)
        if typed is None and await self._pins[slot].is_set() and not await self._has_outlived_its_use(slot, pin):
            raise StorageError("There is a PIN already, and it was not typed just now. Type it, and then a new one.")
        await self._pins[slot].set(pin)
        self._post(PinChanged(is_set=bool(pin), slot=slot))

    async def _has_outlived_its_use(self, slot: PinSlot, pin: str) -> bool:
        """Whether a guardian's PIN is to go that answers for nobody: it was typed when the holder's age was changed."""
        if slot is not PinSlot.GUARDIAN or pin:
            return False
        return (await self._consents.state()).age_band in {AgeBand.FROM_14_TO_17, AgeBand.ADULT}

    async def _guard(self, request: GuardStore) -> PinChecked:
        pin = self._pins[PinSlot.HOLDER]
        verdict = await pin.guard_store(request.pin, guarded=request.guarded)
        if verdict.accepted:
            self._post(StoreGuarded(pin.guards))
        return PinChecked(verdict.accepted, verdict.wait_s)
