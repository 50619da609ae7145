"""The one way to the GPIO header: which library drives it, and its errors in words."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpiozero import Device, GPIOZeroError
from gpiozero.pins import Factory

from drivers.errors import DeviceError

# gpiozero would go on to pigpio (a daemon on a TCP port) and to its experimental native registers; neither is wanted
# on a phone, so the choice is made here. RPi.GPIO is rpi-lgpio's import name too, and works up to model 4.
_FACTORIES = (("gpiozero.pins.lgpio", "LGPIOFactory"), ("gpiozero.pins.rpigpio", "RPiGPIOFactory"))


def open_pins() -> Factory:
    """Return the process's pin factory, opening it the first time.

    Raises:
        DeviceError: this computer has no GPIO header that can be used.
    """
    if Device.pin_factory is None:
        Device.pin_factory = open_first(Path("/dev"))
    return Device.pin_factory


@contextmanager
def gpio_errors(device: str) -> Iterator[None]:
    """Turn whatever a GPIO library raises about a device into a DeviceError.

    Args:
        device: what is driven, for the message: "the keypad on GPIO pins 5 and 6".
    """
    try:
        yield
    except Exception as error:
        # lgpio and RPi.GPIO raise bare subclasses of Exception, and only one of them is installed.
        raise DeviceError(f"Cannot use {device}: {_cause(error)}. {_advice(error)}") from error


def open_first(devices: Path) -> Factory:
    chips = sorted(devices.glob("gpiochip*"))
    if not chips:
        raise DeviceError(
            "This computer has no GPIO header (there is no /dev/gpiochip*). Run the handset on a Raspberry Pi, "
            "or try `make demo`, which simulates the keypad and the hook switch."
        )
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        raise DeviceError(
            f"This user may not use {chips[0]}. Add the user to the group gpio "
            "(`sudo usermod -aG gpio wecall`) and restart the handset."
        )
    causes = []
    for module, name in _FACTORIES:
        try:
            return getattr(importlib.import_module(module), name)()
        except Exception as error:  # noqa: BLE001 - a library for another model fails in ways of its own; the next is tried
            causes.append(f"{module.rpartition('.')[2]}: {_cause(error)}")
    raise DeviceError(
        f"No GPIO library could open the GPIO header ({'; '.join(causes)}). Install the extra `pi` "
        "(`pip install 'wecall-handset[pi]'`), stop other programs that use GPIO, and start the handset in a folder "
        "that it may write to, because lgpio keeps a pipe there."
    )


def _cause(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _advice(error: Exception) -> str:
    if isinstance(error, GPIOZeroError):
        return "Give every device pins of its own in the configuration (docs/wiring.md has the pin-out)."
    return "`gpioinfo` says which program or overlay holds the pin; free it and restart the handset."
