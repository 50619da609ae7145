"""The OLED panel's driver: what the contract cannot ask of every display."""

import atexit
import random
from typing import Literal

import pytest
import smbus2
from luma.core.interface.serial import i2c
from PIL import Image

from drivers.display import HEIGHT_PX, WIDTH_PX, OledDisplay
from drivers.errors import DeviceError
from tests.fakes.panel import FakePanel

# luma.oled 3.16 still reads pixels in a way that Pillow 14 drops; pyproject.toml keeps Pillow below that.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")

NO_BUS = 10
FRAME = random.Random(7).randbytes(WIDTH_PX // 8 * HEIGHT_PX)
OTHER = random.Random(8).randbytes(WIDTH_PX // 8 * HEIGHT_PX)
Controller = Literal["ssd1306", "sh1106"]


@pytest.fixture(params=["ssd1306", "sh1106"])
def controller(request: pytest.FixtureRequest) -> Controller:
    chosen: Controller = request.param
    return chosen


@pytest.fixture
def panel(controller: Controller) -> FakePanel:
    return FakePanel(controller)


def display_on(panel: FakePanel, controller: Controller, rotate: Literal[0, 180] = 0) -> OledDisplay:
    return OledDisplay(
        controller=controller, i2c_bus=1, i2c_address=0x3C, rotate=rotate, open_bus=lambda: i2c(bus=panel)
    )


@pytest.fixture
def display(panel: FakePanel, controller: Controller) -> OledDisplay:
    return display_on(panel, controller)


def test_a_frame_that_is_shown_already_is_not_sent_again(panel: FakePanel, display: OledDisplay) -> None:
    display.start()
    display.show(FRAME)
    sent = panel.data_bytes
    display.show(bytes(FRAME))
    assert panel.data_bytes == sent
    display.show(OTHER)
    assert panel.data_bytes > sent


def test_a_panel_that_is_mounted_upside_down_shows_the_frame_turned(panel: FakePanel, controller: Controller) -> None:
    display = display_on(panel, controller, rotate=180)
    display.start()
    display.show(FRAME)
    turned = Image.frombytes("1", (WIDTH_PX, HEIGHT_PX), FRAME).transpose(Image.Transpose.ROTATE_180)
    assert panel.frame() == turned.tobytes()


def test_a_panel_that_does_not_answer_is_said_with_where_to_look(panel: FakePanel, display: OledDisplay) -> None:
    panel.unplug()
    expected = r"No display answers at address 0x3C on I2C bus 1 \(.+\)\. Check its four wires .*`i2cdetect -y 1`"
    with pytest.raises(DeviceError, match=expected):
        display.start()


def test_a_panel_that_was_missing_at_start_is_set_up_by_the_next_frame(panel: FakePanel, display: OledDisplay) -> None:
    panel.unplug()
    with pytest.raises(DeviceError):
        display.start()
    with pytest.raises(DeviceError):
        display.show(FRAME)
    panel.power_up()
    display.show(FRAME)
    assert panel.frame() == FRAME


@pytest.mark.parametrize("bytes_before_the_fault", [0, 3, 500])
def test_a_panel_that_comes_back_is_set_up_anew_and_shows_the_same_frame(
    panel: FakePanel, display: OledDisplay, bytes_before_the_fault: int
) -> None:
    display.start()
    display.show(FRAME)
    panel.fails_after = bytes_before_the_fault
    with pytest.raises(DeviceError):
        display.show(OTHER)
    panel.power_up()
    assert not panel.is_on
    display.show(FRAME)
    assert panel.frame() == FRAME


def test_a_fault_while_the_panel_is_set_up_again_is_tried_again(panel: FakePanel, display: OledDisplay) -> None:
    display.start()
    panel.unplug()
    with pytest.raises(DeviceError):
        display.show(FRAME)
    panel.power_up()
    panel.fails_after = 10
    with pytest.raises(DeviceError):
        display.show(FRAME)
    panel.power_up()
    display.show(FRAME)
    assert panel.frame() == FRAME


def test_faults_without_end_leave_nothing_behind(panel: FakePanel, display: OledDisplay) -> None:
    display.start()
    hooks = atexit._ncallbacks()
    for _ in range(100):
        panel.unplug()
        with pytest.raises(DeviceError):
            display.show(FRAME)
        panel.power_up()
        display.show(FRAME)
        display.show(OTHER)
    assert atexit._ncallbacks() == hooks


def test_stopping_switches_the_panel_off_with_nothing_in_it(panel: FakePanel, display: OledDisplay) -> None:
    display.start()
    display.show(FRAME)
    display.stop()
    assert not panel.is_on
    panel.write_i2c_block_data(0x3C, 0x00, [0xAF])
    assert panel.frame() == bytes(len(FRAME))


def test_stopping_without_a_panel_is_harmless(panel: FakePanel, display: OledDisplay) -> None:
    display.stop()
    display.start()
    panel.unplug()
    display.stop()


def test_a_missing_bus_is_said_with_how_to_enable_it() -> None:
    display = OledDisplay(controller="ssd1306", i2c_bus=NO_BUS, i2c_address=0x3C, rotate=0)
    with pytest.raises(DeviceError, match=r"bus is not there \(/dev/i2c-10\)\. Enable I2C with `sudo raspi-config"):
        display.start()


def test_a_bus_that_the_user_may_not_use_is_said_with_the_group_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_bus: int) -> None:
        raise PermissionError(13, "Permission denied", "/dev/i2c-1")

    # The superuser may do anything, and tests may run as such.
    monkeypatch.setattr(smbus2, "SMBus", refuse)
    display = OledDisplay(controller="ssd1306", i2c_bus=1, i2c_address=0x3C, rotate=0)
    with pytest.raises(DeviceError, match=r"may not use the display's I2C bus .*usermod -aG i2c wecall"):
        display.start()
