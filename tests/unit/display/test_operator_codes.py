"""The operator's links, photographed from the display: what a reader makes of the pixels is what the page meant."""

import pytest
import zxingcpp
from PIL import Image

from firmware.base.words import word
from firmware.display.artist import Artist
from firmware.phone.menu_views import CodeView, SoftKeys
from firmware.phone.view import Mode, PhoneView
from tests.lab.display_reader import NoPictures

ACCOUNT = "0123456789abcdef0123456789abcdef"
SIZES = {"oled_128x64": (128, 64), "oled_128x128": (128, 128), "lcd_320x240": (320, 240)}
LINKS = {
    "short": f"https://example.com/i/{ACCOUNT}",
    "longest": f"https://pay.operator.example.com/top-up/by-code?{'x' * 50}&account={ACCOUNT}".ljust(134, "y"),
}


def photographed(frame: bytes, size: tuple[int, int]) -> Image.Image:
    """Make a picture of a frame, large as a camera would see it."""
    width, height = size
    mode = "RGB" if len(frame) == width * height * 3 else "1"
    return Image.frombytes(mode, size, frame).convert("L").resize((width * 6, height * 6), Image.Resampling.NEAREST)


@pytest.mark.parametrize("length", LINKS)
@pytest.mark.parametrize("family", SIZES)
def test_a_link_is_read_back_from_the_pixels(family: str, length: str) -> None:
    link = LINKS[length]
    view = CodeView(word("Invite"), link, link.removeprefix("https://"), SoftKeys(word("Back")))
    frame = Artist("en", NoPictures()).draw(PhoneView(Mode.MENU, menu=view), family, "12:00")
    [read] = zxingcpp.read_barcodes(photographed(frame, SIZES[family]))
    assert read.text == link
