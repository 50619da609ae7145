"""tests/lab/README.md names modules that exist, and each peer that is started by hand."""

import re
from pathlib import Path

from tests.lab.__main__ import PEERS

ROOT = Path(__file__).parents[2]
LAB = ROOT / "tests/lab"
PAGE = (LAB / "README.md").read_text(encoding="utf-8")


def test_each_module_that_is_named_exists() -> None:
    named = set(re.findall(r"`([\w./]+\.py)`", PAGE))
    assert len(named) > 30
    assert [name for name in named if not (LAB / name).exists() and not (ROOT / name).exists()] == []


def test_each_peer_that_is_started_by_hand_is_named() -> None:
    assert [name for name in PEERS if f"`{name}`" not in PAGE] == []
