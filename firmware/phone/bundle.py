"""A phone with a stick in it shows by itself how far that has come, while nobody uses it, and keeps nobody from a call.

The page is one of a menu: a call that comes in is shown at once and the page is there again after it, and whoever lifts
the handset or presses a digit dials.
"""

from firmware.phone.events import Event, KeyHeld, KeyPressed, KeyRepeated, Timer
from firmware.phone.menu.bundle import BundlePage
from firmware.phone.modes.menu import open_menu, stay
from firmware.phone.moves import go_home
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode

UNTOUCHED_S = 5.0
"""Whoever presses keys is not interrupted until no key was pressed for so long."""

_KEYS = (KeyPressed, KeyRepeated, KeyHeld)
_FREE = frozenset({Mode.IDLE, Mode.UNPROVISIONED, Mode.MENU})


def keep_bundle(state: PhoneState, event: Event, news_before: int) -> None:
    """Show what there is to show of a bundle as soon as the phone is left to itself, and show it no longer than that.

    `news_before` is how much had been heard of it before the event.
    """
    page = next((screen for screen in state.menu.screens if isinstance(screen, BundlePage)), None)
    if not state.bundle.is_shown:
        state.cancel_timer(Timer.BUNDLE)
        if page is not None:
            _take_away(state, page)
    elif page is not None:
        state.cancel_timer(Timer.BUNDLE)
        if state.bundle.count != news_before:
            # What was being typed answers something else.
            state.menu.back_to(page)
            page.turn_back()
    elif state.mode not in _FREE or state.engaged or state.calls:
        state.cancel_timer(Timer.BUNDLE)
    elif isinstance(event, _KEYS):
        state.start_timer(Timer.BUNDLE, UNTOUCHED_S)
    elif Timer.BUNDLE not in state.timers:
        _bring_up(state)


def _bring_up(state: PhoneState) -> None:
    if state.mode is Mode.MENU:
        state.menu.push(state, BundlePage())
        stay(state)
    else:
        open_menu(state, BundlePage())


def _take_away(state: PhoneState, page: BundlePage) -> None:
    """Take the page off, and with it what it has opened; a menu from before is there again."""
    state.menu.back_to(page)
    if state.mode is not Mode.MENU:
        state.menu.screens.remove(page)
        return
    state.menu.pop(state)
    if state.menu.top is None:
        go_home(state)
