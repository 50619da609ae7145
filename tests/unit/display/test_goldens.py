"""The pages look as somebody has approved them; see `gallery`."""

from itertools import product

import pytest
from PIL import Image

from firmware.display.translation import Language
from tests.unit.display import gallery
from tests.unit.display.states import VIEWS

PAGES = list(gallery.states_with_pixels())


def test_letters_are_drawn_as_they_were_when_the_pages_were_approved() -> None:
    approved = gallery.FONTS_NOTE.read_text(encoding="utf-8")
    assert gallery.fonts() == approved, (
        f"The goldens were drawn with other versions of the fonts or of FreeType, so that they say nothing here. "
        f"{gallery.REDRAW}"
    )


def test_every_page_looks_as_it_was_approved(subtests: pytest.Subtests) -> None:
    for family, language, name in PAGES:
        with subtests.test(family=family, language=language, name=name):
            golden = gallery.path(family, language, name)
            assert golden.exists(), f"{name} was never approved for {family}. {gallery.REDRAW}"
            drawn = gallery.picture(family, language, name)
            with Image.open(golden) as approved:
                if gallery.is_same(drawn, approved):
                    continue
            difference = gallery.save_difference(family, language, name, drawn)
            pytest.fail(
                f"{name} looks different on {family}: {difference} shows the approved page, the page now, and where "
                f"they differ. {gallery.REDRAW}"
            )


@pytest.mark.parametrize(("family", "language"), list(product(gallery.SIZES, Language)))
def test_every_page_can_be_drawn_on_every_display(family: str, language: Language) -> None:
    width_px, height_px = gallery.SIZES[family]
    bits = 24 if family == "lcd_320x240" else 1
    sizes = {name: len(gallery.frame(family, language, name)) for name in VIEWS}
    assert sizes == dict.fromkeys(VIEWS, width_px * height_px * bits // 8)


@pytest.mark.parametrize("language", Language)
def test_every_page_can_be_written_in_characters(language: Language) -> None:
    sizes = {name: len(gallery.frame(gallery.CHARACTERS, language, name)) for name in VIEWS}
    assert sizes == dict.fromkeys(VIEWS, 80)


@pytest.mark.parametrize("language", Language)
def test_every_page_in_characters_reads_as_it_was_approved(language: Language) -> None:
    approved = gallery.approved_texts(language)
    assert list(approved) == list(gallery.states_in_characters(language)), gallery.REDRAW
    for name in approved:
        assert gallery.framed(gallery.text(language, name)) == approved[name], (
            f"{name} reads differently. {gallery.REDRAW}"
        )


def test_no_golden_is_left_over() -> None:
    kept = set(gallery.FOLDER.rglob("*.png"))
    assert kept == {gallery.path(*page) for page in PAGES}, gallery.REDRAW


@pytest.mark.parametrize(("family", "language"), list(product(gallery.SIZES, Language)))
def test_a_page_that_looks_different_is_noticed(family: str, language: Language) -> None:
    one, other = (gallery.picture(family, language, name) for name in ("idle", "dial tone"))
    assert not gallery.is_same(one, other)
    nearly = one.copy()
    nearly.putpixel((0, 0), 255 if one.mode == "1" else (1, 2, 3))
    assert not gallery.is_same(one, nearly)
