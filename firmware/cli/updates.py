"""`wecall version` and `wecall update`: which version runs, how it is updated, what waits, and now or later."""

import json
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import UpdateNowRequest, UpdatePostponeRequest, UpdateStatusRequest

_HOW: Final = {
    "card": "a card with two systems: by .raucb files, by stick or over the network",
    "package": "a Debian package: by apt, from your operator's repository",
    "other": "neither a card nor a package: by whoever installed it",
}

_BILLS: Final = (Path("/usr/lib/wecall/sbom.json"), Path("/opt/wecall/share/sbom.json"))
"""What a card is made of, else what the package is made of, in CycloneDX; the build wrote it."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--sbom", is_flag=True, help="Print what it is made of, as CycloneDX.")
def version(as_json: bool, sbom: bool) -> None:
    """Say which version runs, how it is updated, and what waits to be tried."""
    if sbom:
        _say_bill_of_materials()
        return
    from firmware.setup.update.root_updates import read_state

    state = read_state()
    runs = state.version if state is not None else installed_version("wecall-handset")
    if as_json:
        told = state.model_dump(mode="json") if state is not None else {"how": "other", "version": runs}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"WeCall Handset {runs}")
    click.echo(f"Updated as {_HOW[state.how if state is not None else 'other']}")
    if state is None:
        return
    if state.slot:
        click.echo(f"Runs from slot {state.slot}{', on trial' if state.on_trial else ''}")
    if state.installed:
        click.echo(f"Waits to be tried: {state.installed}, tried {state.tries} times so far")
    if state.last:
        click.echo(f"Last update: {state.last_version} {state.last}")
    if state.floor:
        click.echo(f"No version below {state.floor} is taken")


def _say_bill_of_materials() -> None:
    bill = next((path for path in _BILLS if path.is_file()), None)
    if bill is None:
        raise click.ClickException(
            "Here is no bill of materials: a card and the Debian package have one. In a checkout "
            "`python -m tools.sbom --root .venv` makes one."
        )
    click.echo(bill.read_text(encoding="utf-8"), nl=False)


@click.group()
def update() -> None:
    """Look after updates of the firmware; `wecall version` says which one runs."""


@update.command()
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(runtime_dir: Path, as_json: bool) -> None:
    """Say how updates stand."""
    answer = ask(runtime_dir, UpdateStatusRequest())
    if as_json:
        click.echo(json.dumps(dict(answer), indent=2, ensure_ascii=False))
        return
    for name, value in answer.items():
        click.echo(f"{name.replace('_', ' '):22} {value or '-'}")


@update.command()
@runtime_dir_option
def now(runtime_dir: Path) -> None:
    """Install the update that waits, and try it as soon as nobody uses the phone."""
    ask(runtime_dir, UpdateNowRequest())
    click.echo(
        "The update comes as soon as nobody uses the phone and a time server has set its clock. "
        "How it stands: wecall update status"
    )


@update.command()
@runtime_dir_option
def postpone(runtime_dir: Path) -> None:
    """Put the update that waits off for as long as the configuration lets its holder."""
    ask(runtime_dir, UpdatePostponeRequest())
    click.echo("The update waits. Until when: wecall update status")
