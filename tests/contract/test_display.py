"""What every display does: the panel's own bytes decoded, and the real panel looked at."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Literal, Protocol

import luma.core.interface.serial
import luma.lcd.device
import luma.oled.device
import pytest
import RPLCD.common
import smbus2
from gpiozero.pins.mock import MockFactory, MockPWMPin
from luma.core.interface.serial import i2c
from PIL import Image, ImageDraw

from drivers.character_lcd import CharacterLcd
from drivers.colour_lcd import ColourLcd
from drivers.errors import DeviceError
from drivers.oled import OledDisplay
from drivers.panel_bus import I2cConnection, SpiConnection
from firmware.app.devices import panel_of
from firmware.ports import devices as ports
from provisioning.controls import Keypad
from provisioning.display import Display, DisplayFamily
from tests.fakes.character_panel import CharacterPanel
from tests.fakes.colour_panel import ColourPanel, shown
from tests.fakes.panel import FakePanel
from tests.fakes.wide_panels import Sh1107Panel, Ssd1327Panel
from tests.hardware.person import Person
from tests.hardware.rig import BusEar, stub_bus
from tests.lab.simulated_phone import SimulatedPhone

# luma.oled 3.16 still reads pixels in a way that Pillow 14 drops; pyproject.toml keeps Pillow below that.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")

SIZES_PX = {
    DisplayFamily.OLED_128X64: (128, 64),
    DisplayFamily.OLED_128X128: (128, 128),
    DisplayFamily.LCD_320X240: (320, 240),
}
ROOMS = {
    DisplayFamily.OLED_128X64: "128 by 64 pixels",
    DisplayFamily.OLED_128X128: "128 by 128 pixels",
    DisplayFamily.LCD_320X240: "320 by 240 pixels",
    DisplayFamily.CHARACTER_20X4: "20 by 4 characters",
}


class DisplayBench(Protocol):
    """A display that is not started yet, and an eye on it."""

    @property
    def display(self) -> ports.Display: ...
    @property
    def family(self) -> DisplayFamily: ...

    def shows(self, frame: bytes) -> bool:
        """Whether exactly this frame can be seen, as bright as it was asked for."""
        ...

    def is_dark(self) -> bool:
        """Whether nothing can be seen."""
        ...


class Panel(Protocol):
    """A fake panel at the end of a bus."""

    def power_up(self) -> None: ...


class PanelBench(DisplayBench, Protocol):
    """A display whose panel is a fake; `takes_bytes_by` names the method by which it does."""

    takes_bytes_by: str

    @property
    def panel(self) -> Panel: ...
    def brightness(self) -> float:
        """How bright the panel is, in a measure of its own."""
        ...


class OledBench:
    """luma's own driver on luma's own I2C, with a fake panel at the end of the bus."""

    takes_bytes_by = "write_i2c_block_data"

    def __init__(self, controller: str) -> None:
        panels = {"sh1107": Sh1107Panel, "ssd1327": Ssd1327Panel}
        self.panel = panels[controller]() if controller in panels else FakePanel(_small(controller))
        self.family = DisplayFamily.OLED_128X128 if controller in panels else DisplayFamily.OLED_128X64
        connection = I2cConnection(1, 0x3C, open_bus=lambda: i2c(bus=self.panel))
        self.display = OledDisplay(connection, controller=controller)

    def shows(self, frame: bytes) -> bool:
        return self.panel.frame() == frame

    def is_dark(self) -> bool:
        return not self.panel.is_on

    def brightness(self) -> float:
        return self.panel.contrast


def _small(controller: str) -> Literal["ssd1306", "sh1106"]:
    """Say which of the fakes speaks as this controller; an SSD1309 does as an SSD1306."""
    return "sh1106" if controller == "sh1106" else "ssd1306"


class ColourBench:
    """luma's own driver on luma's own SPI and gpiozero's mock pins, with a fake panel at their end."""

    family = DisplayFamily.LCD_320X240
    takes_bytes_by = "writebytes"

    def __init__(self, controller: Literal["st7789", "ili9341"]) -> None:
        pins = MockFactory(pin_class=MockPWMPin)
        self.panel = ColourPanel(controller, pins)
        connection = SpiConnection(
            0, 0, speed_mhz=40, dc_pin=ColourPanel.DC_PIN, reset_pin=ColourPanel.RESET_PIN, pin_factory=pins,
            spidev=self.panel,
        )  # fmt: skip
        self.display = ColourLcd(
            connection, controller=controller, backlight_pin=ColourPanel.BACKLIGHT_PIN, pin_factory=pins
        )

    def shows(self, frame: bytes) -> bool:
        return self.panel.frame() == shown(frame)

    def is_dark(self) -> bool:
        return self.panel.light == 0

    def brightness(self) -> float:
        return self.panel.light


class CharacterBench:
    """RPLCD's own driver, with a fake display at the end of the bus."""

    family = DisplayFamily.CHARACTER_20X4
    takes_bytes_by = "write_byte"

    def __init__(self) -> None:
        self.panel = CharacterPanel()
        self.display = CharacterLcd(I2cConnection(1, 0x27), open_bus=lambda: self.panel)

    def shows(self, frame: bytes) -> bool:
        return self.panel.frame() == frame

    def is_dark(self) -> bool:
        return not (self.panel.is_lit or self.panel.is_on)

    def brightness(self) -> float:
        return self.panel.is_lit


class HeardOledBench:
    """luma's own driver on the kernel's own I2C bus; what is written there is given to a fake panel.

    The stub knows SMBus's blocks of 32 bytes, not the larger ones that luma prefers where it opens the bus itself.
    """

    def __init__(self, bus: int, controller: str) -> None:
        fake = OledBench(controller)
        self.family = fake.family
        self._panel = fake.panel
        self._ear = BusEar()
        connection = I2cConnection(bus, 0x3C, open_bus=lambda: i2c(bus=smbus2.SMBus(bus)))
        self.display = OledDisplay(connection, controller=controller)

    def shows(self, frame: bytes) -> bool:
        self._ear.tell(self._panel)
        return self._panel.frame() == frame

    def is_dark(self) -> bool:
        self._ear.tell(self._panel)
        return not self._panel.is_on

    def close(self) -> None:
        self._ear.close()


class HeardCharacterBench:
    """RPLCD's own driver, likewise."""

    family = DisplayFamily.CHARACTER_20X4

    def __init__(self, bus: int) -> None:
        self._panel = CharacterPanel()
        self._ear = BusEar()
        self.display = CharacterLcd(I2cConnection(bus, 0x27))

    def shows(self, frame: bytes) -> bool:
        self._ear.tell(self._panel)
        return self._panel.frame() == frame

    def is_dark(self) -> bool:
        self._ear.tell(self._panel)
        return not (self._panel.is_lit or self._panel.is_on)

    def close(self) -> None:
        self._ear.close()


class PersonDisplayBench:
    """The panel of the default configuration on a Pi, with a person's eye."""

    family = DisplayFamily.OLED_128X64

    def __init__(self, display: ports.Display) -> None:
        self._person = Person.needed_for("the display")
        self.display = display

    def shows(self, frame: bytes) -> bool:
        image = Image.frombytes("1", SIZES_PX[self.family], frame).resize((64, 32))
        lines = ("".join("#" if image.getpixel((x, y)) else "." for x in range(64)) for y in range(0, 32, 2))
        return self._person.confirms("Does the display show this?\n" + "\n".join(lines))

    def is_dark(self) -> bool:
        return self._person.confirms("Is the display dark?")


@contextmanager
def oled(controller: str) -> Iterator[DisplayBench]:
    yield OledBench(controller)


@contextmanager
def colour_lcd(controller: Literal["st7789", "ili9341"]) -> Iterator[DisplayBench]:
    yield ColourBench(controller)


@contextmanager
def character_lcd() -> Iterator[DisplayBench]:
    yield CharacterBench()


@contextmanager
def page_display(family: DisplayFamily) -> Iterator[DisplayBench]:
    phone = SimulatedPhone(Keypad().keys, repeat_after_ms=60, repeat_every_ms=20, long_press_ms=150, family=family)
    phone.start()
    yield phone
    phone.stop()


@contextmanager
def heard(controller: str) -> Iterator[DisplayBench]:
    bus = stub_bus()
    if bus is None:
        pytest.skip("needs the kernel's I2C stub, which `make machine` loads in its machine")
    bench = HeardCharacterBench(bus) if controller == "hd44780" else HeardOledBench(bus, controller)
    yield bench
    bench.close()


@contextmanager
def real_display() -> Iterator[DisplayBench]:
    if stub_bus() is not None:
        controller = Display().controller
        assert controller != "st7789"
        assert controller != "ili9341"
        with heard(controller) as bench:
            yield bench
        return
    display = panel_of(Display())
    try:
        display.start()
    except DeviceError as error:
        pytest.skip(f"needs an OLED panel: {error}")
    display.stop()
    yield PersonDisplayBench(display)


BENCHES = [
    *(pytest.param(partial(oled, chip), id=chip) for chip in ("ssd1306", "sh1106", "ssd1309", "sh1107", "ssd1327")),
    *(pytest.param(partial(colour_lcd, chip), id=chip) for chip in ("st7789", "ili9341")),
    pytest.param(character_lcd, id="hd44780"),
    *(pytest.param(partial(page_display, family), id=f"page-{family}") for family in DisplayFamily),
    *(
        pytest.param(partial(heard, chip), id=f"bus-{chip}", marks=pytest.mark.hardware)
        for chip in ("sh1106", "ssd1309", "sh1107", "ssd1327", "hd44780")
    ),
    pytest.param(real_display, id="real", marks=pytest.mark.hardware),
]


PANELS = [
    *(
        pytest.param(partial(OledBench, chip), id=chip)
        for chip in ("ssd1306", "sh1106", "ssd1309", "sh1107", "ssd1327")
    ),
    *(pytest.param(partial(ColourBench, chip), id=chip) for chip in ("st7789", "ili9341")),
    pytest.param(CharacterBench, id="hd44780"),
]


@pytest.fixture(autouse=True)
def _no_rest_for_fakes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pauses that a real panel needs after it is reset and after a command."""
    if request.node.get_closest_marker("hardware") is not None:
        return
    for place in (luma.core.interface.serial, luma.lcd.device, luma.oled.device):
        monkeypatch.setattr(place, "sleep", lambda _seconds: None)
    for name in ("msleep", "usleep"):
        monkeypatch.setattr(RPLCD.common, name, lambda _duration: None)


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[DisplayBench]:
    open_bench: Callable[[], AbstractContextManager[DisplayBench]] = request.param
    with open_bench() as opened:
        yield opened
        opened.display.stop()


def blank(family: DisplayFamily) -> bytes:
    if family is DisplayFamily.CHARACTER_20X4:
        return b" " * 80
    return Image.new("RGB" if family is DisplayFamily.LCD_320X240 else "1", SIZES_PX[family]).tobytes()


def corner(family: DisplayFamily) -> bytes:
    """A frame that looks different when it is turned or mirrored."""
    if family is DisplayFamily.CHARACTER_20X4:
        return b"Dial a number".ljust(60) + b"OK".rjust(20)
    image = Image.frombytes("RGB" if family is DisplayFamily.LCD_320X240 else "1", SIZES_PX[family], blank(family))
    pen = ImageDraw.Draw(image)
    lit = (255, 128, 4) if image.mode == "RGB" else 1
    pen.rectangle((0, 0, 40, 10), fill=lit)
    pen.line((0, 0, image.width - 1, image.height - 1), fill=lit)
    return image.tobytes()


def noise(family: DisplayFamily) -> bytes:
    return random.Random(2).randbytes(len(blank(family)))


def test_a_started_display_is_blank(bench: DisplayBench) -> None:
    bench.display.start()
    assert bench.shows(blank(bench.family))


def test_a_frame_is_shown_whole_and_the_right_way_up(bench: DisplayBench) -> None:
    bench.display.start()
    for frame in (corner(bench.family), noise(bench.family)):
        bench.display.show(frame)
        assert bench.shows(frame)


def test_the_latest_frame_stays(bench: DisplayBench) -> None:
    bench.display.start()
    for frame in (corner(bench.family), blank(bench.family), corner(bench.family), corner(bench.family)):
        bench.display.show(frame)
    assert bench.shows(corner(bench.family))


def test_a_frame_of_the_wrong_size_is_refused_and_changes_nothing(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.family))
    with pytest.raises(ValueError, match=f"does not fit a display of {ROOMS[bench.family]}"):
        bench.display.show(b"\xff")
    assert bench.shows(corner(bench.family))


def test_a_display_of_no_brightness_is_dark_and_wakes_with_the_page_that_came_meanwhile(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.set_brightness(0)
    assert bench.is_dark()
    bench.display.show(noise(bench.family))
    assert bench.is_dark()
    bench.display.set_brightness(30)
    assert not bench.is_dark()
    assert bench.shows(noise(bench.family))


def test_a_brightness_that_there_is_not_is_refused(bench: DisplayBench) -> None:
    bench.display.start()
    for percent in (-1, 101):
        with pytest.raises(ValueError, match=f"cannot be {percent} percent bright"):
            bench.display.set_brightness(percent)
        assert not bench.is_dark()


def test_refreshing_changes_nothing_that_is_seen(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.refresh()
    assert bench.shows(corner(bench.family))
    bench.display.set_brightness(0)
    bench.display.refresh()
    assert bench.is_dark()


@pytest.mark.parametrize("open_panel", PANELS)
def test_a_panel_that_was_without_power_unnoticed_shows_its_page_again_once_it_is_refreshed(
    open_panel: Callable[[], PanelBench],
) -> None:
    bench = open_panel()
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.set_brightness(30)
    bright = bench.brightness()
    bench.panel.power_up()
    assert not bench.shows(corner(bench.family))
    bench.display.refresh()
    assert bench.shows(corner(bench.family))
    assert bench.brightness() == bright
    bench.display.stop()


@pytest.mark.parametrize("open_panel", PANELS)
def test_nothing_flickers_on_a_panel_that_is_refreshed(
    open_panel: Callable[[], PanelBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open_panel()
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.set_brightness(30)
    bright = bench.brightness()
    send = getattr(bench.panel, bench.takes_bytes_by)
    writes = 0

    def watch(*sent: object) -> None:
        nonlocal writes
        send(*sent)
        writes += 1
        assert bench.shows(corner(bench.family)), "not the page that was shown"
        assert bench.brightness() == bright

    monkeypatch.setattr(bench.panel, bench.takes_bytes_by, watch)
    bench.display.refresh()
    assert writes > 10
    monkeypatch.undo()
    bench.display.stop()


def test_a_stopped_display_is_blank(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.stop()
    assert bench.shows(blank(bench.family))


def test_a_display_that_was_stopped_starts_again(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.family))
    bench.display.stop()
    bench.display.start()
    bench.display.show(corner(bench.family))
    assert bench.shows(corner(bench.family))
