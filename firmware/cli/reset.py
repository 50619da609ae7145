"""`wecall factory-reset`."""

from pathlib import Path

import click

from firmware.cli.options import state_dir_option


@click.command("factory-reset")
@state_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def order_factory_reset(state_dir: Path, yes: bool) -> None:
    """Erase what the holder and the calls have left, the PIN included, at the handset's next start.

    For whoever owns the machine: where the PIN is forgotten this is the only way. What the installer has set stays.
    """
    from firmware.errors import StorageError
    from firmware.farewell.factory_reset import begin_reset

    if not yes:
        click.confirm(
            "Contacts, calls, messages, recordings, pictures, settings and the PIN are erased for good. Go on?",
            abort=True,
        )
    try:
        begin_reset(state_dir)
    except StorageError as error:
        raise click.ClickException(f"{error} Run this as root.") from error
    click.echo("The handset erases everything when it starts: systemctl restart wecall-handset")
