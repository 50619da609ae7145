"""What the configuration means to recordings of calls."""

from collections.abc import Callable
from functools import partial
from typing import Final

from firmware.display.speech import sentence_sound
from firmware.display.translation import Language, translator
from firmware.phone.phrases import RECORDING_ANNOUNCEMENT
from firmware.store.recordings import RoomLimits
from provisioning.schema import Configuration

_RESERVE_BYTES: Final = 16_000_000
"""What recordings leave free: tens of thousands of call records."""
_WITH_TONES: Final = frozenset({"CA", "US"})
"""Where a tone is what people know (47 CFR 64.501); elsewhere few would know what it means."""


def room_limits(configuration: Configuration) -> RoomLimits:
    """Return how much recordings may take."""
    return RoomLimits(configuration.recording.limit_mb * 1_000_000, _RESERVE_BYTES)


def announcement(configuration: Configuration) -> Callable[[], bytes] | None:
    """Return what gives the sound by which the other end is told in words, see `Announcer`; None where a tone does."""
    device = configuration.device
    if (configuration.recording.announce or ("tone" if device.assumed_country in _WITH_TONES else "voice")) == "tone":
        return None
    words = translator(Language(device.language)).say(RECORDING_ANNOUNCEMENT)
    return partial(sentence_sound, words, device.language)
