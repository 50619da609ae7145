"""Colour LCDs: what the contract cannot ask of every display."""

import random
import sys
from typing import Any, Literal

import pytest
from gpiozero import DigitalOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from drivers.colour_lcd import HEIGHT_PX, WIDTH_PX, ColourLcd
from drivers.errors import DeviceError
from drivers.panel_bus import SpiConnection
from tests.fakes.colour_panel import ColourPanel, shown

ROW_BYTES = WIDTH_PX * 3
FRAME = shown(random.Random(7).randbytes(ROW_BYTES * HEIGHT_PX))


@pytest.fixture
def pins() -> MockFactory:
    return MockFactory(pin_class=MockPWMPin)


@pytest.fixture(params=["st7789", "ili9341"])
def controller(request: pytest.FixtureRequest) -> Literal["st7789", "ili9341"]:
    chosen: Literal["st7789", "ili9341"] = request.param
    return chosen


@pytest.fixture
def panel(controller: Literal["st7789", "ili9341"], pins: MockFactory) -> ColourPanel:
    return ColourPanel(controller, pins)


def connection_to(panel: Any, pins: MockFactory) -> SpiConnection:
    return SpiConnection(
        0, 1, speed_mhz=40, dc_pin=ColourPanel.DC_PIN, reset_pin=ColourPanel.RESET_PIN, pin_factory=pins, spidev=panel
    )


@pytest.fixture
def display(panel: ColourPanel, controller: Literal["st7789", "ili9341"], pins: MockFactory) -> ColourLcd:
    return ColourLcd(
        connection_to(panel, pins), controller=controller, backlight_pin=ColourPanel.BACKLIGHT_PIN, pin_factory=pins
    )


def test_a_page_that_differs_in_one_line_of_text_sends_little(panel: ColourPanel, display: ColourLcd) -> None:
    display.start()
    display.show(FRAME)
    sent = panel.data_bytes
    display.show(FRAME)
    assert panel.data_bytes == sent
    line = bytes(ROW_BYTES * 16)
    changed = FRAME[: ROW_BYTES * 100] + line + FRAME[ROW_BYTES * 116 :]
    display.show(changed)
    assert 0 < panel.data_bytes - sent <= len(line)
    assert panel.frame() == changed


def test_the_backlight_is_as_bright_as_it_was_asked_for(panel: ColourPanel, display: ColourLcd) -> None:
    display.start()
    assert panel.light == 1
    display.set_brightness(25)
    assert panel.light == 0.25
    display.stop()
    assert panel.light == 0


def test_the_panel_is_reset_before_it_is_set_up(panel: ColourPanel, display: ColourLcd, pins: MockFactory) -> None:
    display.start()
    levels = [bool(state.state) for state in pins.pin(ColourPanel.RESET_PIN).states]
    assert levels[-2:] == [False, True]
    assert panel.max_speed_hz == 40_000_000


def test_a_panel_that_is_mounted_upside_down_shows_the_frame_turned(pins: MockFactory) -> None:
    panel = ColourPanel("st7789", pins)
    display = ColourLcd(
        connection_to(panel, pins), controller="st7789", backlight_pin=18, upside_down=True, pin_factory=pins
    )
    display.start()
    display.show(FRAME)
    pixels = [FRAME[start : start + 3] for start in range(0, len(FRAME), 3)]
    assert panel.frame() == b"".join(reversed(pixels))


def test_a_port_that_failed_is_opened_anew_and_all_of_the_frame_sent(panel: ColourPanel, display: ColourLcd) -> None:
    display.start()
    display.show(FRAME)
    panel.is_gone = True
    with pytest.raises(DeviceError, match=r"SPI port /dev/spidev0\.1 failed .*Check that no other program uses it"):
        display.show(bytes(len(FRAME)))
    with pytest.raises(DeviceError, match=r"port is not there \(/dev/spidev0\.1\)\. Enable SPI with"):
        display.show(FRAME)
    panel.is_gone = False
    panel.power_up()
    display.show(FRAME)
    assert panel.frame() == FRAME


def test_a_stopped_display_gives_its_pins_back(panel: ColourPanel, display: ColourLcd, pins: MockFactory) -> None:
    display.start()
    display.stop()
    for pin in (ColourPanel.DC_PIN, ColourPanel.RESET_PIN, ColourPanel.BACKLIGHT_PIN):
        DigitalOutputDevice(pin, pin_factory=pins).close()


def test_a_pin_that_another_device_has_is_said_in_words(display: ColourLcd, pins: MockFactory) -> None:
    with (
        DigitalOutputDevice(ColourPanel.DC_PIN, pin_factory=pins),
        pytest.raises(DeviceError, match="the display's GPIO pins 25 and 23"),
    ):
        display.start()
    display.start()


def test_a_port_that_the_user_may_not_use_is_said_with_the_group_to_join(pins: MockFactory) -> None:
    class Forbidden:
        def open(self, _port: int, _device: int) -> None:
            raise PermissionError(13, "Permission denied")

    display = ColourLcd(connection_to(Forbidden(), pins), controller="st7789", backlight_pin=18, pin_factory=pins)
    with pytest.raises(DeviceError, match=r"may not use the display's SPI port .*usermod -aG spi wecall"):
        display.start()


def test_without_the_library_for_spi_it_is_said_what_to_install(
    pins: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    display = ColourLcd(connection_to(None, pins), controller="st7789", backlight_pin=18, pin_factory=pins)
    with pytest.raises(DeviceError, match=r"library for SPI is not installed\. Install the extra `pi`"):
        display.start()
