"""What a new phone asks, one page after the other: OK goes on to the next one, CANCEL back to the one before."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from contract.consent import Purpose
from firmware.base.words import Text, word
from firmware.phone.activation import Activation
from firmware.phone.commands import SaveSetUp
from firmware.phone.holder_settings import stop_preview
from firmware.phone.key import Key
from firmware.phone.menu.activation import (
    ActivationEnd,
    PolicyStep,
    ServiceStep,
    age_step,
    guardian_step,
    is_under_14,
    pin_step,
)
from firmware.phone.menu.choices import Then
from firmware.phone.menu.consent import PURPOSES
from firmware.phone.menu.number_proof import NumberStep, is_number_proof_offered
from firmware.phone.menu.settings import language_page
from firmware.phone.menu_stack import PageNews, Quiet, Screen
from firmware.phone.menu_views import MenuView
from firmware.phone.moves import go_home, show_notice
from firmware.phone.preferences import SetUp
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint, Mode


def _always(_state: PhoneState) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to choose or to know.

    Attributes:
        title: what it is about, short enough for the smallest display with its place before it.
        make: makes its page, which does what it is given when the step is done.
        applies: says whether it is to be asked, as what was answered before has it.
    """

    title: Text
    make: Callable[[PhoneState, Then], Screen]
    applies: Callable[[PhoneState], bool] = _always


STEPS: tuple[Step, ...] = (
    Step(word("Language"), language_page),
    Step(word("Your age"), age_step),
    Step(word("Guardian"), guardian_step, is_under_14),
    Step(word("PIN"), pin_step),
    Step(word("Policy"), PolicyStep),
    Step(PURPOSES[Purpose.SERVICE], ServiceStep),
    Step(word("Number"), NumberStep, is_number_proof_offered),
    Step(word("Not set up"), ActivationEnd),
)
"""In this order; a step more is a row more. The PIN comes before what only the holder is to answer."""


class FirstRun(Quiet):
    """One step after the other; what was chosen counts at once, so that whoever breaks off loses nothing."""

    def __init__(self, state: PhoneState) -> None:
        state.features.activation = Activation()
        self._place = 0
        self._page = self._page_of_step(state)

    @property
    def written(self) -> str:
        """What stands on the page of the step."""
        return self._page.written

    def view(self, state: PhoneState) -> MenuView:
        """Show the step's page, and how far the person has come."""
        steps = [step for step in STEPS if step.applies(state)]
        step = STEPS[self._place]
        placed = word("{step}/{steps} {title}", step=steps.index(step) + 1, steps=len(steps), title=step.title)
        return replace(self._page.view(state), title=placed)

    def open(self, state: PhoneState) -> None:
        """Go on at the step that was reached."""
        self._page.open(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Let the page have it."""
        self._page.press(state, key)

    def hold(self, state: PhoneState, key: Key) -> None:
        """Let the page have it."""
        self._page.hold(state, key)

    def pause(self, state: PhoneState) -> None:
        """Let the page have it."""
        self._page.pause(state)

    def cancel(self, state: PhoneState) -> bool:
        """Go back a step; leave from the first one."""
        stop_preview(state)
        if self._page.cancel(state):
            return True
        before = [place for place in range(self._place) if STEPS[place].applies(state)]
        if not before:
            return False
        self._go_to(state, before[-1])
        return True

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Let the page hear it."""
        self._page.hear(state, news)

    def holds(self, page: object) -> bool:
        """Know the page of the step, too."""
        return page is self or self._page.holds(page)

    def number_to_call(self, state: PhoneState) -> str:
        """Call whom the page is about."""
        return self._page.number_to_call(state)

    def _go_on(self, state: PhoneState) -> None:
        after = [place for place in range(self._place + 1, len(STEPS)) if STEPS[place].applies(state)]
        if after:
            self._go_to(state, after[0])
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
        if state.menu.top is None and state.mode is Mode.MENU:
            # No key has ended it, but the store's answer.
            go_home(state)
            if state.is_activated:
                show_notice(state, Hint.ALL_SET)


def reached_step(state: PhoneState) -> Screen:
    """Return the first run at the step that was reached, or at its beginning."""
    if state.first_run is None:
        state.first_run = FirstRun(state)
    return state.first_run
