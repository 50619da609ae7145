from pathlib import Path

import pytest

from firmware.base.pinyin import table
from firmware.base.pinyin.table import Pinyin, from_text, pinyin, readings, to_text


@pytest.mark.parametrize(
    ("character", "known"),
    [
        ("王", "wang"),
        ("重", "zhong chong"),
        ("单", "dan shan"),
        ("女", "nv"),
        ("行", "xing hang"),
        ("a", ""),
        ("。", ""),
    ],
)
def test_a_character_has_its_usual_readings(character: str, known: str) -> None:
    assert set(known.split()) <= set(readings(character))
    assert bool(readings(character)) == bool(known)


@pytest.mark.parametrize(
    ("syllable", "first"), [("wo", "我"), ("ni", "你"), ("shi", "是"), ("zhang", "长张"), ("nv", "女")]
)
def test_the_characters_that_people_write_most_come_first(syllable: str, first: str) -> None:
    assert pinyin().characters[syllable].startswith(first)


def test_every_reading_leads_back_to_its_character() -> None:
    for character in "单重行女李王张刘陈":
        assert all(character in pinyin().characters[reading] for reading in readings(character))


def test_names_have_characters_of_their_own() -> None:
    assert pinyin().surnames.startswith("王李张")
    assert set("伟芳明") <= set(pinyin().given_names)
    assert all(readings(character) for character in pinyin().surnames + pinyin().given_names)


def test_traditional_chinese_has_what_stands_for_a_character_the_most_usual_first() -> None:
    traditional = pinyin().traditional
    assert [traditional[character] for character in "张发后"] == ["張", "發髮", "後后"]
    assert "中" not in traditional
    assert all(readings(each) for written in traditional.values() for each in written)


def test_names_in_other_scripts_do_not_have_the_table_read() -> None:
    table.pinyin.cache_clear()
    assert [readings(character) for character in "Zoë Ångström Ольга"] == [()] * 18
    assert not table.pinyin.cache_info().currsize


def test_what_is_written_is_what_is_read() -> None:
    readings_ = {"中": ("zhong",), "重": ("zhong", "chong")}
    small = Pinyin({"chong": "重", "zhong": "中重"}, readings_, {"中": 0, "重": 1}, "钟", "中", {"钟": "鐘鍾"})
    assert from_text(to_text(small)) == small


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"chong\tx\ty"])
def test_without_a_table_there_is_no_chinese_and_no_failure(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pinyin.dat"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(table, "TABLE_PATH", path)
    table.pinyin.cache_clear()
    try:
        assert readings("王") == ()
        assert pinyin() == Pinyin({}, {})
    finally:
        table.pinyin.cache_clear()
