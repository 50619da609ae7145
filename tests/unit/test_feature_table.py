"""README's feature table names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"((?:tests/[a-z/]+/)?test_[a-z0-9_]+\.py)", PAGE)))
TESTS = re.findall(r"`((?:tests/[a-z/]+/)?test_[a-z0-9_]+\.py|…)::(test_[a-z0-9_]+)`", PAGE)


def source(name: str) -> str:
    path = ROOT / name if "/" in name else ROOT / "tests/integration" / name
    beside = [path] if path.exists() else list((ROOT / "tests/unit").rglob(path.name))
    return "".join(each.read_text(encoding="utf-8") for each in beside)


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_named_exists(name: str) -> None:
    assert source(name)


def test_every_test_that_is_named_exists() -> None:
    assert len(TESTS) > 40
    latest = ""
    for file, test in TESTS:
        latest = latest if file == "…" else file
        assert f"def {test}(" in source(latest), f"{latest}::{test}"
