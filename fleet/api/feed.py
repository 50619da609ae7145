"""What is live, for whoever follows it: the newest of what the broker keeps, and the last minute of everything."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Collection
from threading import Lock
from typing import Final, NamedTuple

import msgspec

MAX_FOLLOWERS: Final = 200
"""At once."""

MOST_RECENT: Final = 10_000
MOST_RECENT_BYTES: Final = 16 * 1024 * 1024
RECENT_S: Final = 60.0
"""What is gone on with after an interruption: so many messages, so long, and no older; beyond that begins anew."""

Fleets = Collection[str] | None
"""Those that somebody may see; None: all."""


class _Shown(NamedTuple):
    at_s: float
    fleet: str
    data: bytes


class Feed:
    """Takes messages on the collector's thread, and hands them to any number of followers on the server's.

    A follower has a place and nothing else here: one that is slow falls behind, and begins anew where what it has not
    seen is no longer there.

    Attributes:
        is_connected: whether the broker is there.
        is_closed: whether followers are to go.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.is_connected = False
        self.is_closed = False
        self._now_s = now_s
        self._lock = Lock()
        self._kept: dict[str, _Shown] = {}
        self._recent: deque[_Shown] = deque()
        self._bytes = 0
        self._number = 0
        self._followers = 0
        self._left_at_s = float("-inf")
        # Tells places of another process, and of a time when nobody looked, from those that mean something.
        self._story = secrets.token_hex(4)

    # --- the collector's side -----------------------------------------------------------------------------------------

    @property
    def is_followed(self) -> bool:
        """Whether anybody looks, or may come back to the place where they were."""
        return self._followers > 0 or self._now_s() - self._left_at_s < RECENT_S

    def take(self, fleet: str, topic: str, payload: bytes, *, is_kept: bool) -> None:
        """Show a message.

        Args:
            fleet: whose followers see it.
            topic: where it was published.
            payload: what it holds, as its sender wrote it.
            is_kept: it holds until the next one of its topic; an empty one ends that.
        """
        text = payload.decode(errors="replace")
        now_s = self._now_s()
        with self._lock:
            if is_kept and payload:
                self._kept[topic] = _Shown(now_s, fleet, _data(topic, text, retained=True))
            elif is_kept:
                self._kept.pop(topic, None)
            if self.is_followed:
                self._append(_Shown(now_s, fleet, _data(topic, text, retained=False)))

    def _append(self, shown: _Shown) -> None:
        self._number += 1
        self._recent.append(shown)
        self._bytes += len(shown.data)
        oldest_s = shown.at_s - RECENT_S
        while (
            len(self._recent) > MOST_RECENT or self._bytes > MOST_RECENT_BYTES or self._recent[0].at_s < oldest_s
        ):  # fmt: skip
            self._bytes -= len(self._recent.popleft().data)

    # --- the followers' side ------------------------------------------------------------------------------------------

    def enter(self) -> bool:
        """Count one more follower; False where there are as many as there may be."""
        with self._lock:
            if self._followers >= MAX_FOLLOWERS:
                return False
            if not self.is_followed:
                # What came meanwhile was let go of, so no place of before is one to go on from.
                self._story = secrets.token_hex(4)
                self._recent.clear()
                self._bytes = 0
            self._followers += 1
            return True

    def leave(self) -> None:
        """Count one follower less."""
        with self._lock:
            self._followers -= 1
            self._left_at_s = self._now_s()

    def id_of(self, place: int) -> str:
        """Name a place, for whoever comes back to it."""
        return f"{self._story}.{place}"

    def place_of(self, name: str) -> int | None:
        """Return the place that a name says; None where it is none to go on from."""
        story, _, number = name.partition(".")
        if story != self._story or not number.isascii() or not number.isdigit() or len(number) > len(str(self._number)):
            return None
        return int(number)

    def picture(self, fleets: Fleets) -> tuple[list[bytes], int]:
        """Return all that is kept, and the place behind it."""
        with self._lock:
            return [shown.data for shown in self._kept.values() if _may_see(fleets, shown)], self._number

    def after(self, place: int, fleets: Fleets, most_bytes: int) -> tuple[list[bytes], int] | None:
        """Return some of what came after a place, and the place behind it; None where that is no longer there."""
        with self._lock:
            first = self._number - len(self._recent)
            if not first <= place <= self._number:
                return None
            found: list[bytes] = []
            size = 0
            while place < self._number and size < most_bytes:
                shown = self._recent[place - first]
                place += 1
                if _may_see(fleets, shown):
                    found.append(shown.data)
                    size += len(shown.data)
            return found, place


def _data(topic: str, payload: str, *, retained: bool) -> bytes:
    # JSON has no line break inside, so that it is one line of an event.
    return msgspec.json.encode({"topic": topic, "payload": payload, "retained": retained})


def _may_see(fleets: Fleets, shown: _Shown) -> bool:
    return fleets is None or shown.fleet in fleets
