"""The features that are declared and those that tests show are the same, and docs/features.md tells of them."""

from pathlib import Path

import pytest

from tests import features
from tests.features import DOCUMENT, PBX_PAGE, Features, document, pbx_page, shown, shown_at_asterisk

FEATURES = Features.read()
SHOWN = shown()


def test_each_feature_is_declared_once() -> None:
    assert len(set(FEATURES.names)) == len(FEATURES.names)


def test_each_feature_is_shown_by_a_test() -> None:
    assert set(FEATURES.names) - {each.feature for each in SHOWN} == set()


def test_each_marker_names_a_feature_that_is_declared() -> None:
    assert [each for each in SHOWN if each.feature not in FEATURES.names] == []


def test_what_works_at_an_asterisk_is_what_tests_show() -> None:
    assert {each.feature for each in shown_at_asterisk()} == set(FEATURES.at_asterisk)


def test_the_pages_are_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(FEATURES, SHOWN), "stale: run make features"
    page = PBX_PAGE.read_text(encoding="utf-8")
    assert page == pbx_page(FEATURES, shown_at_asterisk()), "stale: run make features"
    assert "| calls for help" in page


@pytest.mark.parametrize(
    "marked", ["@{}('video')\ndef look() -> None: ...", "MARK = {}('video')", "@{}(NAME)\ndef test_look() -> None: ..."]
)
def test_a_marker_that_nobody_would_find_or_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: str
) -> None:
    monkeypatch.setattr(features, "_TESTS", tmp_path)
    (tmp_path / "test_video.py").write_text(marked.format(features._FEATURE))
    with pytest.raises(ValueError):  # noqa: PT011 - of ast too
        shown()
