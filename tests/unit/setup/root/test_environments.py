"""Firmware of a bundle stands before what was installed, and both can be started from."""

import subprocess
from pathlib import Path

import pytest

from tests.lab.root_machine import OPERATOR, RootMachine, configuration, wheel

pytestmark = pytest.mark.feature("networks by bundle")


def test_an_environment_runs_the_bundles_packages_and_behind_them_those_that_were_installed(tmp_path: Path) -> None:
    machine = RootMachine(tmp_path)
    installed = next(tmp_path.glob("opt/wecall/environments/installed/lib/*/site-packages"))
    (installed / "library.py").write_text("NAME = 'of the installed ones'\n")
    machine.keep(6, OPERATOR.bundle({"config.toml": configuration()}, 6))
    program = "import library\n\ndef main():\n    print('version 2', library.NAME)\n"
    firmware = wheel("2.0", **{"firmware/cli.py": program})
    machine.attempt(7, OPERATOR.bundle({"config.toml": configuration(), **firmware}, 7))
    command = tmp_path / "opt/wecall/venv/bin/wecall"
    said = subprocess.run([command], capture_output=True, text=True, check=True, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert said.stdout == "version 2 of the installed ones\n"
    assert list(tmp_path.glob("opt/wecall/environments/a/lib/*/site-packages/firmware/__pycache__/cli.*.pyc"))


def test_an_environment_that_is_gone_is_not_switched_to(tmp_path: Path) -> None:
    machine = RootMachine(tmp_path)
    machine.work()._environments.switch("b")
    assert machine.link == "environments/installed"
