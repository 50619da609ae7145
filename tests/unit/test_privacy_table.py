"""Each promise has a row in docs/privacy.md, with tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/privacy.md").read_text(encoding="utf-8")
ROWS = {
    promise: cells[3]
    for cells in (
        line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| W\d+(?:, W\d+)* \|", line)
    )
    for promise in cells[0].split(", ")
}
FILES = sorted(set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)", PAGE)))
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)))


def test_each_promise_has_a_row_with_a_test_or_the_word_that_there_is_none() -> None:
    assert list(ROWS) == [f"W{number}" for number in range(1, 29)]
    for promise, tests in ROWS.items():
        assert "::test_" in tests or tests.startswith("not yet"), promise


def test_every_test_that_is_named_exists(subtests: pytest.Subtests) -> None:
    for file, test in NAMED:
        with subtests.test(file=file, test=test):
            source = (TESTS / file).read_text(encoding="utf-8")
            assert re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE)


def test_every_file_of_tests_that_is_named_exists(subtests: pytest.Subtests) -> None:
    for file in FILES:
        with subtests.test(file=file):
            assert list(TESTS.rglob(file))
