"""Brings 16-bit mono sound that comes in pieces from one rate to another."""

import audioop


class Resampler:
    """Remembers between pieces where it stands, so that they fit together without a click."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._state: tuple[int, tuple[tuple[int, int], ...]] | None = None

    def convert(self, sound: bytes) -> bytes:
        """Return the next piece at the other rate."""
        if self._from_hz == self._to_hz or not sound:
            return sound
        converted, self._state = audioop.ratecv(sound, 2, 1, self._from_hz, self._to_hz, self._state)
        return converted
