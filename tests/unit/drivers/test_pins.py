"""What somebody is told who starts the handset where there are no pins."""

import os
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.exc import GPIOPinInUse

from drivers import pins
from drivers.errors import DeviceError
from tests.fakes.gpio import Circuit


def test_no_gpio_chip_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no GPIO header .*Run the handset on a Raspberry Pi"):
        pins.open_first(tmp_path)


def test_a_chip_that_the_user_may_not_use_is_said_with_the_group_to_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpiochip0").touch()
    # The superuser may do anything, and tests may run as such.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DeviceError, match=r"may not use .*gpiochip0.*usermod -aG gpio wecall"):
        pins.open_first(tmp_path)


def test_every_library_that_failed_is_named_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gpiochip0").touch()
    monkeypatch.setattr(pins, "_FACTORIES", (("no_such.lgpio", "Factory"), ("no_such.rpigpio", "Factory")))
    with pytest.raises(DeviceError, match=r"lgpio: No module named 'no_such'; rpigpio: .*pip install 'wecall-handset"):
        pins.open_first(tmp_path)


def test_the_process_has_one_set_of_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = Circuit()
    monkeypatch.setattr(Device, "pin_factory", circuit)
    assert pins.open_pins() is circuit


def raise_in_gpio(error: Exception) -> None:
    with pins.gpio_errors("the bell"):
        raise error


def test_a_pin_that_is_configured_twice_is_said_with_where_to_look() -> None:
    with pytest.raises(
        DeviceError, match=r"Cannot use the bell: pin GPIO5 is taken\. Give every device pins of its own"
    ):
        raise_in_gpio(GPIOPinInUse("pin GPIO5 is taken."))


def test_what_a_gpio_library_raises_is_a_device_error() -> None:
    class LibraryError(Exception):
        pass

    with pytest.raises(DeviceError, match=r"Cannot use the bell: 'GPIO busy'\. `gpioinfo` says"):
        raise_in_gpio(LibraryError("'GPIO busy'"))
