"""Whatever a page says, every family draws it."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import time
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firmware.display.families import FAMILIES, renderer_for
from firmware.display.model import (
    Block,
    Card,
    Code,
    Entry,
    Flow,
    Icon,
    Importance,
    List,
    ListRow,
    Page,
    Renderer,
    Role,
    StatusBar,
)
from tests.lab.chance import counted

FRAME_BYTES = {
    "oled_128x64": 128 * 64 // 8,
    "oled_128x128": 128 * 128 // 8,
    "lcd_320x240": 320 * 240 * 3,
    "character_20x4": 80,
}
NASTY = (
    "",
    " ",
    "a" * 10_000,
    "中" * 10_000,
    "W\u0301\u0327" * 3_000,
    "x" + "\u0301\u0316" * 5_000,
    "\u202eanna\u202c \u2066hidden\u2069",
    "\u200b\u200d\ufeff" * 3_000,
    "\ud83d\ude00 lone \udc80",
    "👩\u200d👩\u200d👧 😀🏽 🇩🇪",
    "محمد שלום \u200f",
    "\x00\x07\x1b[31m\r\n\t",
    "https://example.com/" + "a" * 300,
    "，。、！？" * 50,
)


class Pictures:
    """A picture for every name but one."""

    def picture(self, name: str, width_px: int, height_px: int) -> bytes | None:
        if name == "missing":
            return None
        return Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").tobytes()


RENDERERS: dict[str, Renderer] = {family: renderer_for(family, Pictures()) for family in FAMILIES}

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.text("中文测试，。 ab", max_size=60))
blocks = st.builds(
    Block,
    texts,
    role=st.sampled_from(Role),
    flow=st.sampled_from(Flow),
    centred=st.booleans(),
    importance=st.sampled_from(Importance),
    rows=st.integers(1, 8),
)
rows = st.builds(ListRow, texts, value=st.one_of(st.just(""), texts), number=st.integers(0, 9))
some_rows = st.lists(rows, max_size=12).map(tuple)
bodies = st.one_of(
    st.lists(blocks, max_size=7).map(tuple),
    st.builds(
        List,
        some_rows,
        first=st.integers(0, 5),
        selected=st.one_of(st.none(), st.integers(0, 30)),
        total=st.integers(0, 100_000),
    ),
    st.builds(Card, some_rows, scroll=st.integers(0, 1_000)),
    st.builds(
        Entry,
        texts,
        mode=st.sampled_from(["", "abc", "拼"]),
        candidates=st.lists(texts, max_size=12).map(tuple),
        candidate=st.integers(0, 20),
        note=texts,
    ),
    st.builds(Code, texts, caption=texts),
)
statuses = st.builds(
    StatusBar,
    st.lists(st.tuples(st.sampled_from(Icon), st.integers(0, 99)), max_size=9).map(tuple),
    text=st.one_of(st.sampled_from(["", "12:34", "10:02:03"]), texts),
)
pages = st.builds(
    Page,
    statuses,
    body=bodies,
    title=st.one_of(st.just(""), texts),
    cancel=st.one_of(st.just(""), texts),
    ok=st.one_of(st.just(""), texts),
    bar_percent=st.one_of(st.none(), st.integers(-10, 120)),
    picture=st.sampled_from(["", "anna", "missing"]),
    is_urgent=st.booleans(),
    large_text=st.booleans(),
    high_contrast=st.booleans(),
)
families = pytest.mark.parametrize("family", FAMILIES)
STATUS = StatusBar(((Icon.REGISTERED, 0),), "12:34")


@families
@given(page=pages)
@settings(max_examples=counted(full=1500, landing=50))
def test_every_page_fills_its_frame(family: str, page: Page) -> None:
    assert len(RENDERERS[family].render(page)) == FRAME_BYTES[family]


@families
@given(others=st.lists(blocks, max_size=5), place=st.integers(0, 5), role=st.sampled_from(Role), large=st.booleans())
@settings(max_examples=counted(full=600, landing=20))
def test_what_is_needed_is_always_seen(family: str, others: list[Block], place: int, role: Role, large: bool) -> None:
    def frame(text: str) -> bytes:
        body = [replace(block, importance=Importance.USEFUL) for block in others]
        body.insert(place, Block(text, role, importance=Importance.NEEDED))
        return RENDERERS[family].render(Page(STATUS, tuple(body), cancel="Back", ok="Call", large_text=large))

    assert frame("2345") != frame("6789")


@families
@given(
    count=st.integers(1, 40),
    selected=st.integers(0, 39),
    first=st.integers(0, 1_000),
    title=st.sampled_from(["", "Contacts"]),
    large=st.booleans(),
)
@settings(max_examples=counted(full=600, landing=20))
def test_the_selected_row_is_always_seen(  # noqa: PLR0917 - hypothesis gives them by name
    family: str, count: int, selected: int, first: int, title: str, large: bool
) -> None:
    selected %= count

    def frame(label: str) -> bytes:
        labels = ["Somebody"] * count
        labels[selected] = label
        body = List(tuple(map(ListRow, labels)), first=first, selected=first + selected, total=first + count + 10)
        return RENDERERS[family].render(Page(STATUS, body, title=title, cancel="Back", ok="Open", large_text=large))

    assert frame("Anna") != frame("Bert")


@families
@given(
    text=st.one_of(
        st.sampled_from(["", "a" * 10_000, "中文" * 200, "two words " * 40]), st.text("ab 中", max_size=300)
    ),
    candidates=st.sampled_from([(), ("one", "two"), ("明", "名", "鸣") * 4]),
    note=st.sampled_from(["", "A note that is long enough for more than a single row of the display, by far."]),
    large=st.booleans(),
)
@settings(max_examples=counted(full=600, landing=20))
def test_the_end_of_what_is_typed_is_always_seen(
    family: str, text: str, candidates: tuple[str, ...], note: str, large: bool
) -> None:
    def frame(last: str) -> bytes:
        body = Entry(text + last, "abc", candidates, 0, note)
        return RENDERERS[family].render(Page(STATUS, body, title="Name", cancel="Delete", ok="Save", large_text=large))

    assert len({frame("x"), frame("z"), frame("中"), frame(" ")}) == 4


@families
@given(chosen=st.integers(0, 11), large=st.booleans())
@settings(max_examples=counted(full=300, landing=10))
def test_the_chosen_candidate_is_always_seen(family: str, chosen: int, large: bool) -> None:
    def frame(word: str) -> bytes:
        candidates = ["candidate"] * 12
        candidates[chosen] = word
        return RENDERERS[family].render(
            Page(STATUS, Entry("a", "abc", tuple(candidates), chosen), title="Name", large_text=large)
        )

    assert frame("ball") != frame("call")


@families
def test_the_last_page_of_a_card_stays(family: str) -> None:
    card = Card(tuple(ListRow(f"Fact {number}", "so and so") for number in range(9)))
    frames = [
        RENDERERS[family].render(Page(STATUS, replace(card, scroll=scroll), title="Facts")) for scroll in range(12)
    ]
    assert frames[0] != frames[1]
    assert frames[-1] == frames[-2]


@families
def test_every_fact_of_a_card_is_on_one_of_its_pages(family: str) -> None:
    facts = [ListRow(f"Fact {number}", "so and so") for number in range(7)]

    def frames(shown: list[ListRow]) -> list[bytes]:
        return [
            RENDERERS[family].render(Page(STATUS, Card(tuple(shown), scroll), title="Facts")) for scroll in range(9)
        ]

    for index in range(len(facts)):
        assert frames(facts) != frames([*facts[:index], ListRow("Fact X", "so and so"), *facts[index + 1 :]])


@families
def test_the_body_leaves_the_status_bar_and_the_keys_alone(family: str) -> None:
    if family == "character_20x4":
        return
    size = {"oled_128x64": (128, 64), "oled_128x128": (128, 128), "lcd_320x240": (320, 240)}[family]
    mode = "RGB" if family == "lcd_320x240" else "1"

    def edges(body: tuple[Block, ...]) -> tuple[bytes, ...]:
        frame = RENDERERS[family].render(Page(STATUS, body, cancel="Back", ok="Call"))
        picture = Image.frombytes(mode, size, frame)
        status_px = 27 if mode == "RGB" else 13
        keys_px = 0 if size[1] == 64 else 34 if mode == "RGB" else 12
        boxes = [(0, 0, size[0], status_px), (0, size[1] - keys_px, size[0], size[1])]
        return tuple(picture.crop(box).tobytes() for box in boxes if box[1] < box[3])

    empty = edges(())
    for role in Role:
        full = tuple(Block("Çgjpqy|Ậ 2345", role, Flow.WRAP, importance=Importance.NEEDED) for _ in range(9))
        assert edges(full) == empty


def test_no_name_takes_long(subtests: pytest.Subtests) -> None:
    for family, name in product(FAMILIES, NASTY):
        with subtests.test(family=family, name=name):
            page = Page(
                STATUS, (Block(name, Role.NAME, importance=Importance.NEEDED),), "Incoming call", is_urgent=True
            )
            RENDERERS[family].render(page)
            took = []
            for _ in range(5):
                began = time.thread_time()
                RENDERERS[family].render(page)
                took.append(time.thread_time() - began)
            assert min(took) < 0.01


def test_no_page_full_of_long_texts_takes_long(subtests: pytest.Subtests) -> None:
    for family, text in product(FAMILIES, NASTY):
        with subtests.test(family=family, text=text):
            page = Page(
                StatusBar((), text),
                tuple(Block(text, role, Flow.WRAP, importance=Importance.NEEDED) for role in Role),
                title=text,
                cancel=text,
                ok=text,
            )
            RENDERERS[family].render(page)
            took = []
            for _ in range(3):
                began = time.thread_time()
                RENDERERS[family].render(page)
                took.append(time.thread_time() - began)
            # Ten texts of up to 10,000 letters each.
            assert min(took) < 0.05


def test_a_family_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no display family 'e_ink'.*oled_128x64"):
        renderer_for("e_ink", Pictures())
