import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.numbering.patterns import Positions

DIGIT = st.sampled_from("0123456789")


def atoms(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def span(ends: tuple[str, str]) -> str:
        return f"[{min(ends)}-{max(ends)}]"

    return st.one_of(
        DIGIT,
        st.just(r"\d"),
        st.lists(DIGIT, min_size=1, max_size=4).map(lambda digits: f"[{''.join(digits)}]"),
        st.tuples(DIGIT, DIGIT).map(span),
        parts.map(lambda part: f"(?:{part})"),
    )


def repeats(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def counted(drawn: tuple[str, int, int]) -> str:
        text, least, more = drawn
        return f"{text}{{{least},{least + more}}}"

    counts = st.integers(0, 3)
    return st.one_of(
        part,
        part.map("{}?".format),
        st.tuples(part, counts).map(lambda drawn: f"{drawn[0]}{{{drawn[1]}}}"),
        st.tuples(part, counts, counts).map(counted),
    )


def sequences(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.lists(repeats(atoms(parts)), min_size=1, max_size=3).map("".join)
    return st.lists(one, min_size=1, max_size=3).map("|".join)


PATTERNS = st.recursive(repeats(DIGIT), sequences, max_leaves=6)


def fits(pattern: str, text: str) -> bool:
    positions = Positions()
    state = positions.add_pattern(pattern)
    for digit in text:
        state = positions.after(state, digit)
    return positions.is_end(state)


@given(PATTERNS, st.data())
def test_a_pattern_fits_what_the_regular_expression_matches(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True, alphabet="0123456789") | st.text("0123456789", max_size=6))
    assert fits(pattern, text) is (re.fullmatch(pattern, text) is not None)


def test_patterns_side_by_side_are_told_apart_only_by_their_states() -> None:
    positions = Positions()
    begin = positions.add_pattern("1[23]") | positions.add_pattern("13")
    assert positions.is_end(positions.after(positions.after(begin, "1"), "2"))
    one, other = (positions.after(positions.after(begin, "1"), digit) for digit in "23")
    assert one != other


def test_leading_digits_are_remembered_but_make_no_number() -> None:
    positions = Positions()
    state = positions.add_leading_digits("7[89]")
    for digit in "7812345":
        state = positions.after(state, digit)
    assert state
    assert not positions.is_end(state)
    assert not positions.after(positions.add_leading_digits("7[89]"), "8")


def test_what_is_not_understood_is_refused(subtests: pytest.Subtests) -> None:
    for pattern in ["a", "1+", "1*", "(1)", "(?=1)", "^1", "[^1]", "[1", "(?:1", "1)", r"\D", "1{2", "."]:
        with subtests.test(pattern=pattern), pytest.raises(ValueError, match="not understood"):
            Positions().add_pattern(pattern)
