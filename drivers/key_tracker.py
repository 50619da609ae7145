"""From closed contacts to what a person did with a key: debouncing, repeating, long presses. No I/O and no clock."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from itertools import combinations

Contact = tuple[int, int]  # row, column


class KeyAction(Enum):
    """What became of a key."""

    PRESSED = auto()
    REPEATED = auto()
    HELD = auto()
    RELEASED = auto()


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """How long things take.

    Attributes:
        debounce_s: a contact must stay as it is for so long before it counts.
        repeat_after_s: from the press to the first repeat.
        repeat_every_s: from one repeat to the next.
        long_press_s: from the press to being held.
    """

    debounce_s: float
    repeat_after_s: float
    repeat_every_s: float
    long_press_s: float


def unclear_contacts(closed: AbstractSet[Contact]) -> frozenset[Contact]:
    """Return the contacts whose reading proves nothing.

    Without diodes, three keys on the corners of a rectangle close the fourth corner too: the current takes the way
    through them. So no corner of a rectangle that reads as closed can be trusted.
    """
    columns_of: dict[int, set[int]] = {}
    for row, column in closed:
        columns_of.setdefault(row, set()).add(column)
    unclear: set[Contact] = set()
    for (one, its_columns), (other, other_columns) in combinations(columns_of.items(), 2):
        shared = its_columns & other_columns
        if len(shared) > 1:
            unclear.update((row, column) for row in (one, other) for column in shared)
    return frozenset(unclear)


class KeyTracker:
    """Follows the contacts of a matrix from one scan to the next.

    The key that went down last repeats and can be held; an earlier one that is still down has been overtaken, as when
    somebody types faster than they let go.
    """

    def __init__(self, times: KeyTimes) -> None:
        self._times = times
        self._down: set[Contact] = set()
        self._changing_since_s: dict[Contact, float] = {}
        self._latest: Contact | None = None
        self._repeat_at_s = 0.0
        self._hold_at_s: float | None = None

    @property
    def is_settling(self) -> bool:
        """Whether a contact has changed and its debounce time is not over."""
        return bool(self._changing_since_s)

    @property
    def is_idle(self) -> bool:
        """Whether no key is down and none is about to be."""
        return not self._down and not self._changing_since_s

    def update(self, closed: AbstractSet[Contact], now_s: float) -> list[tuple[KeyAction, Contact]]:
        """Take a scan and return what follows from it, in order.

        Args:
            closed: the contacts that read as closed.
            now_s: when, on a clock that never goes back.
        """
        actions = self._settle(closed, now_s)
        if self._latest is not None:
            if now_s >= self._repeat_at_s:
                # From now and not from when it was due: a late scan must not be followed by a burst of repeats.
                self._repeat_at_s = now_s + self._times.repeat_every_s
                actions.append((KeyAction.REPEATED, self._latest))
            if self._hold_at_s is not None and now_s >= self._hold_at_s:
                self._hold_at_s = None
                actions.append((KeyAction.HELD, self._latest))
        return actions

    def _settle(self, closed: AbstractSet[Contact], now_s: float) -> list[tuple[KeyAction, Contact]]:
        changed = (closed ^ self._down) - unclear_contacts(closed)
        self._changing_since_s = {contact: self._changing_since_s.get(contact, now_s) for contact in sorted(changed)}
        settled = [
            contact for contact, since_s in self._changing_since_s.items() if now_s - since_s >= self._times.debounce_s
        ]
        actions: list[tuple[KeyAction, Contact]] = []
        for contact in settled:
            del self._changing_since_s[contact]
            if contact in self._down:
                self._down.remove(contact)
                if contact == self._latest:
                    self._latest = None
                actions.append((KeyAction.RELEASED, contact))
            else:
                self._down.add(contact)
                self._latest = contact
                self._repeat_at_s = now_s + self._times.repeat_after_s
                self._hold_at_s = now_s + self._times.long_press_s
                actions.append((KeyAction.PRESSED, contact))
        return actions
