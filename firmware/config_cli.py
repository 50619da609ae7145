"""The commands of `wecall config`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from firmware.control.requests import Request

_runtime_dir_option = click.option(
    "--runtime-dir", type=click.Path(file_okay=False, path_type=Path), envvar="RUNTIME_DIRECTORY",
    default=Path("/run/wecall"), show_default=True, help="Where the handset's local sockets are.",
)  # fmt: skip


@click.group()
def config() -> None:
    """Look at the configurations that bundles brought, and go back to the one before."""


@config.command()
@_runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(runtime_dir: Path, as_json: bool) -> None:
    """List the configurations that are kept, newest first; an asterisk marks the one that counts."""
    from firmware.control.requests import ConfigHistoryRequest

    answer = _ask(runtime_dir, ConfigHistoryRequest())
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
@_runtime_dir_option
def revert(runtime_dir: Path) -> None:
    """Go back to the configuration that counted before, as soon as nobody calls.

    It is tried as any other; where it does not work any more the one that counts now goes on counting. What is taken
    back is refused from then on: sign it once more with a higher number to have it again.
    """
    from firmware.control.requests import ConfigRevertRequest

    number = _ask(runtime_dir, ConfigRevertRequest())["number"]
    click.echo(f"The handset tries the configuration of bundle {number} as soon as nobody calls.")
    click.echo("What becomes of it: wecall config history")


def _ask(runtime_dir: Path, request: "Request") -> Mapping[str, Any]:
    from firmware.control.client import ask
    from firmware.control.requests import Role
    from firmware.errors import ControlError

    try:
        return ask(runtime_dir, Role.ADMIN, request)
    except ControlError as error:
        raise click.ClickException(str(error)) from error
