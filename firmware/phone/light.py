"""How bright the display is, and when it flashes: lit for whoever uses the phone and for all that is new, dim after.

A call lights the display with the very event that it comes in with, and keeps it lit. So does a stick that somebody
waits for, as long as they want to see how far it has come.
"""

from enum import IntEnum
from typing import TYPE_CHECKING

from firmware.phone.events import (
    HandsetLifted,
    HandsetReplaced,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    PreferencesLoaded,
    Timer,
)
from firmware.phone.view import Hint

if TYPE_CHECKING:
    from firmware.phone.state import PhoneState


class Light(IntEnum):
    """How much of the display's light is on."""

    OFF = 0
    DIM = 1
    LIT = 2


LEAST_LIT_PERCENT = 10
"""Nobody can set a display so dark that a call on it would not be seen."""

DIM_PERCENT = 5

FLASH_S = 0.25
"""From dark to light and back: two flashes a second, where three are the most that is safe (WCAG 2.3.1)."""

# The holder's settings, when they are known, say anew for how long.
_TOUCHES = (KeyPressed, KeyRepeated, KeyHeld, HandsetLifted, HandsetReplaced, PreferencesLoaded)


def keep_light(state: "PhoneState", event: object) -> None:
    """Light the display for what has just happened, and begin to count until it is dimmed."""
    before, state.news = state.news, _news(state)
    is_new = any(now > then for now, then in zip(state.news, before, strict=False))
    if state.calls or state.earpiece_open or (state.bundle.is_going_on and not state.bundle.put_away):
        state.light = Light.LIT
        state.cancel_timer(Timer.LIGHT)
    elif is_new or isinstance(event, _TOUCHES) or (state.light is Light.LIT and Timer.LIGHT not in state.timers):
        state.light = Light.LIT
        if delay_s := state.features.preferences.screen_off_s:
            state.start_timer(Timer.LIGHT, delay_s)
        else:
            state.cancel_timer(Timer.LIGHT)
    _keep_flashing(state)


def brightness_percent(state: "PhoneState") -> int:
    """Return how bright the display is now; one that flashes is as bright as it can be."""
    if state.flash is not None:
        return 100
    lit = max(LEAST_LIT_PERCENT, state.features.preferences.brightness_percent)
    return {Light.LIT: lit, Light.DIM: DIM_PERCENT, Light.OFF: 0}[state.light]


def darken(state: "PhoneState", _event: object) -> None:
    """Dim the display that nobody has touched; later switch it off, where that is configured."""
    if state.light is Light.LIT:
        state.light = Light.DIM
        if state.settings.display_off_s:
            state.start_timer(Timer.LIGHT, state.settings.display_off_s)
    else:
        state.light = Light.OFF


def flash(state: "PhoneState", _event: object) -> None:
    """Turn a display that flashes over."""
    state.flash = not state.flash
    state.start_timer(Timer.FLASH, FLASH_S)


def _keep_flashing(state: "PhoneState") -> None:
    # Whoever does not hear the phone has to see that it rings, that a call waits or that somebody has written.
    tells = state.is_ringing or state.call_waits_aloud or state.notice is Hint.MESSAGE_RECEIVED
    if not (tells and state.features.preferences.visual_ring):
        state.flash = None
        state.cancel_timer(Timer.FLASH)
    elif state.flash is None:
        state.flash = True
        state.start_timer(Timer.FLASH, FLASH_S)


def _news(state: "PhoneState") -> tuple[int, ...]:
    """Count what a person would want to know of; where one of them grows, something is new.

    A missed call has been seen to ring, or was not to be.
    """
    features = state.features
    documents = features.documents
    from_operator = documents.unread_notices + documents.unread_answers + bool(documents.unread_policy)
    to_read = from_operator + len(features.lapsed_purposes)
    return (len(state.problems), features.voicemail_count, features.unread_messages, to_read, state.bundle.count)
