"""Our changes to the SIP library: a release that has moved on is noticed, not built half changed."""

from pathlib import Path

import pytest

from engine import changes, source
from engine.changes import CHANGES, Change, apply_changes
from engine.errors import EngineError

FILE = "pjsip/src/pjsip/sip_parser.c"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text("int a;\nint b;\nint b;\n")
    return tmp_path


def change(monkeypatch: pytest.MonkeyPatch, *wanted: tuple[str, str]) -> None:
    made = tuple(Change(FILE, old, new, "The test wants it.") for old, new in wanted)
    monkeypatch.setattr(changes, "CHANGES", made)


def test_a_line_that_stands_there_once_is_changed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, ("int a;\n", "int c;\n"))
    apply_changes(tree)
    assert (tree / FILE).read_text() == "int c;\nint b;\nint b;\n"


def test_what_replaces_no_line_goes_to_the_end(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, ("", "int c;\n"))
    apply_changes(tree)
    assert (tree / FILE).read_text() == "int a;\nint b;\nint b;\nint c;\n"


def test_a_file_may_be_changed_more_than_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, ("int a;\n", "int c;\n"), ("int c;\n", "int d;\n"))
    apply_changes(tree)
    assert (tree / FILE).read_text() == "int d;\nint b;\nint b;\n"


@pytest.mark.parametrize("old", ["int d;\n", "int b;\n"], ids=["not there", "twice"])
def test_a_line_that_does_not_stand_there_once_is_named_with_its_file(
    tree: Path, monkeypatch: pytest.MonkeyPatch, old: str
) -> None:
    change(monkeypatch, (old, "int c;\n"))
    with pytest.raises(EngineError) as caught:
        apply_changes(tree)
    said = str(caught.value)
    assert FILE in said
    assert old.strip() in said
    assert "engine/changes.py" in said
    assert "\n" not in said
    assert (tree / FILE).read_text() == "int a;\nint b;\nint b;\n"


def test_every_change_has_a_reason_and_a_file_that_is_built(subtests: pytest.Subtests) -> None:
    for each in CHANGES:
        with subtests.test(file=each.file, why=each.why):
            assert each.why.endswith(".")
            assert each.file in source.wanted()
            assert each.old != each.new
