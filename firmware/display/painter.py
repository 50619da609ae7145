"""The `display` thread: draws the latest page and shows it; pages that came in between are never drawn."""

import logging
import threading
import time
from collections.abc import Callable

from firmware.base.heartbeats import Heartbeat
from firmware.ports.devices import Display

_log = logging.getLogger(__name__)

_IDLE_BEAT_S = 5.0
_REFRESH_EVERY_S = 60.0


class Painter:
    """Keeps slow drawing and slow panels away from the main thread."""

    def __init__(
        self,
        display: Display,
        heartbeat: Heartbeat,
        on_failure: Callable[[str], None],
        *,
        refresh_every_s: float = _REFRESH_EVERY_S,
    ) -> None:
        """Start nothing yet.

        Args:
            display: what to paint on.
            heartbeat: called whenever the thread has shown progress.
            on_failure: called on the display thread, once for each time that the panel stops working.
            refresh_every_s: how often the panel is healed, at moments when nothing is to be painted.
        """
        self._display = display
        self._heartbeat = heartbeat
        self._on_failure = on_failure
        self._condition = threading.Condition()
        self._draw: Callable[[], bytes] | None = None
        self._brightness_percent: int | None = None
        self._stopping = False
        self._failing = False
        self._refresh_every_s = refresh_every_s
        self._refreshed_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def start(self) -> None:
        """Begin to paint."""
        self._thread.start()

    def stop(self) -> None:
        """Paint what is due and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout=2)

    def paint(self, draw: Callable[[], bytes]) -> None:
        """Show what `draw` returns, on the display thread, unless a later call overtakes it."""
        with self._condition:
            self._draw = draw
            self._condition.notify()

    def set_brightness(self, percent: int) -> None:
        """Dim the display, on the display thread, to the latest percentage; see `Display.set_brightness`."""
        with self._condition:
            self._brightness_percent = percent
            self._condition.notify()

    def _run(self) -> None:
        try:
            self._display.start()
        except OSError as error:
            self._fail(error)
        while True:
            with self._condition:
                if self._has_nothing_to_do:
                    self._condition.wait(min(_IDLE_BEAT_S, self._refresh_every_s))
                is_idle = self._has_nothing_to_do
                draw, self._draw = self._draw, None
                percent, self._brightness_percent = self._brightness_percent, None
                stopping = self._stopping
            self._heartbeat()
            if is_idle and time.monotonic() - self._refreshed_s >= self._refresh_every_s:
                self._attempt(self._display.refresh)
                self._refreshed_s = time.monotonic()
            if draw is not None:
                self._attempt(lambda: self._display.show(draw()))  # noqa: B023 - called at once
            # After the page, so that a display that wakes does not show the one from before it slept.
            if percent is not None:
                self._attempt(lambda: self._display.set_brightness(percent))  # noqa: B023 - called at once
            if stopping and draw is None:
                break
        try:
            self._display.stop()
        except OSError as error:
            _log.debug("The display could not be switched off: %s", error)

    @property
    def _has_nothing_to_do(self) -> bool:
        return self._draw is None and self._brightness_percent is None and not self._stopping

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self._fail(error)
        else:
            self._failing = False

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            self._on_failure(str(error))
