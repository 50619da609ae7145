"""Letting the holder hear a ring before choosing it."""

from firmware.phone.events import Timer
from firmware.phone.state import PhoneState

_PREVIEW_S = 2.0


def preview_ring(state: PhoneState, ring: str) -> None:
    """Ring in a way for a moment."""
    state.previewed_ring = ring
    state.start_timer(Timer.RING_PREVIEW, _PREVIEW_S)


def stop_preview(state: PhoneState, _event: object = None) -> None:
    """Be silent again."""
    state.previewed_ring = ""
    state.cancel_timer(Timer.RING_PREVIEW)
