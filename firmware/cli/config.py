"""The commands of `wecall config`."""

import json
from pathlib import Path

import click

from firmware.cli.asking import ask
from firmware.cli.options import runtime_dir_option


@click.group()
def config() -> None:
    """Look at the configurations that bundles brought, and go back to the one before."""


@config.command()
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(runtime_dir: Path, as_json: bool) -> None:
    """List the configurations that are kept, newest first; an asterisk marks the one that counts."""
    from firmware.control.requests import ConfigHistoryRequest

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
    from firmware.control.requests import ConfigRevertRequest

    number = ask(runtime_dir, ConfigRevertRequest())["number"]
    click.echo(f"The handset tries the configuration of bundle {number} as soon as nobody calls.")
    click.echo("What becomes of it: wecall config history")
