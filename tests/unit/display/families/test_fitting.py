"""Texts are cleaned, wrapped and cut."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.display.families.fitting import clean, cut, is_wide, width, wrap
from firmware.display.model import Flow


class Columns:
    """Chinese letters take two columns, marks none, all others one."""

    def advance(self, letter: str) -> int:
        return 2 if is_wide(letter) else 0 if unicodedata.combining(letter) else 1


COLUMNS = Columns()
mixed = st.text("ab 中文，。（-e\u0301\u0327", max_size=80).map(clean)


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert cut("Anna", COLUMNS, 4) == "Anna"


def test_a_text_is_cut_at_its_end_or_at_its_beginning() -> None:
    assert cut("Anna Schmidt", COLUMNS, 6) == "Anna…"
    assert cut("+442079460000", COLUMNS, 6, Flow.CUT_START) == "…60000"


def test_a_letter_is_not_torn_from_its_marks() -> None:
    assert cut("ab q\u0327\u0301rs", COLUMNS, 4) == "ab…"
    assert cut("abq\u0327\u0301rs", COLUMNS, 4) == "abq\u0327\u0301…"
    assert cut("aq\u0327\u0301rs", COLUMNS, 3, Flow.CUT_START) == "…rs"


def test_latin_text_breaks_between_words_and_after_hyphens() -> None:
    assert wrap("No such number. Press CANCEL.", COLUMNS, 16).lines == ("No such number.", "Press CANCEL.")
    assert wrap("Ortega-Villanueva", COLUMNS, 10).lines == ("Ortega-", "Villanueva")


def test_chinese_breaks_anywhere_but_before_closing_and_after_opening_punctuation() -> None:
    assert wrap("无法通话，请使用其他电话。", COLUMNS, 8).lines == ("无法通", "话，请使", "用其他电", "话。")
    assert wrap("电话（办公室）", COLUMNS, 6).lines == ("电话", "（办公", "室）")


def test_a_word_that_is_too_wide_goes_on_in_the_next_line_and_it_is_said_so() -> None:
    wrapped = wrap("https://phone.example", COLUMNS, 10)
    assert wrapped.lines == ("https://ph", "one.exampl", "e")
    assert wrapped.breaks_words


def test_what_does_not_fit_the_rows_is_told_by_an_ellipsis() -> None:
    wrapped = wrap("one two three four", COLUMNS, 8, rows=2)
    assert wrapped.lines == ("one two", "three…")
    assert not wrapped.is_whole


@given(text=mixed, room=st.integers(4, 30), rows=st.integers(1, 5))
def test_no_line_is_wider_than_the_room_and_there_are_no_more_than_asked_for(text: str, room: int, rows: int) -> None:
    wrapped = wrap(text, COLUMNS, room, rows)
    assert len(wrapped.lines) <= rows
    assert all(width(line, COLUMNS) <= room for line in wrapped.lines)
    assert all(not unicodedata.combining(line[0]) for line in wrapped.lines)


@given(text=mixed, room=st.integers(4, 30))
def test_wrapping_loses_nothing_but_spaces(text: str, room: int) -> None:
    wrapped = wrap(text, COLUMNS, room)
    assert wrapped.is_whole
    assert "".join(wrapped.lines).replace(" ", "") == text.replace(" ", "")


@given(text=mixed, room=st.integers(0, 30), flow=st.sampled_from([Flow.CUT_END, Flow.CUT_START]))
def test_what_is_cut_fits(text: str, room: int, flow: Flow) -> None:
    shown = cut(text, COLUMNS, room, flow)
    assert width(shown, COLUMNS) <= room
    if shown and shown != text:
        kept = shown.strip("…")
        assert text.startswith(kept) if flow is Flow.CUT_END else text.endswith(kept)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202eanna\u202c", "anna"),
        ("An\u200bna\ufeff", "Anna"),
        ("two\r\n\tlines", "two lines"),
        ("\x1b[31mred\x00", "[31mred"),
        ("lone \udc80", "lone"),
        ("e\u0301", "é"),
        ("\u0301e", "e"),
        ("\u0301 e", "e"),
        ("👩\u200d👧\ufe0f", "👩👧"),
        ("a\u2028b\u00a0 c", "a b c"),
    ],
)
def test_what_cannot_be_seen_is_left_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_letter_keeps_two_marks_at_most() -> None:
    assert len(clean("q" + "\u0301" * 9_999)) == 3


@given(st.text(st.characters(), max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co"} for letter in once)
