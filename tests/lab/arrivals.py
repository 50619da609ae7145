"""What a listener has heard, for tests that give an order and then look at what comes of it."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

from tests.lab.patience import PATIENCE_S

T = TypeVar("T")
R = TypeVar("R")

_TOLD: Final = 10


def _any(_item: object) -> bool:
    return True


class Arrivals(Generic[T]):
    """All that has come, in its order; any thread adds to it.

    Mark before the order, and what comes of it is found however late the looking begins:

        mark = port.heard.mark()
        line.stack.order(WriteText(call_id, "a"))
        packets = port.heard.first(3, after=mark)
    """

    def __init__(self, listener: str, most: int | None = None) -> None:
        """Begin with nothing.

        Args:
            listener: whose it is, for messages.
            most: how much is kept at once, the newest; all where None.
        """
        self._listener = listener
        self._most = most
        self._items: dict[int, T] = {}
        self._next = 0
        self._lost = 0
        self._arrived = threading.Condition()

    def add(self, item: T) -> None:
        """Take what has come."""
        with self._arrived:
            self._items[self._next] = item
            self._next += 1
            if self._most is not None and len(self._items) > self._most:
                oldest = next(iter(self._items))
                del self._items[oldest]
                self._lost = oldest + 1
            self._arrived.notify_all()

    def mark(self) -> int:
        """Return what `after` is to be for what comes from now on."""
        with self._arrived:
            return self._next

    def since(self, mark: int = 0) -> list[T]:
        """Return what has come after a mark.

        Raises:
            AssertionError: more has come than is kept.
        """
        with self._arrived:
            assert mark >= self._lost, f"{self._listener} keeps {self._most} only, and this was before those"
            return [item for number, item in self._items.items() if number >= mark] if mark else [*self._items.values()]

    def newest(self, count: int) -> list[T]:
        """Return the last of what has come."""
        with self._arrived:
            return [*self._items.values()][max(0, len(self._items) - count) :]

    def forget(self) -> None:
        """Drop what has come."""
        with self._arrived:
            self._items.clear()

    def wait_for(
        self, holds: Callable[[list[T]], R], what: str = "that", *, after: int = 0, timeout_s: float = PATIENCE_S
    ) -> R:
        """Wait until something holds of all that has come after a mark, and return what it is then.

        Raises:
            AssertionError: it did not in time; so with all that wait here.
        """
        with self._arrived:
            found = self._arrived.wait_for(lambda: holds(self.since(after)), timeout_s)
            assert found, self._in_vain(what)
            return found

    def take(self, fits: Callable[[T], bool] = _any, what: str = "that", timeout_s: float = PATIENCE_S) -> T:
        """Return the first that fits and has not been taken yet."""

        def taken() -> list[T]:
            number = next((number for number, item in self._items.items() if fits(item)), None)
            return [] if number is None else [self._items.pop(number)]

        with self._arrived:
            found = self._arrived.wait_for(taken, timeout_s)
            assert found, self._in_vain(what)
            return found[0]

    def first(
        self, count: int, fits: Callable[[T], bool] = _any, *, after: int = 0, timeout_s: float = PATIENCE_S
    ) -> list[T]:
        """Return the first so many that fit, of those after a mark."""
        return list(islice(filter(fits, self._follow(after, timeout_s)), count))

    def in_a_row(
        self, count: int, fits: Callable[[T], bool], *, after: int = 0, timeout_s: float = PATIENCE_S
    ) -> list[T]:
        """Return the first so many that fit and came one after another, of those after a mark."""
        row: list[T] = []
        for item in self._follow(after, timeout_s):
            row = [*row, item] if fits(item) else []
            if len(row) == count:
                break
        return row

    def _follow(self, mark: int, timeout_s: float) -> Iterator[T]:
        deadline = time.monotonic() + timeout_s
        while True:
            with self._arrived:
                left_s = deadline - time.monotonic()
                items = self.wait_for(list, "such items enough", after=mark, timeout_s=left_s)
                mark = self._next
            yield from items

    def _in_vain(self, what: str) -> str:
        return f"{self._listener} got no {what} in time, but at last {self.newest(_TOLD)}"
