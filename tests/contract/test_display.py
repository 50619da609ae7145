"""What every display does: the panel's own bytes decoded, and the real panel looked at."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Literal, Protocol

import pytest
from luma.core.interface.serial import i2c
from PIL import Image, ImageDraw

from drivers.display import OledDisplay
from drivers.errors import DeviceError
from firmware import ports
from provisioning import schema
from tests.fakes.panel import FakePanel
from tests.hardware.person import Person
from tests.lab.simulated_phone import SimulatedPhone

# luma.oled 3.16 still reads pixels in a way that Pillow 14 drops; pyproject.toml keeps Pillow below that.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")


class DisplayBench(Protocol):
    """A display that is not started yet, and an eye on it."""

    @property
    def display(self) -> ports.Display: ...

    def shows(self, frame: bytes) -> bool:
        """Whether exactly these packed rows can be seen."""
        ...


class PanelDisplayBench:
    """luma's own driver on luma's own I2C, with a fake panel at the end of the bus."""

    def __init__(self, controller: Literal["ssd1306", "sh1106"]) -> None:
        self._panel = FakePanel(controller)
        self.display = OledDisplay(
            controller=controller, i2c_bus=1, i2c_address=0x3C, rotate=0, open_bus=lambda: i2c(bus=self._panel)
        )

    def shows(self, frame: bytes) -> bool:
        return self._panel.frame() == frame


class PersonDisplayBench:
    """The panel on a Pi's I2C bus, with a person's eye."""

    def __init__(self, display: OledDisplay) -> None:
        self._person = Person.needed_for("the display")
        self.display = display

    def shows(self, frame: bytes) -> bool:
        image = Image.frombytes("1", (self.display.width_px, self.display.height_px), frame).resize((64, 32))
        lines = ("".join("#" if image.getpixel((x, y)) else "." for x in range(64)) for y in range(0, 32, 2))
        return self._person.confirms("Does the display show this?\n" + "\n".join(lines))


@contextmanager
def panel_display(controller: Literal["ssd1306", "sh1106"]) -> Iterator[DisplayBench]:
    yield PanelDisplayBench(controller)


@contextmanager
def page_display() -> Iterator[DisplayBench]:
    phone = SimulatedPhone(schema.Keypad().keys, repeat_after_ms=60, repeat_every_ms=20, long_press_ms=150)
    phone.start()
    yield phone
    phone.stop()


@contextmanager
def real_display() -> Iterator[DisplayBench]:
    settings = schema.Display()
    display = OledDisplay(
        controller=settings.controller,
        i2c_bus=settings.i2c_bus,
        i2c_address=settings.i2c_address,
        rotate=settings.rotate,
    )
    try:
        display.start()
    except DeviceError as error:
        pytest.skip(f"needs an OLED panel: {error}")
    display.stop()
    yield PersonDisplayBench(display)


BENCHES = [
    pytest.param(partial(panel_display, "ssd1306"), id="ssd1306"),
    pytest.param(partial(panel_display, "sh1106"), id="sh1106"),
    pytest.param(page_display, id="page"),
    pytest.param(real_display, id="real", marks=pytest.mark.hardware),
]


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[DisplayBench]:
    open_bench: Callable[[], AbstractContextManager[DisplayBench]] = request.param
    with open_bench() as opened:
        yield opened
        opened.display.stop()


def frame_of(display: ports.Display, draw: Callable[[ImageDraw.ImageDraw], None]) -> bytes:
    image = Image.new("1", (display.width_px, display.height_px))
    draw(ImageDraw.Draw(image))
    return image.tobytes()


def blank(display: ports.Display) -> bytes:
    return frame_of(display, lambda _: None)


def corner(display: ports.Display) -> bytes:
    """A frame that looks different when it is turned or mirrored."""

    def draw(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((0, 0, 40, 10), fill=1)
        pen.line((0, 0, display.width_px - 1, display.height_px - 1), fill=1)

    return frame_of(display, draw)


def test_a_started_display_is_blank(bench: DisplayBench) -> None:
    bench.display.start()
    assert bench.shows(blank(bench.display))


def test_a_frame_is_shown_pixel_by_pixel_the_right_way_up(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.display))
    assert bench.shows(corner(bench.display))
    noise = random.Random(2).randbytes(len(blank(bench.display)))
    bench.display.show(noise)
    assert bench.shows(noise)


def test_the_latest_frame_stays(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.display))
    bench.display.show(blank(bench.display))
    bench.display.show(corner(bench.display))
    bench.display.show(corner(bench.display))
    assert bench.shows(corner(bench.display))


def test_a_frame_of_the_wrong_size_is_refused_and_changes_nothing(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.display))
    with pytest.raises(ValueError, match="does not fit a display of 128 by 64 pixels"):
        bench.display.show(b"\xff")
    assert bench.shows(corner(bench.display))


def test_a_stopped_display_is_blank(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.display))
    bench.display.stop()
    assert bench.shows(blank(bench.display))


def test_a_display_that_was_stopped_starts_again(bench: DisplayBench) -> None:
    bench.display.start()
    bench.display.show(corner(bench.display))
    bench.display.stop()
    bench.display.start()
    bench.display.show(corner(bench.display))
    assert bench.shows(corner(bench.display))
