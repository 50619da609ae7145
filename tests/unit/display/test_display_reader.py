"""What tests of the whole handset read off its display is what stands there."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import pytest

from firmware.display.families import renderer_for
from firmware.display.model import Block, Card, Flow, Icon, Importance, List, ListRow, Page, Role, StatusBar
from tests.lab.display_reader import begins, says, shows
from tests.unit.display.gallery import SamplePictures

STATUS = StatusBar(((Icon.REGISTERED, 0), (Icon.MISSED, 2)), "12:34")
RENDERER = renderer_for("oled_128x64", SamplePictures())


def page(*blocks: Block, **more: object) -> bytes:
    return RENDERER.render(Page(STATUS, blocks, **more))  # type: ignore[arg-type]


def sentence(text: str) -> Block:
    return Block(text, flow=Flow.WRAP, importance=Importance.NEEDED)


def test_a_sentence_is_read_on_as_many_lines_as_it_takes() -> None:
    frame = page(sentence("No answer from the server. Trying again."))
    assert says(frame, "No answer from the server. Trying again.")
    assert not says(frame, "No answer from the server. Trying.")


@pytest.mark.parametrize("role", Role)
def test_digits_are_read_whatever_they_are_to_the_page(role: Role) -> None:
    frame = page(Block("2345", role))
    assert says(frame, "2345")
    for other in ("234", "345", "2346", "12345"):
        assert not says(frame, other)


def test_a_word_is_not_read_within_a_longer_text() -> None:
    frame = page(sentence("On hold"))
    assert says(frame, "On hold")
    assert not says(frame, "On")
    assert not says(frame, "hold")
    assert says(page(sentence("On")), "On")


def test_what_stands_out_is_read_and_so_are_the_keys() -> None:
    frame = page(sentence("Anna"), title="Incoming call", cancel="Decline", ok="Answer")
    for text in ("Incoming call", "Anna", "Decline", "Answer"):
        assert says(frame, text)
    assert says(page(sentence("Anna"), title="Incoming call", is_urgent=True), "Anna")


def test_rows_of_a_list_are_read_with_their_values() -> None:
    rows = (ListRow("Calls", "", 1), ListRow("Forward", "2345", 2))
    frame = RENDERER.render(Page(STATUS, List(rows, selected=1, total=2), "Menu"))
    for text in ("Menu", "Calls", "Forward", "2345"):
        assert says(frame, text)
    assert not says(frame, "Call")


def test_values_of_a_card_are_read_beside_their_labels() -> None:
    rows = (ListRow("Sound", "good, 4.3 of 5"), ListRow("Lost", "0.0 %"), ListRow("Jitter", "0 ms"), ListRow("Codec"))
    frame = RENDERER.render(Page(STATUS, Card(rows)))
    for text in ("good, 4.3 of 5", "Lost", "0.0 %"):
        assert says(frame, text)
    assert not says(frame, "4.3")


def test_a_sentence_of_a_card_is_read() -> None:
    frame = RENDERER.render(Page(STATUS, Card((ListRow("accounts[1].password: is missing."),))))
    assert says(frame, "accounts[1].password: is missing.")


def test_a_text_that_goes_on_on_other_pages_is_known_by_its_first_line() -> None:
    long = "device.country: Input should be one of AU, CA, CN, DE, ES, FR, GB, IN, IT, JP, NL, PL, SE and US."
    frame = RENDERER.render(Page(STATUS, Card((ListRow(long),))))
    assert begins(frame, long)
    assert not says(frame, long)
    assert not begins(frame, long.removeprefix("device."))


def test_chinese_is_read() -> None:
    frame = page(sentence("密码错误，请联系安装人员。"))
    assert says(frame, "密码错误，请联系安装人员。")
    assert not says(frame, "密码错误，请联系安装人。")


def test_the_signs_of_the_status_bar_are_read_from_the_left() -> None:
    frame = page(sentence("Anna"))
    assert shows(frame, (Icon.REGISTERED, 0))
    assert shows(frame, (Icon.REGISTERED, 0), (Icon.MISSED, 2))
    assert not shows(frame, (Icon.REGISTERED, 0), (Icon.MISSED, 3))
    assert not shows(frame, (Icon.MISSED, 2))


def test_a_display_that_has_shown_nothing_yet_says_nothing() -> None:
    assert not says(b"", "Anna")
    assert not shows(b"", (Icon.REGISTERED, 0))
