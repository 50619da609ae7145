"""The `wecall` command. Each subcommand imports what it needs when it runs: `wecall run` registers sooner that way."""

import os
from collections.abc import Mapping
from typing import Any, Final

import click

from firmware.base.errors import SipError
from firmware.base.late_group import OURS, LateGroup, lacking
from firmware.cli.processes import HAS_SIMULATOR

# pydantic looks through every installed package for plug-ins of its own; there are none and it takes 10 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")


_COMMANDS: Final[Mapping[str, str]] = {
    "run": "firmware.cli.processes",
    "voice": "firmware.cli.processes",
    "sync": "firmware.cli.processes",
    "fetch": "firmware.cli.processes",
    "lan": "firmware.cli.processes",
    "stick": "firmware.cli.processes",
    **({"simulator": "firmware.cli.processes"} if HAS_SIMULATOR else {}),
    "demo": "firmware.cli.processes",
    "status": "firmware.cli.status",
    "doctor": "firmware.cli.status",
    "log": "firmware.cli.status",
    "version": "firmware.cli.updates",
    "update": "firmware.cli.updates",
    "consent": "firmware.cli.consents",
    "ledger": "firmware.cli.consents",
    "contacts": "firmware.cli.contacts",
    "import": "firmware.cli.contacts:import_contacts",
    "export": "firmware.cli.contacts:export_contacts",
    "picture": "firmware.cli.pictures",
    "mydata": "firmware.cli.my_data",
    "store": "firmware.cli.store",
    "factory-reset": "firmware.cli.store:order_factory_reset",
    "config": "firmware.cli.config",
    "key": "firmware.cli.documents",
    "policy": "firmware.cli.documents",
    "notice": "firmware.cli.documents",
    "answer": "firmware.cli.documents",
    "catalogue": "firmware.cli.documents",
    "reset": "firmware.cli.documents",
    "explain": "firmware.installer.explain_command",
    "bundle": "firmware.installer.cli",
    "fleet": "firmware.installer.cli",
    "release": "firmware.installer.cli",
}
"""The module of each command; a phone's package comes without the simulator."""


class Wecall(LateGroup):
    """A group that says what brings a package which is not there: an installer's computer has few of a handset's."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in OURS:
                raise
            # Of a command whose own module cannot be imported, click does not say the name.
            command = " ".join(filter(None, (ctx.command_path, ctx.invoked_subcommand)))
            raise click.ClickException(lacking(command, error.name, of_fleet=False)) from error


def _say_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print what this is and, on a handset, what its SIP library consists of."""
    if not wanted:
        return
    from importlib.metadata import version

    click.echo(f"wecall, version {version('wecall-handset')}")
    try:
        from firmware.voice.sip import native

        for library in native.linked():
            click.echo(f"  {library}")
    except ModuleNotFoundError:
        click.echo("  no SIP library")
    except SipError as error:
        raise click.ClickException(str(error)) from error
    context.exit()


@click.group(cls=Wecall, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_say_version, help="Show versions."
)
def main() -> None:
    """A phone that people trust."""
