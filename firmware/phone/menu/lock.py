"""The PIN: opening a phone that is locked, setting one, changing it and taking it away."""

from collections.abc import Callable
from functools import partial

from firmware.base.words import Text, word
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.lock import lock, unlock
from firmware.phone.menu.card import ONE_MOMENT
from firmware.phone.menu.choices import BACK, Choice, Choices, Then, opening
from firmware.phone.menu.entry import PinEntry
from firmware.phone.menu.question import Notice, Question, RequestNotice, Sentence, ask_later
from firmware.phone.menu.store_guard import guard_row, opens_by_pin, stolen_card_rows, wrong_pin
from firmware.phone.menu.switches import change, on_or_off
from firmware.phone.menu_views import SoftKeys
from firmware.phone.pin import weakness
from firmware.phone.request import Failed, Request
from firmware.phone.requests.handset import AskForReset, ResetAsked
from firmware.phone.requests.pin import CheckPin, PinChecked, SetPin
from firmware.phone.state import PhoneState

FORGOTTEN_WAIT_S = 40
"""The wait after the fifth wrong PIN: whoever has to wait so long hears what else there is to do."""

_PIN = word("PIN")
_FORGOTTEN = word("PIN forgotten?")


class PinCheck(PinEntry):
    """Asks for the PIN that is set, and goes on where it is the right one.

    After a wrong one it counts the seconds down until the next is looked at; the store decides.
    """

    def __init__(self, then: Then, title: Text = _PIN) -> None:
        super().__init__(title, self._ask)
        self._then = then
        self._checking = False
        self._wait_s = 0

    def open(self, state: PhoneState) -> None:
        """Begin anew; after a call nobody knows how long is left to wait."""
        super().open(state)
        self._checking = False
        if self._wait_s and Timer.INTER_DIGIT not in state.timers:
            self._wait_s = 0
            self.say("")

    def press(self, state: PhoneState, key: Key) -> None:
        """Write, but not while a PIN is looked at."""
        if not self._checking:
            super().press(state, key)
            self._say_wait()

    def pause(self, state: PhoneState) -> None:
        """Count a second down."""
        if not self._wait_s:
            return
        self._wait_s -= 1
        if self._wait_s:
            state.start_timer(Timer.INTER_DIGIT, 1.0)
            self._say_wait()
        elif not self._checking:
            self.say(word("Now type it again."))

    def request(self, pin: str) -> Request[PinChecked]:
        """Return what compares a PIN."""
        return CheckPin(pin)

    def _ask(self, state: PhoneState, pin: str) -> Text:
        self._checking = True
        state.ask(self.request(pin), self._go_on, page=self)
        return ONE_MOMENT

    def _go_on(self, state: PhoneState, answer: PinChecked | Failed) -> None:
        """Go on, or say why not; what was asked before a call counts no more."""
        if not self._checking:
            return
        self._checking = False
        match answer:
            case PinChecked(accepted=True):
                self._then(state)
                state.menu.drop(state, self)
            case PinChecked(wait_s=wait_s):
                self.say(wrong_pin(wait_s))
                self._wait_s = wait_s
                if wait_s:
                    state.start_timer(Timer.INTER_DIGIT, 1.0)
                if wait_s >= FORGOTTEN_WAIT_S:
                    state.menu.push(state, _forgotten(state))
            case Failed(words):
                self.say(words)

    def _say_wait(self) -> None:
        if self._wait_s and not self._checking:
            self.say(wrong_pin(self._wait_s))


def _forgotten(state: PhoneState) -> Question | Notice:
    """Say what there is to do about a PIN that nobody knows: nothing but erasing makes another one."""
    if state.has_guardian:
        return Notice(_FORGOTTEN, word("The phone can only be erased: by your guardian, in Settings, Reset."))
    text = word("The phone can only be erased; a copy can come back. Ask your operator or installer for that?")
    return Question(_FORGOTTEN, text, word("Ask"), opening(lambda _state: ResetRequestPage()))


class ResetRequestPage(Sentence):
    """What whoever asks for the phone to be erased tells the operator, or the installer; a locked phone shows it."""

    def __init__(self) -> None:
        super().__init__(_FORGOTTEN, ONE_MOMENT, SoftKeys(BACK))

    def open(self, state: PhoneState) -> None:
        """Have the number drawn, or read the one that waits."""
        state.ask(AskForReset(), self._show, page=self)

    def _show(self, _state: PhoneState, answer: ResetAsked | Failed) -> None:
        if isinstance(answer, Failed):
            self._text = answer.words
            return
        number = " ".join(answer.number[place : place + 4] for place in range(0, len(answer.number), 4))
        self._text = word(
            "Tell your operator or installer: request {number}, phone {serial}. What they send erases it.",
            number=number,
            serial=answer.serial,
        )


def unlock_page(state: PhoneState, then: Then) -> PinCheck:
    """Make the page that opens a phone that is locked and then goes on."""

    def go_on(state: PhoneState) -> None:
        unlock(state)
        then(state)

    page = PinCheck(go_on, word("Locked. PIN?"))
    if state.features.store_waits:
        page.say(word("It opens contacts and calls."))
    return page


def asking_pin(then: Then) -> Then:
    """Make something ask for the PIN first, where one is set; while nobody knows whether one is, it waits."""

    def ask(state: PhoneState) -> None:
        if not state.knows_its_holder:
            ask_later(state)
        elif state.features.pin_is_set:
            state.menu.push(state, PinCheck(then))
        else:
            then(state)

    return ask


def lock_page(_state: PhoneState) -> Choices:
    """Make the page about the lock."""
    return Choices(word("Lock"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    if not state.features.pin_is_set:
        return [Choice(word("Set a PIN"), ask_new_pin)]
    locks = state.features.preferences.locked_when_idle
    return [
        Choice(word("Change PIN"), changing_pin()),
        Choice(word("Remove PIN"), _keep if state.has_holder else asking_pin(_remove)),
        # Whoever finds the phone open must not be able to leave it so.
        Choice(word("Auto-lock"), asking_pin(_lock_no_more) if locks else _lock_by_itself, on_or_off(locks)),
        Choice(word("Lock now"), lock),
        guard_row(state),
        *stolen_card_rows(state),
    ]


def _lock_by_itself(state: PhoneState) -> None:
    change(state, "locked_when_idle", value=True)


def _lock_no_more(state: PhoneState) -> None:
    change(state, "locked_when_idle", value=False)


def _keep(state: PhoneState) -> None:
    words = word("The PIN stays: it shows that it is you who agrees. You can change it.")
    state.menu.push(state, Notice(_PIN, words))


def _remove(state: PhoneState) -> None:
    change(state, "locked_when_idle", value=False)
    _set(state, "")


def ask_new_pin(state: PhoneState, then: Then | None = None, note: Text = "") -> None:
    """Ask for a new PIN twice, and keep it; once that is done and read, go on."""

    def accept(state: PhoneState, pin: str) -> Text | None:
        if (reason := weakness(pin, opens_store=opens_by_pin(state))) is not None:
            return reason
        state.menu.push(state, PinEntry(word("New PIN again"), _repetition_of(pin, then)))
        return None

    if not state.knows_its_holder:
        # There may be a PIN, and whoever starts the phone anew must not choose another one.
        ask_later(state)
        return
    digits = word("6 to 8 digits") if opens_by_pin(state) else word("4 to 8 digits")
    state.menu.push(state, PinEntry(word("New PIN"), accept, note=note or digits))


def changing_pin(then: Then | None = None) -> Then:
    """Make a choice that asks for the current PIN and then for a new one."""
    return opening(lambda _state: PinCheck(partial(ask_new_pin, then=then), word("Current PIN")))


def _repetition_of(first: str, then: Then | None) -> Callable[[PhoneState, str], Text | None]:
    def accept(state: PhoneState, pin: str) -> Text | None:
        if pin == first:
            _set(state, pin, then)
        else:
            ask_new_pin(state, then, word("The two differ. Once more."))
        return None

    return accept


def _set(state: PhoneState, pin: str, then: Then | None = None) -> None:
    state.menu.push(
        state, PinNotice(SetPin(pin), word("The PIN is set.") if pin else word("There is no PIN any more."), then)
    )


class PinNotice(RequestNotice[None]):
    """Changes a PIN, and says so once it is changed."""

    def __init__(self, request: SetPin, done: Text, then: Then | None = None) -> None:
        """`then` is done when somebody has taken note of it."""
        super().__init__(_PIN, request, lambda _state, _answer: done)
        self._done = done
        self._then = then

    def press(self, state: PhoneState, key: Key) -> None:
        """Leave by OK, and go on where the PIN is changed."""
        super().press(state, key)
        if key is Key.OK and self._then is not None and self._text is self._done:
            self._then(state)
