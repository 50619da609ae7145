"""Whom the digits call, on the idle page of every display: names whole, and never in the way of what is to be read."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.display.families import FAMILIES
from firmware.display.families.people import place_names
from firmware.display.model import Tile
from firmware.display.pages import page_for
from firmware.display.spoken import lines_of, spoken
from firmware.display.translation import Language
from firmware.phone.view import Look
from tests.unit.display.families.test_lists import Draw, drawn, shown
from tests.unit.display.states import CLOCK, VIEWS

__all__ = ["drawn"]

PEOPLE = VIEWS["idle, people"]


class Letters:
    """Letters that are one wide."""

    height_px = 1

    def advance(self, letter: str) -> int:
        return len(letter)

    def shows(self, text: str) -> bool:
        return text is not None


def rows(*names: str, room: int = 20, count: int = 2) -> list[str]:
    tiles = [Tile(str(digit), name) for digit, name in enumerate(names, start=1)]
    placed = place_names(tiles, Letters(), room, count)
    return ["|".join(name.text for name in row) for row in placed]


def test_names_stand_side_by_side_as_far_as_they_fit() -> None:
    assert rows("Anna", "Tom", "Dr Wu", "Post") == ["1 Anna|2 Tom", "3 Dr Wu|4 Post"]


def test_a_name_that_has_no_room_is_left_out_and_the_next_one_is_not() -> None:
    assert rows("Anna", "Daniela Ortega-Villanueva de la Fuente", "Tom") == ["1 Anna|3 Tom"]


def test_a_long_name_goes_on_in_the_next_row_where_there_is_one() -> None:
    assert rows("Daniela de la Fuente", "Tom") == ["1 Daniela de la", "Fuente"]


@given(
    names=st.lists(st.text("aW é中", min_size=1, max_size=40).filter(str.strip), max_size=9), room=st.integers(8, 40)
)
def test_no_name_is_wider_than_the_room_nor_over_another(names: list[str], room: int) -> None:
    tiles = [Tile(str(digit), name) for digit, name in enumerate(names, start=1)]
    for row in place_names(tiles, Letters(), room, 3):
        ends = 0
        for name in row:
            assert name.left >= ends
            assert name.right - name.left >= len(name.text)
            ends = name.right
        assert ends <= room


@pytest.mark.feature("people on the idle page")
def test_at_least_two_people_and_the_time_are_on_every_display(drawn: Draw, subtests: pytest.Subtests) -> None:
    for family, language, large_text in product(FAMILIES, Language, [False, True]):
        with subtests.test(family=family, language=language, large_text=large_text):
            page = page_for(replace(PEOPLE, look=Look(large_text=large_text)), language.value, CLOCK)
            said = "|".join(drawn(family, page))
            assert "1 Anna" in said
            assert "2 Tom" in said
            assert said.count(CLOCK) == 1
            assert shown(family, page.ok) in said.replace(" ", "")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["idle, people and missed calls", "idle, people and a clock that is not set"])
def test_whatever_is_to_be_read_comes_before_people(drawn: Draw, family: str, name: str) -> None:
    page = page_for(VIEWS[name], "en", CLOCK)
    alone, together = drawn(family, replace(page, people=())), drawn(family, page)
    assert set(alone) <= set(together)


def test_who_has_no_picture_has_a_letter_beside_those_who_have_one(drawn: Draw) -> None:
    texts = drawn("lcd_320x240", page_for(VIEWS["idle, people with pictures"], "en", CLOCK))
    assert "T" in texts
    assert "A" not in texts


def test_the_page_is_read_with_whom_the_digits_call() -> None:
    page = page_for(PEOPLE, "en", CLOCK)
    assert ". 1 Anna. 2 Tom. 3 欧阳建国. 4 Voicemail. 7 Daniela" in spoken(page, None)
    assert {"1 Anna", "2 Tom"} <= set(lines_of(page))
