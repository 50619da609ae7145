"""The commands of `wecall store`."""

from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option

_ROTATION_LIMIT_S: Final = 600.0


@click.group()
def store() -> None:
    """Look after the encrypted store."""


@store.command("rotate-key")
@runtime_dir_option
def rotate_key(runtime_dir: Path) -> None:
    """Write the store anew with another key: whoever had the one before can read nothing that is stored from now on.

    Takes seconds for each hundred megabytes, and as much free space as the store has. What cuts it off leaves the store
    with the old key or the new one, and the next start finishes it.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from firmware.control.admin_requests import KeyRotateRequest

    with Progress(SpinnerColumn(), TextColumn("Writing the store anew"), TimeElapsedColumn(), transient=True) as shown:
        shown.add_task("", total=None)
        ask(runtime_dir, KeyRotateRequest(), timeout_s=_ROTATION_LIMIT_S)
    click.echo("The store has a new key.")
