"""How loud each way to be heard is, by the holder's setting or the configuration's, and a ring to try."""

from dataclasses import replace

from firmware.phone.events import Timer
from firmware.phone.holder_settings import adjust
from firmware.phone.orders import AudioRoute, SetVolume
from firmware.phone.state import PhoneState

STEP_PERCENT = 10
# Silence in the earpiece reads as a broken phone, so the volume stops above it; a ringer may be silent.
_QUIETEST_PERCENT = {AudioRoute.EARPIECE: 10, AudioRoute.SPEAKER: 10, AudioRoute.RINGER: 0}
_FIELDS = {
    AudioRoute.EARPIECE: "earpiece_percent",
    AudioRoute.SPEAKER: "speaker_percent",
    AudioRoute.RINGER: "ringer_percent",
}


def turn(state: PhoneState, route: AudioRoute, step_percent: int) -> None:
    """Make a way to be heard louder or quieter, as far as it goes; it is kept when the person has let go."""
    percent = max(_QUIETEST_PERCENT[route], min(100, state.volumes[route] + step_percent))
    if percent != state.volumes[route]:
        _set(state, route, percent)
        # The table names the fields.
        adjust(state, replace(state.features.preferences, **{_FIELDS[route]: percent}))  # type: ignore[arg-type]


def take_volumes(state: PhoneState) -> None:
    """Be as loud as the holder has set it before."""
    for route, field in _FIELDS.items():
        percent: int | None = getattr(state.features.preferences, field)
        if percent is not None and percent != state.volumes[route]:
            _set(state, route, percent)


def _set(state: PhoneState, route: AudioRoute, percent: int) -> None:
    state.volumes[route] = percent
    # The ringer's follows from the state: a call that has to be heard may raise it.
    if route is not AudioRoute.RINGER:
        state.emit(SetVolume(route, percent))


_PREVIEW_S = 2.0


def preview_ring(state: PhoneState, ring: str) -> None:
    """Ring in a way for a moment."""
    state.previewed_ring = ring
    state.start_timer(Timer.RING_PREVIEW, _PREVIEW_S)


def stop_preview(state: PhoneState, _event: object = None) -> None:
    """Be silent again."""
    state.previewed_ring = ""
    state.cancel_timer(Timer.RING_PREVIEW)
