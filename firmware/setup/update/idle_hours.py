"""When nobody is likely to need the phone: the configuration's idle hours, begun at a minute of the handset's own."""

import hashlib
import time
from dataclasses import dataclass

from provisioning.updates import Updates

_DAY_MINUTES = 24 * 60
_NIGHT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class IdleHours:
    """The idle hours of one handset.

    Attributes:
        begin_minute: when they begin for it, in minutes of the day; so a fleet does not come at once.
        length_minutes: how long they last from then on.
    """

    begin_minute: int
    length_minutes: int

    @classmethod
    def of(cls, settings: Updates, device: str) -> "IdleHours":
        """Draw the handset's minute from its name: by chance, and every night the same, in the first half."""
        lot = int.from_bytes(hashlib.sha256(device.encode()).digest()[:8])
        later = lot % (settings.length_minutes // 2)
        return cls((settings.begin_minute + later) % _DAY_MINUTES, settings.length_minutes - later)

    def are_at(self, now_s: float) -> bool:
        """Whether a moment, in seconds since the epoch, lies in them by the process's local time."""
        local = time.localtime(now_s)
        return (local.tm_hour * 60 + local.tm_min - self.begin_minute) % _DAY_MINUTES < self.length_minutes

    def come_before(self, moment_s: float, now_s: float) -> bool:
        """Whether a moment is over when they come next: within a day, give or take an hour of summer time."""
        local = time.localtime(now_s)
        minutes = (self.begin_minute - local.tm_hour * 60 - local.tm_min) % _DAY_MINUTES
        return moment_s <= now_s + (0 if self.are_at(now_s) else min(minutes * 60, _NIGHT_S))
