"""`wecall version`: what runs, how it is updated, and what waits, told without a handset that answers."""

import json

import pytest
from click.testing import CliRunner

from contract.results import OutcomeCode
from firmware.cli import main
from firmware.setup.root.update.messages import UpdateState

CARD = UpdateState(
    how="card", version="0.2.0", slot="A", installed="0.3.0", tries=1,
    last=OutcomeCode.INSTALLED, last_version="0.3.0", floor="0.1.0",
)  # fmt: skip


def said(monkeypatch: pytest.MonkeyPatch, state: UpdateState | None, *arguments: str) -> str:
    monkeypatch.setattr("firmware.setup.update.root_updates.read_state", lambda: state)
    result = CliRunner().invoke(main, ["version", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_card_says_its_slot_and_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, CARD).splitlines() == [
        "WeCall Handset 0.2.0",
        "Updated as a card with two systems: by .raucb files, by stick or over the network",
        "Runs from slot A",
        "Waits to be tried: 0.3.0, tried 1 times so far",
        "Last update: 0.3.0 installed",
        "No version below 0.1.0 is taken",
    ]
    assert json.loads(said(monkeypatch, CARD, "--json"))["installed"] == "0.3.0"


def test_a_version_on_trial_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Runs from slot B, on trial" in said(
        monkeypatch, UpdateState(how="card", version="1", slot="B", on_trial=True)
    )


def test_a_package_names_apt_and_what_is_neither_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "by apt" in said(monkeypatch, UpdateState(how="package", version="0.2.0"))
    assert "neither a card nor a package" in said(monkeypatch, None)
    assert json.loads(said(monkeypatch, None, "--json"))["how"] == "other"
