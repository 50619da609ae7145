"""What a new phone asks, one page after the other: OK goes on to the next one, CANCEL back to the one before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from firmware.phone.answers import Answer
from firmware.phone.commands import AudioRoute, SaveSetUp
from firmware.phone.events import Key, Timer
from firmware.phone.holder_settings import adjust
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import CHOOSE, Choice, Choices, Then
from firmware.phone.menu.lock import ask_new_pin, changing_pin
from firmware.phone.menu.settings import language_page
from firmware.phone.menu.sound import RingOptions, level_page
from firmware.phone.menu.stack import Quiet, Screen
from firmware.phone.menu.switches import Options
from firmware.phone.menu.views import MenuRow, MenuView
from firmware.phone.on_hook import show_on_hook
from firmware.phone.ring_preview import stop_preview
from firmware.phone.set_up import SetUp
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.words import Text, word

_NEXT = word("Next")
_TEXT_SIZES: tuple[tuple[bool, Text], ...] = ((False, word("Normal text")), (True, word("Large text")))
_WELCOME = (
    MenuRow(word("Lift and dial.")),
    MenuRow(word("MENU: the rest.")),
    MenuRow(word("Emergency calls always work.")),
)
_END = (
    MenuRow(word("Lift and dial.")),
    MenuRow(word("MENU 1"), word("Contacts")),
    MenuRow(word("MENU 6"), word("Settings")),
)
_SAME_NUMBER_S = 2.0
"""Digits that follow one another so soon may be a telephone number rather than answers."""


class TextSizes(Options):
    """Normal or large text: the page itself is the sample, at once."""

    def __init__(self, state: PhoneState, then: Then) -> None:
        super().__init__(state, "", "large_text", _TEXT_SIZES, then)

    def press(self, state: PhoneState, key: Key) -> None:
        """Move and look, or choose."""
        super().press(state, key)
        preferences = state.features.preferences
        large, _ = _TEXT_SIZES[self.view(state).selected]
        if large is not preferences.large_text:
            adjust(state, replace(preferences, large_text=large))


def _welcome(_state: PhoneState, then: Then) -> Screen:
    return Card("", lambda _state: _WELCOME, ok=_NEXT, choose=then)


def _ringer_volume(_state: PhoneState, then: Then) -> Screen:
    return level_page(AudioRoute.RINGER, then)


def _pin(_state: PhoneState, then: Then) -> Screen:
    # No emergency number begins with 2: the row that asks for digits takes none of theirs.
    def rows(state: PhoneState) -> list[Choice]:
        if state.features.pin_is_set:
            return [Choice(word("Keep the PIN"), then), Choice(word("Change PIN"), changing_pin(then))]
        return [Choice(word("Later"), then), Choice(word("Set a PIN"), partial(ask_new_pin, then=then))]

    return Choices("", rows)


def _end(_state: PhoneState, then: Then) -> Screen:
    return Card("", lambda _state: _END, ok=CHOOSE, choose=then)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to choose or to know.

    Attributes:
        title: what it is about, short enough for the smallest display with its place before it.
        make: makes its page, which does what it is given when the step is done.
    """

    title: Text
    make: Callable[[PhoneState, Then], Screen]


STEPS: tuple[Step, ...] = (
    Step(word("Language"), language_page),
    Step(word("Welcome"), _welcome),
    Step(word("How loud"), _ringer_volume),
    Step(word("Ring tone"), RingOptions),
    Step(word("Text size"), TextSizes),
    Step(word("PIN"), _pin),
    Step(word("All set"), _end),
)
"""In this order; a step more is a row more."""


class FirstRun(Quiet):
    """One step after the other; what was chosen counts at once, so that whoever breaks off loses nothing."""

    def __init__(self, state: PhoneState) -> None:
        self._place = 0
        self._digits = ""
        self._page = self._page_of_step(state)

    def view(self, state: PhoneState) -> MenuView:
        """Show the step's page, and how far the person has come."""
        title = STEPS[self._place].title
        placed = word("{step}/{steps} {title}", step=self._place + 1, steps=len(STEPS), title=title)
        return replace(self._page.view(state), title=placed)

    def open(self, state: PhoneState) -> None:
        """Go on at the step that was reached."""
        self._digits = ""
        self._page.open(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Let the page have the key; whoever has typed an emergency number wants nothing else."""
        if key not in DIGIT_KEYS:
            self._digits = ""
        else:
            self._digits += key.value
            if state.settings.dial_plan.reaches_emergency(self._digits):
                state.menu.close()
                show_on_hook(state, self._digits)
                return
            state.start_timer(Timer.INTER_DIGIT, _SAME_NUMBER_S)
        self._page.press(state, key)
        if len(self._digits) > 1 and self in state.menu.screens:
            # A page over this one would take the rest of the number.
            state.menu.back_to(self)

    def hold(self, state: PhoneState, key: Key) -> None:
        """Let the page have it."""
        self._page.hold(state, key)

    def pause(self, state: PhoneState) -> None:
        """Take digits that follow for another number."""
        self._digits = ""
        self._page.pause(state)

    def cancel(self, state: PhoneState) -> bool:
        """Go back a step; leave from the first one."""
        stop_preview(state)
        if self._page.cancel(state):
            return True
        if not self._place:
            return False
        self._go_to(state, self._place - 1)
        return True

    def take(self, state: PhoneState, answer: Answer) -> None:
        """Let the page have it."""
        self._page.take(state, answer)

    def _go_on(self, state: PhoneState) -> None:
        if self._place + 1 < len(STEPS):
            self._go_to(state, self._place + 1)
        else:
            self._finish(state)

    def _go_to(self, state: PhoneState, place: int) -> None:
        self._place = place
        self._page = self._page_of_step(state)
        self._page.open(state)

    def _page_of_step(self, state: PhoneState) -> Screen:
        return STEPS[self._place].make(state, self._go_on)

    def _finish(self, state: PhoneState) -> None:
        if state.features.set_up in {None, SetUp.NEW}:
            state.features.set_up = SetUp.FIRST_RUN
            state.emit(SaveSetUp(SetUp.FIRST_RUN))
        state.first_run = None
        state.menu.drop(state, self)
