"""Who has proved to be the holder, or who answers for one, and for which of the holder's rights."""

from collections.abc import Callable, Hashable, Mapping
from time import monotonic
from typing import Final, Generic, TypeVar

from contract.consent import Actor, Channel
from firmware.base.errors import StorageError
from firmware.phone.pin import PinSlot, Right
from firmware.phone.requests.pin import PinChecked
from firmware.phone.requests.rights import ProveHolder
from firmware.store.pin import StoredPin, who_answers
from firmware.store.rights import StoredRequests

PROOF_S: Final = 300.0
"""So long a PIN that was typed counts for what it was typed for."""

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

_ACTORS: Final = {PinSlot.HOLDER: Actor.HOLDER, PinSlot.GUARDIAN: Actor.GUARDIAN}


class TypedJustNow(Generic[_K, _V]):
    """What a PIN was typed for; each counts once, and for some minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that no setting of the clock moves."""
        self._clock = clock
        self._given: dict[_K, tuple[float, _V]] = {}

    def give(self, what: _K, by: _V) -> None:
        """Let it count."""
        self._given[what] = (self._clock() + PROOF_S, by)

    def take(self, what: _K) -> _V | None:
        """Return by whom it was typed; None where it was not, or too long ago."""
        until_s, by = self._given.pop(what, (float("-inf"), None))
        return by if self._clock() <= until_s else None


class Proofs:
    """Proofs that were given just now, each for one right and once."""

    def __init__(
        self, pins: Mapping[PinSlot, StoredPin], requests: StoredRequests, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """Set up.

        Args:
            pins: whose PIN proves it.
            requests: notes each one that was wrong.
            clock: seconds that no setting of the clock moves.
        """
        self._pins = pins
        self._requests = requests
        self._given: TypedJustNow[Right, Actor] = TypedJustNow(clock)

    async def prove(self, request: ProveHolder) -> PinChecked:
        """Compare a PIN, and let the right one count for some minutes."""
        actor = _ACTORS[request.slot]
        verdict = await self._pins[request.slot].check(request.pin)
        if verdict.accepted:
            self._given.give(request.right, actor)
        elif verdict.looked_at:
            # Keys that are pressed while a wait runs must not make the ledger grow, nor tell the operator each time.
            await self._requests.note_check_failed(request.right, actor=actor, channel=Channel.KEYPAD)
        return PinChecked(verdict.accepted, verdict.wait_s)

    async def who_answers(self) -> Actor | None:
        """Return whose PIN counts; None where nobody has set any.

        Raises:
            StorageError: the store cannot be read, so nobody knows.
        """
        return await who_answers({_ACTORS[slot]: pin for slot, pin in self._pins.items()})

    async def take(self, right: Right) -> Actor:
        """Return who proved to be who for a right just now; it counts once.

        Whose PIN counts the store says, whatever the menu has asked for.

        Raises:
            StorageError: nobody did, or the holder where the guardian answers; or the store cannot be read, so nobody
                knows.
        """
        if (actor := self._given.take(right)) is None:
            raise StorageError("The holder's PIN was not typed for this, or too long ago. Type it, and try again.")
        if await self.who_answers() is Actor.GUARDIAN is not actor:
            raise StorageError("Under 14 the guardian's PIN is needed for this, and another one was typed.")
        return actor
