# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.screens.text import columns, wrap


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("Wrong password. Ask your installer.", ["Wrong password.", "Ask your", "installer."]),
        ("Lift the handset", ["Lift the handset"]),
        ("Lift the handsets", ["Lift the", "handsets"]),
        ("accounts[1].password", ["accounts[1].pass", "word"]),
        (
            "密码错误，请联系安装人员。",
            ["密码错误，请联系", "安装人员。"],
        ),
        ("请检查网线或Wi-Fi", ["请检查网线或", "Wi-Fi"]),
    ],
)
def test_a_text_breaks_between_words_and_between_chinese_characters(text: str, lines: list[str]) -> None:
    assert wrap(text, 16) == lines


def test_no_line_begins_with_a_full_stop_or_a_comma() -> None:
    assert wrap("一二三四五六七八。九", 16) == [
        "一二三四五六七",
        "八。九",
    ]


@given(st.text(st.characters(codec="gb2312", exclude_categories=["Cc"]), max_size=60), st.integers(4, 21))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
