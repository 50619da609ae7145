"""`wecall config forget-operator`, as far as it goes before root's own program takes over."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from firmware.cli import config
from firmware.cli.config import forget_operator


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what becomes of the process, where it is root's and root's program is installed."""
    found: list[Any] = []

    def become(path: Path, arguments: list[str]) -> None:
        found.append((path, *arguments[1:]))
        raise click.exceptions.Exit

    python = tmp_path / "python"
    python.touch()
    monkeypatch.setattr(config, "_ROOTS_PYTHON", python)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.execv", become)
    return found


def test_whoever_is_not_root_is_told_how_to_become_it(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = CliRunner().invoke(forget_operator, ["--yes"])
    assert (done.exit_code, started) == (1, [])
    assert "sudo wecall config forget-operator" in done.output


def test_a_machine_on_which_nothing_is_installed_says_so(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_ROOTS_PYTHON", Path("/nowhere/python"))
    done = CliRunner().invoke(forget_operator, ["--yes"])
    assert (done.exit_code, started) == (1, [])
    assert "There is no /nowhere/python" in done.output


def test_root_is_asked_before_its_own_program_begins(started: list[Any]) -> None:
    assert CliRunner().invoke(forget_operator, input="n\n").exit_code == 1
    assert started == []
    CliRunner().invoke(forget_operator, input="y\n")
    assert started == [(config._ROOTS_PYTHON, "-I", "-m", "firmware.setup.root.forget")]
