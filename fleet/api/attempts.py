"""How often somebody may try to log in."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

PER_MINUTE: Final = 6
"""Attempts for one user from one address."""

PER_MINUTE_IN_ALL: Final = 60
"""Attempts by everybody together: each is a connection to the broker."""

_MAX_KNOWN: Final = 10_000
_MINUTE_S: Final = 60.0


class Attempts:
    """Counts attempts in buckets that fill up again: a burst, then one at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._all = (float(PER_MINUTE_IN_ALL), now())
        self._known: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, address: str, user: str) -> float:
        """Count one attempt; returns 0, or how many seconds to wait where it is one too many and was not counted."""
        with self._lock:
            now = self._now()
            mine, wait_mine = _drawn(self._known.get((address, user), (float(PER_MINUTE), now)), PER_MINUTE, now)
            everybodys, wait_all = _drawn(self._all, PER_MINUTE_IN_ALL, now)
            if wait_mine or wait_all:
                return max(wait_mine, wait_all)
            self._all = everybodys
            self._known[address, user] = mine
            self._known.move_to_end((address, user))
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
            return 0.0


def _drawn(bucket: tuple[float, float], per_minute: int, now: float) -> tuple[tuple[float, float], float]:
    level, at = bucket
    level = min(float(per_minute), level + (now - at) * per_minute / _MINUTE_S)
    if level < 1:
        return (level, now), (1 - level) * _MINUTE_S / per_minute
    return (level - 1, now), 0.0
