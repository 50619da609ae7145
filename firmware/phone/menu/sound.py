"""What the phone sounds like: volumes, and how it rings."""

from functools import partial

from firmware.base.words import Text, Word, word
from firmware.phone.holder_settings import STEP_PERCENT, preview_ring, stop_preview, turn
from firmware.phone.key import Key
from firmware.phone.menu.choices import Choice, Choices, Then, opening
from firmware.phone.menu.switches import Level, Options, switch
from firmware.phone.orders import AudioRoute, EarPreset
from firmware.phone.state import PhoneState

RINGS: tuple[tuple[str, Word], ...] = (
    ("normal", word("Normal")),
    ("internal", word("One short")),
    ("external", word("Two long")),
    ("priority", word("Urgent")),
    ("hearing", word("Hearing aid")),
    ("bell", word("Old bell")),
    ("chime", word("Door chime")),
    ("marimba", word("Marimba")),
    ("harp", word("Harp")),
    ("clock", word("Clock bells")),
)
EARS: tuple[tuple[EarPreset, Word], ...] = (
    (EarPreset.NORMAL, word("Normal")),
    (EarPreset.CLEAR, word("Clearer")),
    (EarPreset.LOUD, word("Louder")),
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
        switch(state, word("Rising volume"), "ring_rises"),
        _level_row(state, AudioRoute.EARPIECE),
    ]
    ear = preferences.ear or state.settings.ear
    rows.append(Choice(word("Handset sound"), opening(_ear_options), dict(EARS)[ear]))
    if state.settings.has_loudspeaker:
        rows.append(_level_row(state, AudioRoute.SPEAKER))
    if state.settings.lowers_noise:
        rows.append(switch(state, word("Lower noise"), "noise_lowered"))
    return [*rows, switch(state, word("Key clicks"), "key_clicks"), switch(state, word("Spoken menus"), "spoken_menus")]


def _ear_options(state: PhoneState) -> Options:
    return Options(state, word("Handset sound"), "ear", EARS, standard=state.settings.ear)


def _level_row(state: PhoneState, route: AudioRoute) -> Choice:
    return Choice(_ROUTES[route], opening(lambda _state: level_page(route)), f"{state.volumes[route]} %")


def level_page(route: AudioRoute, then: Then | None = None) -> Level:
    """Make the page of a volume; `then` is what OK leads to, None for the page before."""
    return Level(_ROUTES[route], lambda state: state.volumes[route], partial(_turn, route), then)


def _turn(route: AudioRoute, state: PhoneState, direction: int) -> None:
    turn(state, route, STEP_PERCENT * direction)
    if route is AudioRoute.RINGER:
        preview_ring(state, state.features.preferences.ring)


class RingOptions(Options):
    """The ways to ring: each is heard as it is selected."""

    def __init__(self, state: PhoneState, then: Then | None = None) -> None:
        """`then` is what choosing leads to, None for the page before."""
        super().__init__(state, word("Ring tone"), "ring", RINGS, then)
        self._go_on, self._then = self._then, self._listen_and_go_on

    def press(self, state: PhoneState, key: Key) -> None:
        """Move and listen, or choose."""
        super().press(state, key)
        if key in {Key.VOLUME_UP, Key.VOLUME_DOWN}:
            preview_ring(state, RINGS[self.view(state).selected or 0][0])

    def _listen_and_go_on(self, state: PhoneState) -> None:
        self._go_on(state)
        preview_ring(state, state.features.preferences.ring)

    def cancel(self, state: PhoneState) -> bool:
        """Leave in silence."""
        stop_preview(state)
        return False
