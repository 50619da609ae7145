"""`python -m tools.debian`: build the Debian package."""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from packaging.utils import parse_wheel_filename

from tools.debian.foreign import Builder
from tools.debian.package import build_wheel, lay_out, pack
from tools.debian.target import MACHINES, Target
from tools.debian.wheels import MissingWheelsError, WheelHouse

_BUILD = Path(__file__).parents[2] / "build"


@click.command()
@click.option("--arch", type=click.Choice(sorted(MACHINES)), default="arm64", show_default=True)
@click.option("--python-version", default="3.13", show_default=True, help="Of the machine's interpreter.")
@click.option("--interpreter", default="/usr/bin/python3", show_default=True, help="Where it is on the machine.")
@click.option("--wheels", "folders", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder to take wheels from first, such as one with pjsua2.")  # fmt: skip
@click.option("--offline", is_flag=True, help="Take wheels from these folders only.")
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
    cache = _BUILD / f"wheels-{arch}-{python_version}"
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as name:
        scratch = Path(name)
        try:
            own = build_wheel(scratch / "own", folders, index=not offline)
            build = None if offline else Builder(target).build
            house = WheelHouse(cache, target, folders, index=not offline, build=build)
            wheels = house.collect(own, ("handset", "pi", "sync"))
        except MissingWheelsError as error:
            raise click.ClickException(str(error)) from error
        except subprocess.CalledProcessError as error:
            raise click.ClickException(f"The handset's own wheel could not be built: {error}.") from error
        if not any(wheel.name.startswith("pjsua2") for wheel in wheels):
            click.echo(
                "There is no SIP library (pjsua2) in this package; docs/installing.md says how to build one.", err=True
            )
        root = scratch / "root"
        lay_out(root, target, wheels)
        version = str(parse_wheel_filename(own.name)[1])
        click.echo(pack(root, target, version, compression, output))


if __name__ == "__main__":
    sys.exit(main())
