"""The buses that displays hang on: how each is opened, and its errors in words."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import luma.core.error
import smbus2
from gpiozero import DigitalOutputDevice
from gpiozero.pins import Factory
from luma.core.interface.serial import i2c, spi

from drivers.errors import DeviceError
from drivers.pins import gpio_errors, open_pins

_HZ_IN_A_MHZ = 1_000_000
# Reset must be low for 10 us, and the controllers sleep up to 120 ms after it (ST7789V data sheet 7.4.5; ILI9341 15.4).
_RESET_S = 0.001
_AFTER_RESET_S = 0.12


class PanelBus(Protocol):
    """What carries bytes to the panel's controller; luma's serial interfaces are such."""

    def command(self, *command: int) -> None: ...
    def data(self, data: Sequence[int]) -> None: ...
    def cleanup(self) -> None: ...


class ByteBus(Protocol):
    """What carries single bytes to a port expander; smbus2's buses are such."""

    def write_byte(self, address: int, value: int) -> None: ...
    def close(self) -> None: ...


class Connection(ABC):
    """How a panel is reached; it can be opened again and again."""

    @abstractmethod
    def open(self) -> PanelBus:
        """Open the bus.

        Raises:
            DeviceError: it is not there, or not for this user.
        """

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever goes wrong on the open bus into a DeviceError."""
        try:
            yield
        except DeviceError:
            raise
        except (OSError, luma.core.error.Error) as error:
            raise DeviceError(self._no_answer(error)) from error

    @abstractmethod
    def _no_answer(self, error: Exception) -> str:
        """Say what to do where a panel does not answer."""


class I2cConnection(Connection):
    """An address on an I2C bus."""

    def __init__(self, bus: int, address: int, *, open_bus: Callable[[], PanelBus] | None = None) -> None:
        """Remember where the panel is.

        Args:
            bus: number of the bus, as in /dev/i2c-1.
            address: the panel's address on it.
            open_bus: opens another way to the panel than the computer's own bus.
        """
        self._bus = bus
        self.address = address
        self._open_bus = open_bus

    def open(self) -> PanelBus:
        """See Connection."""
        with self._opening_errors():
            return self._open_bus() if self._open_bus else i2c(port=self._bus, address=self.address)

    def open_for_bytes(self) -> ByteBus:
        """Open the bus for a port expander.

        Raises:
            DeviceError: it is not there, or not for this user.
        """
        with self._opening_errors():
            return smbus2.SMBus(self._bus)

    @contextlib.contextmanager
    def _opening_errors(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, luma.core.error.DeviceNotFoundError) as error:
            raise DeviceError(
                f"The display's I2C bus is not there (/dev/i2c-{self._bus}). Enable I2C with "
                "`sudo raspi-config nonint do_i2c 0` and restart the computer."
            ) from error
        except (PermissionError, luma.core.error.DevicePermissionError) as error:
            raise DeviceError(
                f"This user may not use the display's I2C bus (/dev/i2c-{self._bus}). Add the user to the group "
                "i2c (`sudo usermod -aG i2c wecall`) and restart the handset."
            ) from error

    def _no_answer(self, error: Exception) -> str:
        return (
            f"No display answers at address 0x{self.address:02X} on I2C bus {self._bus} ({error}). Check "
            f"its four wires (docs/wiring.md) and its address (`i2cdetect -y {self._bus}`)."
        )


class SpiConnection(Connection):
    """A device on an SPI port, with the two pins that such panels need beside it.

    SPI only speaks: a panel that is not there is not noticed, one that comes back shows its page again once it is
    refreshed (see PanelDisplay).
    """

    def __init__(
        self,
        port: int,
        device: int,
        *,
        speed_mhz: int,
        dc_pin: int,
        reset_pin: int,
        pin_factory: Factory | None = None,
        spidev: Any = None,
    ) -> None:
        """Remember where the panel is.

        Args:
            port: number of the port, as the first in /dev/spidev0.1.
            device: number of what selects the panel, as the second.
            speed_mhz: one of those that luma takes.
            dc_pin: BCM pin that tells data (high) from commands (low).
            reset_pin: BCM pin that resets the controller while it is low.
            pin_factory: gpiozero's pins; the Pi's own where left out.
            spidev: stands in for spidev.SpiDev().
        """
        self._port = port
        self._device = device
        self._speed_mhz = speed_mhz
        self._pins = (dc_pin, reset_pin)
        self._pin_factory = pin_factory
        self._spidev = spidev

    def open(self) -> PanelBus:
        """See Connection; resets the panel."""
        dc_pin, reset_pin = self._pins
        factory = self._pin_factory or open_pins()
        pins = _OutputPins(factory)
        try:
            with gpio_errors(f"the display's GPIO pins {dc_pin} and {reset_pin}"):
                for pin in self._pins:
                    pins.setup(pin, pins.OUT)
            return self._open_port(pins)
        except DeviceError:
            pins.close()
            raise

    def _open_port(self, pins: "_OutputPins") -> PanelBus:
        dc_pin, reset_pin = self._pins
        name = f"/dev/spidev{self._port}.{self._device}"
        try:
            return _SpiPanelBus(
                spi=self._spidev,
                gpio=pins,
                port=self._port,
                device=self._device,
                bus_speed_hz=self._speed_mhz * _HZ_IN_A_MHZ,
                gpio_DC=dc_pin,
                gpio_RST=reset_pin,
                reset_hold_time=_RESET_S,
                reset_release_time=_AFTER_RESET_S,
            )
        except ImportError as error:
            raise DeviceError(
                "The library for SPI is not installed. Install the extra `pi` (`pip install 'wecall-handset[pi]'`)."
            ) from error
        except luma.core.error.DeviceNotFoundError as error:
            raise DeviceError(
                f"The display's SPI port is not there ({name}). Enable SPI with "
                "`sudo raspi-config nonint do_spi 0` and restart the computer."
            ) from error
        except PermissionError as error:
            raise DeviceError(
                f"This user may not use the display's SPI port ({name}). Add the user to the group spi "
                "(`sudo usermod -aG spi wecall`) and restart the handset."
            ) from error

    def _no_answer(self, error: Exception) -> str:
        return (
            f"The display's SPI port /dev/spidev{self._port}.{self._device} failed ({error}). Check that no other "
            "program uses it, and restart the handset."
        )


class _OutputPins:
    """gpiozero's pins in the shape of RPi.GPIO, which luma knows: one library drives the header, and one mocks it."""

    OUT = LOW = 0
    HIGH = 1

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._outputs: dict[int, DigitalOutputDevice] = {}

    def setup(self, pin: int, _direction: int) -> None:
        if pin not in self._outputs:
            self._outputs[pin] = DigitalOutputDevice(pin, pin_factory=self._factory)

    def output(self, pin: int, level: int) -> None:
        self._outputs[pin].value = bool(level)

    def close(self) -> None:
        for output in self._outputs.values():
            output.close()
        self._outputs.clear()


class _SpiPanelBus(spi):  # type: ignore[misc]
    """luma's SPI that also gives its pins back, which luma leaves to whoever brought them."""

    def cleanup(self) -> None:
        super().cleanup()
        self._gpio.close()
