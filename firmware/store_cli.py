"""The commands of `wecall store`."""

from pathlib import Path
from typing import Final

import click

_ROTATION_LIMIT_S: Final = 600.0


@click.group()
def store() -> None:
    """Look after the encrypted store."""


@store.command("rotate-key")
@click.option(
    "--runtime-dir", type=click.Path(file_okay=False, path_type=Path), envvar="RUNTIME_DIRECTORY",
    default=Path("/run/wecall"), show_default=True, help="Where the handset's local sockets are.",
)  # fmt: skip
def rotate_key(runtime_dir: Path) -> None:
    """Write the store anew with another key: whoever had the one before can read nothing that is stored from now on.

    Takes seconds for each hundred megabytes, and as much free space as the store has. What cuts it off leaves the store
    with the old key or the new one, and the next start finishes it.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from firmware.control.client import ask
    from firmware.control.requests import KeyRotateRequest, Role
    from firmware.errors import ControlError

    with Progress(SpinnerColumn(), TextColumn("Writing the store anew"), TimeElapsedColumn(), transient=True) as shown:
        shown.add_task("", total=None)
        try:
            ask(runtime_dir, Role.ADMIN, KeyRotateRequest(), timeout_s=_ROTATION_LIMIT_S)
        except ControlError as error:
            raise click.ClickException(str(error)) from error
    click.echo("The store has a new key.")
