"""What a QR code says is read back from the display's own pixels."""

from itertools import product

import pytest
import zxingcpp
from PIL import Image

from firmware.display.families import pixels, renderer_for
from firmware.display.model import Code, Icon, Page, StatusBar
from tests.lab.display_reader import NoPictures

SIZES = {"oled_128x64": (128, 64), "oled_128x128": (128, 128), "lcd_320x240": (320, 240)}
INVITE = "https://phone.example/i/7f3a9c"
CARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:王小明\r\nN:王;小明;;;\r\nTEL;TYPE=CELL:13912345678\r\n"
    "TEL;TYPE=HOME:+442079460000\r\nEND:VCARD\r\n"
)
PAYLOADS = ("112", "HTTPS://PHONE.EXAMPLE/PAY/123456789012", INVITE, CARD, "weixin://wxpay/bizpayurl?pr=AbCdEfG")


def drawn(family: str, page: Page) -> Image.Image:
    frame = renderer_for(family, NoPictures()).render(page)
    return Image.frombytes("RGB" if family == "lcd_320x240" else "1", SIZES[family], frame).convert("L")


def read(picture: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture)]


def test_a_code_is_read_from_the_pixels(subtests: pytest.Subtests) -> None:
    for family, payload, title, is_plain in product(SIZES, PAYLOADS, ["", "Invite"], [False, True]):
        with subtests.test(family=family, payload=payload, title=title, is_plain=is_plain):
            status = StatusBar(((Icon.REGISTERED, 0),), "12:34")
            page = Page(status, Code(payload, "Scan to call me"), title=title, cancel="Back", high_contrast=is_plain)
            assert read(drawn(family, page)) == [payload]


@pytest.mark.parametrize("family", SIZES)
def test_a_payload_that_no_code_of_the_display_holds_is_shown_as_text(family: str) -> None:
    page = Page(body=Code("x" * 3_500))
    picture = drawn(family, page)
    assert not read(picture)
    assert picture.getbbox() is not None


def test_a_code_has_four_light_modules_around_it() -> None:
    module_px = pixels.module_px(INVITE, 240)
    picture = pixels.draw_code(INVITE, module_px, 240)
    dark = picture.point(lambda value: not value).getbbox()
    assert dark is not None
    assert dark[0] == dark[1] == pixels.QUIET_MODULES * module_px
    assert picture.width - dark[2] == pixels.QUIET_MODULES * module_px


def test_on_a_small_display_modules_of_two_pixels_come_before_a_wide_border() -> None:
    assert pixels.module_px(INVITE, 64) == 2
    assert pixels.module_px(CARD, 64) == 1


@pytest.mark.parametrize(("room_px", "module_px"), [(28, 0), (29, 1), (115, 3), (116, 4), (240, 8)])
def test_a_code_is_as_large_as_fits(room_px: int, module_px: int) -> None:
    # 21 modules and a border of four on each side.
    assert pixels.module_px("https://phone.ex", room_px) == module_px
