"""`wecall store` and `wecall factory-reset`: the encrypted store as a whole."""

from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask, ask_pin
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import KeyRotateRequest, ResetRequest

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

    with Progress(SpinnerColumn(), TextColumn("Writing the store anew"), TimeElapsedColumn(), transient=True) as shown:
        shown.add_task("", total=None)
        ask(runtime_dir, KeyRotateRequest(), timeout_s=_ROTATION_LIMIT_S)
    click.echo("The store has a new key.")


@click.command("factory-reset")
@runtime_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def order_factory_reset(runtime_dir: Path, yes: bool) -> None:
    """Have the handset erase what the holder and the calls have left, the PIN included; it starts anew for that.

    For whoever owns the machine: where the PIN is forgotten this is the only way. Where a guardian answers for the
    holder, the guardian's PIN is asked for. What the installer has set stays, and recipients are told to forget.
    """
    if not yes:
        click.confirm(
            "Contacts, calls, messages, recordings, pictures, settings and the PIN are erased for good. Go on?",
            abort=True,
        )
    if ask(runtime_dir, ResetRequest())["needs_guardian"]:
        ask(runtime_dir, ResetRequest(pin=ask_pin("guardian's PIN")))
    click.echo("The handset erases everything now, and starts anew.")
