"""Proving to be the holder before one of the holder's rights is exercised: each wrong try stands in the ledger."""

from firmware.base.words import word
from firmware.phone.menu.choices import Then
from firmware.phone.menu.lock import PinCheck, ask_new_pin
from firmware.phone.menu.question import Question, ask_later
from firmware.phone.pin import PinSlot, Right
from firmware.phone.requests.rights import ProveHolder
from firmware.phone.state import PhoneState


class ProofPage(PinCheck):
    """Asks for the PIN of the holder, or of the guardian who answers for one, and goes on where it is the right one."""

    def __init__(self, right: Right, slot: PinSlot, then: Then) -> None:
        super().__init__(then, word("Guardian's PIN") if slot is PinSlot.GUARDIAN else word("PIN"))
        self._right = right
        self._slot = slot

    def request(self, pin: str) -> ProveHolder:
        """Compare it for the right that it is typed for."""
        return ProveHolder(self._right, pin, self._slot)


def proving(right: Right, then: Then, *, without_pin: Then | None = None) -> Then:
    """Make something ask first for the PIN of whoever has a right; without a PIN one is to be set.

    Args:
        right: what the PIN is typed for.
        then: what comes after it.
        without_pin: what is done where there is no PIN, in place of having one set.
    """

    def ask(state: PhoneState) -> None:
        if not state.knows_its_holder:
            ask_later(state)
        elif state.has_guardian or state.features.guardian_pin_is_set:
            # As the store has it, which looks at the PIN alone.
            state.menu.push(state, ProofPage(right, PinSlot.GUARDIAN, then))
        elif state.features.pin_is_set:
            state.menu.push(state, ProofPage(right, PinSlot.HOLDER, then))
        elif without_pin is not None:
            without_pin(state)
        else:
            text = word("This needs a PIN. There is none yet.")
            set_one = word("Set a PIN")
            state.menu.push(state, Question(set_one, text, set_one, lambda state: ask_new_pin(state, ask)))

    return ask
