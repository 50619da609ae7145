"""The `wecall` command. Each subcommand imports what it needs when it runs: `wecall run` registers sooner that way."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from firmware import config_cli, document_cli, my_data_cli, store_cli
from firmware.installer import cli as installer_cli

# pydantic looks through every installed package for plug-ins of its own; there are none and it takes 10 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")

if TYPE_CHECKING:
    from firmware.control.requests import Request

DEFAULT_CONFIGURATION = Path("/etc/wecall/config.toml")
DEFAULT_STATE_DIR = Path("/var/lib/wecall")
DEFAULT_RUNTIME_DIR = Path("/run/wecall")

_runtime_dir_option = click.option(
    "--runtime-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RUNTIME_DIRECTORY",
    default=DEFAULT_RUNTIME_DIR,
    show_default=True,
    help="Where the handset's local sockets are.",
)

_state_dir_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="STATE_DIRECTORY",
    default=DEFAULT_STATE_DIR,
    show_default=True,
    help="Where the encrypted store is.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wecall-handset")
def main() -> None:
    """A phone that people trust."""


main.add_command(document_cli.key)
main.add_command(document_cli.policy)
main.add_command(document_cli.notice)
main.add_command(document_cli.catalogue)
main.add_command(store_cli.store)
main.add_command(my_data_cli.mydata)
main.add_command(config_cli.config)
main.add_command(installer_cli.bundle)
main.add_command(installer_cli.fleet)


@main.command()
@click.option(
    "--config", "configuration", type=click.Path(path_type=Path), default=DEFAULT_CONFIGURATION, show_default=True,
    help="The configuration to run with.",
)  # fmt: skip
@_state_dir_option
@_runtime_dir_option
@click.option(
    "--exchange-dir", type=click.Path(file_okay=False, path_type=Path),
    help="The folder that stands for a stick: what is imported from the menu, and exported to.  [default: exchange in "
    "the state's folder]",
)  # fmt: skip
@click.option("--simulator-port", type=click.IntRange(0, 65535), help="Show the devices as a page on this local port.")
@click.option("--verbose", is_flag=True, help="Log more; numbers and names stay out of the log all the same.")
def run(  # noqa: PLR0917 - click names them all
    configuration: Path,
    state_dir: Path,
    runtime_dir: Path,
    exchange_dir: Path | None,
    simulator_port: int | None,
    verbose: bool,
) -> None:
    """Be the handset, until SIGTERM."""
    from firmware.boot import Options, start_early

    options = Options(configuration, state_dir, runtime_dir, simulator_port, verbose, exchange_dir)
    early = start_early(options)
    # All the rest is loaded while the registrar answers.
    from firmware.app import run_until_stopped

    run_until_stopped(options, early)


@main.command()
@_runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more.")
def sync(runtime_dir: Path, verbose: bool) -> None:
    """Carry call records and consent state to the MQTT broker, until SIGTERM."""
    from firmware.sync_app import run as run_sync

    sys.exit(run_sync(runtime_dir, verbose=verbose))


@main.command()
@click.argument("mount", type=click.Path(file_okay=False, path_type=Path))
@_runtime_dir_option
@click.option(
    "--part", type=click.Choice(["look", "write", "tell", "leave"]),
    help="Do this part only: read the stick, write to it, say that it may be taken out, say that it is gone.  "
    "[default: the first three, one after another]",
)  # fmt: skip
@click.option(
    "--outgoing", type=click.Path(file_okay=False, path_type=Path),
    help="Keeps between two parts what is to be written.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Log more.")
def stick(mount: Path, runtime_dir: Path, part: str | None, outgoing: Path | None, verbose: bool) -> None:
    """Hand over what the stick mounted at MOUNT has for the handset, and write a report to it."""
    from firmware.stick_app import Part
    from firmware.stick_app import run as run_stick

    if part is not None and outgoing is None:
        raise click.UsageError("--part needs --outgoing: the next part finds there what this one has laid out.")
    sys.exit(run_stick(mount, runtime_dir, Part(part) if part else None, outgoing, verbose=verbose))


@main.command()
@click.option("--once", is_flag=True, help="Make one call with nobody there, print a summary as JSON and end.")
@click.option("--port", type=click.IntRange(0, 65535), default=8088, show_default=True, help="The page's port.")
def demo(once: bool, port: int) -> None:
    """Run a simulated handset against real peers on this machine."""
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / "tests" / "lab" / "demo").is_dir():
        raise click.ClickException("The demo's peers come with the source. In a checkout, run: make demo")
    arguments = [sys.executable, "-m", "tests.lab.demo", "--port", str(port), *(["--once"] if once else [])]
    try:
        sys.exit(subprocess.run(arguments, cwd=checkout, check=False).returncode)  # noqa: S603 - our own module
    except KeyboardInterrupt:
        sys.exit(130)


@main.command()
@_runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--page", is_flag=True, help="Print what the display says.")
def status(runtime_dir: Path, as_json: bool, page: bool) -> None:
    """Say what the handset is doing, without anybody's number or name."""
    from firmware.control.requests import PageRequest, StatusRequest

    answer = _ask(runtime_dir, PageRequest() if page else StatusRequest())
    if as_json:
        click.echo(json.dumps(dict(answer), indent=2, ensure_ascii=False))
        return
    if page:
        click.echo("\n".join(answer["lines"]))
        return
    for name, value in answer.items():
        for row in value if isinstance(value, list) and value else [value]:
            words = _in_words(row) if isinstance(row, Mapping) else row
            click.echo(f"{name.replace('_', ' '):20} {words if words not in (None, '', []) else '-'}")


@main.command()
@click.option(
    "--config", "configuration", type=click.Path(path_type=Path), default=DEFAULT_CONFIGURATION, show_default=True,
    help="The configuration to check where the handset does not run.",
)  # fmt: skip
@_runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(configuration: Path, runtime_dir: Path, as_json: bool) -> None:
    """Say of each part whether it works and what to do if not; the exit code is 1 where something does not."""
    from firmware.control.client import ask
    from firmware.control.requests import DoctorRequest, Role
    from firmware.doctor import examine_at_rest
    from firmware.errors import ControlError

    try:
        findings: Any = ask(runtime_dir, Role.ADMIN, DoctorRequest())["findings"]
    except ControlError as error:
        findings = [finding.as_dict() for finding in examine_at_rest(configuration, str(error))]
    if as_json:
        click.echo(json.dumps(findings, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding["ok"] else click.style("FAIL", fg="red", bold=True)
            click.echo(f"{mark} {finding['part']:12} {finding['detail']}")
            if finding["advice"]:
                click.echo(f"{'':17} → {finding['advice']}")
    sys.exit(0 if all(finding["ok"] for finding in findings) else 1)


@main.group()
def consent() -> None:
    """Show, grant or withdraw what the holder consents to; everything is refused until granted."""


@consent.command(name="list")
@_runtime_dir_option
def list_consents(runtime_dir: Path) -> None:
    """List the purposes: whether each is granted, since when, and what it covers."""
    from firmware.control.requests import ConsentRequest

    for purpose in _ask(runtime_dir, ConsentRequest())["purposes"]:
        state = "granted" if purpose["granted"] else "not granted" if purpose["asked"] else "not asked"
        click.echo(f"{purpose['purpose']:16} {state:11} {purpose['since'][:10]:10} {purpose['description']}")


@consent.command()
@click.argument("purpose")
@_runtime_dir_option
def grant(purpose: str, runtime_dir: Path) -> None:
    """Consent to PURPOSE from now on; of calls that began before nothing is sent.

    Asks for the holder's PIN where one is set, or for the guardian's.
    """
    _change_consent(runtime_dir, "grant", purpose)
    click.echo(f"{purpose} is granted.")


@consent.command()
@click.argument("purpose")
@_runtime_dir_option
def withdraw(purpose: str, runtime_dir: Path) -> None:
    """Take the consent to PURPOSE back; what waits to be sent is deleted.

    Asks for the holder's PIN where one is set, or for the guardian's.
    """
    _change_consent(runtime_dir, "withdraw", purpose)
    click.echo(f"{purpose} is withdrawn. What was waiting to be sent for it has been deleted.")


@main.group()
def ledger() -> None:
    """Show and verify the ledger of what the holder consented to."""


@ledger.command(name="verify")
@_runtime_dir_option
@click.option(
    "--witness", metavar="ENTRIES:HASH",
    help="A head that somebody else kept, such as the ledger_entries and ledger_head of a consent message, or the end "
    "of a receipt's identifier: the ledger must have gone on from there.",
)  # fmt: skip
def verify_ledger(runtime_dir: Path, witness: str | None) -> None:
    """Say whether the ledger is whole and unchanged, or which entry is not; the exit code is 1 where it is not."""
    from functools import partial

    from firmware.consent_command import contradicts
    from firmware.control.requests import LedgerVerifyRequest

    verdict = _ask(runtime_dir, LedgerVerifyRequest())
    if verdict["damaged_at"] is not None:
        raise click.ClickException(verdict["words"])
    if witness is not None and (contradiction := contradicts(partial(_ask, runtime_dir), witness)):
        raise click.ClickException(contradiction)
    click.echo(f"The ledger is whole: {verdict['entries']} entries, head {verdict['head']}.")


@ledger.command(name="show")
@_runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_ledger(runtime_dir: Path, as_json: bool) -> None:
    """List every entry, oldest first."""
    from functools import partial

    from firmware.consent_command import all_entries

    entries = list(all_entries(partial(_ask, runtime_dir)))
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    for entry in entries:
        clock = {"unsynced": " (clock not set)"}.get(entry["clock"], "")
        who = f"{entry['actor']}, {entry['channel']}" if entry["actor"] else ""
        click.echo(f"{entry['number']:5}  {entry['at']}{clock}  {entry['action']:18} {entry['about']:20} {who}")


@main.command()
@_runtime_dir_option
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many calls.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def log(runtime_dir: Path, limit: int, as_json: bool) -> None:
    """List the latest calls, newest first."""
    from firmware.control.requests import LogRequest

    calls = _ask(runtime_dir, LogRequest(limit=limit))["calls"]
    if as_json:
        click.echo(json.dumps(calls, indent=2, ensure_ascii=False))
        return
    if not calls:
        click.echo("No calls yet.")
    for call in calls:
        arrow = "→" if call["direction"] == "outgoing" else "←"
        who = f"{call['name']} ({call['number']})" if call["name"] else call["number"] or "withheld"
        result = call["decision"] or call["result"]
        sound = f"  sound {call['sound']['mos']:.1f} of 5" if call["sound"] else ""
        click.echo(f"{call['started_at']}  {arrow} {who:32} {result:20} {call['duration_s']:>6} s{sound}")


@main.group()
def picture() -> None:
    """Add, list and remove pictures of contacts and backgrounds; they are kept encrypted."""


@picture.command(name="add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What to call it.  [default: the file's name]")
@click.option("--contact", default="", help="Whose picture it is: a contact's name or id.")
@_runtime_dir_option
def add_picture(file: Path, name: str | None, contact: str, runtime_dir: Path) -> None:
    """Add the picture in FILE (PNG, JPEG, WebP or BMP), scaled to the display."""
    from functools import partial

    from firmware import picture_command
    from firmware.errors import PictureError

    try:
        kept = picture_command.add_picture(partial(_ask, runtime_dir), file, name or file.stem[:60], contact)
    except PictureError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    click.echo(f"{kept['picture']}  {kept['name']}")


@picture.command(name="list")
@_runtime_dir_option
def list_pictures(runtime_dir: Path) -> None:
    """List the pictures: what names each, and what it is called."""
    from firmware.control.requests import PictureListRequest

    for kept in _ask(runtime_dir, PictureListRequest())["pictures"]:
        click.echo(f"{kept['picture']}  {kept['name']}")


@picture.command(name="remove")
@click.argument("picture")
@_runtime_dir_option
def remove_picture(picture: str, runtime_dir: Path) -> None:
    """Forget PICTURE, as `wecall picture list` names it."""
    from pydantic import ValidationError

    from firmware.control.requests import PictureRemoveRequest

    try:
        request = PictureRemoveRequest(picture=picture)
    except ValidationError:
        raise click.ClickException(f"{picture!r} names no picture. `wecall picture list` names them.") from None
    _ask(runtime_dir, request)
    click.echo("The picture is gone.")


@main.group()
def contacts() -> None:
    """List, add and remove contacts; they are kept encrypted."""


@contacts.command(name="list")
@_runtime_dir_option
def list_contacts(runtime_dir: Path) -> None:
    """List the contacts: what names each, its name and its numbers."""
    from functools import partial

    from firmware.contact_command import all_contacts

    for contact, _ in all_contacts(partial(_ask, runtime_dir)):
        numbers = ", ".join(f"{number.number} ({number.kind})" for number in contact.numbers)
        click.echo(f"{contact.contact_id:6}  {contact.name:30} {numbers}{'  blocked' if contact.blocked else ''}")


@contacts.command(name="add")
@click.argument("name")
@click.argument("numbers", nargs=-1)
@_runtime_dir_option
def add_contact(name: str, numbers: tuple[str, ...], runtime_dir: Path) -> None:
    """Add a contact called NAME with NUMBERS, or give them to the one that is there."""
    from pydantic import ValidationError

    from firmware.control.requests import ContactMergeRequest, ContactNumberPart, ContactPart

    try:
        part = ContactPart(name=name, numbers=tuple(ContactNumberPart(number=number) for number in numbers))
    except ValidationError:
        raise click.ClickException(
            "A name has at most 80 characters, a contact at most 20 numbers of 64 characters."
        ) from None
    answer = _ask(runtime_dir, ContactMergeRequest(contacts=(part,)))
    if answer["refused"]:
        raise click.ClickException("The address book is full. Remove somebody first.")
    click.echo("Added." if answer["added"] else "Changed." if answer["completed"] else "That contact is there already.")


@contacts.command(name="remove")
@click.argument("contact_id", type=click.IntRange(min=1))
@_runtime_dir_option
def remove_contact(contact_id: int, runtime_dir: Path) -> None:
    """Forget the contact that `wecall contacts list` shows with CONTACT_ID."""
    from firmware.control.requests import ContactRemoveRequest

    _ask(runtime_dir, ContactRemoveRequest(contact_id=contact_id))
    click.echo("The contact is gone.")


@main.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_runtime_dir_option
def import_contacts(files: tuple[Path, ...], runtime_dir: Path) -> None:
    """Add the contacts on the vCards in FILES; what is there already is not added twice."""
    from functools import partial

    from rich.progress import Progress

    from firmware.contact_command import import_files

    with Progress(transient=True) as shown:
        task = shown.add_task("Importing", total=sum(file.stat().st_size for file in files))
        try:
            done = import_files(partial(_ask, runtime_dir), files, lambda at: shown.update(task, completed=at))
        except OSError as error:
            raise click.ClickException(f"{error.filename} cannot be read: {error.strerror}.") from error
    click.echo(f"{done.added} added, {done.completed} got numbers, {done.known} were there already.")
    if done.cut:
        click.echo(f"{done.cut} were shortened: a name has at most 80 characters, a contact at most 20 numbers.")
    for name, line, mistake in done.broken:
        click.echo(f"{name}, line {line}: {mistake}", err=True)
    if done.refused:
        raise click.ClickException(f"The address book is full: {done.refused} were left out.")
    sys.exit(1 if done.broken else 0)


@main.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", type=click.Choice(["3.0", "4.0"]), default="3.0", show_default=True, help="Of the vCards.")
@_runtime_dir_option
def export_contacts(file: Path, version: Literal["3.0", "4.0"], runtime_dir: Path) -> None:
    """Write all contacts into FILE as vCards."""
    from functools import partial

    from rich.progress import Progress

    from firmware.contact_command import export_file

    with Progress(transient=True) as shown:
        task = shown.add_task("Exporting", total=None)
        try:
            written = export_file(
                partial(_ask, runtime_dir), file, version,
                lambda count, total: shown.update(task, completed=count, total=total),
            )  # fmt: skip
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{written} contact(s) written.")


@main.command("factory-reset")
@_state_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def order_factory_reset(state_dir: Path, yes: bool) -> None:
    """Erase what the holder and the calls have left, the PIN included, at the handset's next start.

    For whoever owns the machine: where the PIN is forgotten this is the only way. What the installer has set stays.
    """
    from firmware.errors import StorageError
    from firmware.factory_reset import begin_reset

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


def _change_consent(runtime_dir: Path, action: Literal["grant", "withdraw"], purpose: str) -> None:
    from pydantic import ValidationError

    from firmware.control.requests import ConsentRequest

    pin = ""
    if whose := _ask(runtime_dir, ConsentRequest())["needs_pin"]:
        # Typed, and nothing else: a command line and an environment can be read by others.
        pin = click.prompt(f"The {whose}'s PIN", hide_input=True, err=True)
    try:
        request = ConsentRequest(action=action, purpose=purpose, pin=pin)
    except ValidationError:
        raise click.ClickException(f"{purpose!r} is not a purpose. `wecall consent list` names them.") from None
    _ask(runtime_dir, request)


def _in_words(row: Mapping[str, Any]) -> str:
    if "sent_bytes" in row:
        from firmware.data_size import size_words

        return f"{row['when']} {size_words(row['sent_bytes'])} sent, {size_words(row['received_bytes'])} received"
    return ", ".join(str(part) for part in row.values() if part)


def _ask(runtime_dir: Path, request: "Request") -> Mapping[str, Any]:
    from firmware.control.client import ask
    from firmware.control.requests import Role
    from firmware.errors import ControlError

    try:
        return ask(runtime_dir, Role.ADMIN, request)
    except ControlError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    os.umask(0o077)
    main()
