"""What is kept of the text of a call: whose it is, in which order, and no more than fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.kept_text import MOST_BYTES, Utterance, utterances, with_letters

pytestmark = pytest.mark.feature("real-time text")


def kept(*written: tuple[bool, str], goes_on: bool = True) -> str:
    text = ""
    for ours, letters in written:
        text = with_letters(text, letters, ours=ours, goes_on=goes_on)
    return text


def read(text: str) -> list[tuple[bool, str]]:
    return [(each.ours, each.text) for each in utterances(text)]


def test_utterances_stand_in_the_order_in_which_they_began() -> None:
    text = kept((True, "Hel"), (False, "G"), (True, "lo\n"), (False, "ood day\n"), (True, "How are you?"))
    assert read(text) == [(True, "Hello"), (False, "Good day"), (True, "How are you?")]


def test_whoever_has_paused_begins_another_one_where_the_other_end_has_written_meanwhile() -> None:
    assert read(kept((True, "Yes"), (True, ", yes"), goes_on=False)) == [(True, "Yes, yes")]
    assert read(kept((True, "Well?"), (False, "Fine"), (True, "Good"), goes_on=False)) == [
        (True, "Well?"), (False, "Fine"), (True, "Good"),
    ]  # fmt: skip


def test_backspaces_take_back_what_they_are_meant_for_line_ends_too() -> None:
    assert read(kept((True, "Helo"), (False, "Hi"), (True, "\blo"))) == [(True, "Hello"), (False, "Hi")]
    assert read(kept((True, "Ad\nx"), (True, "\b\b\bb"))) == [(True, "Ab")]
    assert kept((True, "Ad\n"), (True, "\b" * 9), (False, "\b")) == ""


def test_nobody_writes_in_the_others_name() -> None:
    assert read(kept((False, "a\n>b\r>c\n<d"))) == [(False, "a"), (False, ">b"), (False, ">c"), (False, "<d")]


def test_of_more_than_fits_the_newest_is_kept() -> None:
    lines = [f"line {number} 张伟" for number in range(3000)]
    text = kept(*((number % 2 == 0, f"{line}\n") for number, line in enumerate(lines)))
    assert MOST_BYTES * 0.9 < len(text.encode()) <= MOST_BYTES
    said = utterances(text)
    assert [each.text for each in said] == lines[-len(said) :]
    whole = kept((False, "张" * 9000), (False, "!"))
    assert len(whole.encode()) <= MOST_BYTES
    assert utterances(whole)[0] == Utterance(ours=False, text=whole[1:])
    assert whole.endswith("张!")


@given(st.lists(st.tuples(st.booleans(), st.text("ab\n\b\r<>", max_size=8), st.booleans()), max_size=30))
def test_whoever_writes_whatever_each_end_has_written_just_that(written: list[tuple[bool, str, bool]]) -> None:
    text, alone = "", {True: "", False: ""}
    for ours, letters, goes_on in written:
        text = with_letters(text, letters, ours=ours, goes_on=goes_on)
        for letter in letters:
            alone[ours] = alone[ours][:-1] if letter == "\b" else alone[ours] + letter
    for ours, whole in alone.items():
        said = "".join(each.text for each in utterances(text) if each.ours is ours)
        assert said.replace("\r", "") == whole.replace("\n", "").replace("\r", "")
