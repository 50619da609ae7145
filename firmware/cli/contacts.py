"""`wecall contacts`, `import` and `export`: the address book."""

import sys
from collections import Counter
from pathlib import Path
from typing import Final, Literal

import click

from firmware.base.errors import ControlError
from firmware.cli.asking import ask, ask_pin
from firmware.cli.consents import agree_to_imports
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import (
    ContactAddRequest,
    ContactCardsRequest,
    ContactExportRequest,
    ContactImportRequest,
    ContactListRequest,
    ContactNumberPart,
    ContactRemoveRequest,
)
from firmware.control.client import fetch
from firmware.control.requests import Role

_LIMIT_S: Final = 3600.0
_COUNTED: Final = frozenset({"added", "completed", "known", "refused", "cut", "photos_left_out"})


@click.group()
def contacts() -> None:
    """List, add and remove contacts; they are kept encrypted."""


@contacts.command(name="list")
@runtime_dir_option
def list_contacts(runtime_dir: Path) -> None:
    """List the contacts: what names each, its name and its numbers."""
    after = 0
    while listed := ask(runtime_dir, ContactListRequest(after=after))["contacts"]:
        for contact in listed:
            after = contact["contact_id"]
            numbers = ", ".join(f"{number['number']} ({number['kind']})" for number in contact["numbers"])
            click.echo(f"{after:6}  {contact['name']:30} {numbers}{'  blocked' if contact['blocked'] else ''}")


@contacts.command(name="add")
@click.argument("name")
@click.argument("numbers", nargs=-1)
@runtime_dir_option
def add_contact(name: str, numbers: tuple[str, ...], runtime_dir: Path) -> None:
    """Add a contact called NAME with NUMBERS, or give them to the one that is there."""
    try:
        request = ContactAddRequest(name=name, numbers=tuple(ContactNumberPart(number=number) for number in numbers))
    except ValueError:
        raise click.ClickException(
            "A name has at most 80 characters, a contact at most 20 numbers of 64 characters."
        ) from None
    answer = ask(runtime_dir, request)
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
    """Add the contacts on the vCards in FILES; what is there already is not added twice.

    Asks for the holder's consent to imports where it is missing.
    """
    from rich.progress import Progress

    agree_to_imports(runtime_dir)
    counts, since, mistakes = Counter[str](), None, list[str]()
    with Progress(transient=True) as shown:
        for path in shown.track(files, description="Importing"):
            try:
                with path.open("rb") as file:
                    answer = ask(runtime_dir, ContactImportRequest(since=since), file=file, timeout_s=_LIMIT_S)
            except OSError as error:
                raise click.ClickException(f"{error.filename} cannot be read: {error.strerror}.") from error
            since = answer["erasures"]
            counts.update({name: value for name, value in answer.items() if name in _COUNTED})
            mistakes += [f"{path.name}, line {line}: {mistake}" for line, mistake in answer["mistakes"]]
            if more := answer["broken"] - len(answer["mistakes"]):
                mistakes.append(f"{path.name}: {more} more cards are broken.")
            if answer["unfinished"]:
                mistakes.append(f"{path.name} was too much to read to its end.")
    click.echo(f"{counts['added']} added, {counts['completed']} completed, {counts['known']} were there already.")
    if counts["cut"]:
        click.echo(
            f"{counts['cut']} were shortened: a name has at most 80 characters, a contact at most 20 numbers, "
            "and of what else is on a card some 48 kB are kept."
        )
    if left_out := counts["photos_left_out"]:
        click.echo(f"{left_out} photo(s) were left out: they cannot be read, or there is no room for more.")
    for mistake in mistakes:
        click.echo(mistake, err=True)
    if counts["refused"]:
        raise click.ClickException(f"The address book is full: {counts['refused']} were left out.")
    sys.exit(1 if mistakes else 0)


@click.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", type=click.Choice(["3.0", "4.0"]), default="3.0", show_default=True, help="Of the vCards.")
@runtime_dir_option
def export_contacts(file: Path, version: Literal["3.0", "4.0"], runtime_dir: Path) -> None:
    """Write all contacts into FILE as vCards; asks for the holder's PIN, or a guardian's."""
    ask(runtime_dir, ContactExportRequest(pin=ask_pin()))
    try:
        # What the file held before stands until all contacts have come.
        cards = b"".join(fetch(runtime_dir, Role.ADMIN, ContactCardsRequest(version=version), timeout_s=_LIMIT_S))
    except ControlError as error:
        raise click.ClickException(str(error)) from error
    try:
        with file.open("wb") as written:
            file.chmod(0o600)
            written.write(cards)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{cards.splitlines().count(b'BEGIN:VCARD')} contact(s) written.")
