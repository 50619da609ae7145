"""What is written can be read: WCAG 2.2, success criterion 1.4.3, level AA."""

from dataclasses import fields, replace
from itertools import product

import pytest
from PIL import Image

from firmware.display.families import renderer_for
from firmware.display.families.colour import (
    BACKGROUND_LIGHT,
    CONTRAST,
    ICON_COLOURS,
    NORMAL,
    URGENT,
    URGENT_CONTRAST,
)
from firmware.display.families.sheet import Colour, Palette
from firmware.display.model import Block, Icon, List, ListRow, Page, Role, StatusBar

TEXT_CONTRAST = 4.5
SIGN_CONTRAST = 3.0
PALETTES = {"normal": NORMAL, "urgent": URGENT, "contrast": CONTRAST, "urgent contrast": URGENT_CONTRAST}
# Letters, and what they stand on.
PAIRS = (
    ("text", "ground"),
    ("text", "ground_below"),
    ("dim", "ground"),
    ("dim", "ground_below"),
    ("headline", "ground"),
    ("headline", "ground_below"),
    ("headline", "plate"),
    ("on_selected", "selected"),
    ("on_status", "status"),
    ("on_title", "title"),
    ("on_keys", "keys"),
)


def luminance(colour: Colour) -> float:
    """The relative luminance that WCAG defines."""
    assert isinstance(colour, tuple)
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (c / 255 for c in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_the_highest_contrast() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


def test_letters_stand_out_from_what_is_behind_them(subtests: pytest.Subtests) -> None:
    for name, (letters, ground) in product(PALETTES, PAIRS):
        with subtests.test(name=name, letters=letters, ground=ground):
            palette = PALETTES[name]
            assert contrast(getattr(palette, letters), getattr(palette, ground)) >= TEXT_CONTRAST


@pytest.mark.parametrize("letters", ["text", "dim", "headline"])
def test_letters_stand_out_from_the_brightest_picture(letters: str) -> None:
    white = (int(255 * BACKGROUND_LIGHT),) * 3
    assert contrast(getattr(NORMAL, letters), white) >= TEXT_CONTRAST


def test_signs_stand_out_from_the_status_bar(subtests: pytest.Subtests) -> None:
    for icon in ICON_COLOURS:
        with subtests.test(icon=icon):
            assert contrast(ICON_COLOURS[icon], NORMAL.status) >= SIGN_CONTRAST
            assert contrast(ICON_COLOURS[icon], URGENT.status) >= SIGN_CONTRAST


@pytest.mark.parametrize("palette", [CONTRAST, URGENT_CONTRAST])
def test_high_contrast_knows_black_and_white_alone(palette: Palette) -> None:
    colours = {getattr(palette, field.name) for field in fields(palette)}
    assert colours == {(0, 0, 0), (255, 255, 255)}


class WhitePictures:
    def picture(self, name: str, width_px: int, height_px: int) -> bytes | None:
        return b"\xff" * (width_px * height_px * 3)


IDLE = Page(
    StatusBar(((Icon.REGISTERED, 0), (Icon.MISSED, 2)), "12:34"),
    (Block("12:34", Role.CLOCK), Block("Wednesday", Role.DETAIL)),
    picture="anna",
    ok="Menu",
)


def picture_of(page: Page) -> Image.Image:
    return Image.frombytes("RGB", (320, 240), renderer_for("lcd_320x240", WhitePictures()).render(page))


def test_the_picture_behind_the_idle_page_is_dimmed() -> None:
    assert picture_of(IDLE).getpixel((5, 100)) == (int(255 * BACKGROUND_LIGHT),) * 3


def test_high_contrast_has_no_picture_behind_the_letters() -> None:
    assert picture_of(replace(IDLE, high_contrast=True)).getpixel((5, 100)) == (0, 0, 0)


def test_a_picture_stands_beside_the_body_of_other_pages() -> None:
    page = replace(IDLE, body=(Block("Anna", Role.NAME),))
    assert picture_of(page).getpixel((60, 120)) == (255, 255, 255)


def test_what_is_urgent_is_the_brightest_page() -> None:
    def light(page: Page) -> float:
        grey = picture_of(page).convert("L").tobytes()
        return sum(grey) / len(grey)

    page = Page(body=(Block("Anna", Role.NAME),))
    assert light(replace(page, is_urgent=True)) > 4 * light(page)


def test_states_that_colours_tell_are_told_by_shapes_too() -> None:
    def shape(icon: Icon) -> bytes:
        page = Page(StatusBar(((icon, 0),)), (), high_contrast=True)
        return picture_of(page).crop((0, 0, 40, 26)).tobytes()

    # The line's bars and the quality's are told apart by their places.
    told = set(Icon) - {Icon.QUALITY_2, Icon.QUALITY_4}
    assert len({shape(icon) for icon in told}) == len(told)


def test_the_selected_row_is_a_plate_across_the_list() -> None:
    page = Page(IDLE.status, List((ListRow("Anna"), ListRow("Bert")), selected=1, total=2))
    row = picture_of(page).crop((0, 27, 320, 240))
    assert row.getcolors(320 * 240) is not None
    counts = {colour: count for count, colour in row.getcolors(320 * 240) or []}
    assert counts[NORMAL.selected] > 290 * 20
