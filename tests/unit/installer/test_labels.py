import re
from html.parser import HTMLParser

import pytest
import zxingcpp
from PIL import Image

from firmware.installer.labels import Label, sheet

SERIAL = "10000000abcd0001"
WORDS = ("suspect", "motion", "simple", "chest", "iron", "team")
ON_EACH_PAGE = ["On the sheet?", "OK only for these words:", *WORDS]


def label(**changes: str) -> Label:
    values = {
        "name": "Reception",
        "number": "101",
        "place": "Hall",
        "device": "desk-1",
        "serial": SERIAL,
        "code": "0123456789",
    }
    return Label(**{**values, **changes})


class Words(HTMLParser):
    """Gathers what is read on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(page.split("</style>")[1])

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


def drawn(page: str, position: int) -> Image.Image:
    """Draw one SVG of a page as a printer does: rows of black dots, three pixels each."""
    size, path = re.findall(r'viewBox="0 0 ([0-9]+) [0-9]+".*?d="([^"]+)"', page, re.DOTALL)[position]
    image = Image.new("L", (int(size), int(size)), 255)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            for column in range(int(x), int(x + values[0])):
                image.putpixel((column, int(y)), 0)
            x += values[0]
    return image.resize((int(size) * 3, int(size) * 3), Image.Resampling.NEAREST)


def test_a_label_says_whose_it_is_and_what_to_type() -> None:
    assert Words(sheet([label()], WORDS, "Hotel")).words == [
        *ON_EACH_PAGE,
        "Reception",
        "101",
        "Hall",
        "Code",
        "01234 56789",
        SERIAL,
        "desk-1",
    ]


def test_nothing_is_said_twice_and_no_code_where_there_is_none() -> None:
    words = Words(sheet([label(name="101", place="", device=SERIAL, code="")], WORDS, "Hotel")).words
    assert words == [*ON_EACH_PAGE, "101", SERIAL]


@pytest.mark.parametrize(("position", "text"), [(0, " ".join(WORDS)), (1, SERIAL)])
def test_the_qr_codes_are_the_words_and_the_serial(position: int, text: str) -> None:
    (found,) = zxingcpp.read_barcodes(drawn(sheet([label()], WORDS, "Hotel"), position))
    assert found.text == text


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (23, 1), (24, 2), (500, 22)])
def test_twenty_three_labels_go_onto_a_page_beside_the_words(count: int, pages: int) -> None:
    page = sheet([label(serial=f"10000000abcd{number:04}") for number in range(count)], WORDS, "Hotel")
    assert page.count("<main>") == page.count("On the sheet?") == pages
    assert page.count("<article>") == count + pages


def test_names_are_text_whatever_they_contain() -> None:
    page = sheet([label(name="<script>alert(1)</script>", place="R&D \u524d\u53f0")], WORDS, "<b>Hotel")
    assert "<script>" not in page
    assert "R&amp;D \u524d\u53f0" in page
    assert "<title>&lt;b&gt;Hotel</title>" in page


def test_the_sheet_needs_nothing_else_and_may_load_nothing() -> None:
    page = sheet([label()], WORDS, "Hotel")
    assert not re.search(r"\b(src|href)=|url\(|@import", page)
    assert "default-src 'none'" in page
