"""`python -m tools.lock`: renew the lock files, or check that they fit pyproject.toml."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from tools.debian.target import MACHINES, Target
from tools.lock.lockfile import (
    BUILD,
    EXTRAS,
    FLEET,
    FLEET_EXTRAS,
    HANDSET,
    ROOT,
    Lock,
    LockError,
    build_requirements,
    requirements_of,
)
from tools.lock.packages import build_environment, download

PYTHON: Final = (3, 13)
"""Debian 13's interpreter, which a phone runs with."""

_COMPILE: Final = (
    sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url",
    "--no-emit-find-links", "--no-annotate", "--no-config", "--custom-compile-command=make lock",
    f"--python-version={PYTHON[0]}.{PYTHON[1]}",
)  # fmt: skip


@click.group()
def main() -> None:
    """Keep requirements/*.lock."""


@main.command()
@click.option("--upgrade", is_flag=True, help="Take the newest release of everything that pyproject.toml allows.")
def renew(*, upgrade: bool) -> None:
    """Write the lock files for what pyproject.toml requires; locked releases stay as long as they fit."""
    extras = [f"--extra={extra}" for extra in EXTRAS]
    fleet_extras = [f"--extra={extra}" for extra in FLEET_EXTRAS]
    more = ["--upgrade"] if upgrade else []
    HANDSET.parent.mkdir(exist_ok=True)
    for lock, words, text in (
        (HANDSET, [*extras, "pyproject.toml"], ""),
        # What both have is of one release.
        (FLEET, [*fleet_extras, f"--constraint={HANDSET}", "pyproject.toml"], ""),
        (BUILD, ["-"], "\n".join(map(str, build_requirements()))),
    ):
        done = subprocess.run(  # noqa: S603 - uv, of this environment
            [*_COMPILE, *more, f"--output-file={lock}", *words],
            cwd=ROOT, input=text, text=True, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise click.ClickException(f"{lock.name} could not be renewed; uv says above why.")


@main.command()
def check() -> None:
    """Check, without a network, that the lock files meet what pyproject.toml requires on every phone."""
    try:
        locks = (
            (Lock.read(HANDSET), requirements_of(EXTRAS)),
            (Lock.read(FLEET), requirements_of(FLEET_EXTRAS)),
            (Lock.read(BUILD), build_requirements()),
        )
    except LockError as error:
        raise click.ClickException(str(error)) from error
    targets = [Target(architecture, PYTHON, "") for architecture in MACHINES]
    mistakes = {
        sentence
        for lock, requirements in locks
        for target in targets
        for sentence in lock.mismatches(requirements, target.markers())
    }
    if mistakes:
        raise click.ClickException("\n".join(["Run `make lock`:", *sorted(mistakes)]))


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--arch", type=click.Choice(sorted(MACHINES)), default="arm64", show_default=True)
def fetch(folder: Path, arch: str) -> None:
    """Fetch all that the lock names into a folder, for `install.sh --wheels` on a phone without a network."""
    target = Target(arch, PYTHON, "")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        builder = build_environment(ROOT / "build" / "builder", target)
        for lock in (HANDSET, BUILD):
            download(Lock.read(lock).on(target.markers()), folder, target, builder)
    except LockError as error:
        raise click.ClickException(f"The packages could not be fetched. {error}") from error


if __name__ == "__main__":
    main()
