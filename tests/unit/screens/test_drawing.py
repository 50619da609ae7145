import time
from collections.abc import Iterator

import pytest
from PIL import Image

from firmware.screens import drawing
from firmware.screens.icons import ICONS
from firmware.screens.languages import Language
from firmware.screens.page import Align, Icon, Line, Page, Size, StatusBar
from firmware.screens.pages import page_for
from tests.unit.screens import gallery

EMPTY = StatusBar()


def ink(page: Page) -> tuple[int, int, int, int]:
    """The box around everything below the status bar."""
    box = drawing.render(page).crop((0, 14, drawing.WIDTH_PX, drawing.HEIGHT_PX)).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("language", Language)
def test_every_page_looks_as_it_was_approved(language: Language) -> None:
    approved = gallery.read(language)
    drawn = gallery.art(language)
    assert list(drawn) == list(approved)
    for name, picture in drawn.items():
        assert picture == approved[name], f"{name} looks different; see tests/unit/screens/gallery.py\n{picture}"


def test_a_frame_is_packed_rows_of_128_by_64_pixels() -> None:
    frame = drawing.draw(Page(EMPTY, (Line("", inverted=True),)))
    assert len(frame) == 128 * 64 // 8
    picture = Image.frombytes("1", (128, 64), frame)
    assert picture.getpixel((0, 40))
    assert not picture.getpixel((0, 63))


def test_a_text_that_is_too_wide_ends_in_an_ellipsis() -> None:
    cut = Page(EMPTY, (Line("Maximiliana Oberhuber"), Line("")))
    assert drawing.draw(cut) == drawing.draw(Page(EMPTY, (Line("Maximiliana Obe…"), Line(""))))


def test_digits_that_are_too_many_keep_the_last() -> None:
    cut = Page(EMPTY, (Line("00442012345678901234", keeps_end=True), Line("")))
    assert drawing.draw(cut) == drawing.draw(Page(EMPTY, (Line("…012345678901234"), Line(""))))


def test_chinese_is_cut_by_its_own_width() -> None:
    cut = Page(EMPTY, (Line("中" * 9), Line("")))
    assert drawing.draw(cut) == drawing.draw(Page(EMPTY, (Line("中" * 7 + "…"), Line(""))))


def test_large_digits_become_smaller_where_they_do_not_fit() -> None:
    def height(digits: str) -> int:
        box = ink(Page(EMPTY, (Line(digits, Align.RIGHT, Size.LARGE), Line(""))))
        return box[3] - box[1]

    assert height("12345678") > 16
    assert height("123456789") <= 16


def test_digits_stand_at_the_right_edge() -> None:
    assert ink(Page(EMPTY, (Line("000", Align.RIGHT, Size.LARGE),)))[2] >= drawing.WIDTH_PX - 3


@pytest.mark.parametrize(("percent", "lit_px"), [(0, 0), (50, 62), (100, 124)])
def test_the_volume_bar_is_as_long_as_the_volume(percent: int, lit_px: int) -> None:
    picture = drawing.render(Page(EMPTY, (), bar_percent=percent))
    row = picture.crop((2, 58, 126, 59)).tobytes()
    assert sum(byte.bit_count() for byte in row) == lit_px


def test_icons_are_ten_pixels_tall_and_even() -> None:
    assert set(ICONS) == set(Icon)
    for rows in ICONS.values():
        assert len(rows) == 10
        assert len({len(row) for row in rows}) == 1
        assert set("".join(rows)) == {"#", "."}


def test_the_fullest_status_bar_leaves_room_for_the_clock() -> None:
    full = StatusBar(((Icon.NOT_REGISTERED, 0), (Icon.MISSED, 99), (Icon.PROBLEM, 9)), "12:34")
    clock = StatusBar((), "12:34")
    box = (88, 0, 128, 12)
    assert drawing.render(Page(full, ())).crop(box).tobytes() == drawing.render(Page(clock, ())).crop(box).tobytes()


def test_drawing_a_page_takes_less_than_three_milliseconds() -> None:
    pages = [page_for(view, language.value, "12:34") for view in gallery.VIEWS.values() for language in Language]
    for page in pages:
        drawing.draw(page)
    began = time.thread_time()
    for page in pages:
        drawing.draw(page)
    assert (time.thread_time() - began) / len(pages) < 0.003


@pytest.fixture
def no_unifont(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(drawing, "UNIFONT_PATH", "/nonexistent/no-such-font.otf")
    drawing._font.cache_clear()
    yield
    drawing._font.cache_clear()


@pytest.mark.usefixtures("no_unifont")
def test_without_its_font_the_phone_still_draws_every_page_and_says_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not drawing.has_chinese()
    for view in gallery.VIEWS.values():
        for language in Language:
            assert len(drawing.draw(page_for(view, language.value, "12:34"))) == 1024
    assert "fonts-unifont" in caplog.text


def test_with_its_font_the_phone_speaks_chinese() -> None:
    assert drawing.has_chinese()
