"""Which blocks there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from firmware.display.families.arrange import RowSetter, arrange, lay_out, page_of
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


def rows_of(selected: int | None, *names: str, count: int = 3, turn: int = 0) -> tuple[list[str], int]:
    """The rows that are shown in lines of ten letters, each line ended by a bar, and which the first of them is."""
    rows = tuple(ListRow(name, value="on", detail="9:41") for name in names)
    body = List(rows, first=100, selected=None if selected is None else 100 + selected, total=200)
    placed, first = lay_out(body, RowSetter(NORMAL, NORMAL, 80, 0, 8), count, turn)
    return ["".join(f"{line.label},{line.value}|" for line in row.lines) for row in placed], first


def test_the_selected_row_is_in_the_middle_but_for_the_ends() -> None:
    names = [f"row {number}" for number in range(10)]
    assert rows_of(0, *names) == (["row 0,|,on 9:41|", "row 1,on|"], 100)
    assert rows_of(5, *names, count=4) == (["row 4,on|", "row 5,|,on 9:41|", "row 6,on|"], 104)
    assert rows_of(9, *names) == (["row 8,on|", "row 9,|,on 9:41|"], 108)
    assert rows_of(None, *names) == (["row 0,on|", "row 1,on|", "row 2,on|"], 100)


def test_a_row_that_is_not_selected_gives_up_its_value_before_its_label() -> None:
    assert rows_of(0, "a", "a long one", count=3)[0] == ["a,on 9:41|", "a long one,|,on|"]
    assert rows_of(0, "a", "a long one", count=2)[0] == ["a,on 9:41|", "a long one,|"]
    assert rows_of(0, "a", "a longer one", "b", count=2)[0] == ["a,on 9:41|"]


def test_what_is_longer_than_the_display_has_its_parts_in_a_circle() -> None:
    parts = [rows_of(0, "one two three four", "next", count=2, turn=turn)[0] for turn in range(3)]
    assert parts == [["one two,|three four,|"], [",on 9:41|"], ["one two,|three four,|"]]


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
