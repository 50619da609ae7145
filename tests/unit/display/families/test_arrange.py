"""Which blocks there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from firmware.display.families.arrange import arrange, page_of, window
from firmware.display.model import Block, Card, Flow, Importance, List, ListRow, Role


@dataclass(frozen=True)
class Face:
    """Letters that are half as wide as tall."""

    height_px: int

    def advance(self, letter: str) -> int:
        return self.height_px // 2 * len(letter)

    def shows(self, text: str) -> bool:
        return True


TALL, NORMAL, SMALL = Face(32), Face(16), Face(8)


def faces(role: Role) -> Sequence[Face]:
    return (TALL, NORMAL) if role is Role.CLOCK else (NORMAL, SMALL) if role is Role.TEXT else (NORMAL,)


def shown(blocks: Sequence[Block], height_px: int, *, fewer_words: bool = False) -> list[tuple[int, tuple[str, ...]]]:
    arrangement = arrange(blocks, faces, 128, height_px, fewer_words=fewer_words)
    return [(placed.face.height_px, placed.lines) for placed in arrangement.placed]


CLOCK = Block("12:34", Role.CLOCK, importance=Importance.NEEDED)
NAME = Block("Anna", Role.NAME, importance=Importance.NEEDED)
USEFUL = Block("2345", Role.NAME)
SPARE = Block("London", Role.DETAIL, importance=Importance.SPARE)
PARAGRAPH = Block("No answer from the server. Trying again.", Role.TEXT, Flow.WRAP, importance=Importance.NEEDED)


def test_all_is_shown_where_there_is_room() -> None:
    assert shown([NAME, USEFUL, SPARE], 48) == [(16, ("Anna",)), (16, ("2345",)), (16, ("London",))]


def test_the_least_important_goes_first() -> None:
    assert shown([SPARE, NAME, USEFUL], 32) == [(16, ("Anna",)), (16, ("2345",))]
    assert shown([SPARE, NAME, USEFUL], 16) == [(16, ("Anna",))]


def test_of_the_equally_important_the_last_goes_first() -> None:
    assert shown([USEFUL, Block("5678", Role.NAME)], 16) == [(16, ("2345",))]


def test_a_large_clock_becomes_smaller_before_words_that_are_useful_go() -> None:
    assert shown([CLOCK, USEFUL], 32) == [(16, ("12:34",)), (16, ("2345",))]


def test_with_large_letters_spare_words_go_before_letters_become_smaller() -> None:
    assert shown([CLOCK, SPARE], 32, fewer_words=True) == [(32, ("12:34",))]


def test_a_paragraph_becomes_smaller_before_it_loses_words() -> None:
    assert shown([PARAGRAPH], 48)[0][0] == 16
    assert shown([PARAGRAPH], 16) == [(8, ("No answer from the server.", "Trying again."))]
    assert shown([PARAGRAPH], 8) == [(8, ("No answer from the server.…",))]


def test_useful_words_go_before_needed_paragraphs_lose_theirs() -> None:
    assert shown([USEFUL, PARAGRAPH], 16) == [(8, ("No answer from the server.", "Trying again."))]


def test_what_was_given_up_in_vain_is_taken_back() -> None:
    # The clock shrinks for the spare line, which then goes all the same.
    assert shown([CLOCK, NAME, Block("x" * 8, Role.DETAIL, importance=Importance.SPARE)], 48) == [
        (32, ("12:34",)),
        (16, ("Anna",)),
    ]


@given(
    texts=st.lists(
        st.tuples(st.text("ab ", max_size=50), st.sampled_from(Role), st.sampled_from(Importance)), max_size=8
    ),
    height_px=st.integers(0, 100),
)
def test_what_is_shown_is_never_taller_than_the_room(texts: list[tuple[str, Role, Importance]], height_px: int) -> None:
    blocks = [Block(text, role, Flow.WRAP, importance=importance) for text, role, importance in texts]
    arrangement = arrange(blocks, faces, 64, height_px, gap_px=2)
    assert arrangement.height_px <= height_px or not arrangement.placed


def test_a_window_has_the_selected_row_in_its_middle_but_for_the_ends() -> None:
    rows = tuple(ListRow(str(number)) for number in range(10))

    def labels(selected: int) -> tuple[str, int]:
        seen, first = window(List(rows, first=100, selected=100 + selected, total=200), 3)
        return "".join(row.label for row in seen), first

    assert labels(0) == ("012", 100)
    assert labels(5) == ("456", 104)
    assert labels(9) == ("789", 107)


def test_items_are_not_torn_apart_by_the_end_of_a_page() -> None:
    heights = [16, 32, 16, 16]
    assert page_of(heights, 48, Card((), 0)) == (0, 2, 0, 2)
    assert page_of(heights, 48, Card((), 1)) == (2, 4, 1, 2)
    assert page_of(heights, 48, Card((), 9)) == (2, 4, 1, 2)
    assert page_of([], 48, Card((), 0)) == (0, 0, 0, 1)


def test_in_a_circle_the_first_page_comes_after_the_last() -> None:
    heights = [16, 32, 16, 16]
    assert [page_of(heights, 48, Card((), scroll, is_circular=True))[2] for scroll in (-1, 0, 1, 2)] == [1, 0, 1, 0]


def test_what_is_made_smaller_is_not_cut_and_what_loses_a_line_is() -> None:
    text = Block("one two three four", flow=Flow.WRAP, importance=Importance.NEEDED)

    def fit(width_px: int, height_px: int) -> tuple[bool, bool]:
        arrangement = arrange([text], lambda _: (NORMAL, SMALL), width_px, height_px)
        return arrangement.is_whole, arrangement.is_cut

    assert fit(160, 16) == (True, False)
    assert fit(80, 16) == (False, False)
    assert fit(40, 8) == (False, True)
