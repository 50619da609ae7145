"""The OLED panel on the I2C bus."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import luma.core.error
from luma.core.interface.serial import i2c
from luma.oled.device import sh1106, ssd1306
from PIL import Image

from drivers.errors import DeviceError

WIDTH_PX = 128
HEIGHT_PX = 64
_FRAME_BYTES = WIDTH_PX // 8 * HEIGHT_PX
_CONTROLLERS = {"ssd1306": ssd1306, "sh1106": sh1106}
# luma counts quarter turns.
_QUARTER_TURNS = {0: 0, 180: 2}


class PanelBus(Protocol):
    """What carries bytes to the panel's controller; luma's serial interfaces are such."""

    def command(self, *command: int) -> None: ...
    def data(self, data: Sequence[int]) -> None: ...
    def cleanup(self) -> None: ...


class OledDisplay:
    """A panel of 128 by 64 pixels with an SSD1306 or an SH1106 controller.

    A bus that failed is opened anew and the panel set up again at the next show(), so that a loose plug heals. All
    methods are called from one thread; each takes as long as the bus does (a frame: 23 ms at 400 kHz).
    """

    def __init__(
        self,
        *,
        controller: Literal["ssd1306", "sh1106"],
        i2c_bus: int,
        i2c_address: int,
        rotate: Literal[0, 180],
        open_bus: Callable[[], PanelBus] | None = None,
    ) -> None:
        """Remember what start() needs.

        Args:
            controller: the panel's controller chip.
            i2c_bus: number of the bus, as in /dev/i2c-1.
            i2c_address: the panel's address on it.
            rotate: 180 where the panel is mounted upside down.
            open_bus: opens another way to the panel than the computer's own I2C bus.
        """
        self._controller: Literal["ssd1306", "sh1106"] = controller
        self._i2c_bus = i2c_bus
        self._i2c_address = i2c_address
        self._rotate: Literal[0, 180] = rotate
        self._link = _PanelLink(open_bus or self._open_i2c)
        self._panel: ssd1306 | sh1106 | None = None
        self._shown: bytes | None = None

    @property
    def width_px(self) -> int:
        return WIDTH_PX

    @property
    def height_px(self) -> int:
        return HEIGHT_PX

    def start(self) -> None:
        """Set the panel up, dark.

        Raises:
            DeviceError: no panel answers; show() tries again.
        """
        self._show(bytes(_FRAME_BYTES))

    def stop(self) -> None:
        """Clear the panel, switch it off and leave the bus."""
        if self._panel is not None and self._link.is_open:
            # A panel that cannot be reached any more has nothing to be cleared.
            with contextlib.suppress(DeviceError), self._bus_errors():
                self._panel.clear()
                self._panel.hide()
        self._link.close()
        self._shown = None

    def show(self, frame: bytes) -> None:
        """Show a frame of packed rows; the one that is shown already is not sent again.

        Raises:
            DeviceError: the panel cannot be reached; the next show() sets it up again.
            ValueError: the frame is not as large as the panel.
        """
        if len(frame) != _FRAME_BYTES:
            raise ValueError(
                f"A frame of {len(frame)} bytes does not fit a display of {WIDTH_PX} by {HEIGHT_PX} pixels, "
                f"which takes {_FRAME_BYTES}."
            )
        if frame != self._shown:
            self._show(frame)

    def _show(self, frame: bytes) -> None:
        try:
            with self._bus_errors():
                if self._panel is None:
                    self._panel = _CONTROLLERS[self._controller](self._link, rotate=_QUARTER_TURNS[self._rotate])
                if not self._link.is_open:
                    self._link.open()
                self._panel.display(Image.frombytes("1", (WIDTH_PX, HEIGHT_PX), frame))
        except DeviceError:
            self._link.close()
            self._shown = None
            raise
        self._shown = frame

    def _open_i2c(self) -> PanelBus:
        try:
            bus: PanelBus = i2c(port=self._i2c_bus, address=self._i2c_address)
        except luma.core.error.DeviceNotFoundError as error:
            raise DeviceError(
                f"The display's I2C bus is not there (/dev/i2c-{self._i2c_bus}). Enable I2C with "
                "`sudo raspi-config nonint do_i2c 0` and restart the computer."
            ) from error
        except luma.core.error.DevicePermissionError as error:
            raise DeviceError(
                f"This user may not use the display's I2C bus (/dev/i2c-{self._i2c_bus}). Add the user to the group "
                "i2c (`sudo usermod -aG i2c wecall`) and restart the handset."
            ) from error
        return bus

    @contextlib.contextmanager
    def _bus_errors(self) -> Iterator[None]:
        try:
            yield
        except DeviceError:
            raise
        except (OSError, luma.core.error.Error) as error:
            raise DeviceError(
                f"No display answers at address 0x{self._i2c_address:02X} on I2C bus {self._i2c_bus} ({error}). Check "
                f"its four wires (docs/wiring.md) and its address (`i2cdetect -y {self._i2c_bus}`)."
            ) from error


class _PanelLink:
    """Stands between luma's panel and the bus.

    luma sets a panel up in its constructor and hangs each panel on atexit for good, so that a new one for every retry
    would leak. There is one panel instead: what it sends while it is built is kept, and sent whenever the bus opens.
    """

    def __init__(self, open_bus: Callable[[], PanelBus]) -> None:
        self._open_bus = open_bus
        self._bus: PanelBus | None = None
        self._set_up: list[Callable[[PanelBus], None]] = []
        self._is_recording = True

    @property
    def is_open(self) -> bool:
        return self._bus is not None

    def open(self) -> None:
        self._is_recording = False
        self._bus = self._open_bus()
        for send in self._set_up:
            send(self._bus)

    def close(self) -> None:
        if self._bus is not None:
            bus, self._bus = self._bus, None
            # It is given up because it failed, or for good: either way there is nothing to be done about it.
            with contextlib.suppress(OSError):
                bus.cleanup()

    def command(self, *command: int) -> None:
        self._send(lambda bus: bus.command(*command))

    def data(self, data: Sequence[int]) -> None:
        self._send(lambda bus: bus.data(data))

    def cleanup(self) -> None:
        """Called by luma when the process exits."""
        self.close()

    def _send(self, send: Callable[[PanelBus], None]) -> None:
        if self._bus is not None:
            send(self._bus)
        elif self._is_recording:
            self._set_up.append(send)
        else:
            raise DeviceError("The display is switched off. Start it before showing a page.")
