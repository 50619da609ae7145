"""The commands of `wecall config`."""

import json
import os
from pathlib import Path
from typing import Final

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import ConfigHistoryRequest, ConfigRevertRequest

_ROOTS_PYTHON: Final = Path("/opt/wecall/venv/bin/python")


@click.group()
def config() -> None:
    """Look at the configurations that bundles brought, go back to the one before, or begin anew."""


@config.command()
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(runtime_dir: Path, as_json: bool) -> None:
    """List the configurations that are kept, newest first; an asterisk marks the one that counts."""
    answer = ask(runtime_dir, ConfigHistoryRequest())
    if as_json:
        click.echo(json.dumps(dict(answer), indent=2, ensure_ascii=False))
        return
    if answer["active"] is None:
        click.echo("No bundle's configuration counts; the handset runs with its configuration file, if there is one.")
    for kept in answer["kept"]:
        mark = "*" if kept["number"] == answer["active"] else " "
        click.echo(
            f"{mark} {kept['number']:>6}  {kept['kept_at']}  signed by {kept['signer']}  {kept['note']}".rstrip()
        )
    if answer["trial"] is not None:
        click.echo(f"Bundle {answer['trial']} is being tried.")
    if answer["reverted"]:
        numbers = ", ".join(map(str, answer["reverted"]))
        click.echo(f"Refused until one with a higher number counts: {numbers}.")


@config.command()
@runtime_dir_option
def revert(runtime_dir: Path) -> None:
    """Go back to the configuration that counted before, as soon as nobody calls.

    It is tried as any other; where it does not work any more the one that counts now goes on counting. What is taken
    back is refused from then on: sign it once more with a higher number to have it again.
    """
    number = ask(runtime_dir, ConfigRevertRequest())["number"]
    click.echo(f"The handset tries the configuration of bundle {number} as soon as nobody calls.")
    click.echo("What becomes of it: wecall config history")


@config.command("forget-operator")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_operator(yes: bool) -> None:
    """Trust whoever signs the next bundle, as a new phone does: for a phone that changes operators.

    Forgotten are the configurations that bundles brought and whose keys count; the phone is not set up until the next
    bundle has come, and calls are cut off. What is the holder's stays: see `wecall factory-reset`.
    """
    if os.geteuid() != 0:
        raise click.ClickException(
            "Whom this phone trusts only root may forget, or whoever breaks into the phone could. Run: "
            "sudo wecall config forget-operator"
        )
    if not _ROOTS_PYTHON.exists():
        raise click.ClickException(
            f"There is no {_ROOTS_PYTHON}, so no service of root's has installed anything here. A handset that runs "
            "from elsewhere forgets its operator with the folder `provisioning` in its --state-dir."
        )
    if not yes:
        click.confirm("This phone forgets its accounts and whom it trusts, until the next bundle. Go on?", abort=True)
    os.execv(_ROOTS_PYTHON, [str(_ROOTS_PYTHON), "-I", "-m", "firmware.setup.root.forget"])  # noqa: S606 - no shell is wanted
