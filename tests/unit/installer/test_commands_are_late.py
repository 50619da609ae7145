import subprocess
import sys
from pathlib import Path

import click
import pytest

from firmware.base.late_group import LateGroup
from firmware.cli import main
from firmware.installer.cli import bundle, fleet, release
from tests.lab.installer_desk import InstallerDesk


def test_what_the_handset_starts_with_loads_nothing_of_other_commands() -> None:
    program = (
        "import sys, firmware.cli; "
        "late = {name for name in sys.modules "
        "if name.startswith(('firmware.cli.', 'firmware.installer', 'pydantic', 'importlib.metadata'))}; "
        "assert late == {'firmware.cli.options', 'firmware.cli.processes'}, late"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("group", [main, bundle, fleet, release], ids=["wecall", "bundle", "fleet", "release"])
def test_every_command_is_there_and_explains_itself(group: LateGroup) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    assert names
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help


def test_a_command_that_there_is_not_is_told(tmp_path: Path) -> None:
    assert "No such command" in InstallerDesk(tmp_path).refused("bundle", "bild")


def test_a_disk_that_fails_is_told_and_not_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = InstallerDesk(tmp_path)

    def fail(_path: Path) -> bytes:
        raise OSError(5, "Input/output error", "stick")

    monkeypatch.setattr("firmware.installer.inspect_command.read_packed", fail)
    assert "stick cannot be used: Input/output error." in desk.refused("bundle", "inspect", desk.key)
