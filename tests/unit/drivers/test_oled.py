"""OLED panels: what the contract cannot ask of every display."""

import atexit
import random
from typing import Literal

import pytest
import smbus2
from luma.core.interface.serial import i2c
from PIL import Image

from drivers.errors import DeviceError
from drivers.oled import OledDisplay
from drivers.panel_bus import I2cConnection
from tests.fakes.panel import HEIGHT_PX, WIDTH_PX, FakePanel
from tests.fakes.wide_panels import Ssd1327Panel

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


def connection_to(panel: FakePanel | Ssd1327Panel) -> I2cConnection:
    return I2cConnection(1, 0x3C, open_bus=lambda: i2c(bus=panel))


def display_on(panel: FakePanel, controller: Controller, rotate: Literal[0, 180] = 0) -> OledDisplay:
    return OledDisplay(connection_to(panel), controller=controller, rotate=rotate)


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
    display = OledDisplay(I2cConnection(NO_BUS, 0x3C), controller="ssd1306")
    with pytest.raises(DeviceError, match=r"bus is not there \(/dev/i2c-10\)\. Enable I2C with `sudo raspi-config"):
        display.start()


def test_a_bus_that_the_user_may_not_use_is_said_with_the_group_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_bus: int) -> None:
        raise PermissionError(13, "Permission denied", "/dev/i2c-1")

    # The superuser may do anything, and tests may run as such.
    monkeypatch.setattr(smbus2, "SMBus", refuse)
    display = OledDisplay(I2cConnection(1, 0x3C), controller="ssd1306")
    with pytest.raises(DeviceError, match=r"may not use the display's I2C bus .*usermod -aG i2c wecall"):
        display.start()


def test_brightness_is_the_panels_contrast_and_outlives_a_loose_plug(panel: FakePanel, display: OledDisplay) -> None:
    display.set_brightness(40)
    display.start()
    assert panel.contrast == 102
    display.set_brightness(100)
    assert panel.contrast == 255
    display.set_brightness(20)
    panel.unplug()
    with pytest.raises(DeviceError):
        display.show(FRAME)
    panel.power_up()
    display.show(FRAME)
    assert (panel.frame(), panel.contrast) == (FRAME, 51)


def test_a_panel_that_lost_its_power_asleep_wakes_with_what_was_shown(panel: FakePanel, display: OledDisplay) -> None:
    display.start()
    display.show(FRAME)
    display.set_brightness(0)
    panel.power_up()
    panel.unplug()
    with pytest.raises(DeviceError):
        display.set_brightness(50)
    panel.power_up()
    display.show(FRAME)
    assert panel.frame() == FRAME


def test_of_a_panel_with_greys_only_what_differs_is_sent() -> None:
    panel = Ssd1327Panel()
    display = OledDisplay(connection_to(panel), controller="ssd1327")
    display.start()
    display.show(bytes(2048))
    sent = panel.data_bytes
    display.show(b"\xff" + bytes(2047))
    assert 0 < panel.data_bytes - sent < 100
    panel.unplug()
    with pytest.raises(DeviceError):
        display.show(bytes(2048))
    panel.power_up()
    display.show(b"\xff" + bytes(2047))
    assert panel.frame() == b"\xff" + bytes(2047)


@pytest.mark.parametrize(("rotate", "corner"), [(0, (0, 0)), (90, (127, 0)), (180, (127, 127)), (270, (0, 127))])
def test_a_square_panel_turns_by_quarters(rotate: Literal[0, 90, 180, 270], corner: tuple[int, int]) -> None:
    panel = Ssd1327Panel()
    display = OledDisplay(connection_to(panel), controller="ssd1327", rotate=rotate)
    display.start()
    display.show(b"\x80" + bytes(2047))
    x, y = corner
    lit = Image.new("1", (128, 128))
    lit.putpixel((x, y), 1)
    assert panel.frame() == lit.tobytes()
