"""What the sip thread has to do later."""

import heapq
import itertools
import time
from collections.abc import Callable


class Appointment:
    """Something due at a moment; cancelled ones are passed over."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Never run it; harmless when it has run already."""
        self.action = None


class Scheduler:
    """Timers for one thread, which asks for them whenever it wakes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Appointment]] = []
        self._order = itertools.count()

    def now_s(self) -> float:
        """Return the time by which they go."""
        return self._clock()

    def after(self, delay_s: float, action: Callable[[], None]) -> Appointment:
        """Run `action` once, `delay_s` from now."""
        appointment = Appointment(action)
        heapq.heappush(self._heap, (self._clock() + delay_s, next(self._order), appointment))
        return appointment

    def wait_s(self, at_most_s: float) -> float:
        """Return how long the thread may sleep before something is due."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        if not self._heap:
            return at_most_s
        return min(at_most_s, max(0.0, self._heap[0][0] - self._clock()))

    def run_due(self) -> None:
        """Run everything that is due now; what those actions add waits for the next turn."""
        due: list[Appointment] = []
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        for appointment in due:
            action, appointment.action = appointment.action, None
            if action is not None:
                action()

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
