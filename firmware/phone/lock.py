"""The lock: a phone that nobody has touched for a while asks for the PIN before it does more than answer and help.

What works without the PIN: answering, everything within a call that came in, and emergency calls.
"""

from collections.abc import Callable
from typing import Any

from firmware.phone import auto_redial
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, KeyRepeated, Timer
from firmware.phone.moves import go_home, show_notice
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint, Mode

LOCK_AFTER_S = 60.0
_TOUCHES = (KeyPressed, KeyRepeated, KeyHeld, HandsetLifted, HandsetReplaced)
_NOBODY_TALKS = frozenset({Mode.IDLE, Mode.UNPROVISIONED, Mode.MENU, Mode.WRITING, Mode.COLLECTING_DIGITS})


def lock(state: PhoneState, _event: object = None) -> None:
    """Ask for the PIN from now on; what was open is closed."""
    state.locked = True
    state.menu.close()
    auto_redial.disarm(state)
    if state.mode in _NOBODY_TALKS and not state.engaged:
        go_home(state)


def unlock(state: PhoneState) -> None:
    """Let the phone be used by whoever has typed the PIN."""
    state.locked = False
    state.features.store_waits = False
    state.menu.close()
    if state.mode is Mode.MENU:
        go_home(state)


def lock_at_start(state: PhoneState) -> None:
    """Lock a phone that locks by itself as soon as the store has said that it does."""
    features = state.features
    if features.lock_is_known or not features.preferences_loaded or features.pin_is_set is None:
        return
    features.lock_is_known = True
    if _locks_by_itself(state):
        lock(state)


def wait_for_pin(state: PhoneState, _event: object = None) -> None:
    """Lock a phone whose store nobody has opened since the start; whoever opens it is not asked a second time."""
    features = state.features
    features.pin_is_set = features.store_waits = features.lock_is_known = True
    lock(state)


def keep_lock(state: PhoneState, event: Event) -> None:
    """Count the time since the last touch, while the phone may lock; a phone without a PIN is open."""
    if state.locked and state.features.pin_is_set is False:
        unlock(state)
    if state.locked or state.calls or state.mode is Mode.LISTENING or not _locks_by_itself(state):
        state.cancel_timer(Timer.LOCK)
    elif isinstance(event, _TOUCHES) or Timer.LOCK not in state.timers:
        state.start_timer(Timer.LOCK, LOCK_AFTER_S)


def unless_locked(handler: Callable[[PhoneState, Any], None]) -> Callable[[PhoneState, Any], None]:
    """Make a row for what a locked phone does not do."""

    def handle(state: PhoneState, event: Event) -> None:
        if state.locked:
            show_notice(state, Hint.EMERGENCY_ONLY)
        else:
            handler(state, event)

    return handle


def _locks_by_itself(state: PhoneState) -> bool:
    return state.features.preferences.locked_when_idle and state.features.pin_is_set is True
