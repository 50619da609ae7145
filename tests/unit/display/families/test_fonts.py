"""A phone without its fonts still shows what it can."""

from collections.abc import Iterator

import pytest

from firmware.display.families import FAMILIES, fonts, has_chinese, renderer_for
from firmware.display.model import Block, Entry, List, ListRow, Page, Pictures, Role, StatusBar
from tests.lab.display_reader import NoPictures

PAGES = (
    Page(StatusBar((), "12:34"), (Block("12:34", Role.CLOCK), Block("Zoë Łukasz 王小明 …", Role.NAME))),
    Page(body=List((ListRow("王小明", "½"), ListRow("Zoë")), selected=0), title="菜单", ok="打开"),
    Page(body=Entry("••••", note="Wrong PIN…"), title="PIN", large_text=True),
)


def forget() -> None:
    for cached in (
        fonts.unifont,
        fonts.outline,
        fonts.digits,
        fonts.small_latin,
        fonts._truetype,
        fonts._warn_once,
    ):
        cached.cache_clear()


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fonts, "UNIFONT_PATH", "/nonexistent/no-such-font.otf")
    monkeypatch.setattr(fonts, "OUTLINE_PATH", "/nonexistent/no-such-outline.ttc")
    forget()
    yield
    forget()


@pytest.mark.usefixtures("no_fonts")
@pytest.mark.parametrize("family", FAMILIES)
def test_without_fonts_every_family_still_draws(family: str) -> None:
    renderer = renderer_for(family, NoPictures())
    for page in PAGES:
        assert any(renderer.render(page))


@pytest.mark.usefixtures("no_fonts")
def test_without_fonts_pixels_have_no_chinese_and_the_log_says_what_to_install(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not has_chinese("oled_128x64")
    assert not has_chinese("oled_128x128")
    assert not has_chinese("lcd_320x240")
    assert caplog.text.count("fonts-unifont") == 1
    assert caplog.text.count("fonts-wqy-microhei") == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_with_fonts_every_family_speaks_chinese(family: str) -> None:
    assert has_chinese(family)


def test_a_colour_display_without_its_own_font_borrows_the_mono_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "OUTLINE_PATH", "/nonexistent/no-such-outline.ttc")
    forget()
    try:
        assert has_chinese("lcd_320x240")
        pictures: Pictures = NoPictures()
        assert any(renderer_for("lcd_320x240", pictures).render(PAGES[0]))
    finally:
        forget()


@pytest.mark.parametrize("letters", ["Anna Schmidt", "王小明", "é…", "12:34"])
def test_letters_are_as_wide_together_as_one_by_one(letters: str) -> None:
    for face in (fonts.unifont(16), fonts.unifont(32), fonts.outline(18), fonts.outline(30, bold=True)):
        alone = sum(map(face.advance, letters))
        shown = letters.replace("…", "...") if face not in {fonts.unifont(16), fonts.unifont(32)} else letters
        assert alone == round(face._font.getlength(shown))
