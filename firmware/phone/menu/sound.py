"""What the phone sounds like: volumes, and how it rings."""

from collections.abc import Callable
from functools import partial

from firmware.phone.commands import AudioRoute
from firmware.phone.events import Key
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.switches import Level, Options, switch
from firmware.phone.ring_preview import preview_ring, stop_preview
from firmware.phone.state import PhoneState
from firmware.phone.volumes import STEP_PERCENT, turn
from firmware.phone.words import Text, Word, word

RINGS: tuple[tuple[str, Word], ...] = (
    ("normal", word("Normal")),
    ("internal", word("One short")),
    ("external", word("Two long")),
    ("priority", word("Urgent")),
)
_ROUTES = {
    AudioRoute.RINGER: word("Ringer volume"),
    AudioRoute.EARPIECE: word("Handset volume"),
    AudioRoute.SPEAKER: word("Speaker volume"),
}


def sound_page(_state: PhoneState) -> Choices:
    """Make the page about sound."""
    return Choices(word("Sounds"), _rows)


def ring_name(ring: str) -> Text:
    """Return what a ring is called."""
    return dict(RINGS).get(ring, ring)


def _rows(state: PhoneState) -> list[Choice]:
    preferences = state.features.preferences
    rows = [
        _level_row(state, AudioRoute.RINGER),
        Choice(word("Ring tone"), opening(RingOptions), ring_name(preferences.ring)),
        _level_row(state, AudioRoute.EARPIECE),
    ]
    if state.settings.has_loudspeaker:
        rows.append(_level_row(state, AudioRoute.SPEAKER))
    return [*rows, switch(state, word("Key clicks"), "key_clicks"), switch(state, word("Spoken menus"), "spoken_menus")]


def _level_row(state: PhoneState, route: AudioRoute) -> Choice:
    return Choice(_ROUTES[route], opening(_level_of(route)), f"{state.volumes[route]} %")


def _level_of(route: AudioRoute) -> Callable[[PhoneState], Level]:
    return lambda _state: Level(_ROUTES[route], lambda state: state.volumes[route], partial(_turn, route))


def _turn(route: AudioRoute, state: PhoneState, direction: int) -> None:
    turn(state, route, STEP_PERCENT * direction)
    if route is AudioRoute.RINGER:
        preview_ring(state, state.features.preferences.ring)


class RingOptions(Options):
    """The ways to ring: each is heard as it is selected."""

    def __init__(self, state: PhoneState) -> None:
        super().__init__(state, word("Ring tone"), "ring", RINGS)

    def press(self, state: PhoneState, key: Key) -> None:
        """Move and listen, or choose."""
        super().press(state, key)
        if key in {Key.VOLUME_UP, Key.VOLUME_DOWN}:
            preview_ring(state, RINGS[self.view(state).selected][0])
        elif self not in state.menu.screens:
            preview_ring(state, state.features.preferences.ring)

    def cancel(self, state: PhoneState) -> bool:
        """Leave in silence."""
        stop_preview(state)
        return False
