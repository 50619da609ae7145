"""Builds wheels for another architecture, in a small Debian of that architecture whose programs QEMU runs."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from packaging.requirements import Requirement

from tools.debian.target import Target

_SUITE: Final = "trixie"
_BUILD: Final = Path(__file__).parents[2] / "build"
_PACKAGES: Final = (
    "python3-venv", "python3-dev", "gcc", "g++", "make", "pkg-config", "swig", "libasound2-dev", "libsystemd-dev",
)  # fmt: skip
_OFFLINE: Final = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation")
_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")


class Builder:
    """A root of Debian's for one target, made the first time that something has to be built."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._root = _BUILD / f"builder-{target.architecture}"

    def build(self, requirements: Sequence[Requirement], folder: Path) -> None:
        """Build what it can of these into a folder; what fails is said, and missing afterwards."""
        click.echo(f"Building for {self._target.architecture}: {', '.join(map(str, requirements))}", err=True)
        self._make_root()
        for requirement in requirements:
            words = f"{requirement.name}{requirement.specifier}"
            sources = self._fetch("--no-binary=:all:", words)
            built = [
                _succeeds(*self._inside("pip", "wheel", *_OFFLINE, "--wheel-dir=/wheels", each)) for each in sources
            ]
            if not built or not all(built):
                click.echo(f"{words} could not be built.", err=True)
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in (self._root / "wheels").glob("*.whl"):
            shutil.copy(wheel, folder)

    def _fetch(self, *words: str) -> list[str]:
        """Fetch packages from the index, which may be reached here only, and return where they are inside."""
        folder = self._root / "sources"
        shutil.rmtree(folder, ignore_errors=True)
        _succeeds(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}", *words)
        return [f"/sources/{path.name}" for path in folder.glob("*")]

    def _inside(self, command: str, *words: str) -> tuple[str | Path, ...]:
        # lgpio brings its C library along, and builds it in when it is told that the result is for an index.
        return ("chroot", self._root, "env", "PYPI=1", f"/venv/bin/{command}", *words)

    def _make_root(self) -> None:
        let_foreign_programs_run(self._target.machine)
        if (self._root / "wheels").is_dir():
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
        tools = self._fetch("setuptools")
        subprocess.run(self._inside("pip", "install", "--quiet", "--no-index", *tools), check=True)
        (self._root / "wheels").mkdir()


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, check=False).returncode == 0


def let_foreign_programs_run(machine: str) -> None:
    """Have the kernel start programs for another processor with QEMU, as the package qemu-user-binfmt asks it to."""
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], check=True)
    if not (_BINFMT / f"qemu-{machine}").exists():
        (_BINFMT / "register").write_bytes(Path(f"/usr/lib/binfmt.d/qemu-{machine}.conf").read_bytes().strip())
