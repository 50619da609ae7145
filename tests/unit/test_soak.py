"""`make soak` takes what is marked for it; a test that counts further in it and has no mark is never reached."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
COUNTING = sorted(
    path.relative_to(TESTS).as_posix()
    for path in TESTS.rglob("test_*.py")
    if "WECALL_SOAK" in path.read_text(encoding="utf-8") and path != Path(__file__)
)


def test_some_count_further() -> None:
    assert len(COUNTING) > 10


@pytest.mark.parametrize("name", COUNTING)
def test_what_counts_further_in_the_soak_is_marked_for_it(name: str) -> None:
    assert "@pytest.mark.soak" in (TESTS / name).read_text(encoding="utf-8")
