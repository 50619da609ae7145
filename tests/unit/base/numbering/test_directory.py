import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.base.numbering.directory import TABLE_PATH, NumberDirectory
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.open_files import open_files
from tests.unit.base.numbering.world import CONFIGURABLE


def started(path: Path, language: str) -> NumberDirectory:
    directory = NumberDirectory(path, language)
    directory.start()
    return directory


ENGLISH = started(TABLE_PATH, "en")
CHINESE = started(TABLE_PATH, "zh")


def test_place_and_carrier_are_told_in_the_displays_language(subtests: pytest.Subtests) -> None:
    for number, english, chinese in (
        ("+8675526001234", "Shenzhen, Guangdong", "广东省深圳市"),
        ("0755 2600 1234", "Shenzhen, Guangdong", "广东省深圳市"),
        ("13800138000", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("+8613800138000", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("008613800138000", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("8613800138000", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("sip:+8613800138000@sip.example.org;user=phone", "Beijing · China Mobile", "北京市 · 中国移动"),
        (f"sip:+8613800138000@{'a' * 240}.example.org", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("tel:+86-138-0013-8000", "Beijing · China Mobile", "北京市 · 中国移动"),
        ("+14155550132", "San Francisco, CA, United States", "美国"),
        ("+44 (0)20 8361 2345", "London, United Kingdom", "英国"),
        ("0044 20 8361 2345", "London, United Kingdom", "英国"),
        ("+5491123456789", "Buenos Aires, Argentina", "阿根廷"),
        ("+82 2-2123-4567", "Seoul, South Korea", "韩国首尔市"),
        ("+40721234567", "Romania · Vodafone", "罗马尼亚 · Vodafone"),
    ):
        with subtests.test(number=number, english=english):
            assert ENGLISH.describe(number, "CN") == english
            assert CHINESE.describe(number, "CN") == chinese


def test_a_country_is_left_out_where_it_is_the_handsets_own() -> None:
    assert ENGLISH.describe("+442083612345", "GB") == "London"
    assert CHINESE.describe("+82221234567", "KR") == "首尔市"


def test_extensions_services_and_emergency_numbers_are_from_nowhere(subtests: pytest.Subtests) -> None:
    for country in CONFIGURABLE:
        for number in ("", "0", "1", "201", "1001", "10086", "110", "112", "911", "999", "*78", "*21*201#"):
            with subtests.test(country=country, number=number):
                assert not ENGLISH.describe(number, country)


@pytest.mark.parametrize(
    ("country", "extension"), [("DE", "40850"), ("DE", "595500"), ("NZ", "84550"), ("IT", "058800")]
)
def test_an_extension_is_none_of_the_countrys_shortest_numbers(country: str, extension: str) -> None:
    code = {"DE": "+49", "NZ": "+64", "IT": "+39"}[country]
    assert ENGLISH.describe(code + extension, country)
    assert not ENGLISH.describe(extension, country)


def test_what_is_no_number_is_from_nowhere(subtests: pytest.Subtests) -> None:
    for number in (
        "8" * 10_000,
        "+" * 10_000,
        "+86" + "0" * 10_000,
        "(" * 10_000 + "+8613800138000",
        "１３８００１３８０００",  # noqa: RUF001 - digits of another width are no number
        "\u0661\u0663\u0668\u0660\u0660\u0661\u0663\u0668\u0660\u0660\u0660",
        "+86\udcff13800138000",
        "+86\x0013800138000",
        "Ann",
        "sip:ann@example.org",
        "sip:@example.org",
        "anonymous",
        "+",
        "+0",
        "+00",
        "++8613800138000",
        "+86+13800138000",
        "+999999999999999",
        "-1",
    ):
        with subtests.test(number=number):
            assert not ENGLISH.describe(number, "CN")


NUMBERS = st.text() | st.text("+0123456789-()@;: ", max_size=40) | st.binary().map(lambda data: data.decode("latin-1"))


@given(NUMBERS, st.sampled_from(CONFIGURABLE) | st.text(max_size=3))
def test_nothing_that_a_caller_sends_is_too_much(number: str, country: str) -> None:
    for directory in (ENGLISH, CHINESE):
        assert len(directory.describe(number, country)) < 200
        assert directory.describe("+8613800138000", "CN")


def test_a_long_number_takes_no_time(record_property: RecordProperty) -> None:
    began = time.thread_time()
    for _ in range(1000):
        ENGLISH.describe("+86" * 100_000, "CN")
    assert_within(record_property, "numbers_cpu", time.thread_time() - began, 1)


@pytest.mark.parametrize("country", ["", "ZZ", "C", "cn", "001"])
def test_where_the_country_is_unknown_only_international_numbers_mean_something(country: str) -> None:
    assert ENGLISH.describe("+8613800138000", country) == "Beijing, China · China Mobile"
    assert not ENGLISH.describe("13800138000", country)


def damaged(tmp_path: Path, how: str) -> Path:
    data = bytearray(TABLE_PATH.read_bytes())
    end_of_header = data.index(b"\n", data.index(b"\n") + 1)
    match how:
        case "missing":
            return tmp_path / "missing.dat"
        case "folder":
            return tmp_path
        case "empty":
            data.clear()
        case "cut short":
            del data[len(data) // 2 :]
        case "cut in its header":
            del data[end_of_header // 2 :]
        case "another version":
            data = data.replace(b"wecall-numbers 1", b"wecall-numbers 9", 1)
        case "a bit of its header":
            data[end_of_header // 2] ^= 1
        case "a bit of its body":
            data[end_of_header + 1000] ^= 1
        case "something else":
            data = bytearray(b"\x89PNG\r\n" * 100)
    path = tmp_path / "numbers.dat"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "how",
    [
        "missing",
        "folder",
        "empty",
        "cut short",
        "cut in its header",
        "another version",
        "a bit of its header",
        "a bit of its body",
        "something else",
    ],
)
def test_without_a_whole_table_nothing_is_known_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    with caplog.at_level(logging.INFO):
        directory = started(damaged(tmp_path, how), "en")
        assert not directory.describe("+8613800138000", "CN")
        assert not directory.describe("+8613800138000", "CN")
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "Install the firmware again." in record.getMessage()


def test_a_language_that_the_table_lacks_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    assert not started(TABLE_PATH, "xx").describe("+8613800138000", "CN")
    assert "it has no language 'xx'" in caplog.text


def test_a_card_that_fails_later_is_said_once_and_not_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "numbers.dat"
    path.write_bytes(TABLE_PATH.read_bytes())
    directory = started(path, "en")
    assert directory.describe("+8613800138000", "CN")
    os.truncate(path, path.stat().st_size // 2)
    assert not directory.describe("+8613800138000", "CN")
    path.write_bytes(TABLE_PATH.read_bytes())
    assert not directory.describe("+8613800138000", "CN")
    [record] = caplog.records
    assert "it ends too early" in record.getMessage()


def test_a_table_that_gives_way_to_another_is_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "numbers.dat"
    path.write_bytes(TABLE_PATH.read_bytes())
    directory = started(path, "en")
    path.unlink()
    assert directory.describe("+8613800138000", "CN") == "Beijing · China Mobile"


def test_the_language_changes_under_look_ups_and_leaves_no_file_open() -> None:
    directory = started(TABLE_PATH, "en")
    before = tables_open()
    with ThreadPoolExecutor() as other_thread:
        for language in ("zh", "en") * 5:
            spoken = other_thread.submit(directory.speak, language)
            while not spoken.done():
                assert directory.describe("+8613800138000", "CN") in {"Beijing · China Mobile", "北京市 · 中国移动"}
    assert tables_open() == before


def tables_open() -> int:
    """How often this process has the table open; whatever else it has is other tests'."""
    return list(open_files().values()).count(TABLE_PATH)


def test_before_it_is_started_it_knows_nothing() -> None:
    assert not NumberDirectory(TABLE_PATH, "en").describe("+8613800138000", "CN")
