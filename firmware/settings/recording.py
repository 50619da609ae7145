"""What the configuration means to recordings of calls."""

from typing import Final

from firmware.storage.recordings import RoomLimits
from provisioning.recording import Announcement
from provisioning.schema import Configuration

_RESERVE_BYTES: Final = 16_000_000
"""What recordings leave free: tens of thousands of call records."""
_WITH_TONES: Final = frozenset({"CA", "US"})
"""Where a tone is what people know (47 CFR 64.501); elsewhere few would know what it means."""


def room_limits(configuration: Configuration) -> RoomLimits:
    """Return how much recordings may take."""
    return RoomLimits(configuration.recording.limit_mb * 1_000_000, _RESERVE_BYTES)


def announcement(configuration: Configuration) -> Announcement:
    """Return how the other end hears that it is recorded."""
    by_country: Announcement = "tone" if configuration.device.country in _WITH_TONES else "voice"
    return configuration.recording.announce or by_country
