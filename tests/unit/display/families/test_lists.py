"""Lists and questions on every display: no name is cut, and a question says what its two keys do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, groupby, product, takewhile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from firmware.display.families import FAMILIES
from firmware.display.families.fitting import clean
from firmware.display.families.fonts import Face
from firmware.display.families.rom import encode, readable
from firmware.display.model import List, ListRow, Page
from firmware.display.pages import page_for
from firmware.display.translation import Language
from firmware.phone.contact import MAX_NAME
from firmware.phone.view import Look
from tests.lab.chance import counted
from tests.unit.display import gallery
from tests.unit.display.states import CLOCK, VIEWS

CHARACTERS = gallery.CHARACTERS
LISTS = [name for name, view in VIEWS.items() if isinstance(page_for(view, "en", CLOCK).body, List)]
QUESTIONS = [name for name, view in VIEWS.items() if page_for(view, "en", CLOCK).asks]
ANSWERS = [name for name in QUESTIONS if name in LISTS]
LONG_NAMES = ("Daniela Ortega-Villanueva de la Fuente y Martínez", "欧阳建国办公室电话与传真机房", "A" * MAX_NAME)
families = pytest.mark.parametrize("family", FAMILIES)
TEXT_SIZES = (False, True)
sizes = pytest.mark.parametrize("large_text", TEXT_SIZES, ids=["normal", "large"])

Draw = Callable[[str, Page], list[str]]


@pytest.fixture(scope="module")
def drawn() -> Iterator[Draw]:
    """What a family draws of a page, text by text."""
    texts: list[tuple[Any, str]] = []
    draw = Face.draw

    def note(face: Face, *drawing: Any) -> None:
        texts.append((drawing[0], drawing[3]))
        draw(face, *drawing)

    def texts_of(family: str, page: Page) -> list[str]:
        if family == CHARACTERS:
            codes = gallery.renderer(family).render(page)
            return [gallery.in_letters(codes)[start : start + 20] for start in range(0, len(codes), 20)]
        texts.clear()
        gallery.renderer(family).render(page)
        # What was tried before is not what is seen.
        return [text for canvas, text in texts if canvas is texts[-1][0]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Face, "draw", note)
        yield texts_of


def readable_on(family: str, text: str) -> str:
    return readable(text) if family == CHARACTERS else text


def letters(text: str) -> str:
    return "".join(text.split())


def shown(family: str, text: str) -> str:
    """The letters of a text as a family has them."""
    return letters(gallery.in_letters(encode(readable(text))) if family == CHARACTERS else clean(text))


def assert_no_name_is_cut(drawn: Draw, family: str, page: Page) -> None:
    """Look at all parts: what is drawn of the selected row is all of it, and no other row's label ends early."""
    body = page.body
    assert isinstance(body, List)
    # A title may be longer than its row: what is looked at here is below it.
    page = replace(page, title="", cancel="", ok="")
    parts = [drawn(family, page)]
    parts += takewhile(parts[0].__ne__, (drawn(family, replace(page, turn=turn)) for turn in count(1)))
    assert not any("…" in text or "..." in text for part in parts for text in part)
    if body.selected is not None:
        row = body.rows[body.selected - body.first]
        seen = letters("".join("".join(part) for part in parts))
        at = seen.find(shown(family, row.label)[:1])
        for letter in "".join(shown(family, text) for text in (row.label, row.value, row.detail)):
            at = seen.find(letter, at) + 1
            assert at, f"{row} is cut on {family}"


def test_no_row_of_a_list_cuts_a_name(drawn: Draw, subtests: pytest.Subtests) -> None:
    for family, language, large_text, name in product(FAMILIES, Language, TEXT_SIZES, LISTS):
        with subtests.test(family=family, language=language, large_text=large_text, name=name):
            view = replace(VIEWS[name], look=Look(large_text=large_text))
            assert_no_name_is_cut(drawn, family, page_for(view, language.value, CLOCK))


def test_names_longer_than_the_display_are_read_in_parts(drawn: Draw, subtests: pytest.Subtests) -> None:
    for family, large_text, selected in product(FAMILIES, TEXT_SIZES, range(len(LONG_NAMES) + 1)):
        with subtests.test(family=family, large_text=large_text, selected=selected):
            rows = tuple(
                ListRow(name, number=number, detail="25 Nov 14:03", sign="→")
                for number, name in enumerate(("Anna", *LONG_NAMES), start=1)
            )
            page = Page(body=List(rows, selected=selected, total=len(rows)), large_text=large_text)
            assert_no_name_is_cut(drawn, family, page)


@families
@sizes
@given(
    names=st.lists(st.text("aW 中é-", min_size=1, max_size=MAX_NAME).filter(str.strip), min_size=1, max_size=6),
    chosen=st.integers(0, 5),
    value=st.sampled_from(["", "off", "13912345678"]),
)
@settings(max_examples=counted(full=300, landing=15), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_names_none_is_cut(  # noqa: PLR0917 - hypothesis gives them by name
    drawn: Draw, family: str, large_text: bool, names: list[str], chosen: int, value: str
) -> None:
    rows = tuple(ListRow(name, value, detail="3 Nov 18:20") for name in names)
    page = Page(body=List(rows, selected=chosen % len(rows), total=len(rows)), large_text=large_text)
    assert_no_name_is_cut(drawn, family, page)


@families
def test_a_time_stands_on_the_selected_row_alone(drawn: Draw, family: str) -> None:
    rows = tuple(ListRow(name, detail=f"25 Nov 14:0{minute}") for minute, name in enumerate(("Al", "Bo", "Cy")))
    texts = " ".join(drawn(family, Page(body=List(rows, selected=1, total=3))))
    assert "14:01" in texts
    assert "14:00" not in texts
    assert "14:02" not in texts


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != CHARACTERS])
@sizes
def test_all_labels_of_a_list_are_set_in_one_face(
    monkeypatch: pytest.MonkeyPatch, family: str, large_text: bool
) -> None:
    faces: dict[str, Face] = {}
    draw = Face.draw

    def note(face: Face, *drawing: Any) -> None:
        faces[drawing[3]] = face
        draw(face, *drawing)

    monkeypatch.setattr(Face, "draw", note)
    labels = ("Al", "安娜", "Daniela Ortega-Villanueva de la Fuente")
    for selected in range(3):
        page = Page(body=List(tuple(map(ListRow, labels)), selected=selected, total=3), large_text=large_text)
        gallery.renderer(family).render(page)
    assert len({id(face) for face in faces.values()}) == 1


def test_below_a_title_the_selected_row_is_a_plate_of_its_own() -> None:
    page = Page(title="Menu", body=List((ListRow("Calls"), ListRow("Contacts")), selected=0, total=2))
    row_bytes = 128 // 8
    frame = gallery.renderer("oled_128x64").render(page)
    assert frame[15 * row_bytes : 16 * row_bytes] == bytes(row_bytes), "the title's last row of pixels is dark"
    assert frame[16 * row_bytes : 17 * row_bytes] == b"\xff" * row_bytes


def test_a_question_says_what_its_two_keys_do(drawn: Draw, subtests: pytest.Subtests) -> None:
    for family, language, large_text, name in product(FAMILIES, Language, TEXT_SIZES, QUESTIONS):
        with subtests.test(family=family, language=language, large_text=large_text, name=name):
            page = page_for(replace(VIEWS[name], look=Look(large_text=large_text)), language.value, CLOCK)
            texts = drawn(family, page)
            assert page.cancel
            # Where nothing is selected, OK does nothing.
            for key in filter(None, (page.cancel, page.ok)):
                assert any((f"[{readable(key)}]" in text) if family == CHARACTERS else text == key for text in texts), (
                    key
                )


def test_no_answer_is_shown_without_another_one(drawn: Draw, subtests: pytest.Subtests) -> None:
    for family, language, large_text, name in product(FAMILIES, Language, TEXT_SIZES, ANSWERS):
        with subtests.test(family=family, language=language, large_text=large_text, name=name):
            page = page_for(replace(VIEWS[name], look=Look(large_text=large_text)), language.value, CLOCK)
            assert isinstance(page.body, List)
            texts = letters(" ".join(drawn(family, page)))
            shown = [row.label for row in page.body.rows if letters(readable_on(family, row.label)) in texts]
            assert len(shown) > 1, shown


@pytest.mark.parametrize("selected", [0, 1, None])
def test_chinese_rows_do_not_run_into_each_other(selected: int | None) -> None:
    """The letter fills the sixteen pixels of Unifont from the first to the last."""
    page = Page(title="Privacy", body=List((ListRow("中"),) * 3, selected=selected, total=3))
    frame = Image.frombytes("1", (128, 64), gallery.renderer("oled_128x64").render(page))
    is_lit = [bool(frame.crop((0, y, 16, y + 1)).getbbox()) for y in range(16, 64)]
    assert [lit for lit, _ in groupby(is_lit)].count(True) == 2, "each row is apart from the other"


def test_what_the_keys_do_is_shown_where_it_costs_no_row(drawn: Draw) -> None:
    chinese = List(tuple(map(ListRow, ("联系人", "通话记录", "消息"))), selected=0, total=3)
    latin = List(tuple(map(ListRow, ("Contacts", "Calls", "Messages"))), selected=0, total=3)
    assert "返回" in drawn("oled_128x64", Page(body=chinese, title="Menu", cancel="返回"))
    assert "Back" not in drawn("oled_128x64", Page(body=latin, title="Menu", cancel="Back"))
