"""Builds wheels for another architecture, in a small Debian of that architecture whose programs QEMU runs."""

import shutil
import subprocess
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
            done = subprocess.run(
                [
                    "chroot", self._root, "/venv/bin/pip", "wheel", "--quiet", "--no-deps", "--no-binary=:all:",
                    "--wheel-dir=/wheels", words,
                ],
                check=False,
            )  # fmt: skip
            if done.returncode != 0:
                click.echo(f"{words} could not be built.", err=True)
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in (self._root / "wheels").glob("*.whl"):
            shutil.copy(wheel, folder)

    def _make_root(self) -> None:
        if (self._root / "wheels").is_dir():
            return
        let_foreign_programs_run(self._target.machine)
        # One that was cut off may still have the kernel's own file systems in it.
        subprocess.run(["rm", "-rf", "--one-file-system", self._root], check=False)
        subprocess.run(
            [
                "mmdebstrap", "--quiet", "--variant=apt", f"--architectures={self._target.architecture}",
                "--aptopt=Apt::Install-Recommends false", f"--include={','.join(_PACKAGES)}", _SUITE, self._root,
            ],
            check=True,
        )  # fmt: skip
        for name in ("resolv.conf", "pip.conf"):
            if Path("/etc", name).exists():
                shutil.copy(Path("/etc", name), self._root / "etc" / name)
        subprocess.run(["chroot", self._root, "python3", "-m", "venv", "/venv"], check=True)
        (self._root / "wheels").mkdir()


def let_foreign_programs_run(machine: str) -> None:
    """Have the kernel start programs for another processor with QEMU, as the package qemu-user-binfmt asks it to."""
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], check=True)
    if not (_BINFMT / f"qemu-{machine}").exists():
        (_BINFMT / "register").write_bytes(Path(f"/usr/lib/binfmt.d/qemu-{machine}.conf").read_bytes().strip())
