"""A virtual environment with the base distribution and nothing else, as on an installer's laptop."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.lab.installed_box import CHECKOUT

_TIMEOUT_S: Final = 120

# What CPython has on Linux and not on Windows, as far as somebody might use it without looking.
_NOT_ON_WINDOWS: Final = (
    "O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "chown", "chroot", "fchmod", "fchown", "fork",
    "forkpty", "geteuid", "getgid", "getpgid", "getuid", "getxattr", "initgroups", "killpg", "lchown", "mkfifo",
    "mknod", "openpty", "posix_fallocate", "pread", "pwrite", "sched_getaffinity", "sendfile", "setsid", "setuid",
    "statvfs", "sync", "uname", "wait3",
)  # fmt: skip
_MODULES_NOT_ON_WINDOWS: Final = (
    "curses", "crypt", "fcntl", "grp", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty",
)  # fmt: skip

_DRIVER: Final = f"""
import json, os, socket, sys
if sys.argv[1] == "windows":
    for name in {_NOT_ON_WINDOWS!r}:
        if hasattr(os, name):
            delattr(os, name)
    for name in {_MODULES_NOT_ON_WINDOWS!r}:
        sys.modules[name] = None
    del socket.AF_UNIX
from firmware.cli import main
for arguments in json.load(sys.stdin):
    if code := main(arguments, standalone_mode=False):
        sys.exit(code)
with open(sys.argv[2], "w") as file:
    json.dump(sorted({{name.partition(".")[0] for name, module in sys.modules.items() if module is not None}}), file)
"""


class BaseEnvironment:
    """What the base distribution asks for, from an index, and the packages of this checkout.

    Building and installing the distribution itself takes a while, and is what the systemd tests begin with.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = folder / "environment" / "bin" / "python"

    def make(self) -> None:
        """Make it.

        Raises:
            RuntimeError: pip could not; the message holds what it said.
        """
        _run([sys.executable, "-m", "venv", "--without-pip", str(self._python.parents[1])])
        _pip("--python", str(self._python), "install", "--no-compile", *base_requirements())
        (packages,) = self._python.parents[1].glob("lib/python3.*/site-packages")
        for name in ("contract", "firmware", "fleet", "drivers", "mqtt", "provisioning"):
            shutil.copytree(CHECKOUT / name, packages / name, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, extra: str) -> None:
        """Install what an extra of the distribution asks for, too.

        Raises:
            RuntimeError: pip could not; the message holds what it said.
        """
        _pip("--python", str(self._python), "install", "--no-compile", *_project()["optional-dependencies"][extra])

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        """Start `wecall` with these arguments, its output in a pipe."""
        return subprocess.Popen(
            [self._python, "-I", "-m", "firmware.cli", *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self._folder,
        )  # fmt: skip

    def can_import(self, module: str) -> bool:
        """Say whether a module is there."""
        program = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        return subprocess.run([self._python, "-I", "-c", program], check=False).returncode == 0

    def run(self, *commands: Sequence[str | Path], like_windows: bool = False) -> tuple[str, frozenset[str]]:
        """Run `wecall` with one list of arguments after the other, and be sure that each worked.

        Args:
            *commands: the arguments of each.
            like_windows: without what the standard library does not have there.

        Returns:
            What they said, and the packages that they had imported by the end.
        """
        told = self._folder / "told.json"
        done = subprocess.run(
            [self._python, "-I", "-c", _DRIVER, "windows" if like_windows else "linux", told],
            input=json.dumps([[str(argument) for argument in command] for command in commands]),
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, cwd=self._folder,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said, frozenset(json.loads(told.read_text()))


def base_requirements() -> list[str]:
    """Return what the base distribution asks for."""
    requirements: list[str] = _project()["dependencies"]
    return requirements


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return project


def _pip(*arguments: str) -> str:
    return _run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments])


def _run(arguments: Sequence[str]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout
