"""The commands of `wecall mydata`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask, ask_pin
from firmware.cli.consents import agree_to_imports
from firmware.cli.options import runtime_dir_option

_COPY_LIMIT_S: Final = 3600.0


@click.group()
def mydata() -> None:
    """Hand out what the handset holds about its holder, to its holder, and bring it back."""


@mydata.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--open", "is_open", is_flag=True, help="Do not encrypt it: whoever finds the copy can read it.")
@runtime_dir_option
def export(folder: Path, *, is_open: bool, runtime_dir: Path) -> None:
    """Write a copy of everything into FOLDER; asks for the holder's PIN, or a guardian's.

    It is encrypted with age to words that are printed; `age -d -i NAME.key.age NAME.tar.age` asks for them.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from firmware.base.errors import ControlError, StickError
    from firmware.control.admin_requests import MyDataExportRequest

    request = MyDataExportRequest(pin=ask_pin(), open=is_open)
    with Progress(SpinnerColumn(), TextColumn("Copying"), TimeElapsedColumn(), transient=True) as shown:
        shown.add_task("", total=None)
        answer = ask(runtime_dir, request, timeout_s=_COPY_LIMIT_S)
        try:
            _fetch(runtime_dir, answer["files"], folder)
        except StickError as error:
            raise click.ClickException(f"{folder} is no place for the copy. {error}") from error
        except ControlError as error:
            raise click.ClickException(str(error)) from error
    for name in answer["files"]:
        click.echo(folder / name)
    if answer["passphrase"]:
        click.echo(f"Without these words nobody can open it: {answer['passphrase']}")
    else:
        click.echo("Anybody can read it.")


@mydata.command(name="import")
@click.argument("copy", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@runtime_dir_option
def import_copy(copy: Path, runtime_dir: Path) -> None:
    """Bring back what is in COPY, a file NAME.tar.age with its NAME.key.age beside it, or a NAME.tar.

    Asks for the holder's PIN, or a guardian's, and for the words of the copy, of which four letters each are enough;
    first for the consent to imports where it is missing.
    What is here already stays; consents do not come back. The same copy once more changes nothing.
    """
    from firmware.control.admin_requests import MyDataImportRequest

    agree_to_imports(runtime_dir)
    key, words = b"", ""
    try:
        if copy.name.endswith(".age"):
            key = copy.with_name(f"{copy.name.removesuffix('.tar.age')}.key.age").read_bytes()
        pin = ask_pin()
        if key:
            words = str(click.prompt("The words of the copy", hide_input=True, err=True))
        request = MyDataImportRequest(pin=pin, key=key, passphrase=words)
        with copy.open("rb") as file:
            answer = ask(runtime_dir, request, file=file, timeout_s=_COPY_LIMIT_S)
    except OSError as error:
        raise click.ClickException(f"{error.filename} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise click.ClickException("A key has at most 4 kB, and words have at most 512 characters.") from error
    counts = ", ".join(f"{answer[what]} {what}" for what in ("contacts", "messages", "pictures", "recordings"))
    click.echo(f"Back are {counts}{' and settings' if answer['settings'] else ''}.")
    if answer["unasked"]:
        click.echo(f"{answer['unasked']} recording(s) come back once the holder agrees to recordings.")
    if answer["left_out"]:
        click.echo(f"{answer['left_out']} were left out: they are not as they may be kept, or there is no room.")


def _fetch(runtime_dir: Path, names: Sequence[str], folder: Path) -> None:
    """Write what the handset has ready into a folder, for its owner alone; there it is whole or not at all."""
    from firmware.control.client import fetch
    from firmware.control.requests import ExportFetchRequest, ExportWrittenRequest, Role
    from firmware.setup.stick.folder import StickFolder

    for name in names:
        with StickFolder(folder).writing(name) as file:
            file.writelines(fetch(runtime_dir, Role.ADMIN, ExportFetchRequest(name=name)))
    ask(runtime_dir, ExportWrittenRequest(names=tuple(names)))
