"""`wecall consent` and `wecall ledger`: what the holder agrees to, and the proof of it."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import click

from contract.consent import Purpose
from firmware.cli.asking import ask, ask_pin
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import ConsentRequest, LedgerShowRequest, LedgerVerifyRequest
from firmware.control.requests import Request

Ask = Callable[[Request], Mapping[str, Any]]

_BATCH: Final = 100
_WITNESS: Final = re.compile(r"(?P<entries>[0-9]{1,15}):(?P<hash>[0-9a-f]{32,64})")


@click.group()
def consent() -> None:
    """Show, grant or withdraw what the holder consents to; everything is refused until granted."""


@consent.command(name="list")
@runtime_dir_option
def list_consents(runtime_dir: Path) -> None:
    """List the purposes: whether each is granted, since when, and what it covers."""
    for purpose in ask(runtime_dir, ConsentRequest())["purposes"]:
        state = "granted" if purpose["granted"] else "not granted" if purpose["asked"] else "not asked"
        click.echo(f"{purpose['purpose']:16} {state:11} {purpose['since'][:10]:10} {purpose['description']}")


@consent.command()
@click.argument("purpose")
@runtime_dir_option
def grant(purpose: str, runtime_dir: Path) -> None:
    """Consent to PURPOSE from now on; of calls that began before nothing is sent.

    Asks for the holder's PIN where one is set, or for the guardian's.
    """
    _change_consent(runtime_dir, "grant", purpose)
    click.echo(f"{purpose} is granted.")


@consent.command()
@click.argument("purpose")
@runtime_dir_option
def withdraw(purpose: str, runtime_dir: Path) -> None:
    """Take the consent to PURPOSE back; what waits to be sent is deleted.

    Asks for the holder's PIN where one is set, or for the guardian's.
    """
    _change_consent(runtime_dir, "withdraw", purpose)
    click.echo(f"{purpose} is withdrawn. What was waiting to be sent for it has been deleted.")


@click.group()
def ledger() -> None:
    """Show and verify the ledger of what the holder consented to."""


@ledger.command(name="verify")
@runtime_dir_option
@click.option(
    "--witness", metavar="ENTRIES:HASH",
    help="A head that somebody else kept, such as the ledger_entries and ledger_head of a consent message, or the end "
    "of a receipt's identifier: the ledger must have gone on from there.",
)  # fmt: skip
def verify_ledger(runtime_dir: Path, witness: str | None) -> None:
    """Say whether the ledger is whole and unchanged, or which entry is not; the exit code is 1 where it is not."""
    verdict = ask(runtime_dir, LedgerVerifyRequest())
    if verdict["damaged_at"] is not None:
        raise click.ClickException(verdict["words"])
    if witness is not None and (contradiction := contradicts(partial(ask, runtime_dir), witness)):
        raise click.ClickException(contradiction)
    click.echo(f"The ledger is whole: {verdict['entries']} entries, head {verdict['head']}.")


@ledger.command(name="show")
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_ledger(runtime_dir: Path, as_json: bool) -> None:
    """List every entry, oldest first."""
    entries = list(all_entries(partial(ask, runtime_dir)))
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    for entry in entries:
        clock = {"unsynced": " (clock not set)"}.get(entry["clock"], "")
        who = f"{entry['actor']}, {entry['channel']}" if entry["actor"] else ""
        click.echo(f"{entry['number']:5}  {entry['at']}{clock}  {entry['action']:18} {entry['about']:20} {who}")


def _change_consent(runtime_dir: Path, action: Literal["grant", "withdraw"], purpose: str) -> None:
    pin = ""
    if whose := ask(runtime_dir, ConsentRequest())["needs_pin"]:
        pin = ask_pin(f"{whose}'s PIN")
    try:
        request = ConsentRequest(action=action, purpose=purpose, pin=pin)
    except ValueError:
        raise click.ClickException(f"{purpose!r} is not a purpose. `wecall consent list` names them.") from None
    ask(runtime_dir, request)


def agree_to_imports(runtime_dir: Path) -> None:
    """Ask at a terminal for the consent to imports where it is missing; elsewhere the handset refuses what follows."""
    if not sys.stdin.isatty():
        return
    purposes = {each["purpose"]: each for each in ask(runtime_dir, ConsentRequest())["purposes"]}
    imports = purposes[Purpose.CONTACT_IMPORT]
    if imports["granted"]:
        return
    click.echo(f"The holder has not agreed to imports. {imports['description']}", err=True)
    if not click.confirm("Agree?", err=True):
        raise click.ClickException("Nothing was taken in.")
    _change_consent(runtime_dir, "grant", Purpose.CONTACT_IMPORT)


def all_entries(ask: Ask) -> Iterator[Mapping[str, Any]]:
    """Yield every entry of the ledger, oldest first."""
    after = 0
    while entries := ask(LedgerShowRequest(after=after, limit=_BATCH))["entries"]:
        yield from entries
        after += len(entries)


def contradicts(ask: Ask, witness: str) -> str:
    """Say what is wrong with a ledger that did not go on from a head that somebody kept; empty where it did."""
    match = _WITNESS.fullmatch(witness)
    if match is None:
        return "A head is written as the number of entries, a colon and 32 to 64 hexadecimal digits."
    entries = int(match["entries"])
    if entries == 0:
        return ""
    there = ask(LedgerShowRequest(after=entries - 1, limit=1))["entries"]
    if not there:
        return f"The ledger was cut or begun anew: it has no entry {entries}, which somebody has seen."
    if not there[0]["hash"].startswith(match["hash"]):
        return f"The ledger was written anew: its entry {entries} is not the one that somebody has seen."
    return ""
