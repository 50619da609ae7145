"""Speech that somebody asks for: 0 that is held down has the phone say where they are, whatever it is doing.

The page is said whole: what it is, where one is in it, what OK and CANCEL do. From then on pages are spoken as they are
with "Spoken menus", until nobody has pressed a key for a while. What the key has written by then is taken back, but for
an emergency number. A call that rings falls silent, to be heard of.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyPressed, KeyReleased, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView, ListView
from firmware.phone.view import Mode

if TYPE_CHECKING:
    from firmware.phone.state import PhoneState

HOLD_S = 2.0
"""Longer than a key is held for `+`, or for a digit in a text."""

PATIENCE_S = 120.0

_GOING_ON = (KeyPressed, HandsetLifted, HandsetReplaced)
_MODES_OF_WRITING = frozenset({Mode.COLLECTING_DIGITS, Mode.WRITING, Mode.MENU})


@dataclass(slots=True)
class Aloud:
    """What somebody has asked to hear.

    Attributes:
        is_on: pages are spoken, whatever the holder's settings say.
        is_due: this very event asks for the page that is shown.
        is_asked: the page is said whole, until a key is pressed or the phone does something else.
        mode: what the phone did when that was asked for.
        written: where 0 went down, and what was written there before.
    """

    is_on: bool = False
    is_due: bool = False
    is_asked: bool = False
    mode: Mode = Mode.IDLE
    written: tuple[object, str] = (None, "")


def note_zero(state: "PhoneState", event: Event) -> None:
    """Remember what there was before 0 did whatever it does."""
    if event == KeyPressed(Key.DIGIT_0):
        state.aloud.written = _written(state)


def speak(state: "PhoneState", _event: object) -> None:
    """Say the page that is shown, and those that follow."""
    state.aloud.is_on = state.aloud.is_due = True
    if state.is_ringing and state.call is not None:
        state.call.silenced = True


def has_written(state: "PhoneState") -> bool:
    """Whether 0, which turns out to be held for speech, has written something that is to be taken back."""
    if not state.aloud.is_due or state.mode not in _MODES_OF_WRITING:
        return False
    (page, text), (page_now, text_now) = state.aloud.written, _written(state)
    is_longer = page is page_now and text_now not in {"", text}
    return is_longer and not state.settings.dial_plan.reaches_emergency(text_now)


def keep_aloud(state: "PhoneState", event: Event) -> None:
    """Count how long 0 is held; say a page no longer once somebody goes on, and none once nobody is there."""
    aloud = state.aloud
    if event == KeyPressed(Key.DIGIT_0):
        state.start_timer(Timer.SPEAK, HOLD_S)
    elif isinstance(event, KeyPressed) or event == KeyReleased(Key.DIGIT_0):
        state.cancel_timer(Timer.SPEAK)
    if aloud.is_due:
        aloud.is_due, aloud.is_asked, aloud.mode = False, True, state.mode
    elif isinstance(event, _GOING_ON) or state.mode is not aloud.mode:
        aloud.is_asked = False
    if aloud.is_on and (isinstance(event, _GOING_ON) or Timer.SPEECH not in state.timers):
        state.start_timer(Timer.SPEECH, PATIENCE_S)


def fall_silent(state: "PhoneState", _event: object) -> None:
    """Speak no more: whoever wanted to hear it has gone."""
    state.aloud.is_on = False


def _written(state: "PhoneState") -> tuple[object, str]:
    """Return the menu's page, None for none, and what has been typed."""
    if state.mode is Mode.WRITING:
        draft = state.features.draft
        return None, draft.entry.shown if draft is not None else ""
    if state.mode is not Mode.MENU or state.menu.top is None:
        return None, state.digits
    match state.menu.top.view(state):
        case EntryView(text=text):
            return state.menu.top, text
        case ListView(title=title):
            # Of a list that digits search, the title says what is searched for.
            return state.menu.top, repr(title)
        case _:
            return state.menu.top, ""
