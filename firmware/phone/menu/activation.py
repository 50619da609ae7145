"""What a new phone asks before it may be used: how old the holder is, their PIN, and whether they want the service."""

from dataclasses import replace

from contract.consent import Purpose
from firmware.base.words import Text, word
from firmware.phone.activation import AgeBand
from firmware.phone.key import Key
from firmware.phone.menu.card import ONE_MOMENT, Card
from firmware.phone.menu.choices import BACK, CHOOSE, Choice, Then, Unnumbered, opening
from firmware.phone.menu.consent import PurposePage
from firmware.phone.menu.entry import PinEntry
from firmware.phone.menu.guardian import GUARDIANS_PIN, GuardianCheck
from firmware.phone.menu.lock import PinCheck
from firmware.phone.menu.policy import PolicyPage
from firmware.phone.menu.question import WHOSE_PHONE, Sentence
from firmware.phone.menu.reading import DONE, NEXT
from firmware.phone.menu.switches import CHOSEN
from firmware.phone.menu_stack import Quiet, Screen
from firmware.phone.menu_views import CardView, EntryView, MenuRow, NoticeView, SoftKeys
from firmware.phone.pin import PinSlot, weakness
from firmware.phone.request import Failed
from firmware.phone.requests.activation import LeaveNumberUnproved
from firmware.phone.requests.consents import Activate, ConsentRow, ConsentsRead
from firmware.phone.requests.pin import SetPin
from firmware.phone.requests.policies import PolicyRead
from firmware.phone.state import PhoneState

_AGES: tuple[tuple[AgeBand, Text], ...] = (
    (AgeBand.UNDER_14, word("Under 14")),
    (AgeBand.FROM_14_TO_17, word("14 to 17")),
    (AgeBand.ADULT, word("18 or older")),
)
_RULE: Text = word("Choose 4 to 8 digits")
_SHORT: int = 3
"""So many paragraphs at the beginning of a policy say in short what it is about."""


class Explanation(Sentence):
    """A sentence that OK goes on from."""

    _asks = True

    def __init__(self, text: Text, ok: Text, go_on: Then) -> None:
        super().__init__("", text, SoftKeys(BACK, ok))
        self._go_on = go_on

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, or turn over; digits do nothing, since they may become an emergency number."""
        if key is Key.OK:
            self._go_on(state)
        else:
            super().press(state, key)


# --- the age ----------------------------------------------------------------------------------------------------------


def age_step(state: PhoneState, then: Then) -> Screen:
    """Make the page on which the holder says how old they are; a guardian has a say in leaving the youngest band."""
    activation, consents = state.features.activation, state.features.consents
    declared = activation.age_band or (consents.age_band if consents is not None else "")
    bands = [band for band, _ in _AGES]

    def rows(state: PhoneState) -> list[Choice]:
        now = state.features.activation.age_band or declared
        return [Choice(name, _declaring(band, then), CHOSEN if band == now else "") for band, name in _AGES]

    # Whoever presses OK from page to page must not have said how old they are.
    return Unnumbered("", rows, selected=bands.index(AgeBand(declared)) if declared in bands else None)


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


# --- PINs -------------------------------------------------------------------------------------------------------------


class NewPin(Quiet):
    """Has a PIN typed twice and keeps it; the rule for one is said first."""

    def __init__(self, slot: PinSlot, title: Text, then: Then) -> None:
        """Make the page.

        Args:
            slot: whose PIN.
            title: says so.
            then: done once it is kept.
        """
        self._slot = slot
        self._title = title
        self._then = then
        self._first = ""
        self._entry = self._begin()

    @property
    def written(self) -> str:
        """The digits so far."""
        return self._entry.written

    def view(self, state: PhoneState) -> EntryView:
        """Show how many digits there are."""
        return self._entry.view(state)

    def open(self, state: PhoneState) -> None:
        """Begin anew: nobody else is to finish what somebody has begun."""
        self._entry = self._begin()
        self._entry.open(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Write a digit, or be done."""
        self._entry.press(state, key)

    def cancel(self, state: PhoneState) -> bool:
        """Delete the last digit; of the second time go back to the first, and from there leave."""
        if self._entry.cancel(state):
            return True
        if not self._first:
            return False
        self._entry = self._begin()
        return True

    def _begin(self, note: Text = _RULE) -> PinEntry:
        self._first = ""
        return PinEntry(self._title, self._take_first, note=note)

    def _take_first(self, state: PhoneState, pin: str) -> Text | None:
        if not state.knows_its_holder:
            # There may be a PIN, and whoever starts the phone anew must not choose another one.
            return WHOSE_PHONE
        if (reason := weakness(pin, opens_store=False)) is not None:
            return reason
        self._first = pin
        self._entry = PinEntry(self._title, self._take_second, note=word("The same once more"))
        return None

    def _take_second(self, state: PhoneState, pin: str) -> Text | None:
        if pin != self._first:
            self._entry = self._begin(word("The two differ. Once more."))
            return None
        state.ask(SetPin(pin, self._slot), self._be_done, page=self)
        return ONE_MOMENT

    def _be_done(self, state: PhoneState, answer: Failed | None) -> None:
        if isinstance(answer, Failed):
            self._entry = self._begin(answer.words)
        else:
            state.menu.drop(state, self)
            self._then(state)


def pin_step(state: PhoneState, then: Then) -> Screen:
    """Make the page that has a PIN set, or typed where there is one: nobody else is to answer what follows."""
    done = _holder_is_here(then)
    if state.features.activation.holder_is_here:
        return Explanation(word("The PIN is set."), NEXT, then)
    if state.features.pin_is_set:
        page = PinCheck(done, "")
        page.say(word("Type your PIN"))
        return page
    return NewPin(PinSlot.HOLDER, "", done)


def _holder_is_here(then: Then) -> Then:
    def go_on(state: PhoneState) -> None:
        state.features.activation.holder_is_here = True
        then(state)

    return go_on


def guardian_step(state: PhoneState, then: Then) -> Screen:
    """Make the page on which a guardian sets a PIN, or types the one that is set."""
    done = _guardian_is_here(then)
    if state.features.activation.guardian_is_here:
        return Explanation(word("Your guardian is here and answers for you."), NEXT, then)
    if state.features.guardian_pin_is_set:
        words = word("Your guardian answers for you. Please let them type their PIN.")
        return Explanation(words, word("PIN"), opening(lambda _state: GuardianCheck(done)))
    words = word("Under 14 a guardian answers, and for each change later. Please let them set a PIN of their own.")
    return Explanation(words, word("Set a PIN"), opening(lambda _state: NewPin(PinSlot.GUARDIAN, GUARDIANS_PIN, done)))


def _guardian_is_here(then: Then) -> Then:
    def go_on(state: PhoneState) -> None:
        state.features.activation.guardian_is_here = True
        then(state)

    return go_on


# --- the policy and the service ---------------------------------------------------------------------------------------


class PolicyStep(PolicyPage):
    """The newest policy in short, and all of it behind one key; one that cannot be read is asked for again."""

    def __init__(self, _state: PhoneState, then: Then) -> None:
        super().__init__(then=then)

    def view(self, state: PhoneState) -> NoticeView:
        """Show a paragraph, and with the last one what shows the rest of the text."""
        view = replace(super().view(state), asks=True)
        if self._read is None or view.keys.ok is not DONE:
            return view
        return replace(view, text=word("{paragraph} #: more", paragraph=view.text))

    def press(self, state: PhoneState, key: Key) -> None:
        """Go on, turn over, or show all of it."""
        if key is Key.HASH and self._read is not None:
            state.menu.push(state, PolicyPage(self._version))
        else:
            super().press(state, key)

    def _pages_of(self, read: PolicyRead) -> tuple[Text, ...]:
        return read.paragraphs[:_SHORT]

    def _be_done(self, state: PhoneState) -> None:
        if self._read is None:
            self.open(state)
        else:
            super()._be_done(state)


class ServiceStep(PurposePage):
    """Asks about the service: the answers come first, and say what each of them means."""

    def __init__(self, _state: PhoneState, then: Then) -> None:
        super().__init__(Purpose.SERVICE, lambda state: state.features.activation.actor, then)

    @staticmethod
    def _first_place(_row: ConsentRow) -> None:
        return None

    def _choices(self, state: PhoneState) -> list[Choice]:
        *_, words = super()._choices(state)
        yes = self._choice(word("Yes: calls work"), yes=True)
        return [yes, self._choice(without_service(state), yes=False), words]


def without_service(state: PhoneState) -> Text:
    """Say what works on a phone whose holder declines the service."""
    return word("No: only {numbers}", numbers=state.numbers_for_help)


# --- the end ----------------------------------------------------------------------------------------------------------


class ActivationEnd(Card):
    """Has it written that the phone is set up, and goes on once it is; whoever has declined the service is told."""

    def __init__(self, _state: PhoneState, then: Then) -> None:
        super().__init__("", self._rows_of_no, ok=CHOOSE, choose=self._activate)
        self._then = then
        self._writing = False
        self._failure: Text = ""

    def view(self, state: PhoneState) -> CardView:
        """Show what is to be known, or why it cannot be kept."""
        view = super().view(state)
        if self._writing or self._failure:
            return CardView(view.title, (MenuRow(self._failure or ONE_MOMENT),), keys=view.keys)
        return view

    def open(self, state: PhoneState) -> None:
        """Begin at once where there is nothing to be read."""
        self._writing, self._failure = False, ""
        if state.allows(Purpose.SERVICE):
            self._activate(state)

    @staticmethod
    def _rows_of_no(state: PhoneState) -> list[MenuRow]:
        return [
            MenuRow(word("You said no: only {numbers} work.", numbers=state.numbers_for_help)),
            MenuRow(word("MENU 1"), word("Set up")),
        ]

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
