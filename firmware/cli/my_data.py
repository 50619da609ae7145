"""The commands of `wecall mydata`."""

from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option

_COPY_LIMIT_S: Final = 3600.0


@click.group()
def mydata() -> None:
    """Hand out what the handset holds about its holder, to its holder."""


@mydata.command()
@click.option("--open", "is_open", is_flag=True, help="Do not encrypt it: whoever finds the copy can read it.")
@runtime_dir_option
def export(*, is_open: bool, runtime_dir: Path) -> None:
    """Write a copy of everything into the handset's folder for files; asks for the holder's PIN, or a guardian's.

    It is encrypted with age to words that are printed; `age -d -i NAME.key.age NAME.tar.age` asks for them.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from firmware.control.requests import MyDataExportRequest

    # Typed, and nothing else: a command line and an environment can be read by others.
    pin = click.prompt("The PIN of the holder, or of a guardian where there is one", hide_input=True, err=True)
    request = MyDataExportRequest(pin=pin, open=is_open)
    with Progress(SpinnerColumn(), TextColumn("Copying"), TimeElapsedColumn(), transient=True) as shown:
        shown.add_task("", total=None)
        answer = ask(runtime_dir, request, timeout_s=_COPY_LIMIT_S)
    files = answer["files"]
    for name in files if isinstance(files, list) else ():
        click.echo(name)
    if answer["passphrase"]:
        click.echo(f"Without these words nobody can open it: {answer['passphrase']}")
    else:
        click.echo("Anybody can read it.")
