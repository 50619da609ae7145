"""The PIN of the guardian, who answers for a holder that is under 14."""

from collections.abc import Callable
from functools import partial

from contract.consent import Actor
from firmware.base.words import Text, word
from firmware.phone.menu.choices import Then
from firmware.phone.menu.entry import PinEntry
from firmware.phone.menu.lock import PinCheck, PinNotice, asking_pin
from firmware.phone.menu.question import ask_later
from firmware.phone.pin import PinSlot, weakness
from firmware.phone.requests.pin import CheckPin, SetPin
from firmware.phone.state import PhoneState

GUARDIANS_PIN = word("Guardian's PIN")


class GuardianCheck(PinCheck):
    """Asks for the guardian's PIN, and goes on where it is the right one."""

    def __init__(self, then: Then) -> None:
        super().__init__(then, GUARDIANS_PIN)

    def request(self, pin: str) -> CheckPin:
        """Compare it with the guardian's."""
        return CheckPin(pin, PinSlot.GUARDIAN)


def who_answers(state: PhoneState) -> Actor:
    """Return whose answer about a purpose counts, on a phone that is set up."""
    return Actor.GUARDIAN if state.has_guardian else Actor.HOLDER


def asking_who_answers(then: Then) -> Then:
    """Make something ask first for the PIN of whoever answers about purposes."""
    check = _asking_guardian(then, otherwise=asking_pin(then))

    def ask(state: PhoneState) -> None:
        if state.features.store_waits and not state.knows_its_holder:
            # The holder's PIN opens the store, which says whether there is a guardian.
            state.menu.push(state, PinCheck(asking_guardian(then)))
        else:
            check(state)

    return ask


def asking_guardian(then: Then) -> Then:
    """Make something ask first for the guardian's PIN, where there is a guardian; a holder needs none for it."""
    return _asking_guardian(then, otherwise=then)


def _asking_guardian(then: Then, *, otherwise: Then) -> Then:
    def ask(state: PhoneState) -> None:
        if state.has_guardian:
            state.menu.push(state, GuardianCheck(then))
        elif not state.knows_its_holder:
            ask_later(state)
        else:
            otherwise(state)

    return ask


def ask_guardians_pin(state: PhoneState, then: Then, note: Text = "") -> None:
    """Ask a guardian for a new PIN twice, and keep it; once that is done and read, go on."""

    def accept(state: PhoneState, pin: str) -> Text | None:
        if (reason := weakness(pin)) is not None:
            return reason
        state.menu.push(state, PinEntry(word("PIN again"), _repetition_of(pin, then)))
        return None

    state.menu.push(state, PinEntry(GUARDIANS_PIN, accept, note=note or word("4 to 8 digits")))


def change_guardians_pin(state: PhoneState) -> None:
    """Ask a guardian for the current PIN, and then for a new one."""
    state.menu.push(state, GuardianCheck(partial(ask_guardians_pin, then=_be_done)))


def _be_done(_state: PhoneState) -> None:
    """Leave it at that."""


def _repetition_of(first: str, then: Then) -> Callable[[PhoneState, str], Text | None]:
    def accept(state: PhoneState, pin: str) -> Text | None:
        if pin == first:
            done = word("The guardian's PIN is set.")
            state.menu.push(state, PinNotice(SetPin(pin, PinSlot.GUARDIAN), done, then))
        else:
            ask_guardians_pin(state, then, word("The two differ. Once more."))
        return None

    return accept
