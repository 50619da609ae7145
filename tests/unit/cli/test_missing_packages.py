"""What `wecall` says on an installer's computer, which has none of a handset's libraries."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.cli import Wecall

WITHOUT = (
    "import sys\n"
    "for name in ('pjsua2', 'sqlcipher3', 'PIL', 'alsaaudio', 'paho', 'systemd', 'vobject'):\n"
    "    sys.modules[name] = None\n"
    "from firmware.cli import main\n"
    "main(prog_name='wecall')\n"
)


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("sync",),
        ("stick", "."),
        ("picture", "add", "pyproject.toml"),
    ],
)
def test_a_handset_s_command_says_what_it_misses_and_how_to_get_it(command: tuple[str, ...], tmp_path: Path) -> None:
    here = {"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT, *command], env=here, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.startswith(f"Error: `wecall {command[0]}` needs the package ")
    assert "pip install 'wecall-handset[handset,sync]'" in said.stderr
    assert said.stderr.count("\n") == 1


def test_what_needs_none_of_them_does_its_work(tmp_path: Path) -> None:
    arguments = ("key", "new", str(tmp_path / "office.key"), "--no-passphrase")
    subprocess.run([sys.executable, "-c", WITHOUT, *arguments], capture_output=True, check=True)
    assert (tmp_path / "office.key").exists()


def test_the_reports_of_a_stick_are_read_where_none_of_them_is(tmp_path: Path) -> None:
    (tmp_path / "report-10000000abcd1234.json").write_text("{}")
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT, "bundle", "reports", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.stdout.endswith("1 unreadable.\n")


@pytest.mark.parametrize(
    "command", [("contacts", "list"), ("import", "pyproject.toml"), ("export", "/nonexistent/all.vcf")]
)
def test_what_the_handset_does_itself_needs_none_of_them_here(command: tuple[str, ...], tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT, *command, "--runtime-dir", str(tmp_path)],
        input="4711\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 1
    assert "The handset is not running" in said.stderr


@pytest.mark.parametrize(
    ("command", "answer"),
    [(("simulator",), "No such command 'simulator'"), (("run", "--simulated-devices"), "comes with the source")],
)
def test_a_phone_which_comes_without_a_simulator_uses_none(command: tuple[str, ...], answer: str) -> None:
    without = "import sys; sys.modules['drivers.simulator'] = None; from firmware.cli import main; main()"
    said = subprocess.run([sys.executable, "-c", without, *command], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert answer in said.stderr


@pytest.mark.parametrize(
    ("module", "hint"),
    [("fleet.no_such_module", "'wecall-handset[fleet]'"), ("no_such_module", "'wecall-handset[handset,sync]'")],
)
def test_only_what_is_the_fleet_s_is_an_extra_by_its_name(module: str, hint: str) -> None:
    said = CliRunner().invoke(Wecall(name="wecall", modules={"late": module}), ["late"], prog_name="wecall")
    assert said.exit_code == 1
    assert hint in said.stderr
    assert f"needs the package {module}" in said.stderr
    assert "None" not in said.stderr


WITHOUT_FLEET = (
    "import sys\n"
    "for name in ('sqlalchemy', 'msgspec', 'paho', 'fastapi'):\n"
    "    sys.modules[name] = None\n"
    "from firmware.cli import main\n"
    "main(prog_name='wecall')\n"
)


def test_an_installer_s_computer_lists_the_fleet_s_commands_with_what_each_lacks() -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_FLEET, "fleet", "--help"], capture_output=True, text=True, check=True
    )
    commands = dict(line.split(maxsplit=1) for line in said.stdout.partition("Commands:\n")[2].splitlines())
    assert set(commands) == {"ca", "check", "collect", "move-database", "publish", "set-up", "simulate"}
    assert commands.pop("ca").startswith("Sign what handsets and services show")
    assert set(commands.values()) == {"Not installed here: pip install 'wecall-handset[fleet]'"}


@pytest.mark.parametrize("command", [("collect", "--help"), ("publish", "status"), ("simulate", "--devices", "3")])
def test_a_command_of_the_fleet_s_says_which_extra_it_needs_whatever_it_is_told(command: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_FLEET, "fleet", *command], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.startswith(f"Error: `wecall fleet {command[0]}` needs the package ")
    assert said.stderr.endswith("pip install 'wecall-handset[fleet]'\n")


def test_a_command_of_the_firmware_s_in_a_group_names_no_extra_that_there_is_not() -> None:
    without = "import sys; sys.modules['tomlkit'] = None; from firmware.cli import main; main(prog_name='wecall')"
    said = subprocess.run(
        [sys.executable, "-c", without, "bundle", "seal"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.startswith("Error: `wecall bundle seal` needs the package tomlkit")
    assert "[firmware]" not in said.stderr


def test_with_the_fleet_s_packages_each_of_its_commands_is_there() -> None:
    """None of them needs what a handset alone has."""
    program = WITHOUT.replace("'paho', ", "")
    assert program != WITHOUT
    said = subprocess.run(
        [sys.executable, "-c", program, "fleet", "--help"], capture_output=True, text=True, check=True
    )
    assert "Not installed" not in said.stdout
