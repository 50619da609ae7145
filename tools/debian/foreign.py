"""Builds wheels for another architecture, in a small Debian of that architecture whose programs QEMU runs."""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from tools.debian.target import Target
from tools.lock.lockfile import BUILD, Lock, LockError
from tools.lock.packages import building, download

_SUITE: Final = "trixie"
_BUILD: Final = Path(__file__).parents[2] / "build"
_PACKAGES: Final = (
    "python3-venv", "python3-dev", "gcc", "g++", "make", "pkg-config", "swig", "libasound2-dev", "libsystemd-dev",
)  # fmt: skip
_OFFLINE: Final = ("--no-index", "--no-deps", "--no-build-isolation")
# What builds the packages that have no wheels.
_TOOLS: Final = frozenset({"setuptools"})
_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")


class Builder:
    """A root of Debian's for one target, made the first time that something has to be built."""

    def __init__(self, target: Target, python: Path) -> None:
        """Set up.

        Args:
            target: whom it builds for.
            python: the interpreter of a build environment on this machine, which fetches what building takes.
        """
        self._target = target
        self._python = python
        self._root = _BUILD / f"builder-{target.architecture}"

    def build(self, sources: Sequence[Path], folder: Path) -> None:
        """Build wheels into a folder.

        Args:
            sources: files that were held against the lock.
            folder: where the wheels go.

        Raises:
            LockError: one could not be built; the message names it.
        """
        names = [source.name for source in sources]
        click.echo(f"Building for {self._target.architecture}: {', '.join(names)}", err=True)
        self._make_root()
        inside = self._root / "sources"
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir()
        shutil.rmtree(self._root / "wheels", ignore_errors=True)
        tools = [pin for pin in Lock.read(BUILD).on(self._target.markers()) if pin.name in _TOOLS]
        download(tools, inside, self._target, self._python)
        wheels = [f"/sources/{wheel.name}" for wheel in inside.glob("*.whl")]
        self._run("install", "--no-index", "--no-deps", "--force-reinstall", *wheels)
        for source in sources:
            shutil.copy(source, inside)
            self._run("wheel", *_OFFLINE, "--wheel-dir=/wheels", f"/sources/{source.name}")
        for wheel in (self._root / "wheels").glob("*.whl"):
            shutil.copy(wheel, folder)

    def _run(self, *words: str) -> None:
        command: tuple[str | Path, ...] = ("chroot", self._root, "env", *building(), "/venv/bin/pip", "--quiet", *words)
        if subprocess.run(command, check=False, umask=0o022).returncode:
            raise LockError(f"{Path(words[-1]).name} could not be built for {self._target.architecture}.")

    def _make_root(self) -> None:
        let_foreign_programs_run(self._target.machine)
        if (self._root / "complete").exists():
            return
        # One that was cut off may still have the kernel's own file systems in it.
        subprocess.run(["rm", "-rf", "--one-file-system", self._root], check=False)
        subprocess.run(
            [
                "mmdebstrap", "--quiet", "--variant=apt", f"--architectures={self._target.architecture}",
                "--aptopt=Apt::Install-Recommends false", f"--include={','.join(_PACKAGES)}", _SUITE, self._root,
            ],
            check=True,
        )  # fmt: skip
        subprocess.run(["chroot", self._root, "python3", "-m", "venv", "/venv"], check=True)
        (self._root / "complete").touch()


def let_foreign_programs_run(machine: str) -> None:
    """Have the kernel start programs for another processor with QEMU, as the package qemu-user-binfmt asks it to."""
    if machine == platform.machine():
        return
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], check=True)
    if not (_BINFMT / f"qemu-{machine}").exists():
        (_BINFMT / "register").write_bytes(Path(f"/usr/lib/binfmt.d/qemu-{machine}.conf").read_bytes().strip())
