"""Displays of pixels whose controllers luma knows."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

from luma.core.framebuffer import diff_to_previous
from PIL import Image

from drivers.errors import DeviceError
from drivers.panel import PanelDisplay
from drivers.panel_bus import Connection, PanelBus

Rotation = Literal[0, 90, 180, 270]
_QUARTER_TURN = 90
# A frame is compared in 4 by 4 parts, of which those that differ are sent.
_PARTS = 16
# OLEDs: switched off, which the set-up begins with, then how bright, and on again (SSD1306 data sheet table 9-1). LCDs
# have no such commands.
_OFF = 0xAE
_SEEN = frozenset({0x81, 0xAF})
# What is longer is a picture and no command's parameters.
_LONGEST_PARAMETERS = 64


class LumaDisplay(PanelDisplay):
    """A panel of pixels.

    Attributes:
        width_px, height_px: its size.
    """

    def __init__(
        self,
        connection: Connection,
        controller: Callable[..., Any],
        *,
        size_px: tuple[int, int],
        mode: Literal["1", "RGB"],
        rotate: Rotation,
        pauses_s: Mapping[int, float] | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            connection: how the panel is reached.
            controller: luma's class for the panel.
            size_px: width and height.
            mode: Pillow's name for what a frame is: "1" packed bits, "RGB" bytes of red, green and blue.
            rotate: degrees clockwise by which the picture is turned.
            pauses_s: how long the controller has to be left alone after some commands.
        """
        self.width_px, self.height_px = size_px
        self._mode = mode
        super().__init__(Image.new(mode, size_px).tobytes(), f"{self.width_px} by {self.height_px} pixels")
        self._quarter_turns = rotate // _QUARTER_TURN
        self._connection = connection
        self._controller = controller
        self._link = PanelLink(connection.open, pauses_s or {})
        self._changes = diff_to_previous(num_segments=_PARTS)
        self._panel: Any = None

    def _bus_errors(self) -> AbstractContextManager[None]:
        return self._connection.errors()

    def _open(self) -> None:
        if self._panel is None:
            self._panel = self._controller(
                self._link,
                width=self.width_px,
                height=self.height_px,
                rotate=self._quarter_turns,
                framebuffer=self._changes,
            )
        self._link.open()
        # Whatever the panel showed before it was set up is no picture to compare with.
        self._changes.prev_image = None

    def _set_up_again(self) -> None:
        self._link.repeat()
        self._changes.prev_image = None

    def _close(self) -> None:
        self._link.close()

    def _draw(self, frame: bytes, _shown: bytes | None) -> None:
        self._panel.display(Image.frombytes(self._mode, (self.width_px, self.height_px), frame))


class PanelLink:
    """Stands between luma's panel and the bus.

    luma sets a panel up in its constructor and hangs each panel on atexit for good, so that a new one for every retry
    would leak. There is one panel instead: what it sends while it is built is kept, and sent whenever the bus opens.
    """

    def __init__(self, open_bus: Callable[[], PanelBus], pauses_s: Mapping[int, float]) -> None:
        self._open_bus = open_bus
        self._pauses_s = pauses_s
        self._bus: PanelBus | None = None
        self._set_up: list[Callable[[PanelBus], None]] = []
        self._repeated: list[Callable[[PanelBus], None]] = []
        self._is_recording = True

    def open(self) -> None:
        self._is_recording = False
        self._bus = self._open_bus()
        for send in self._set_up:
            send(self._bus)

    def repeat(self) -> None:
        """Set the panel up once more under the picture that it shows: it stays switched on, and as bright as it is."""
        if self._bus is not None:
            for send in self._repeated:
                send(self._bus)

    def close(self) -> None:
        if self._bus is not None:
            bus, self._bus = self._bus, None
            bus.cleanup()

    def command(self, *command: int) -> None:
        unseen = command[1:] if command[0] == _OFF else command
        if self._is_recording and unseen and unseen[0] not in _SEEN:
            self._repeated.append(lambda bus: self._command(bus, unseen))
        self._send(lambda bus: self._command(bus, command))

    def data(self, data: Sequence[int]) -> None:
        if self._is_recording and len(data) <= _LONGEST_PARAMETERS:
            self._repeated.append(lambda bus: bus.data(data))
        self._send(lambda bus: bus.data(data))

    def cleanup(self) -> None:
        """Called by luma when the process exits."""
        self.close()

    def _command(self, bus: PanelBus, command: tuple[int, ...]) -> None:
        bus.command(*command)
        time.sleep(self._pauses_s.get(command[0], 0))

    def _send(self, send: Callable[[PanelBus], None]) -> None:
        if self._bus is not None:
            send(self._bus)
        elif self._is_recording:
            self._set_up.append(send)
        else:
            raise DeviceError("The display is switched off. Start it before showing a page.")
