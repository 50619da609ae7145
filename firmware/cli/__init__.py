"""The `wecall` command. Each subcommand imports what it needs when it runs: `wecall run` registers sooner that way."""

import os
from importlib.metadata import version
from typing import Any, Final

import click

from firmware.cli import config, consents, contacts, documents, my_data, pictures, processes, reset, status, store
from firmware.errors import SipError
from firmware.installer import cli as installer_cli

# pydantic looks through every installed package for plug-ins of its own; there are none and it takes 10 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")


_OURS: Final = frozenset({"drivers", "firmware", "fleet", "provisioning"})


class Wecall(click.Group):
    """A group that says what brings a package which is not there: an installer's computer has few of a handset's."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in _OURS:
                raise
            raise click.ClickException(
                f"`{ctx.command_path} {ctx.invoked_subcommand}` needs the package {error.name}, which is not installed "
                "here. It is for the handset itself; for another computer: pip install 'wecall-handset[handset,sync]'"
            ) from error


def _say_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print what this is and, on a handset, what its SIP library consists of."""
    if not wanted:
        return
    click.echo(f"wecall, version {version('wecall-handset')}")
    try:
        from firmware.sip import native

        for library in native.linked():
            click.echo(f"  {library}")
    except ModuleNotFoundError:
        click.echo("  no SIP library")
    except SipError as error:
        raise click.ClickException(str(error)) from error
    context.exit()


@click.group(cls=Wecall, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_say_version, help="Show versions."
)
def main() -> None:
    """A phone that people trust."""


for _command in (
    processes.run,
    processes.voice,
    processes.sync,
    processes.stick,
    processes.demo,
    status.status,
    status.doctor,
    status.log,
    consents.consent,
    consents.ledger,
    contacts.contacts,
    contacts.import_contacts,
    contacts.export_contacts,
    pictures.picture,
    my_data.mydata,
    store.store,
    reset.order_factory_reset,
    config.config,
    documents.key,
    documents.policy,
    documents.notice,
    documents.answer,
    documents.catalogue,
    installer_cli.bundle,
    installer_cli.fleet,
):
    main.add_command(_command)
if processes.HAS_SIMULATOR:
    main.add_command(processes.simulator)
