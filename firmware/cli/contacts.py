"""`wecall contacts`, `import` and `export`: the address book."""

import sys
from functools import partial
from pathlib import Path
from typing import Literal

import click

from firmware.cli.asking import ask, ask_pin
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import (
    ContactExportRequest,
    ContactMergeRequest,
    ContactNumberPart,
    ContactPart,
    ContactRemoveRequest,
)


@click.group()
def contacts() -> None:
    """List, add and remove contacts; they are kept encrypted."""


@contacts.command(name="list")
@runtime_dir_option
def list_contacts(runtime_dir: Path) -> None:
    """List the contacts: what names each, its name and its numbers."""
    from firmware.cli.contact_files import all_contacts

    for card, _ in all_contacts(partial(ask, runtime_dir)):
        contact = card.contact
        numbers = ", ".join(f"{number.number} ({number.kind})" for number in contact.numbers)
        click.echo(f"{contact.contact_id:6}  {contact.name:30} {numbers}{'  blocked' if contact.blocked else ''}")


@contacts.command(name="add")
@click.argument("name")
@click.argument("numbers", nargs=-1)
@runtime_dir_option
def add_contact(name: str, numbers: tuple[str, ...], runtime_dir: Path) -> None:
    """Add a contact called NAME with NUMBERS, or give them to the one that is there."""
    try:
        part = ContactPart(name=name, numbers=tuple(ContactNumberPart(number=number) for number in numbers))
    except ValueError:
        raise click.ClickException(
            "A name has at most 80 characters, a contact at most 20 numbers of 64 characters."
        ) from None
    answer = ask(runtime_dir, ContactMergeRequest(contacts=(part,)))
    if answer["refused"]:
        raise click.ClickException("The address book is full. Remove somebody first.")
    click.echo("Added." if answer["added"] else "Changed." if answer["completed"] else "That contact is there already.")


@contacts.command(name="remove")
@click.argument("contact_id", type=click.IntRange(min=1))
@runtime_dir_option
def remove_contact(contact_id: int, runtime_dir: Path) -> None:
    """Forget the contact that `wecall contacts list` shows with CONTACT_ID."""
    ask(runtime_dir, ContactRemoveRequest(contact_id=contact_id))
    click.echo("The contact is gone.")


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@runtime_dir_option
def import_contacts(files: tuple[Path, ...], runtime_dir: Path) -> None:
    """Add the contacts on the vCards in FILES; what is there already is not added twice."""
    from rich.progress import Progress

    from firmware.cli.contact_files import import_files

    with Progress(transient=True) as shown:
        task = shown.add_task("Importing", total=sum(file.stat().st_size for file in files))
        try:
            done = import_files(partial(ask, runtime_dir), files, lambda at: shown.update(task, completed=at))
        except OSError as error:
            raise click.ClickException(f"{error.filename} cannot be read: {error.strerror}.") from error
    click.echo(f"{done.added} added, {done.completed} completed, {done.known} were there already.")
    if done.cut:
        click.echo(
            f"{done.cut} were shortened: a name has at most 80 characters, a contact at most 20 numbers, "
            "and of what else is on a card some 48 kB are kept."
        )
    if done.photos_left_out:
        click.echo(f"{done.photos_left_out} photo(s) were left out: they cannot be read, or there is no room for more.")
    for name, line, mistake in done.broken:
        click.echo(f"{name}, line {line}: {mistake}", err=True)
    if done.refused:
        raise click.ClickException(f"The address book is full: {done.refused} were left out.")
    sys.exit(1 if done.broken else 0)


@click.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", type=click.Choice(["3.0", "4.0"]), default="3.0", show_default=True, help="Of the vCards.")
@runtime_dir_option
def export_contacts(file: Path, version: Literal["3.0", "4.0"], runtime_dir: Path) -> None:
    """Write all contacts into FILE as vCards; asks for the holder's PIN, or a guardian's."""
    from rich.progress import Progress

    from firmware.cli.contact_files import export_file

    ask(runtime_dir, ContactExportRequest(pin=ask_pin()))
    with Progress(transient=True) as shown:
        task = shown.add_task("Exporting", total=None)
        try:
            written = export_file(
                partial(ask, runtime_dir), file, version,
                lambda count, total: shown.update(task, completed=count, total=total),
            )  # fmt: skip
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{written} contact(s) written.")
