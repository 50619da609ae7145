"""What `wecall config history` says of what the handset answers."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.cli import config

KEPT = {"kept_at": "2026-11-25T12:30:00Z", "signer": "ABCD", "note": ""}
ANSWER = {
    "active": 7,
    "kept": [KEPT | {"number": 7, "note": "spring"}, KEPT | {"number": 6}],
    "trial": 8,
    "reverted": [9],
}


def test_the_history_says_what_counts_what_is_tried_and_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "ask", lambda _runtime_dir, _request: ANSWER)
    said = CliRunner().invoke(config.history, ["--runtime-dir", str(tmp_path)]).output
    assert said.splitlines() == [
        "*      7  2026-11-25T12:30:00Z  signed by ABCD  spring",
        "       6  2026-11-25T12:30:00Z  signed by ABCD",
        "Bundle 8 is being tried.",
        "Refused until one with a higher number counts: 9.",
    ]


def test_a_new_handset_says_that_no_bundle_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer: dict[str, object] = {"active": None, "kept": [], "trial": None, "reverted": []}
    monkeypatch.setattr(config, "ask", lambda _runtime_dir, _request: answer)
    said = CliRunner().invoke(config.history, ["--runtime-dir", str(tmp_path)]).output
    assert said.startswith("No bundle's configuration counts; ")
    assert said.count("\n") == 1
