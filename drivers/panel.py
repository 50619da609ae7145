"""What every display on a bus does: it heals by itself, sends nothing twice and stays as bright as it was told."""

import contextlib
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from drivers.errors import DeviceError

_FULL_PERCENT = 100


class PanelDisplay(ABC):
    """A panel at the end of a bus.

    A bus that failed is opened anew and the panel set up again at the next show() or set_brightness(), so that a loose
    plug heals; where the bus notices nothing, refresh() heals it. All methods are called from one thread; each takes as
    long as the bus does.
    """

    def __init__(self, blank: bytes, room: str) -> None:
        """Remember what start() needs.

        Args:
            blank: the frame with nothing on it; all frames are as long.
            room: what a frame has to fit, for the message: "128 by 64 pixels".
        """
        self._blank = blank
        self._room = room
        self._shown: bytes | None = None
        self._brightness_percent = _FULL_PERCENT
        self._dimmed_to: int | None = None
        self._is_open = False

    def start(self) -> None:
        """Set the panel up, with nothing on it.

        Raises:
            DeviceError: no panel answers; show() tries again.
        """
        self._show(self._blank)

    def stop(self) -> None:
        """Clear the panel, switch it off and leave the bus."""
        if self._is_open:
            # A panel that cannot be reached any more has nothing to be cleared.
            with contextlib.suppress(DeviceError), self._bus_errors():
                self._draw(self._blank, self._shown)
                self._dim(0)
        self._give_up()

    def show(self, frame: bytes) -> None:
        """Show a frame; the one that is shown already is not sent again.

        Raises:
            DeviceError: the panel cannot be reached; the next show() sets it up again.
            ValueError: the frame is not as large as the panel.
        """
        if len(frame) != len(self._blank):
            raise ValueError(
                f"A frame of {len(frame)} bytes does not fit a display of {self._room}, which takes {len(self._blank)}."
            )
        if frame != self._shown:
            self._show(frame)

    def set_brightness(self, percent: int) -> None:
        """Dim the panel from now on; at 0 it sleeps, and what is shown meanwhile appears when it wakes.

        Raises:
            DeviceError: the panel cannot be reached; it is as bright as this once it can.
            ValueError: there is no such brightness.
        """
        if not 0 <= percent <= _FULL_PERCENT:
            raise ValueError(f"A display cannot be {percent} percent bright; choose from 0 to {_FULL_PERCENT}.")
        if percent == self._brightness_percent:
            return
        self._brightness_percent = percent
        if self._shown is not None:
            self._show(self._shown)

    def refresh(self) -> None:
        """Set the panel up once more and send it all of what is shown: it may have been without power unnoticed.

        Nothing is seen of it on a panel that was not. One that sleeps, or that was given up, waits for the next page.

        Raises:
            DeviceError: the panel cannot be reached; the next show() sets it up again.
        """
        if self._shown is None or not self._brightness_percent:
            return
        try:
            with self._bus_errors():
                self._set_up_again()
                self._draw(self._shown, None)
                self._dim(self._brightness_percent)
        except DeviceError:
            self._give_up()
            raise

    def _show(self, frame: bytes) -> None:
        try:
            with self._bus_errors():
                if not self._is_open:
                    self._open()
                    self._is_open = True
                if frame != self._shown:
                    self._draw(frame, self._shown)
                # Last, so that a panel that has just been set up wakes with the picture on it.
                if self._dimmed_to != self._brightness_percent:
                    self._dim(self._brightness_percent)
        except DeviceError:
            self._give_up()
            raise
        self._shown, self._dimmed_to = frame, self._brightness_percent

    def _give_up(self) -> None:
        self._is_open = False
        self._shown = self._dimmed_to = None
        # It is given up because it failed, or for good: either way there is nothing to be done about it.
        with contextlib.suppress(OSError):
            self._close()

    @abstractmethod
    def _bus_errors(self) -> AbstractContextManager[None]:
        """Turn what the bus raises into a DeviceError that says what to do."""

    @abstractmethod
    def _open(self) -> None:
        """Open the bus and set the panel up; what it shows then does not matter."""

    @abstractmethod
    def _set_up_again(self) -> None:
        """Send an open panel what makes it work, without anything that is seen where it does."""

    @abstractmethod
    def _close(self) -> None:
        """Leave the bus, if it was opened."""

    @abstractmethod
    def _draw(self, frame: bytes, shown: bytes | None) -> None:
        """Send what differs from what is shown; all of it where that is not known."""

    @abstractmethod
    def _dim(self, percent: int) -> None:
        """Make the panel as bright as this, from 100 down to 0, where it sleeps."""
