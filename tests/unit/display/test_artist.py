"""What the phone shows becomes a frame of whichever display there is."""

import pytest

from firmware.display import artist
from firmware.display.artist import Artist
from firmware.display.families import FAMILIES, renderer_for
from firmware.display.pages import page_for
from tests.unit.display.gallery import SamplePictures
from tests.unit.display.states import CLOCK, VIEWS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_state_is_drawn_in_the_configured_language(family: str) -> None:
    drawn = Artist("zh", SamplePictures()).draw(VIEWS["busy"], family, CLOCK)
    assert drawn == renderer_for(family, SamplePictures()).render(page_for(VIEWS["busy"], "zh", CLOCK))


def test_a_display_without_chinese_letters_is_spoken_to_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artist, "has_chinese", lambda family: False)
    page = Artist("zh", SamplePictures()).page(VIEWS["idle, missed calls"], FAMILIES[0], CLOCK)
    assert page.cancel == "Clear"
