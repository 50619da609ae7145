"""`wecall factory-reset`."""

from pathlib import Path

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option


@click.command("factory-reset")
@runtime_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def order_factory_reset(runtime_dir: Path, yes: bool) -> None:
    """Have the handset erase what the holder and the calls have left, the PIN included; it starts anew for that.

    For whoever owns the machine: where the PIN is forgotten this is the only way. Where a guardian answers for the
    holder, the guardian's PIN is asked for. What the installer has set stays, and recipients are told to forget.
    """
    from firmware.control.admin_requests import ResetRequest

    if not yes:
        click.confirm(
            "Contacts, calls, messages, recordings, pictures, settings and the PIN are erased for good. Go on?",
            abort=True,
        )
    if ask(runtime_dir, ResetRequest())["needs_guardian"]:
        # Typed, and nothing else: a command line and an environment can be read by others.
        pin = click.prompt("The guardian's PIN", hide_input=True, err=True)
        ask(runtime_dir, ResetRequest(pin=pin))
    click.echo("The handset erases everything now, and starts anew.")
