"""What a new phone asks before it may be used: who answers, how old the holder is, and what is agreed to."""

from collections.abc import Callable
from functools import partial

from contract.consent import Purpose
from firmware.base.words import Text, word
from firmware.phone.activation import AgeBand
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import BACK, CHOOSE, Choice, Choices, Then
from firmware.phone.menu.consent import PurposePage
from firmware.phone.menu.guardian import GuardianCheck, ask_guardians_pin
from firmware.phone.menu.lock import PinCheck, ask_new_pin
from firmware.phone.menu.policy import PolicyPage
from firmware.phone.menu.question import Sentence
from firmware.phone.menu.reading import NEXT
from firmware.phone.menu.switches import CHOSEN
from firmware.phone.menu_stack import Screen
from firmware.phone.menu_views import CardView, MenuRow, SoftKeys
from firmware.phone.pin import PinSlot
from firmware.phone.request import Failed
from firmware.phone.requests.activation import LeaveNumberUnproved
from firmware.phone.requests.consents import Activate, ConsentsRead
from firmware.phone.requests.pin import SetPin
from firmware.phone.state import PhoneState

_AGES: tuple[tuple[AgeBand, Text], ...] = (
    (AgeBand.UNDER_14, word("Under 14")),
    (AgeBand.FROM_14_TO_17, word("14 to 17")),
    (AgeBand.ADULT, word("18 or older")),
)


class Explanation(Sentence):
    """A sentence that OK goes on from."""

    def __init__(self, text: Text, ok: Text, go_on: Then) -> None:
        super().__init__("", text, SoftKeys(BACK, ok))
        self._go_on = go_on

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, or turn over; digits do nothing, since they may become an emergency number."""
        if key is Key.OK:
            self._go_on(state)
        else:
            super().press(state, key)


# --- the PIN ----------------------------------------------------------------------------------------------------------


def pin_step(state: PhoneState, then: Then) -> Screen:
    """Make the page that has a PIN set, or typed where there is one: nobody else is to answer what follows."""
    if state.features.activation.holder_is_here:
        return Explanation(word("Your PIN is set."), NEXT, then)
    if state.features.pin_is_set:
        return Explanation(word("Type your PIN, so that nobody answers for you."), word("PIN"), _typing_pin(then))
    words = word("Set a PIN. It shows that it is you who asks.")
    return Explanation(words, word("Set a PIN"), partial(ask_new_pin, then=_holder_is_here(then)))


def _typing_pin(then: Then) -> Then:
    def ask(state: PhoneState) -> None:
        state.menu.push(state, PinCheck(_holder_is_here(then)))

    return ask


def _holder_is_here(then: Then) -> Then:
    def go_on(state: PhoneState) -> None:
        state.features.activation.holder_is_here = True
        then(state)

    return go_on


def is_card_open(state: PhoneState) -> bool:
    """Whether a thief of the memory card could read it."""
    return state.features.guards == frozenset()


def card_step(_state: PhoneState, then: Then) -> Screen:
    """Make the page that says so, and what prevents it."""
    words = word("Whoever takes the memory card can read what is kept here. PIN at start prevents that: MENU 6 5 5.")
    return Explanation(words, NEXT, then)


# --- the age, and the guardian ----------------------------------------------------------------------------------------


def age_step(state: PhoneState, then: Then) -> Screen:
    """Make the page on which the holder says how old they are; a guardian has a say in leaving the youngest band."""
    activation, consents = state.features.activation, state.features.consents
    declared = activation.age_band or (consents.age_band if consents is not None else "")
    bands = [band for band, _ in _AGES]

    def rows(state: PhoneState) -> list[Choice]:
        now = state.features.activation.age_band or declared
        return [Choice(name, _declaring(band, then), CHOSEN if band == now else "") for band, name in _AGES]

    # Whoever presses OK from page to page must not have said how old they are.
    return Choices("", rows, selected=bands.index(AgeBand(declared)) if declared in bands else None)


def _declaring(band: AgeBand, then: Then) -> Then:
    def declare(state: PhoneState) -> None:
        state.features.activation.age_band = band
        then(state)

    def choose(state: PhoneState) -> None:
        if band is AgeBand.UNDER_14 or not state.features.guardian_pin_is_set:
            declare(state)
        else:
            state.menu.push(state, GuardianCheck(declare))

    return choose


def is_under_14(state: PhoneState) -> bool:
    """Whether a guardian answers in this run."""
    return state.features.activation.age_band is AgeBand.UNDER_14


def guardian_step(state: PhoneState, then: Then) -> Screen:
    """Make the page on which a guardian sets a PIN, or types the one that is set."""
    if state.features.activation.guardian_is_here:
        return Explanation(word("Your guardian is here and answers for you."), NEXT, then)
    if state.features.guardian_pin_is_set:
        words = word("Your guardian answers for you. Please let them type their PIN.")
        return Explanation(words, word("PIN"), _typing_guardians_pin(then))
    words = word("Under 14 a guardian answers, and for each change later. Please let them set a PIN of their own.")
    return Explanation(words, word("Set a PIN"), partial(ask_guardians_pin, then=_guardian_is_here(then)))


def _typing_guardians_pin(then: Then) -> Then:
    def ask(state: PhoneState) -> None:
        state.menu.push(state, GuardianCheck(_guardian_is_here(then)))

    return ask


def _guardian_is_here(then: Then) -> Then:
    def go_on(state: PhoneState) -> None:
        state.features.activation.guardian_is_here = True
        then(state)

    return go_on


# --- the policy and the purposes --------------------------------------------------------------------------------------


class PolicyStep(PolicyPage):
    """The newest policy; it has to be read to its end, and one that cannot be read is asked for again."""

    def __init__(self, _state: PhoneState, then: Then) -> None:
        super().__init__(then=then)

    def _be_done(self, state: PhoneState) -> None:
        if self._read is None:
            self.open(state)
        else:
            super()._be_done(state)


def purpose_step(purpose: Purpose) -> Callable[[PhoneState, Then], Screen]:
    """Make what makes the page that asks about a purpose."""

    def make(_state: PhoneState, then: Then) -> Screen:
        return PurposePage(purpose, lambda state: state.features.activation.actor, then)

    return make


# --- the end ----------------------------------------------------------------------------------------------------------


class ActivationEnd(Card):
    """The last page: OK has it written that the phone is set up, and goes on once it is."""

    def __init__(self, rows: Callable[[PhoneState], list[MenuRow]], then: Then) -> None:
        super().__init__("", rows, ok=CHOOSE, choose=self._activate)
        self._then = then
        self._writing = False
        self._failure: Text = ""

    def view(self, state: PhoneState) -> CardView:
        """Show what is to be known, or why it cannot be kept."""
        view = super().view(state)
        if self._writing or self._failure:
            return CardView(view.title, (MenuRow(self._failure or ONE_MOMENT),), keys=view.keys)
        return view

    def open(self, _state: PhoneState) -> None:
        """Begin anew."""
        self._writing, self._failure = False, ""

    def _activate(self, state: PhoneState) -> None:
        if self._writing:
            return
        band = state.features.activation.age_band
        if band is None or not _is_to_be_written(state):
            self._then(state)
            return
        self._writing, self._failure = True, ""
        if not state.settings.proves_number:
            state.emit(LeaveNumberUnproved())
        state.ask(Activate(band, state.features.activation.actor), self._go_on, page=self)

    def _go_on(self, state: PhoneState, answer: ConsentsRead | Failed) -> None:
        """Go on once it is written."""
        if isinstance(answer, Failed):
            self._writing, self._failure = False, answer.words
        elif self._writing and not _is_to_be_written(state):
            self._writing = False
            if not is_under_14(state) and state.features.guardian_pin_is_set:
                state.emit(SetPin("", PinSlot.GUARDIAN))
            self._then(state)


def _is_to_be_written(state: PhoneState) -> bool:
    consents = state.features.consents
    if consents is None:
        return True
    # A damaged ledger takes the phone from nobody, and no entry either.
    return (
        not (consents.activated and not consents.age_band) and consents.age_band != state.features.activation.age_band
    )
