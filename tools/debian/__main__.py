"""`python -m tools.debian`: build the Debian package."""

import platform
import sys
import tempfile
from functools import partial
from pathlib import Path

import click
from packaging.utils import parse_wheel_filename

from engine.errors import EngineError
from tools.debian.engine import engine_wheel
from tools.debian.foreign import Builder
from tools.debian.package import build_wheel, lay_out, pack
from tools.debian.target import MACHINES, Target
from tools.debian.wheels import MissingWheelsError, WheelHouse
from tools.lock.lockfile import HANDSET, Lock, LockError
from tools.lock.packages import build, build_environment, download

_BUILD = Path(__file__).parents[2] / "build"


@click.command()
@click.option("--arch", type=click.Choice(sorted(MACHINES)), default="arm64", show_default=True)
@click.option("--python-version", default="3.13", show_default=True, help="Of the machine's interpreter.")
@click.option("--interpreter", default="/usr/bin/python3", show_default=True, help="Where it is on the machine.")
@click.option("--wheels", "folders", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder to take packages from first, such as one with the SIP library.")  # fmt: skip
@click.option("--offline", is_flag=True, help="Take packages from these folders only.")
@click.option("--compression", type=click.Choice(["xz", "zstd", "none"]), default="xz", show_default=True)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=_BUILD / "debian", show_default=True
)
def main(  # noqa: PLR0917 - click names them all
    arch: str,
    python_version: str,
    interpreter: str,
    folders: tuple[Path, ...],
    offline: bool,
    compression: str,
    output: Path,
) -> None:
    """Build the handset's Debian package, with everything in it that Debian does not have."""
    major, minor = python_version.split(".")
    target = Target(arch, (int(major), int(minor)), interpreter)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as name:
        scratch = Path(name)
        try:
            own, locked = _packages(target, folders, scratch, offline=offline)
            engine = engine_wheel(target, folders)
        except (MissingWheelsError, LockError, EngineError) as error:
            raise click.ClickException(str(error)) from error
        root = scratch / "root"
        lay_out(root, target, [own, *locked, engine])
        version = str(parse_wheel_filename(own.name)[1])
        click.echo(pack(root, target, version, compression, output))


def _packages(target: Target, folders: tuple[Path, ...], scratch: Path, *, offline: bool) -> tuple[Path, list[Path]]:
    """Return the handset's own wheel, and those of all that the lock names for the target."""
    where = [f"--find-links={folder}" for folder in folders]
    if offline:
        where.append("--no-index")
        # Of a network there is no talk, so no other Debian can be made either.
        if (target.machine, target.python) != (platform.machine(), sys.version_info[:2]):
            raise MissingWheelsError("Without a network a package is built for this machine and this Python only.")
    python = build_environment(_BUILD / "builder", target, *where)
    house = WheelHouse(
        _BUILD / f"wheels-{target.architecture}-{target.python_words}",
        target,
        folders,
        download=None if offline else lambda pins, folder: download(pins, folder, target, python, *where),
        build=partial(build, python=python) if offline else Builder(target, python).build,
    )
    locked = house.collect(Lock.read(HANDSET).on(target.markers()))
    return build_wheel(scratch / "own", python), locked


if __name__ == "__main__":
    sys.exit(main())
