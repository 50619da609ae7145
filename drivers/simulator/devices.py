"""The devices of a handset whose person is at a page. Each keeps its state and says when a page should show it."""

import asyncio
import logging
from collections.abc import Callable, Hashable

from drivers.errors import DeviceError

logger = logging.getLogger(__name__)

Layout = tuple[tuple[str, ...], ...]


def _call(callback: Callable[..., None] | None, *arguments: str) -> None:
    """Call a handler; one that throws must not take the page's connection with it."""
    if callback is None:
        return
    try:
        callback(*arguments)
    except Exception:
        # Which key it was stays out of the log: a row of them is a number that somebody dialled.
        logger.exception("A handler of the simulated phone failed; the phone goes on without it.")


class SimulatedKeypad:
    """Keys that pages press; a key is down as long as one page holds it.

    The key that went down last repeats and can be held, as on the key matrix. Callbacks arrive in the event loop; what
    they raise is logged.

    Attributes:
        when_pressed: called with the key's name when it goes down.
        when_repeated: called again and again while it stays down.
        when_held: called once when it has been down for the long-press time.
        when_released: called when it comes up; stop() releases nothing.
    """

    def __init__(
        self,
        keys: Layout,
        changed: Callable[[], None],
        *,
        repeat_after_ms: int,
        repeat_every_ms: int,
        long_press_ms: int,
    ) -> None:
        self.when_pressed: Callable[[str], None] | None = None
        self.when_repeated: Callable[[str], None] | None = None
        self.when_held: Callable[[str], None] | None = None
        self.when_released: Callable[[str], None] | None = None
        self.keys = keys
        self._names = frozenset(name for line in keys for name in line)
        self._changed = changed
        self._repeat_after_s = repeat_after_ms / 1000
        self._repeat_every_s = repeat_every_ms / 1000
        self._long_press_s = long_press_ms / 1000
        self._pages_on: dict[str, set[Hashable]] = {}
        self._latest: str | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._started = False

    @property
    def keys_down(self) -> tuple[str, ...]:
        """The keys that are down, in the order in which they went down."""
        return tuple(self._pages_on)

    def start(self) -> None:
        self._started = True

    def stop(self) -> None:
        """Let every key go; no callback comes after it."""
        self._started = False
        self.let_go()

    def let_go(self) -> None:
        """Let every key go, because there is no page any more; nobody is called."""
        self._pages_on.clear()
        self._overtake(None)
        self._changed()

    def press(self, key: str, page: Hashable) -> None:
        """A page's key goes down; a second page, or the same one again, presses nothing new.

        Raises:
            ValueError: the layout has no such key.
        """
        if key not in self._names:
            raise ValueError("This phone has no such key.")
        if not self._started:
            return
        if key in self._pages_on:
            self._pages_on[key].add(page)
            return
        self._pages_on[key] = {page}
        self._overtake(key)
        self._changed()
        _call(self.when_pressed, key)

    def release(self, key: str, page: Hashable) -> None:
        """A page lets a key go; one that it does not hold stays as it is."""
        pages = self._pages_on.get(key, set())
        if page not in pages:
            return
        pages.remove(page)
        if not pages:
            del self._pages_on[key]
            if key == self._latest:
                self._overtake(None)
            self._changed()
            _call(self.when_released, key)

    def release_all(self, page: Hashable) -> None:
        """A page lets go of all that it holds, because it closed."""
        for key in self.keys_down:
            self.release(key, page)

    def _overtake(self, key: str | None) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._latest = key
        if key is not None:
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(self._repeat_after_s, self._repeat, key))
            self._timers.append(loop.call_later(self._long_press_s, self._hold, key))

    def _repeat(self, key: str) -> None:
        # From now and not from when it was due: a busy loop must not be followed by a burst of repeats.
        self._timers[0] = asyncio.get_running_loop().call_later(self._repeat_every_s, self._repeat, key)
        _call(self.when_repeated, key)

    def _hold(self, key: str) -> None:
        _call(self.when_held, key)


class SimulatedHookSwitch:
    """The handset that pages lift and replace; it stays as it lies when a page closes.

    Attributes:
        when_lifted: called in the event loop when the handset is lifted.
        when_replaced: called when it is put back.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.when_lifted: Callable[[], None] | None = None
        self.when_replaced: Callable[[], None] | None = None
        self._changed = changed
        self._off_hook = False
        self._started = False

    @property
    def is_off_hook(self) -> bool:
        """How the handset lies, started or not."""
        return self._off_hook

    def start(self) -> None:
        self._started = True

    def stop(self) -> None:
        self._started = False

    def move(self, *, off_hook: bool) -> None:
        """Lift or replace the handset; where it lies so already nothing happens."""
        if off_hook == self._off_hook:
            return
        self._off_hook = off_hook
        self._changed()
        if self._started:
            _call(self.when_lifted if off_hook else self.when_replaced)


class SimulatedIndicator:
    """The status LED; `show` may be called from any thread."""

    _PATTERNS = frozenset({"off", "on", "slow_blink", "fast_blink", "pulse"})

    def __init__(self, changed: Callable[[], None]) -> None:
        self.pattern = "off"
        self._changed = changed
        self._started = False

    def start(self) -> None:
        """The LED is dark."""
        self._started = True
        self._set("off")

    def stop(self) -> None:
        """Darken the LED."""
        self._started = False
        self._set("off")

    def show(self, pattern: str) -> None:
        """Show a pattern until the next: off, on, slow_blink, fast_blink or pulse.

        Raises:
            DeviceError: the LED was not started.
            ValueError: there is no such pattern.
        """
        if pattern not in self._PATTERNS:
            raise ValueError(f"The status LED knows no pattern {pattern!r}; choose from {sorted(self._PATTERNS)}.")
        if not self._started:
            raise DeviceError("Cannot use the status LED: it was not started. Start it before showing a pattern.")
        self._set(pattern)

    def _set(self, pattern: str) -> None:
        # A member of a string enumeration becomes the plain string that travels to the page.
        self.pattern = str(pattern)
        self._changed()


class SimulatedRingerLight:
    """What can be seen of the ringing; the sound is the real ringer's."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.is_ringing = False
        self._changed = changed

    def ring(self, pattern: str = "normal") -> None:  # noqa: ARG002 - a light has one way to ring
        self._set(ringing=True)

    def silence(self) -> None:
        self._set(ringing=False)

    def _set(self, *, ringing: bool) -> None:
        self.is_ringing = ringing
        self._changed()
