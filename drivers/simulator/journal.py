"""What the simulated phone did, for the person who tries it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the phone did.

    Attributes:
        number: rises by one from entry to entry.
        at: local time of day, "14:03:59".
        text: what it was.
    """

    number: int
    at: str
    text: str


class Journal:
    """The latest entries, oldest first.

    They may hold numbers and names: they are shown on the simulator's own page, which is served to this machine only,
    live in memory and end with the process. Nothing of them may be logged.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._count = 0

    def add(self, text: str) -> None:
        """Add an entry of now; the oldest makes room."""
        self._count += 1
        self._entries.append(Entry(self._count, time.strftime("%H:%M:%S"), text))
        self._changed()

    def since(self, number: int) -> tuple[Entry, ...]:
        """Return the entries after the one with this number."""
        return tuple(entry for entry in self._entries if entry.number > number)
